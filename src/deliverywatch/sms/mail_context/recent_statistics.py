"""Rows of the last hours -> counts per slot, reasons, groups, samples: what a mail about them can say.

What comes out: counts, codes, ClickSend's own words (untrusted text: bounded, printable), message ids, masked numbers.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from deliverywatch.messages.context import Reason, Sample
from deliverywatch.messages.group import REST, Group
from deliverywatch.sms.assessments.one_client import CLIENTS, PLACES, Kind, Tally, by_name
from deliverywatch.sms.clicksend.outcomes import FINAL, Outcome, is_counted_failure, reason
from deliverywatch.sms.clicksend.recipients import masked, shown_sender
from deliverywatch.sms.clicksend.redaction import printable, redacted
from deliverywatch.sms.lake.slots import from_milliseconds
from deliverywatch.sms.mail_context.delay import Delays
from deliverywatch.thresholds import OVERDUE_TO_MINUTES, WINDOW_SECONDS

# What is read of the lake.
NAMES = (
    *("sent_at", "outcome", "fault", "carrier", "country", "list_id", "subaccount_id", "sender"),
    *("error_code", "status_code", "status", "status_text", "message_id", "recipient_hash", "recipient", "outcome_at"),
)

_TOP = 5
_COMPARED = 2
_MOST_REASONS = 200
_LONGEST_TEXT = 120
_LONGEST_WORD = 40

_Key = tuple[str, str, str]  # code, text, fault
_Counts = dict[tuple[Any, ...], Tally]  # by slot, carrier, country and client


class RecentStatistics:
    """What the newest hours look like.

    Attributes:
        slots: Per slot, by its begin in milliseconds: how many messages had which outcome.
        last_failures: The newest failure of each recipient, in milliseconds.
        window_minutes: How far back the alarms look, and with them the reasons, groups and samples.
        reasons: Why messages failed in the window.
        delays: How long outcomes took, of messages that had time for one.
    """

    def __init__(
        self,
        now: datetime,
        end: datetime,
        slot_minutes: int,
        *,
        count_recipient_faults: bool,
        window_minutes: int = WINDOW_SECONDS // 60,
    ) -> None:
        """Begin without rows, at the time of the run and the end of its newest slot."""
        self.slots: dict[int, Counter[str]] = defaultdict(Counter)
        self.last_failures: dict[str, int] = {}
        self.reasons: Counter[_Key] = Counter()
        self._counts: tuple[_Counts, ...] = tuple({} for _ in CLIENTS)
        self._tallies: dict[str, dict[Kind, Tally]] = {}
        self.delays = Delays(slot_minutes)
        self.window_minutes = window_minutes
        self._samples: dict[_Key, list[tuple[Any, ...]]] = {}
        self._slot_milliseconds = slot_minutes * 60_000
        self._count_recipient_faults = count_recipient_faults
        newest, closed = int(now.timestamp()) * 1000, int(end.timestamp()) * 1000
        self._window = (closed - window_minutes * 60_000, closed)
        self._had_time = newest - OVERDUE_TO_MINUTES * 60_000

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take in rows of the columns `NAMES`."""
        self._tallies = {}
        for row in rows:
            sent_at, outcome, fault = row[:3]
            if outcome == Outcome.EXCLUDED or sent_at >= self._window[1]:
                continue
            failed = is_counted_failure(outcome, fault, count_recipient_faults=self._count_recipient_faults)
            counted_as = Outcome.FAILED if failed else "" if outcome == Outcome.FAILED else outcome
            self.slots[sent_at - sent_at % self._slot_milliseconds][counted_as] += 1
            if sent_at < self._had_time:
                self.delays.add(sent_at, outcome, row[-1])
            if self._window[0] <= sent_at < self._window[1]:
                self._count(sent_at, row[3:8], failed, not failed and outcome in FINAL)
            if failed:
                self._fail(row)

    def top_reasons(self) -> tuple[Reason, ...]:
        """Return the most frequent reasons of the window, the first first."""
        total = self.reasons.total()
        ranked = sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Reason(*key, count, round(100 * count / total, 1)) for key, count in ranked[:_TOP])

    def top_groups(self, fewest_clients: int = 2) -> tuple[tuple[str, tuple[Group, ...]], ...]:
        """Return, by what they group, those with most failures and the largest of the others, for comparison.

        Lists, subaccounts and senders only where there are so many of them: one alone compares with nothing.
        """
        tallies = self.tallies()
        places = tuple((by, _ranked(_named(tallies[CLIENTS[0]], by, "unknown"))) for by in PLACES)
        clients = ((by, _named(tallies[by], "client", REST)) for by in CLIENTS)
        named = (
            (by, _ranked(members))
            for by, members in clients
            if len(members) >= fewest_clients and members.keys() - {REST}
        )
        return (*places, *named)

    def samples(self) -> tuple[Sample, ...]:
        """Return the newest failed messages, those of the most frequent reason first."""
        ranked = sorted(self.reasons, key=lambda key: (-self.reasons[key], key))
        newest = [sample for key in ranked for sample in sorted(self._samples.get(key, ()), reverse=True)]
        return tuple(_sample(*sample) for sample in newest[:_TOP])

    def tallies(self) -> dict[str, dict[Kind, Tally]]:
        """Return what became of the messages of the window, by list, by subaccount and by sender."""
        if not self._tallies:
            self._tallies = {by: _in_words(counts) for by, counts in zip(CLIENTS, self._counts, strict=True)}
        return self._tallies

    def _count(self, sent_at: int, kind: tuple[Any, ...], failed: bool, good: bool) -> None:  # noqa: FBT001
        """Count a message by the values of its row: those are put into words once, and not for each message."""
        carrier, country, *clients = kind
        slot = sent_at - sent_at % self._slot_milliseconds
        for counts, client in zip(self._counts, clients, strict=True):
            key = (slot, carrier, country, client)
            tally = counts.get(key)
            if tally is None:
                counts[key] = tally = Tally()
            tally.total += 1
            tally.failed += failed
            tally.good += good

    def _fail(self, row: tuple[Any, ...]) -> None:
        (
            sent_at,
            _,
            fault,
            carrier,
            country,
            _,
            _,
            _,
            error,
            code,
            status,
            text,
            message_id,
            recipient_hash,
            recipient,
        ) = row[:-1]
        # Without a number the message stands for a recipient of its own.
        person = recipient_hash or message_id
        self.last_failures[person] = max(sent_at, self.last_failures.get(person, 0))
        if not self._window[0] <= sent_at < self._window[1]:
            return
        key = (printable(error or code or status or "none", _LONGEST_WORD), words(error, status, text), fault)
        if len(self.reasons) >= _MOST_REASONS and key not in self.reasons:
            key = ("none", "Other reasons", fault)
        self.reasons[key] += 1
        newest = self._samples.setdefault(key, [])
        heapq.heappush(newest, (sent_at, message_id, masked(recipient), country or "", carrier or "", *key[:2]))
        if len(newest) > _TOP:
            heapq.heappop(newest)


def words(error: str | None, status: str | None, text: str | None) -> str:
    """Return why a message failed: our words for its `error_code`, or ClickSend's `status_text` or `status`."""
    if (status or "").lower() == "cancelledafterreview":
        return "Cancelled by ClickSend's review"
    refusal = None if (status or "").lower() == "failed" else redacted(status)
    return reason(error) or printable(text or refusal or "Failed without a reason", _LONGEST_TEXT)


def _in_words(counts: _Counts) -> dict[Kind, Tally]:
    """Return counts by what a mail may show of carriers, countries and clients."""
    shown = {value: _shown(value) for _, *values in counts for value in values}
    tallies: dict[Kind, Tally] = {}
    for (slot, *values), tally in counts.items():
        tallies.setdefault(Kind(slot, *map(shown.__getitem__, values)), Tally()).add(tally)
    return tallies


def _shown(value: str | int | None) -> str:
    # Also of a list or a carrier that is called like a number, only the ends are shown.
    # The number of none is 0: what was sent to no list is not the list of one client.
    return "" if value in (None, 0, "0") else printable(shown_sender(str(value)), _LONGEST_WORD)


def _named(tallies: Mapping[Kind, Tally], by: str, unnamed: str) -> dict[str, Tally]:
    """Return the sums of each carrier, list or whatever it is; `unnamed` is the name of what has none."""
    sums = by_name(tallies, by)
    if "" in sums:
        sums.setdefault(unnamed, Tally()).add(sums.pop(""))
    return sums


def _ranked(members: dict[str, Tally]) -> tuple[Group, ...]:
    by_failed = sorted(members, key=lambda name: (-members[name].failed, -members[name].total, name))
    others = sorted(by_failed[_TOP:], key=lambda name: (-members[name].total, name))[:_COMPARED]
    shown, rest = [name for name in by_failed[:_TOP] + others if name != REST], Tally()
    for name in members.keys() - set(shown):
        rest.add(members[name])
    groups = tuple(Group(name, members[name].total, members[name].failed) for name in shown)
    return (*groups, Group(REST, rest.total, rest.failed)) if rest.total else groups


def _sample(sent_at: int, message_id: str, recipient: str, country: str, carrier: str, code: str, text: str) -> Sample:
    return Sample(
        message_id=printable(message_id, _LONGEST_WORD),
        time=from_milliseconds(sent_at),
        recipient=recipient,
        country=printable(country, _LONGEST_WORD),
        carrier=printable(carrier, _LONGEST_WORD),
        code=code,
        text=text,
    )

"""Rows of a batch -> what is counted, by the minute in which a mail was sent: events of one mail may be days apart."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from deliverywatch.email.events.outcomes import Outcome, counted_recipients, outcome, recipient_domain
from deliverywatch.email.rates.counts import Counts, added
from deliverywatch.email.rates.minutes import MinuteCounts

# From where a word begins: tried from each of its letters, a long word without an address would take quadratic time.
_ADDRESS = re.compile(r"(?<![^\s<>\"',;:])[^\s<>\"',;:]+@[^\s<>\"',;:]+")
# What is no name of a domain is some stranger's text.
_DOMAIN = re.compile(r"[a-z0-9.-]{1,100}", re.ASCII)
# How much of a server's words a mail can show, and how much is searched for addresses.
_LONGEST_CODE, _LONGEST_WORDS = 40, 120
_LONGEST_READ = 500
_MOST_BOUNCES = 500
# Rows have times in UTC, as in 2026-11-20T10:00:00.000Z.
_TO_THE_MINUTE = 16

_COUNTED = {
    Outcome.SENT: Counts(sent=1),
    Outcome.DELIVERED: Counts(delivered=1),
    Outcome.HARD_BOUNCE: Counts(bounced=1),
    Outcome.SOFT_BOUNCE: Counts(ended=1),
    Outcome.UNDETERMINED_BOUNCE: Counts(ended=1),
    Outcome.REJECTED: Counts(ended=1),
    Outcome.NOT_ATTEMPTED: Counts(skipped=1),
    Outcome.COMPLAINT: Counts(complained=1),
    Outcome.DELAYED: Counts(delayed=1),
}
# An alarm must not come from copies; a copy of a sending is one of many.
_ONCE = (Outcome.HARD_BOUNCE, Outcome.COMPLAINT)


@dataclass(frozen=True, slots=True)
class Bounce:
    """A bounce as a mail may show it: the recipient is masked, and addresses are cut out of the server's words."""

    time: str
    message_id: str
    recipient: str
    domain: str
    code: str
    text: str


@dataclass(slots=True)
class Tally:
    """What a batch holds.

    Attributes:
        types: Events by type.
        minutes: Mails by the minute of their sending.
        bounces: The permanent ones, at most some hundreds.
        seen: What is counted: a mail that is reported twice is one mail.
        once: Bounces and complaints by a digest of mail and person: what was counted of an earlier batch.
    """

    types: Counter[str] = field(default_factory=Counter)
    minutes: dict[datetime, MinuteCounts] = field(default_factory=dict)
    bounces: list[Bounce] = field(default_factory=list)
    seen: set[tuple[str, Outcome, str]] = field(default_factory=set)
    once: dict[str, tuple[datetime, MinuteCounts]] = field(default_factory=dict)

    @property
    def counts(self) -> Counts:
        """All mails of the batch."""
        return added(counts for minute in self.minutes.values() for counts in minute.domains.values())

    def add(self, row: dict[str, Any]) -> None:
        """Count a row, once for each person that it is about."""
        self.types[row["event_type"]] += 1
        kind = outcome(row)
        counts = _COUNTED.get(kind)
        people = self._new(row, kind) if counts is not None else []
        if counts is None or not people:
            return
        sent_at = _minute(row["sent_at"][:_TO_THE_MINUTE])
        minute = self.minutes.get(sent_at)
        if minute is None:
            minute = self.minutes[sent_at] = MinuteCounts()
        for person in people:
            minute.add(_domain(person), counts)
        reason = ""
        if kind is Outcome.HARD_BOUNCE:
            bounce = _masked(row, people[0])
            reason = f"{bounce.code}\t{bounce.text}"
            minute.reasons[reason] += len(people)
            self.bounces = [*self.bounces, bounce][-_MOST_BOUNCES:]
        if kind in _ONCE:
            reasons = Counter({reason: 1} if reason else {})
            for person in people:
                one = MinuteCounts({_domain(person): counts}, reasons)
                self.once[_digest(row["message_id"], kind, person)] = (sent_at, one)

    def _new(self, row: dict[str, Any], kind: Outcome) -> list[str]:
        """Return those for whom this is the first report of its kind."""
        message_id = row["message_id"]
        people = [person for person in counted_recipients(row) if (message_id, kind, person) not in self.seen]
        self.seen.update((message_id, kind, person) for person in people)
        return people


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(errors="replace"), digest_size=4).hexdigest()


@lru_cache(2048)
def _minute(text: str) -> datetime:
    """Return a minute of UTC, of which a batch has few."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _domain(person: str) -> str:
    name = recipient_domain(person)
    return name if _DOMAIN.fullmatch(name) else ""


def _masked(row: dict[str, Any], person: str) -> Bounce:
    reply = (row.get("diagnostic") or row.get("bounce_subtype") or "")[:_LONGEST_READ]
    words = " ".join(_ADDRESS.sub("<address>", reply).split())
    domain = _domain(person)
    code = row.get("status_code") or row.get("bounce_subtype") or ""
    return Bounce(
        time=row["event_time"],
        message_id=row["message_id"],
        recipient=f"{person[:1]}•••@{domain}",
        domain=domain,
        code=" ".join(code.split())[:_LONGEST_CODE],
        text=words.removeprefix("smtp; ")[:_LONGEST_WORDS],
    )

"""Changes of state -> the messages of CloudWatch -> the notifier's own flow -> mails.

The notifier is the one that is deployed, with severity levels, incident store and outbox; only what lies around it is
replaced: CloudWatch by the history, S3 by memory, SES by a list.
"""

import email
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import policy
from itertools import groupby
from typing import Any

from cwalarm.definitions import rule as rules
from cwalarm.evaluation.evaluate import evaluate
from cwalarm.evaluation.message import Outcome, composite_reason, sns_message
from cwalarm.replay.actions import Executed, combine, executed, require_children
from cwalarm.replay.backtest import Change, backtest
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.parallel import processors
from deliverywatch.alerting.dry_run import Pile
from deliverywatch.alerting.incidents.severity import Watch
from deliverywatch.alerting.inputs.notice import parse
from deliverywatch.alerting.inputs.settings import Settings
from deliverywatch.alerting.notify import Notifier
from deliverywatch.alerting.notify import Outcome as NotifierOutcome
from deliverywatch.alerting.ports import Ports
from deliverywatch.backtest.inputs.account import ACCOUNT, REGION, Account
from deliverywatch.backtest.inputs.assessed import KEY as ASSESSED_KEY
from deliverywatch.backtest.inputs.assessed import Assessed, assessed
from deliverywatch.backtest.inputs.definitions import Definitions
from deliverywatch.backtest.results.result import Mail, Span
from deliverywatch.errors import StoreConflict
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import to_document
from deliverywatch.storage.memory import Memory
from deliverywatch.storage.store import Stored
from deliverywatch.thresholds import SWEEP_FROM_MINUTE, SWEEP_MINUTES, WINDOW_SECONDS

# Where the notifier claims mails.
_MAILS = "mails/"
_INSTANT = timedelta(microseconds=1)


def replay(
    definitions: Definitions,
    minutes: Minutes,
    span: Span,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Change]:
    """Return every change of state, composites too, in order of time; raise InputError if one cannot be evaluated."""
    require_children(definitions.composites, [alarm.name for alarm in definitions.alarms])
    changes = backtest(
        definitions.alarms, minutes, span.start, span.end, on_progress=on_progress, processes=processors()
    )
    return with_composites(definitions, changes, span)


def with_composites(definitions: Definitions, changes: Sequence[Change], span: Span) -> list[Change]:
    """Return the changes of metric alarms and those that composites make of them, in order of time."""
    return sorted([*changes, *combine(changes, definitions.composites, span.start)], key=lambda change: change.time)


def deliver(
    definitions: Definitions,
    minutes: Minutes,
    changes: Sequence[Change],
    span: Span,
    time_zone: str,
    contexts: Mapping[str, Callable[[datetime, int], bytes]] | None = None,
    created: datetime | None = None,
) -> list[Mail]:
    """Return the mails that the notifier makes of what `replay` returned, in order of time.

    `contexts` holds what a mail finds in the lake at a moment, for a window in minutes, by the key of the document. The
    alarms were `created` then; None means long ago.
    """
    pile = Pile()
    window = int(definitions.parameters.get("WindowMinutes", WINDOW_SECONDS // 60))
    known = assessed(definitions, minutes.series)
    store = _Lake(now=span.start, contexts=contexts or {}, assessed=known, window_minutes=window)
    mails: list[Mail] = []
    for time in _handled(definitions, minutes, changes, span, time_zone, store, pile, created):
        if pile.messages:
            # One sweep looks at all watches: the outbox records whose mail it was, in the order of sending.
            whose = [record["watch"] for record in store.mails()][len(mails) :]
            mails.extend(_mail(time, *sent) for sent in zip(whose, pile.messages, strict=True))
            pile.messages.clear()
    return mails


def count(definitions: Definitions, minutes: Minutes, changes: Sequence[Change], span: Span, since: datetime) -> int:
    """Return how many mails `deliver` would return from a time on."""
    return sum(mail.time >= since for mail in sent(definitions, minutes, changes, span))


def sent(
    definitions: Definitions, minutes: Minutes, changes: Sequence[Change], span: Span, limit: float = math.inf
) -> list[Mail]:
    """Return the mails that `deliver` would return, without subject and message; writing them is what takes time.

    After more mails than the limit it stops.
    """
    store = _Sent(now=span.start, assessed=assessed(definitions, minutes.series))
    for _ in _handled(definitions, minutes, changes, span, "UTC", store, Pile()):
        if store.sent_count > limit:
            break
    return [_unwritten(record) for record in store.mails()]


def _unwritten(record: Mapping[str, Any]) -> Mail:
    time = datetime.fromisoformat(record["time"])
    return Mail(time, record["incident"], record["watch"], record["event"], record["level"], "", b"")


@dataclass(kw_only=True)
class _Lake(Memory):
    """A Memory with the documents that a system would have left there by now."""

    now: datetime
    assessed: Assessed
    contexts: Mapping[str, Callable[[datetime, int], bytes]] = field(default_factory=dict)
    window_minutes: int = WINDOW_SECONDS // 60
    _is_claimed: bool = False

    def at(self, now: datetime) -> None:
        """Go on to a time."""
        self.now, self._is_claimed = now, False

    def mails(self) -> list[dict[str, Any]]:
        """Return the outbox's records, in the order in which they were claimed."""
        return [json.loads(body) for key, body in self.objects.items() if key.startswith(_MAILS)]

    def read(self, key: str) -> Stored | None:
        """Return an object, or None if there is none."""
        if key == ASSESSED_KEY and self.assessed.judges:
            return Stored(self.assessed.document(self.now, self._rest(key)), "1")
        if key in self.contexts:
            return Stored(self.contexts[key](self.now, self.window_minutes), "1")
        return Memory.read(self, key)

    def _rest(self, key: str) -> bytes | None:
        """Return what a document says beside its assessments: only a mail needs it, and reading it takes time."""
        return self.contexts[key](self.now, self.window_minutes) if key in self.contexts and self._is_claimed else None

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write an object as S3 does, and remember that a mail was claimed."""
        self._is_claimed = self._is_claimed or key.startswith(_MAILS)
        Memory.write_if_unchanged(self, key, body, etag, metadata)


@dataclass(kw_only=True)
class _Sent(_Lake):
    """A lake in which whoever claims a mail finds that it is sent already."""

    sent_count: int = 0

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write an object, and of a mail that it was sent, which raises StoreConflict."""
        if not key.startswith(_MAILS):
            return Memory.write_if_unchanged(self, key, body, etag, metadata)
        record = json.loads(body)
        self.sent_count += 1
        self.write(key, json.dumps({**record, "sent_at": record["claimed_at"]}).encode())
        raise StoreConflict(f"{key} is sent.")


def _handled(
    definitions: Definitions,
    minutes: Minutes,
    changes: Sequence[Change],
    span: Span,
    time_zone: str,
    store: _Lake,
    pile: Pile,
    created: datetime | None = None,
) -> Iterator[datetime]:
    """Yield the time of each message and each sweep, as soon as the notifier has handled it."""
    account = Account(
        {alarm.name: alarm for alarm in definitions.alarms},
        {composite.name: composite.rule_text for composite in definitions.composites},
        minutes.series,
        created,
    )
    settings = _settings(definitions.environment, time_zone)
    notifier = Notifier(
        Ports(alarms=account, store=store, mailer=pile, fallback=pile, charts=account),
        settings,
        _watched(definitions, store.assessed),
        "backtest",
    )
    replayed = _Replayed(notifier, store, created)
    before = span.start
    alarms = (*definitions.alarms, *definitions.composites)
    for time, states, actions in _by_time(changes, executed(changes, alarms, definitions.mutes, span.start, span.end)):
        yield from replayed.between(before, time)
        store.at(time)
        account.changes.update({change.alarm: change for change in states})
        for action in actions:
            yield from replayed.handle(_message(definitions, account, action), time)
        yield from replayed.notify(time)
        before = time
    yield from replayed.between(before, span.end)


@dataclass(slots=True)
class _Replayed:
    """The notifier in the past: what comes to it, and the level of each watch after that.

    While something is open, and while new alarms wait for their first data, sweeps may find something.
    """

    notifier: Notifier
    store: _Lake
    created: datetime | None
    levels: dict[str, Level] = field(default_factory=dict)

    def handle(self, message: Mapping[str, Any], time: datetime) -> Iterator[datetime]:
        """Let it handle one message."""
        for notice in parse(message, time):
            self._remember(self.notifier.handle(notice))
            yield time

    def notify(self, time: datetime) -> Iterator[datetime]:
        """Let it handle the notices that the pipeline's run of this time published."""
        for notice in self.store.assessed.notices(time):
            yield from self.handle(to_document(notice), time)

    def between(self, after: datetime, before: datetime) -> Iterator[datetime]:
        """Let sweeps and the pipeline's runs take place between two changes: while something is open, all of them."""
        time = self._next(after)
        while time and time < before:
            self.store.at(time)
            yield from self.notify(time)
            if _next_sweep(time - _INSTANT) == time:
                for outcome in self.notifier.run({"sweep": time.isoformat()}, time):
                    self._remember(outcome)
                yield time
            time = self._next(time)

    def _next(self, after: datetime) -> datetime | None:
        is_open = any(level is not Level.OK for level in self.levels.values())
        run = self.store.assessed.next_run(after, is_open=is_open)
        sweep = _next_sweep(after) if is_open or self._is_new(after) else None
        return min([time for time in (run, sweep) if time], default=None)

    def _is_new(self, time: datetime) -> bool:
        waits = [one.warm_up for watch in self.notifier.watches for one in watch.severities]
        return self.created is not None and time < self.created + max(waits, default=timedelta())

    def _remember(self, outcome: NotifierOutcome) -> None:
        self.levels[outcome.watch] = outcome.level


def _next_sweep(after: datetime) -> datetime:
    every, first = timedelta(minutes=SWEEP_MINUTES), after.replace(minute=SWEEP_FROM_MINUTE, second=0, microsecond=0)
    return first + ((after - first) // every + 1) * every


def _watched(definitions: Definitions, judged: Assessed) -> tuple[Watch, ...]:
    """Return the watches of which something is replayed, with the alarms that are; one that is not judged has these."""
    replayed = {alarm.name for alarm in (*definitions.alarms, *definitions.composites)}
    watches = [
        replace(
            watch,
            severities=tuple(severity for severity in watch.severities if severity.alarm in replayed),
            is_assessed=watch.name in judged.judges,
        )
        for watch in definitions.watches
    ]
    return tuple(watch for watch in watches if watch.severities or watch.is_assessed)


def _by_time(
    changes: Sequence[Change], run: Sequence[Executed]
) -> Iterator[tuple[datetime, list[Change], list[Executed]]]:
    both: list[Change | Executed] = sorted([*changes, *run], key=lambda event: event.time)
    for time, group in groupby(both, key=lambda event: event.time):
        events = list(group)
        yield (
            time,
            [one for one in events if isinstance(one, Change)],
            [one for one in events if isinstance(one, Executed)],
        )


def _message(definitions: Definitions, account: Account, action: Executed) -> Mapping[str, Any]:
    change, state = account.changes[action.alarm], action.state.value
    about, was_muted = (change.previous.value, ACCOUNT, REGION, action.time), action.is_replay
    if alarm := account.alarms.get(action.alarm):
        outcome = Outcome(state, evaluate(alarm, account.series, action.time, change.previous).reason)
        return sns_message(alarm, outcome, *about, was_muted=was_muted)
    composite = next(composite for composite in definitions.composites if composite.name == action.alarm)
    children = [account.changes[name] for name in rules.children(composite.rule) if name in account.changes]
    triggering = [(child.alarm, child.state.value, child.time) for child in children if child.time == change.time]
    decisive = triggering[0] if triggering else (action.alarm, state, change.time)
    outcome = Outcome(state, composite_reason(*decisive, ACCOUNT, REGION))
    return sns_message(composite, outcome, *about, triggering, was_muted=was_muted)


def _mail(time: datetime, watch: str, message: bytes) -> Mail:
    headers = email.message_from_bytes(message, policy=policy.default)
    return Mail(
        time=time.astimezone(UTC),
        incident=str(headers["X-DeliveryWatch-Incident"]),
        watch=watch,
        event=str(headers["X-DeliveryWatch-Event"]),
        level=str(headers["X-DeliveryWatch-Level"]),
        subject=str(headers["Subject"]),
        message=message,
    )


def _settings(environment: str, time_zone: str) -> Settings:
    prefix = f"deliverywatch-{environment}"
    return Settings(
        environment=environment,
        prefix=prefix,
        sender="alerts@example.com",
        recipients=("support@example.com",),
        time_zone=time_zone,
        dashboard=f"{prefix}-sms",
        workgroup=prefix,
        region=REGION,
    )

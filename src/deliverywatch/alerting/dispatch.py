"""Changes that channels have not got yet -> claimed, sent, and noted per channel; and which channels fail.

It comes after the mails: a channel that hangs or refuses keeps neither them nor another channel. What a channel could
not take stays due, and the ten-minute sweep tries again; what it refused for good is given up. Both are mailed by
`notify`, as an incident of the channel's own watch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from deliverywatch.alerting.channels.protocol.http import Within
from deliverywatch.alerting.channels.protocol.notification import (
    Delivery,
    Notification,
    Outcome,
    Result,
    notification_of,
)
from deliverywatch.alerting.channels.services import service_of
from deliverywatch.alerting.deliver import claimed, recorded
from deliverywatch.alerting.incidents import incident_store, outbox
from deliverywatch.alerting.incidents.incident import Change, Event, Incident
from deliverywatch.alerting.incidents.outbox import Claim, Record
from deliverywatch.alerting.inputs.channel_settings import Kind
from deliverywatch.errors import DeliveryWatchError, StoreConflict, StoreUnavailable
from deliverywatch.messages.level import Level
from deliverywatch.thresholds import CHANNEL_GIVE_UP_HOURS, CHANNEL_SECONDS

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.http import Http
    from deliverywatch.alerting.inputs.channel_settings import Channel
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.view import View
    from deliverywatch.alerting.ports import ChannelPorts, Ports

# The watches of the channels themselves, which are mailed only.
WATCHES = {kind: f"channel-{kind}" for kind in Kind}
TEST = "TEST"
_PAUSE_SECONDS = 1.0
# With less time than this no request is begun: a slow answer would come too late to be heard.
_LEAST_SECONDS = 5.0
# A message that may have arrived is sent once more, to those who cannot tell that they have it already.
_UNCONFIRMED_ATTEMPTS = 2
_LEFT_ALONE = (Outcome.UNAVAILABLE, Outcome.UNCONFIRMED)


@dataclass(frozen=True, slots=True)
class Pending:
    """An incident of which channels may not have got everything, and the words of its changes.

    Attributes:
        is_test: Whether it stands for a test message, which has no record.
    """

    incident: Incident
    view_of: Callable[[Incident, Change], View]
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """How a channel did in an invocation: its first problem; the problem is empty if it took every message."""

    channel: Channel
    name: str
    problem: str = ""
    incident: str = ""


def with_undelivered(before: Incident | None, after: Incident | None, channels: Sequence[Channel]) -> Incident | None:
    """Return an incident whose latest changes are due to the channels that are routed to get them."""
    if after is None or after.watch in WATCHES.values():
        return after
    known = before.seq if before and before.id == after.id else 0
    due = [
        (channel.kind.value, change.seq)
        for change in after.timeline
        for channel in channels
        if change.seq > known and _is_routed(channel, after, change)
    ]
    return replace(after, undelivered=tuple(dict.fromkeys([*after.undelivered, *due]))) if due else after


def test_pending(record: Record, level: Level, view: View, channels: Sequence[Channel]) -> Pending:
    """Return what stands for a test message to the channels that get incidents of its level, of whatever watch."""
    change = Change(seq=1, event=Event.NOTICE, level=level, before=Level.OK, time=record.time)
    routed = [one.kind.value for one in channels if any(level in rule.levels for rule in one.route.rules)]
    incident = Incident(
        watch=record.watch,
        id=record.incident,
        level=level,
        opened_at=record.time,
        changed_at=record.time,
        seq=1,
        timeline=(change,),
        undelivered=tuple((name, 1) for name in routed),
    )
    return Pending(incident, lambda *_: view, is_test=True)


def _is_routed(channel: Channel, incident: Incident, change: Change) -> bool:
    """Return whether a channel gets a change: it fits its route, or an earlier one of the incident did."""
    until = [earlier for earlier in incident.timeline if earlier.seq <= change.seq]
    levels = {level for entry in until for level in (entry.level, entry.before)}
    return any(channel.route.fits(level, incident.watch) for level in levels)


def dispatch(
    pending: Sequence[Pending], ports: Ports, settings: Settings, invocation: str, now: datetime
) -> list[Health]:
    """Send every channel what it has not got yet, and return how those do that were tried."""
    if ports.channels is None:
        return []
    _forget(pending, ports, {channel.kind.value for channel in settings.channels})
    healths = []
    for channel in settings.channels:
        line = Line(channel, ports, ports.channels, settings, invocation, now)
        try:
            health = line.serve(pending)
        except Exception as error:  # whatever it is, the next channel is served
            health = Health(channel, channel.kind.value, f"Its message could not be made: {type(error).__name__}.")
        healths += [health] if health else []
    return healths


def _forget(pending: Sequence[Pending], ports: Ports, present: set[str]) -> None:
    """Take what is due to channels that the stack has no more."""
    gone = [(one.incident.watch, channel) for one in pending for channel in one.incident.waiting_channels - present]
    for watch, channel in gone:
        with suppress(StoreUnavailable, StoreConflict):
            incident_store.change(ports.store, watch, partial(_without, channel=channel))


def _without(incident: Incident | None, channel: str) -> Incident | None:
    return incident.without_channel(channel) if incident else None


@dataclass(frozen=True, slots=True)
class Line:
    """One channel in one invocation; `threads` are by watch and incident, as ids repeat."""

    channel: Channel
    ports: Ports
    outside: ChannelPorts
    settings: Settings
    invocation: str
    now: datetime
    threads: dict[tuple[str, str], str] = field(default_factory=dict)

    def serve(self, pending: Sequence[Pending]) -> Health | None:
        """Send what is due, oldest first; a channel that does not take it in time is left alone until the next one."""
        health = None
        ends_at = self.outside.clock() + CHANNEL_SECONDS
        for one in pending:
            for incident, change in one.incident.due_to(self.channel.kind.value):
                if self.outside.clock() + _LEAST_SECONDS > ends_at:
                    return health
                record = self._record(incident, change, is_test=one.is_test)
                if self.now - change.time > timedelta(hours=CHANNEL_GIVE_UP_HOURS):
                    self._give_up(one, record, "It was too old to be sent.")
                    continue
                claim = self._claimed(record)
                if claim is Claim.THEIRS:
                    break
                if claim is Claim.SENT:
                    self._pop(one, record, "")
                    continue
                result = self._sent(one, incident, change, record, ends_at)
                if health is None or not health.problem:
                    health = Health(self.channel, service_of(self.channel.kind).NAME, result.problem, incident.id)
                if result.outcome in _LEFT_ALONE:
                    return health
                if result.outcome is Outcome.UNMADE:
                    break
        return health

    def _record(self, incident: Incident, change: Change, *, is_test: bool) -> Record:
        record = outbox.record_of(incident, change, self.invocation, self.now, self.channel.kind.value)
        record = replace(record, event=TEST) if is_test else record
        attempts = 0
        with suppress(StoreUnavailable):
            stored = self.ports.store.read(outbox.record_key(record))
            earlier = outbox.from_json(stored.body) if stored else None
            attempts = (earlier.attempts or 0) if earlier else 0
        return replace(record, attempts=attempts + 1)

    def _claimed(self, record: Record) -> Claim:
        try:
            return claimed(record, self.ports)
        except StoreUnavailable:  # better twice than never, as with mails
            return Claim.OURS

    def _sent(self, one: Pending, incident: Incident, change: Change, record: Record, ends_at: float) -> Result:
        try:
            notification, payload = self._made(one, incident, change, record.event)
        except Exception as error:  # whatever it holds, the next incident is sent
            result = Result(Outcome.UNMADE, f"A message could not be made: {type(error).__name__}.")
            self._note(one, replace(record, problem=result.problem), result, b"")
            return result
        known = dict(incident.threads).get(self.channel.kind.value, "")
        thread = self.threads.get((incident.watch, incident.id)) or known
        result = self._attempted(payload, notification, thread, ends_at)
        subject, problem = notification.view.subject, result.problem or None
        record = replace(record, subject=subject, message_id=notification.id, problem=problem)
        self._note(one, record, result, payload)
        return result

    def _made(self, one: Pending, incident: Incident, change: Change, event: str) -> tuple[Notification, bytes]:
        view, settings = one.view_of(incident, change), self.settings
        made = notification_of(incident, change, view, stack=settings.prefix, environment=settings.environment)
        notification = replace(made, event=event)
        return notification, service_of(self.channel.kind).render(notification)

    def _attempted(self, payload: bytes, notification: Notification, thread: str, ends_at: float) -> Result:
        """Try, and once more after a pause if the channel certainly took nothing and there is time."""
        http = Within(self.outside.http, lambda: ends_at - self.outside.clock())
        result = self._attempt(payload, notification, thread, http)
        if result.outcome is Outcome.UNAVAILABLE:
            pause = max(_PAUSE_SECONDS, result.retry_after_seconds or 0.0)
            if self.outside.clock() + pause + _LEAST_SECONDS < ends_at:
                self.outside.sleep(pause)
                return self._attempt(payload, notification, thread, http)
        return result

    def _attempt(self, payload: bytes, notification: Notification, thread: str, http: Http) -> Result:
        delivery = Delivery(id=notification.id, time=self.now, channel=self.channel, thread=thread)
        service = service_of(self.channel.kind)
        try:
            # Read anew every time: a secret that was replaced counts at once.
            secret = self.outside.secrets.read(self.channel.parameter)
            return service.send(payload, secret, http, delivery)
        except DeliveryWatchError as error:
            return Result(Outcome.UNAVAILABLE, str(error))
        except Exception as error:  # what it answered can be anything
            problem = f"What {service.NAME} answered could not be read: {type(error).__name__}."
            return Result(Outcome.UNCONFIRMED, problem)

    def _note(self, one: Pending, record: Record, result: Result, payload: bytes) -> None:
        """Write down what became of an attempt, and take the change from what is due if it is done with."""
        if result.outcome is Outcome.SENT:
            name = (record.watch, record.incident)
            self.threads[name] = result.thread or self.threads.get(name, "")
            with suppress(StoreUnavailable, StoreConflict):  # until then this process remembers it
                recorded(record, payload, self.ports)
            self._pop(one, record, result.thread)
        elif self._is_final(record, result):
            self._give_up(one, record, result.problem)
        else:
            retry_at = self.now + timedelta(seconds=result.retry_after_seconds or 0.0)
            self._mark(replace(record, retry_at=retry_at))

    def _is_final(self, record: Record, result: Result) -> bool:
        is_last = (record.attempts or 0) >= _UNCONFIRMED_ATTEMPTS and not service_of(self.channel.kind).IS_IDEMPOTENT
        return result.outcome is Outcome.REFUSED or (result.outcome is Outcome.UNCONFIRMED and is_last)

    def _give_up(self, one: Pending, record: Record, problem: str) -> None:
        self._mark(replace(record, problem=problem, given_up_at=self.now))
        self._pop(one, record, "")

    def _mark(self, record: Record) -> None:
        with suppress(StoreUnavailable, StoreConflict):
            outbox.mark(self.ports.store, record)

    def _pop(self, one: Pending, record: Record, thread: str) -> None:
        if one.is_test:
            return

        def popped(present: Incident | None) -> Incident | None:
            return present.delivered(self.channel.kind.value, record.incident, record.seq, thread) if present else None

        with suppress(StoreUnavailable, StoreConflict):  # the outbox knows
            incident_store.change(self.ports.store, one.incident.watch, popped)

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
from deliverywatch.errors import DeliveryWatchError, StoreConflict, StoreUnavailable
from deliverywatch.messages.level import Level
from deliverywatch.thresholds import CHANNEL_GIVE_UP_HOURS, CHANNEL_SECONDS

if TYPE_CHECKING:
    from deliverywatch.alerting.inputs.channel_settings import Channel
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.view import View
    from deliverywatch.alerting.ports import ChannelPorts, Ports

# Of the watch of a channel itself, which is mailed only.
WATCH_PREFIX = "channel-"
TEST = "TEST"
_PAUSE_SECONDS = 1.0
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
    """How a channel's last attempt of an invocation ended; the problem is empty if it took the message."""

    channel: Channel
    name: str
    problem: str = ""
    incident: str = ""


def with_undelivered(before: Incident | None, after: Incident | None, channels: Sequence[Channel]) -> Incident | None:
    """Return an incident whose latest changes are due to the channels that are routed to get them."""
    if after is None or after.watch.startswith(WATCH_PREFIX):
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
    """One channel in one invocation."""

    channel: Channel
    ports: Ports
    outside: ChannelPorts
    settings: Settings
    invocation: str
    now: datetime
    threads: dict[str, str] = field(default_factory=dict)

    def serve(self, pending: Sequence[Pending]) -> Health | None:
        """Send what is due, oldest first; a channel that cannot take it is left alone until the next invocation."""
        health = None
        ends_at = self.outside.clock() + CHANNEL_SECONDS
        for one in pending:
            for incident, change in one.incident.due_to(self.channel.kind.value):
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
                health = Health(self.channel, service_of(self.channel.kind).NAME, result.problem, incident.id)
                if result.outcome in _LEFT_ALONE:
                    return health
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
        view = one.view_of(incident, change)
        notification = notification_of(
            incident, change, view, stack=self.settings.prefix, environment=self.settings.environment
        )
        notification = replace(notification, event=record.event)
        thread = self.threads.get(incident.id) or dict(incident.threads).get(self.channel.kind.value, "")
        payload = service_of(self.channel.kind).render(notification)
        result = self._attempted(payload, notification, thread, ends_at)
        record = replace(record, subject=view.subject, message_id=notification.id, problem=result.problem or None)
        self._note(one, record, result, payload)
        return result

    def _attempted(self, payload: bytes, notification: Notification, thread: str, ends_at: float) -> Result:
        """Try, and once more after a pause if the channel certainly took nothing and there is time."""
        result = self._attempt(payload, notification, thread)
        if result.outcome is Outcome.UNAVAILABLE:
            pause = max(_PAUSE_SECONDS, result.retry_after_seconds or 0.0)
            if self.outside.clock() + pause < ends_at:
                self.outside.sleep(pause)
                return self._attempt(payload, notification, thread)
        return result

    def _attempt(self, payload: bytes, notification: Notification, thread: str) -> Result:
        delivery = Delivery(id=notification.id, time=self.now, channel=self.channel, thread=thread)
        service = service_of(self.channel.kind)
        try:
            # Read anew every time: a secret that was replaced counts at once.
            secret = self.outside.secrets.read(self.channel.parameter)
            return service.send(payload, secret, self.outside.http, delivery)
        except DeliveryWatchError as error:
            return Result(Outcome.UNAVAILABLE, str(error))

    def _note(self, one: Pending, record: Record, result: Result, payload: bytes) -> None:
        """Write down what became of an attempt, and take the change from what is due if it is done with."""
        if result.outcome is Outcome.SENT:
            self.threads[record.incident] = result.thread or self.threads.get(record.incident, "")
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

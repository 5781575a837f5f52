"""The notifier: whatever arrives -> one e-mail per change of a watch's level.

For each message: read the watch's live alarms, compute its level, write the incident if it changed (conditionally, so
that of two invocations one wins), then deliver what is due. If it is killed between two steps, the next delivery of the
message, the next message of the watch or the ten-minute sweep continues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from deliverywatch.alerting.collect import collect
from deliverywatch.alerting.deliver import deliver
from deliverywatch.alerting.incidents import incident_store, outbox
from deliverywatch.alerting.incidents.finding import find
from deliverywatch.alerting.incidents.incident import Incident, advance, presumed
from deliverywatch.alerting.incidents.observe import observe
from deliverywatch.alerting.incidents.outbox import Claim
from deliverywatch.alerting.incidents.severity import Watch, watch_named, watch_of
from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.alerting.inputs.notice import parse
from deliverywatch.errors import MetricsUnavailable, StoreConflict, StoreUnavailable
from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import mapping, moment
from deliverywatch.storage.store import Unreachable

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Finding
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.alerting.incidents.watch_state import WatchState
    from deliverywatch.alerting.inputs.notice import Notice
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.ports import Ports
    from deliverywatch.messages.notice import SystemNotice
    from deliverywatch.storage.store import Store

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message, for the log: the watch's level, and the subjects of the mails just sent."""

    watch: str
    level: Level = Level.OK
    incident: str = ""
    sent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one mail.

    Attributes:
        mail: The incident's id and the number of the change.
        is_sent: Whether this or another invocation has sent it.
        subject: Its subject if it was sent just now.
    """

    mail: tuple[str, int]
    is_sent: bool
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Notifier:
    """The flow with what it needs.

    Attributes:
        watches: Those that the stack declares.
        invocation: Lambda's request id, the same when a failed invocation is retried.
    """

    ports: Ports
    settings: Settings
    watches: tuple[Watch, ...]
    invocation: str

    def run(self, event: object, received_at: datetime) -> list[Outcome]:
        """Handle every message of a Lambda event, or a sweep; `received_at` is the time of messages without one.

        The first failure is raised after all were tried. A retry repeats nothing that was done.
        """
        swept_at = moment(mapping(event).get("sweep"))
        if swept_at is not None:
            return _in_turn(
                partial(self._sweep, name, swept_at) for name in incident_store.recorded_watches(self.ports.store)
            )
        return _in_turn(partial(self.handle, notice) for notice in parse(event, received_at))

    def handle(self, notice: Notice) -> Outcome:
        """Handle one message."""
        if notice.test:
            return self._send_test(notice.test, notice.time)
        if notice.is_single:
            return self._send_single(notice)
        state = observe(watch_for(notice, self.watches), notice, notice.time, self.ports.alarms)
        try:
            incident = self._settled(state, notice)
        except StoreUnavailable:
            # Better twice than never: the mail goes out without a record, then Lambda retries the event.
            self._mail_unrecorded(state, notice)
            raise
        return self._deliver_due(state, incident)

    def _send_test(self, test: SystemNotice, time: datetime) -> Outcome:
        from deliverywatch.alerting import test_message  # a test is rare

        subject = test_message.send(test, time, self.ports, self.settings, self.invocation)
        return Outcome(test_message.WATCH, test.level, test_message.incident_id(time), (subject,) if subject else ())

    def _send_single(self, notice: Notice) -> Outcome:
        from deliverywatch.alerting import single_notice

        subject = single_notice.send(notice, self.ports, self.settings, self.invocation)
        return Outcome(single_notice.WATCH, Level.OK, single_notice.notice_id(notice), (subject,) if subject else ())

    def _sweep(self, name: str, swept_at: datetime) -> Outcome:
        """Send what is due, and observe an open incident again: its peak may have risen, a message may be lost."""
        incident = incident_store.read(self.ports.store, name)
        if incident is None or not (incident.is_open or incident.due):
            return Outcome(name)
        state = observe(self._watch_of_incident(incident), None, swept_at, self.ports.alarms)
        if incident.is_open and state.is_live and not self._is_muted(state.watch):
            incident = self._settled(state, None)
        return self._deliver_due(state, incident)

    def _is_muted(self, watch: Watch) -> bool:
        """Return whether its alarms are muted now: CloudWatch then catches up when the mute ends, and so do we."""
        try:
            return self.ports.alarms.is_muted([severity.alarm for severity in watch.severities])
        except MetricsUnavailable:
            return False

    def _settled(self, state: WatchState, notice: Notice | None) -> Incident | None:
        """Return the watch's incident, changed and written according to its state."""
        name = state.watch.name
        return incident_store.change(self.ports.store, name, lambda incident: self._advanced(incident, state, notice))

    def _advanced(self, incident: Incident | None, state: WatchState, notice: Notice | None) -> Incident | None:
        finding = find(state, notice, incident)
        if incident is not None and incident.is_open and finding.level is Level.OK:
            finding = self._with_totals(finding, incident, state)
        return advance(incident, state.watch.name, finding)

    def _with_totals(self, finding: Finding, incident: Incident, state: WatchState) -> Finding:
        alarm = state.alarm_of(incident.level)
        if alarm is None or not state.is_live or finding.total is None:
            return finding
        # Without the guard of the alarm's expression, which counts few failures as none.
        now = 100 * (finding.failed or 0) / finding.total if finding.total else finding.value
        # The window before the opening belongs to the incident: its messages raised the alarm.
        start = incident.opened_at - timedelta(seconds=alarm.period_seconds)
        try:
            sums = self.ports.alarms.sums(alarm, start, finding.time)
        except MetricsUnavailable:
            return replace(finding, value=now, failed=None, total=None)
        return replace(finding, value=now, failed=sums.get("failed"), total=sums.get("total"))

    def _deliver_due(self, state: WatchState, incident: Incident | None) -> Outcome:
        if incident is None:
            return Outcome(state.watch.name)
        tried: list[Delivery] = []
        try:
            _in_turn(partial(self.deliver_change, state, due, change, tried) for due, change in incident.due)
        finally:
            self._forget(state.watch.name, frozenset(delivery.mail for delivery in tried if delivery.is_sent))
        subjects = tuple(delivery.subject for delivery in tried if delivery.subject)
        return Outcome(state.watch.name, incident.level, incident.id, subjects)

    def deliver_change(self, state: WatchState, incident: Incident, change: Change, tried: list[Delivery]) -> None:
        """Send the mail of a change unless it is sent already or another invocation is sending it."""
        record = outbox.record_of(incident, change, self.invocation, state.now)
        claim, subject = _claimed(self.ports.store, record), ""
        if claim is Claim.OURS:
            message = collect(incident, change, state, self.ports, self.settings)
            subject = deliver(message, record, self.ports, self.settings)
        tried.append(Delivery((incident.id, change.seq), is_sent=claim is not Claim.THEIRS, subject=subject))

    def _mail_unrecorded(self, state: WatchState, notice: Notice) -> None:
        before = presumption(state.watch, notice)
        incident = advance(before, state.watch.name, find(state, notice, before))
        # S3 is not tried again: the function's minute is for the mail.
        notifier = replace(self, ports=replace(self.ports, store=Unreachable()))
        for due, change in incident.due if incident else ():
            with suppress(StoreUnavailable):
                notifier.deliver_change(state, due, change, [])

    def _forget(self, watch: str, sent: frozenset[tuple[str, int]]) -> None:
        """Remove sent mails from those that are due; if that fails, the outbox still says that they were sent."""
        if sent:
            with suppress(StoreConflict):
                incident_store.change(
                    self.ports.store, watch, lambda incident: incident.sent(sent) if incident else None
                )

    def _watch_of_incident(self, incident: Incident) -> Watch:
        """Return the watch of a recorded incident: a declared one, one made from its alarm, or one without alarms."""
        declared = [watch for watch in self.watches if watch.name == incident.watch]
        alone = [watch_of(change.alarm, ()) for change in incident.timeline if change.alarm]
        return watch_named(incident.watch, incident.title, [*declared, *alone])


def watch_for(notice: Notice, declared: tuple[Watch, ...]) -> Watch:
    """Return the watch of a message: its alarm's, or the one that a notice names."""
    return watch_of(notice.alarm.name, declared) if notice.alarm else watch_named(notice.watch, notice.title, declared)


def _claimed(store: Store, record: Record) -> Claim:
    """Claim a mail; if S3 cannot be reached it is ours, because better twice than never."""
    try:
        return outbox.claim(store, record)
    except StoreUnavailable:
        return Claim.OURS


def presumption(watch: Watch, notice: Notice) -> Incident | None:
    """Return the incident that must have been open if the message reports its end; None if it does not."""
    alarm = notice.alarm
    if alarm is None or alarm.state is not State.OK or notice.old_state is not State.ALARM:
        return None
    severities = [severity for severity in watch.severities if severity.alarm == alarm.name]
    return presumed(watch, severities[0], notice.time) if severities else None


def _in_turn(steps: Iterable[Callable[[], Result]]) -> list[Result]:
    """Run every step, then raise the first failure: a broken message must not stop the next one."""
    results: list[Result] = []
    failures: list[Exception] = []
    for step in steps:
        try:
            results.append(step())
        except Exception as error:  # whatever it is, it is raised below
            failures.append(error)
    if failures:
        raise failures[0]
    return results

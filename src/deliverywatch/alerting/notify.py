"""The notifier: whatever arrives -> one e-mail per change of a watch's level.

For each message: read the incident and then the watch's live alarms, compute its level, write the incident if it
changed (conditionally, so that whoever loses a race looks again), then deliver what is due, the oldest first: the mails
of a watch are a queue. If it is killed between two steps, the next delivery of the message, the next message of the
watch or the ten-minute sweep continues. The sweep looks at every declared watch: a message may be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from deliverywatch.alerting import sweep
from deliverywatch.alerting.collect import collect
from deliverywatch.alerting.deliver import claimed, deliver
from deliverywatch.alerting.incidents import incident_store, outbox
from deliverywatch.alerting.incidents.advance import Limits, advance, presumed
from deliverywatch.alerting.incidents.finding import find
from deliverywatch.alerting.incidents.incident import with_mailed
from deliverywatch.alerting.incidents.observe import observe
from deliverywatch.alerting.incidents.outbox import Claim
from deliverywatch.alerting.incidents.severity import Watch, watch_named, watch_of
from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.alerting.inputs.notice import as_report, parse
from deliverywatch.alerting.ports import Mailed, NoCharts
from deliverywatch.errors import MetricsUnavailable, StoreConflict, StoreUnavailable
from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import mapping, moment
from deliverywatch.storage.store import Unreachable

if TYPE_CHECKING:
    from deliverywatch.alerting.dispatch import Pending
    from deliverywatch.alerting.incidents.incident import Change, Finding, Incident
    from deliverywatch.alerting.incidents.watch_state import WatchState
    from deliverywatch.alerting.inputs.notice import Notice
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.view import View
    from deliverywatch.alerting.ports import Ports
    from deliverywatch.alerting.sweep import Overview
    from deliverywatch.messages.notice import SystemNotice

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message, for the log: the watch's level, the subjects of the mails just sent, and why none."""

    watch: str
    level: Level = Level.OK
    incident: str = ""
    sent: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a watch.

    Attributes:
        notice: The message that led here; None in a sweep.
        time: Of the message or the sweep.
        now: The real time, by which claims age.
    """

    watch: Watch
    notice: Notice | None
    time: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """A watch's state and its incident before and after it, as written or about to be."""

    state: WatchState
    before: Incident | None
    after: Incident | None


@dataclass(frozen=True, slots=True)
class Notifier:
    """The flow with what it needs.

    Attributes:
        watches: Those that the stack declares.
        invocation: Lambda's request id, the same when a failed invocation is retried.
        pending: What other channels may not have got yet; they come after all mails.
    """

    ports: Ports
    settings: Settings
    watches: tuple[Watch, ...]
    invocation: str
    pending: list[Pending] = field(default_factory=list)

    def run(self, event: object, received_at: datetime) -> list[Outcome]:
        """Handle every message of a Lambda event, or a sweep; `received_at` is the real time.

        The first failure is raised after all were tried. A retry repeats nothing that was done.
        """
        outcomes: list[Outcome] = []
        try:
            outcomes += self._handled(event, received_at)
        finally:
            outcomes += self._dispatched(received_at)
        return outcomes

    def _handled(self, event: object, received_at: datetime) -> list[Outcome]:
        swept_at = moment(mapping(event).get("sweep"))
        if swept_at is not None:
            return self._sweep(swept_at, received_at)
        return _in_turn(partial(self.handle, notice) for notice in parse(event, received_at))

    def _dispatched(self, now: datetime) -> list[Outcome]:
        """Let the other channels have what is due to them, and mail which of them fail, and which do no longer."""
        if not self.pending:
            return []
        from deliverywatch.alerting import channel_health, dispatch  # only for those who have such channels

        pending = list(self.pending)
        self.pending.clear()
        healths = dispatch.dispatch(pending, self.ports, self.settings, self.invocation, now)
        notices = [channel_health.notice_of(health, self.ports.store, now) for health in healths]
        return _in_turn(partial(self.handle, notice) for notice in notices if notice)

    def handle(self, notice: Notice) -> Outcome:
        """Handle one message."""
        if notice.test:
            return self._send_test(notice.test, notice.time)
        if notice.is_single:
            return self._send_single(notice)
        notice = as_report(notice, self.settings.account, self.settings.region)
        look = Look(watch_for(notice, self.watches), notice, notice.time, notice.received_at or notice.time)
        # CloudWatch holds back the messages of muted alarms; a system does not know what is muted.
        if notice.assessment and self._is_muted(look.watch):
            return Outcome(look.watch.name)
        tried: list[Settled] = []
        try:
            settled = self._settled(look, tried)
        except StoreUnavailable:
            # Better twice than never: the mail goes out without a record, then Lambda retries the event.
            # S3 is not tried again: the function's minute is for the mail.
            replace(self, ports=replace(self.ports, store=Unreachable())).mail_unrecorded(
                look, tried[-1] if tried else None
            )
            raise
        return self._deliver_due(look, settled.state, settled.after)

    def _send_test(self, test: SystemNotice, time: datetime) -> Outcome:
        from deliverywatch.alerting import test_message  # a test is rare

        if self.settings.channels and self.ports.channels and not test.to:
            self.pending.append(test_message.pending(test, time, self.settings, self.invocation))
        subject = test_message.send(test, time, self.ports, self.settings, self.invocation)
        return Outcome(test_message.WATCH, test.level, test_message.incident_id(time), (subject,) if subject else ())

    def _send_single(self, notice: Notice) -> Outcome:
        from deliverywatch.alerting import single_notice

        subject = single_notice.send(notice, self.ports, self.settings, self.invocation)
        return Outcome(single_notice.WATCH, Level.OK, single_notice.notice_id(notice), (subject,) if subject else ())

    def _sweep(self, swept_at: datetime, now: datetime) -> list[Outcome]:
        """Look at every declared watch and at whatever else is open or due."""
        stack = sweep.Once(self.ports.stack)
        notifier = replace(self, ports=replace(self.ports, stack=stack))
        overview = sweep.overview(self.watches, self.ports, now)
        looks = [Look(watch, None, swept_at, now) for watch in overview.watches]
        outcomes = _in_turn(partial(notifier.swept, look, overview) for look in looks)
        outcomes += self._ended(overview, now)
        deletion = sweep.deletion(stack, self.settings.prefix, now)
        return [*outcomes, self._send_single(deletion)] if deletion else outcomes

    def _ended(self, overview: Overview, now: datetime) -> list[Outcome]:
        """End the incidents of channels that were taken away."""
        failing = [name for name, one in overview.incidents.items() if one.is_open and name.startswith("channel-")]
        if not failing:
            return []
        from deliverywatch.alerting import channel_health

        return _in_turn(
            partial(self.handle, one) for one in channel_health.removed(failing, self.settings.channels, now)
        )

    def swept(self, look: Look, overview: Overview) -> Outcome:
        """Look at a watch in a sweep if there is something to see, and send what is due."""
        incident = overview.incidents.get(look.watch.name)
        if not overview.needs_look(look.watch):
            return Outcome(look.watch.name)
        if self._is_muted(look.watch):
            return self._deliver_due(look, self._state(look), incident)
        settled = self._settled(look, [])
        return self._deliver_due(look, settled.state, settled.after)

    def _is_muted(self, watch: Watch) -> bool:
        """Return whether its alarms are muted now: CloudWatch then catches up when the mute ends, and so do we."""
        try:
            return self.ports.alarms.is_muted([severity.alarm for severity in watch.severities])
        except MetricsUnavailable:
            return False

    def _state(self, look: Look) -> WatchState:
        ports = self.ports
        return observe(look.watch, look.notice, look.time, look.now, ports.alarms, ports.stack, ports.store)

    def _settled(self, look: Look, tried: list[Settled]) -> Settled:
        """Return the watch's incident, changed and written according to its state; `tried` gets every attempt.

        The alarms are read after the record: if another invocation writes it meanwhile, they are read again.
        """
        name, unrecorded = look.watch.name, self.ports.unrecorded.incidents

        def after(recorded: Incident | None) -> Incident | None:
            mailed = unrecorded.get(name)
            before = with_mailed(recorded, mailed.incident, mailed.at) if mailed else recorded
            state = self._state(look)
            tried.append(Settled(state, before, self._routed(before, self._advanced(before, state, look.notice))))
            return tried[-1].after

        written = incident_store.change(self.ports.store, name, after)
        unrecorded.pop(name, None)
        return replace(tried[-1], after=written)

    def _advanced(self, incident: Incident | None, state: WatchState, notice: Notice | None) -> Incident | None:
        if notice is None and not state.is_live and state.watch.severities:
            return incident  # without CloudWatch a sweep has nothing to say
        finding = find(state, notice, incident)
        if incident is not None and incident.is_open and finding.level is Level.OK:
            finding = self._with_totals(finding, incident, state)
        return advance(incident, state.watch.name, finding, self._limits)

    def _routed(self, before: Incident | None, after: Incident | None) -> Incident | None:
        """Return the incident with what is due to other channels beside mail."""
        if not self.settings.channels or self.ports.channels is None:
            return after
        from deliverywatch.alerting.dispatch import with_undelivered

        return with_undelivered(before, after, self.settings.channels)

    def _wait_for_mails(self, state: WatchState, incident: Incident | None) -> None:
        """Leave what is due to other channels for after the mails."""
        if incident is None or self.ports.channels is None or not incident.waiting_channels:
            return
        from deliverywatch.alerting.dispatch import Pending

        ports = replace(self.ports, charts=NoCharts())

        def view_of(due: Incident, change: Change) -> View:
            return collect(due, change, state, ports, self.settings).view

        self.pending.append(Pending(incident, view_of))

    @property
    def _limits(self) -> Limits:
        return Limits(
            close_unknown=timedelta(hours=self.settings.close_unknown_hours),
            reminder=timedelta(hours=self.settings.reminder_hours),
        )

    def _with_totals(self, finding: Finding, incident: Incident, state: WatchState) -> Finding:
        alarm = state.alarm_of(incident.level)
        if alarm is None or not state.is_live or not alarm.is_ratio:
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

    def _deliver_due(self, look: Look, state: WatchState, incident: Incident | None) -> Outcome:
        """Send the mails of a watch that are due, oldest first; it waits for one that another invocation sends."""
        name, subjects = look.watch.name, []
        self._wait_for_mails(state, incident)
        while incident is not None and incident.due:
            due, change = incident.due[0]
            claim, subject = self._sent(look, state, due, change)
            if claim is Claim.THEIRS:
                break
            subjects += [subject] if subject else []
            incident = self._without_due(name, incident, (due.id, change.seq))
        note = "Alarms are missing while the stack is being changed." if state.is_changing else ""
        level, incident_id = (incident.level, incident.id) if incident else (Level.OK, "")
        return Outcome(name, level, incident_id, tuple(subjects), note)

    def _sent(self, look: Look, state: WatchState, incident: Incident, change: Change) -> tuple[Claim, str]:
        """Send the mail of a change unless another invocation has it; return whose it was, and its subject if ours."""
        record = self._record(look, incident, change)
        try:
            claim = claimed(record, self.ports)
        except StoreUnavailable:
            # A message is better mailed twice than never; the sweep comes again.
            if look.notice is None:
                raise
            claim = Claim.OURS
        if claim is not Claim.OURS:
            return claim, ""
        message = collect(incident, change, state, self.ports, self.settings)
        try:
            return claim, deliver(message, record, self.ports, self.settings)
        except StoreUnavailable:  # it is sent; that it could not be recorded must not send it again
            return claim, message.view.subject

    def _record(self, look: Look, incident: Incident, change: Change) -> outbox.Record:
        return outbox.record_of(incident, change, self.invocation, look.now)

    def mail_unrecorded(self, look: Look, tried: Settled | None) -> None:
        """Send what a message changes although S3 is out of reach, and remember what it became."""
        settled = tried or self._unread(look)
        incident, before = settled.after, settled.before
        was_due = {(due.id, change.seq) for due, change in before.due} if before else set()
        fresh = [one for one in (incident.due if incident else []) if (one[0].id, one[1].seq) not in was_due]
        self._wait_for_mails(settled.state, incident)
        for due, change in fresh:
            self._sent(look, settled.state, due, change)
        for due, change in fresh if was_due else ():
            # An earlier mail may still be under way: this one is mailed again after it.
            self.ports.unrecorded.mails.pop(outbox.record_key(self._record(look, due, change)), None)
        if incident is not None and fresh:
            self.ports.unrecorded.incidents[look.watch.name] = Mailed(incident, look.now)

    def _unread(self, look: Look) -> Settled:
        """Return what a message means where no record can be read."""
        mailed = self.ports.unrecorded.incidents.get(look.watch.name)
        before = mailed.incident if mailed else None
        if before is None and look.notice is not None:
            before = presumption(look.watch, look.notice)
        state = self._state(look)
        return Settled(state, before, self._routed(before, self._advanced(before, state, look.notice)))

    def _without_due(self, watch: str, incident: Incident, mail: tuple[str, int]) -> Incident | None:
        """Return the incident as it is now, without a sent mail; if S3 fails, the outbox knows that it is sent."""
        sent = frozenset([mail])
        try:
            return incident_store.change(
                self.ports.store, watch, lambda present: present.sent(sent) if present else None
            )
        except (StoreConflict, StoreUnavailable):
            return incident.sent(sent)


def watch_for(notice: Notice, declared: tuple[Watch, ...]) -> Watch:
    """Return the watch of a message: the one that a notice names, or its alarm's."""
    if notice.alarm and not notice.watch:
        return watch_of(notice.alarm.name, declared)
    return watch_named(notice.watch, notice.title, declared)


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

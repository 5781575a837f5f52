"""An incident and a finding -> the incident after it, with at most one more change, or as it was.

Only evidence changes a level. Without any the level is held, and that is mailed: QUIET once it lasts, CLOSED when no
evidence is expected any more, UNSEEN for an alarm that CloudWatch does not have, REMINDER for each day that it is open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import TIMELINE_LIMIT, Change, Event, Finding, Incident
from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import count
from deliverywatch.thresholds import CLOSE_UNKNOWN_HOURS, QUIET_MINUTES, REMINDER_HOURS

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.severity import Severity, Watch


# An incident that is quiet again within this time, at the same level, is no news.
_QUIET_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an open incident may go without evidence or a mail.

    Attributes:
        quiet: Before it is mailed that nothing proves its level.
        close_unknown: After that mail, before it is closed as unknown.
        reminder: Between an open incident's last mail and a reminder; zero for none.
    """

    quiet: timedelta = timedelta(minutes=QUIET_MINUTES)
    close_unknown: timedelta = timedelta(hours=CLOSE_UNKNOWN_HOURS)
    reminder: timedelta = timedelta(hours=REMINDER_HOURS)


DEFAULTS = Limits()


def advance(incident: Incident | None, watch: str, finding: Finding, limits: Limits = DEFAULTS) -> Incident | None:
    """Return the incident after a finding: with one more change if there is something to mail.

    A finding of live alarms from before the last change counts as made at its time.
    """
    if incident is not None and _is_late(incident, finding):
        return incident
    if incident is None or not incident.is_open:
        return _begun(incident, watch, finding)
    after = _observed(incident, finding)
    if _is_change(incident.level, finding.level):
        return _changed(after, _event(incident.level, finding.level), finding)
    same = _as_reported(incident, replace(finding, level=incident.level))
    event = _event_of_same_level(after, same, limits)
    if event is Event.QUIET and _was_quiet_lately(incident, same):
        return replace(after, quiet_at=finding.time)
    if event is Event.CLOSED:
        return _changed(after, event, replace(same, level=Level.OK))
    return _changed(after, event, same) if event else after


def presumed(watch: Watch, severity: Severity, time: datetime) -> Incident:
    """Return the open incident that an alarm's return to OK implies, where no record can be read."""
    return Incident(
        watch=watch.name,
        id=_incident_id(None, time),
        level=severity.level,
        opened_at=time,
        changed_at=time,
        title=watch.title,
        raised=frozenset([severity.alarm]),
        is_presumed=True,
    )


def _is_late(incident: Incident, finding: Finding) -> bool:
    """Return whether what came meanwhile is newer than the finding."""
    if finding.noticed is not None:
        # Notices are compared with notices: an alarm that changed meanwhile does not make them late.
        since = incident.noticed_at or (None if incident.raised else incident.changed_at)
        return since is not None and finding.time < since
    return not finding.is_live and finding.time < incident.changed_at


def _begun(previous: Incident | None, watch: str, finding: Finding) -> Incident | None:
    if finding.level is not Level.OK:
        return _opened(previous, watch, finding, Event.OPENED)
    if previous is not None:
        previous = replace(previous, unseen=previous.unseen - finding.known)
    if finding.missing - (previous.unseen if previous else frozenset()):
        return _opened(previous, watch, replace(finding, level=Level.BLIND), Event.UNSEEN)
    if finding.noticed is None:
        return previous
    # Remembered even without an incident: a warning that this end overtook comes late.
    return replace(previous or _blank(watch, finding.time), noticed_at=finding.time)


def _blank(watch: str, time: datetime) -> Incident:
    return Incident(watch=watch, id="", level=Level.OK, opened_at=time, changed_at=time)


def _observed(incident: Incident, finding: Finding) -> Incident:
    is_notice = finding.noticed is not None
    return replace(
        incident,
        peak=_worse(incident.peak, finding),
        raised=incident.raised | finding.raised,
        noticed=incident.noticed if finding.noticed is None else finding.noticed,
        noticed_at=finding.time if is_notice else incident.noticed_at,
        unseen=incident.unseen - finding.known,
        held_since=(incident.held_since or finding.time) if finding.is_held else None,
        quiet_at=incident.quiet_at if finding.is_held else None,
    )


def _as_reported(incident: Incident, finding: Finding) -> Finding:
    """Return a finding of a sweep, which has no words of its own, with what the watch's system said last."""
    last = incident.timeline[-1] if incident.timeline else None
    if last is None or incident.noticed is Level.OK or finding.alarm or finding.reason:
        return finding
    return replace(finding, alarm=last.alarm, reason=last.reason, facts=last.facts)


def _is_change(before: Level, after: Level) -> bool:
    # Blind and warning weigh the same, but failure that is seen is more than what could not be seen.
    return after.rank != before.rank or (before, after) == (Level.BLIND, Level.WARNING)


def _event(before: Level, after: Level) -> Event:
    if after is Level.OK:
        return Event.RESOLVED
    return Event.DOWNGRADED if after.rank < before.rank else Event.ESCALATED


def _event_of_same_level(incident: Incident, finding: Finding, limits: Limits) -> Event | None:
    """Return what is to be mailed of an open incident whose level did not change."""
    if finding.missing - incident.unseen:
        return Event.UNSEEN
    if finding.is_held and finding.is_live and incident.held_since:
        if incident.quiet_at is None:
            if finding.time - _last_seen(incident.held_since, finding) >= limits.quiet:
                return Event.QUIET
        elif finding.time - incident.quiet_at >= limits.close_unknown:
            return Event.CLOSED
    last = incident.timeline[-1].time if incident.timeline else incident.opened_at
    return Event.REMINDER if limits.reminder and finding.time - last >= limits.reminder else None


def _was_quiet_lately(incident: Incident, finding: Finding) -> bool:
    """Return whether the same was mailed within a day: traffic that comes in bursts is quiet between any two."""
    quiet = [change for change in incident.timeline if change.event is Event.QUIET]
    return bool(quiet) and quiet[-1].level is finding.level and finding.time - quiet[-1].time < _QUIET_AGAIN


def _last_seen(held_since: datetime, finding: Finding) -> datetime:
    seen = finding.assessment.last_seen if finding.assessment else None
    return min(held_since, seen) if seen else held_since


def _opened(previous: Incident | None, watch: str, finding: Finding, event: Event) -> Incident:
    # Not before the last change: ids are times, and one that was used must not come again.
    time = max(finding.time, previous.changed_at) if previous else finding.time
    incident = Incident(
        watch=watch,
        id=_incident_id(previous, time),
        title=finding.title,
        level=Level.OK,
        opened_at=time,
        changed_at=time,
        peak=finding.value,
        raised=finding.raised,
        noticed=finding.noticed or Level.OK,
        noticed_at=finding.time if finding.noticed is not None else (previous.noticed_at if previous else None),
        earlier=previous if previous and previous.is_pending else None,
        held_since=time if finding.is_held or event is Event.UNSEEN else None,
    )
    return _changed(incident, event, finding)


def _changed(incident: Incident, event: Event, finding: Finding) -> Incident:
    time = max(finding.time, incident.changed_at)
    change = Change(
        seq=incident.seq + 1,
        event=event,
        level=finding.level,
        before=incident.level,
        time=time,
        value=finding.value,
        failed=finding.failed,
        total=finding.total,
        alarm=finding.alarm,
        reason=finding.reason,
        facts=finding.facts,
        assessment=finding.assessment,
        missing=tuple(sorted(finding.missing)) if event is Event.UNSEEN else (),
    )
    unsent = (*incident.unsent, change.seq)
    return replace(
        incident,
        level=finding.level,
        changed_at=time,
        seen_at=finding.seen_at or incident.seen_at,
        seq=change.seq,
        timeline=_shortened((*incident.timeline, change), unsent),
        unsent=unsent,
        unseen=incident.unseen | finding.missing if event is Event.UNSEEN else incident.unseen,
        # The mail says that an alarm is gone: the incident is quiet from then on.
        quiet_at=time if event in (Event.QUIET, Event.UNSEEN) else incident.quiet_at,
    )


def _shortened(timeline: tuple[Change, ...], unsent: tuple[int, ...]) -> tuple[Change, ...]:
    """Return the timeline without its second entry if it is too long, or the next one whose mail is not due."""
    surplus = [change.seq for change in timeline[1:] if change.seq not in unsent]
    if len(timeline) <= TIMELINE_LIMIT or not surplus:
        return timeline
    return tuple(change for change in timeline if change.seq != surplus[0])


def _incident_id(previous: Incident | None, time: datetime) -> str:
    base = time.strftime("INC-%m%d-%H%M")
    if previous is None or not previous.id.startswith(base):
        return base
    return f"{base}-{count(previous.id[len(base) + 1 :], 1) + 1}"


def _worse(peak: float | None, finding: Finding) -> float | None:
    values = [value for value in (peak, finding.value) if value is not None]
    return min(values, default=None) if finding.is_low_bad else max(values, default=None)

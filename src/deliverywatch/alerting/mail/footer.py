"""A story -> the end of its mail: links, the timeline of the incident, and the footer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import Event
from deliverywatch.alerting.inputs.alarm import account_of
from deliverywatch.alerting.mail import chart, links
from deliverywatch.alerting.mail.story import entry_text, rule
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Ack, Change
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.story import Story

_TIMELINE_COUNT = 8
# The stack that the command line takes by default.
_DEFAULT_STACK = "deliverywatch-prod"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline; `tone` is its colour."""

    time: str
    word: str
    tone: str
    text: str


def link_list(story: Story, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return titles and URLs: the alarm, then the pages of the stack and of the watch's system."""
    alarm_region = (links.region_of(story.alarm.arn) if story.alarm else "") or settings.region
    alarm_url = links.alarm_url(alarm_region, story.alarm.name) if story.alarm and alarm_region else ""
    # A system with a dashboard of its own has other pages than the stack's.
    has_dashboard = any(title == "Dashboard" for title, _ in story.context.links)
    region = (settings.region or alarm_region) if story.is_declared and not has_dashboard else ""
    dashboard, workgroup = _dashboard(story, settings), story.context.workgroup or settings.workgroup
    start = story.incident.opened_at - timedelta(hours=chart.HOURS)
    pages = [
        ("Alarm in CloudWatch", alarm_url),
        ("Dashboard", links.dashboard_url(region, dashboard, start, story.change.time) if region else ""),
        ("Saved queries", links.saved_queries_url(region, workgroup) if region else ""),
        *story.context.links,
    ]
    return tuple((title, url) for title, url in pages if url)


def _dashboard(story: Story, settings: Settings) -> str:
    """Return the name of the system's dashboard, with which its watches begin; empty if the stack has none."""
    system = story.incident.watch.partition("-")[0]
    return f"{settings.prefix}-{system}" if settings.dashboard else ""


def timeline(story: Story) -> tuple[Entry, ...]:
    """Return the first and the latest changes up to this one, and the acknowledgements in between."""
    all_until = [change for change in story.incident.timeline if change.seq <= story.change.seq]
    until = all_until if len(all_until) <= _TIMELINE_COUNT else [all_until[0], *all_until[1 - _TIMELINE_COUNT :]]
    timed = [(change.time, _changed(story, change)) for change in until]
    timed += [(ack.time, _acknowledged(story, ack)) for ack in story.acks]
    return tuple(entry for _, entry in sorted(timed, key=lambda pair: pair[0]))


def _changed(story: Story, change: Change) -> Entry:
    is_unseen = change.event in (Event.QUIET, Event.UNSEEN, Event.CLOSED)
    tone = "blind" if is_unseen else "resolved" if change.level is Level.OK else change.level.value
    return Entry(_time(story, change.time), change.event.value, tone, entry_text(story, change))


def _acknowledged(story: Story, ack: Ack) -> Entry:
    return Entry(_time(story, ack.time), "ACK", "ack", f"{ack.by}: {ack.note}" if ack.note else ack.by)


def _time(story: Story, moment: datetime) -> str:
    return story.clock.day_time(moment, story.change.time)


def footer(story: Story, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return names and values that say where the mail comes from; a declared alarm's description is its rule."""
    alarm, time = story.alarm, story.change.time
    description = alarm.description if alarm and story.is_declared else ""
    arn = alarm.arn if alarm else ""
    lines = [
        ("Rule", description or rule(alarm) if alarm else ""),
        ("Alarm", alarm.name if alarm else ""),
        ("Account", " · ".join(part for part in (account_of(arn), links.region_of(arn)) if part)),
        ("Stack", f"{settings.prefix} (environment {settings.environment})"),
        ("Incident", f"{story.incident.id}, mail {story.change.seq}"),
        *_commands(story, settings),
        ("Time", story.clock.full_with_utc(time)),
    ]
    return tuple((name, value) for name, value in lines if value)


def _commands(story: Story, settings: Settings) -> list[tuple[str, str]]:
    """Return the commands to type at night, with the incident filled in, and the stack if it is not the default."""
    options = "" if settings.prefix == _DEFAULT_STACK else f" --stack {settings.prefix}"
    ack = "" if story.is_over else f"deliverywatch ack {story.incident.id} --by NAME{options}"
    review = f"deliverywatch review {story.incident.id}{options}" if story.is_over else ""
    more = f"deliverywatch explain {story.incident.id}{options}"
    return [("To read more", more), ("To take it on", ack), ("To review it", review)]

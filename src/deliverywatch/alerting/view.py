"""An incident's change with all that is known -> the view model that both parts of the mail are made of.

The anatomy, top to bottom: bar, sentence, numbers, verdict, chart, reasons, groups, samples, steps, links, timeline,
footer. What there is nothing to say about is empty, and the templates leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting import chart, links, words
from deliverywatch.alerting.contrast import verdict
from deliverywatch.alerting.figures import alarm_facts, figures
from deliverywatch.alerting.ladder import Level
from deliverywatch.alerting.sentences import Story, entry_text, headline, preheader, rule

if TYPE_CHECKING:
    from deliverywatch.alerting.alarm import Alarm
    from deliverywatch.alerting.chart import Bar
    from deliverywatch.alerting.context import Context, Group, Reason, Sample
    from deliverywatch.alerting.figures import Figure
    from deliverywatch.alerting.incident import Change, Incident
    from deliverywatch.alerting.settings import Settings
    from deliverywatch.alerting.sight import Sight

SUBJECT_LIMIT = 78
_REASON_COUNT = 5
_GROUP_COUNT = 3
_SAMPLE_COUNT = 5
_TIMELINE_COUNT = 12

# A context this much older than the mail is not about what the mail is about.
_STALE = timedelta(minutes=30)
_LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline; `tone` is its colour."""

    time: str
    word: str
    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The last hours as bars, for where no picture can be shown, and in words."""

    title: str
    text: str
    bars: tuple[Bar, ...]
    sparkline: str
    times: tuple[str, str]
    limits: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class View:
    """A mail before it is written; texts are plain, escaping is the templates' business.

    Attributes:
        tone: What the colours follow: a level, or `resolved`.
        word: The tone in capitals, because colour alone does not tell everybody.
        notes: What the reader should know before trusting the rest.
        facts: What is known of an alarm that no context explains.
    """

    subject: str
    preheader: str
    tone: str
    word: str
    event: str
    title: str
    incident: str
    sentence: str
    notes: tuple[str, ...]
    figures: tuple[Figure, ...]
    verdict: str
    chart: Chart | None
    reasons: tuple[Reason, ...]
    groups: tuple[tuple[str, tuple[Group, ...]], ...]
    samples: tuple[tuple[str, Sample], ...]
    facts: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    timeline: tuple[Entry, ...]
    footer: tuple[tuple[str, str], ...]
    why: str


def view(
    incident: Incident, change: Change, sight: Sight, alarm: Alarm | None, context: Context, settings: Settings
) -> View:
    """Return the view of a change.

    Args:
        incident: The incident, which may have gone on since.
        change: The change that the mail is about.
        sight: What was known of the watch's alarms when the mail was written.
        alarm: The alarm that the mail is about, if there is one.
        context: What the watch's system left; an empty one will do.
        settings: The stack.
    """
    story = Story(
        incident, change, alarm, context, words.clock(settings.time_zone), incident.title or sight.watch.title
    )
    tone = "resolved" if story.is_over else change.level.value
    judged = "" if story.is_blind or story.is_over else verdict(context)
    is_detailed = not story.is_blind and bool(context.reasons)
    return View(
        subject=_subject(story, settings.environment),
        preheader=preheader(story, judged),
        tone=tone,
        word=tone.upper(),
        event=change.event.value,
        title=story.title,
        incident=incident.id,
        sentence=headline(story),
        notes=_notes(story, sight),
        figures=figures(story),
        verdict=judged,
        chart=_chart(story, sight),
        reasons=context.reasons[:_REASON_COUNT] if is_detailed else (),
        groups=tuple((by, groups[:_GROUP_COUNT]) for by, groups in context.groups if groups) if is_detailed else (),
        samples=_samples(story) if is_detailed else (),
        facts=() if sight.watch.context else alarm_facts(story),
        steps=_steps(story),
        links=_links(story, settings),
        timeline=_timeline(story),
        footer=_footer(story, settings),
        why=f"You get this mail because your address is among the alert recipients of the stack {settings.prefix}. "
        "To be taken off, ask whoever runs that stack.",
    )


def _subject(story: Story, environment: str) -> str:
    word = story.change.level.value.upper()
    if story.is_over:
        lasted = words.span_short(story.change.time - story.incident.opened_at)
        word = "RESOLVED" if story.incident.is_presumed else f"RESOLVED {lasted}"
    share = (
        f" {words.percent_short(story.value)}"
        if story.value is not None and story.is_percent and not story.is_over
        else ""
    )
    tail = f"{share} - {environment} - {story.incident.id}"
    title = words.cut(story.title, SUBJECT_LIMIT - len(f"[{word}] {tail}"), "...")
    return f"[{word}] {title}{tail}"


def _notes(story: Story, sight: Sight) -> tuple[str, ...]:
    context, change = story.context, story.change
    notes = []
    if sight.now - change.time > _LATE:
        notes.append(f"This mail is late: it was due at {story.clock.day_time(change.time, sight.now)}.")
    if context.problem and not story.is_over:
        notes.append(context.problem.sentence)
    if context.reasons and context.updated_at and change.time - context.updated_at > _STALE and not story.is_blind:
        notes.append(f"The details below are as of {story.clock.day_time(context.updated_at, change.time)}.")
    return tuple(notes)


def _chart(story: Story, sight: Sight) -> Chart | None:
    slots = story.context.slots
    if story.is_blind or not slots or story.alarm is None or not story.alarm.is_ratio:
        return None
    limits = chart.thresholds(sight)
    drawn = chart.bars(slots, limits)
    first, last = drawn[0].slot.start, drawn[-1].slot.start + timedelta(minutes=story.context.slot_minutes)
    times = (story.clock.time(first), story.clock.time(last))
    highest = words.percent(max(bar.rate_percent for bar in drawn))
    title = f"Failure rate per {story.context.slot_minutes} minutes"
    text = f"{title}, {times[0]} to {times[1]}: {words.percent(drawn[-1].rate_percent)} at the end, highest {highest}."
    spelled = tuple((level.value, words.percent(limit)) for level, limit in reversed(limits))
    return Chart(title, text, drawn, chart.sparkline(drawn), times, spelled)


def _samples(story: Story) -> tuple[tuple[str, Sample], ...]:
    samples = story.context.samples[:_SAMPLE_COUNT]
    return tuple((story.clock.time(sample.time) if sample.time else "", sample) for sample in samples)


def _steps(story: Story) -> tuple[str, ...]:
    context = story.context
    if story.is_over:
        return ()
    if story.is_blind and context.problem:
        return context.problem.steps
    if story.is_blind:
        return (
            "Open the function's log from the dashboard and read the first error of its last runs.",
            "If there were no runs at all, look whether the schedule is enabled.",
            f"Nothing is lost, the next good run reads what was missed; until then watch {context.noun} otherwise.",
        )
    return context.steps


def _links(story: Story, settings: Settings) -> tuple[tuple[str, str], ...]:
    there = links.region_of(story.alarm.arn) if story.alarm else ""
    here = settings.region or there
    start = story.incident.opened_at - timedelta(hours=chart.HOURS)
    found = [
        ("Alarm", links.alarm_url(there or here, story.alarm.name) if story.alarm and (there or here) else ""),
        ("Dashboard", links.dashboard_url(here, settings.dashboard, start, story.change.time) if here else ""),
        ("Saved queries", links.saved_queries_url(here, settings.workgroup) if here else ""),
        *story.context.links,
    ]
    return tuple((title, url) for title, url in found if url)


def _timeline(story: Story) -> tuple[Entry, ...]:
    until = [change for change in story.incident.timeline if change.seq <= story.change.seq]
    now = story.change.time
    return tuple(
        Entry(
            story.clock.day_time(change.time, now),
            change.event.value,
            "resolved" if change.level is Level.OK else change.level.value,
            entry_text(story, change),
        )
        for change in until[-_TIMELINE_COUNT:]
    )


def _footer(story: Story, settings: Settings) -> tuple[tuple[str, str], ...]:
    alarm, time = story.alarm, story.change.time
    arn = alarm.arn if alarm else ""
    places = (links.account_of(arn), links.region_of(arn) or settings.region)
    local, utc = story.clock.full(time), f"{time.astimezone(UTC):%H:%M} UTC"
    found = [
        ("Rule", rule(alarm) if alarm else ""),
        ("Alarm", alarm.name if alarm else ""),
        ("Account", " · ".join(place for place in places if place)),
        ("Stack", f"{settings.prefix} (environment {settings.environment})"),
        ("Incident", f"{story.incident.id}, mail {story.change.seq}"),
        ("Time", local if local.endswith(" UTC") else f"{local} ({utc})"),
    ]
    return tuple((name, value) for name, value in found if value)

"""A story -> the view model of both parts of the mail.

The anatomy, top to bottom: bar, sentence, numbers, verdict, chart, reasons, groups, samples, steps, links, timeline,
footer. What does not apply is empty, and the templates leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import Event
from deliverywatch.alerting.mail import chart, formatting, held
from deliverywatch.alerting.mail.comparison import Comparison, compare
from deliverywatch.alerting.mail.footer import footer, link_list, timeline
from deliverywatch.alerting.mail.headline_numbers import alarm_facts, headline_numbers
from deliverywatch.alerting.mail.sentences import headline, preheader
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.chart import Bar
    from deliverywatch.alerting.mail.footer import Entry
    from deliverywatch.alerting.mail.headline_numbers import HeadlineNumber
    from deliverywatch.alerting.mail.story import Story
    from deliverywatch.messages.context import Context, Reason, Sample
    from deliverywatch.messages.group import Group

# With "Subject: " before it one line of a mail: Python begins a longer one in the second line, and the first is empty.
SUBJECT_LIMIT = 69
_REASON_COUNT = 5
_GROUP_COUNT = 3
_GROUPING_COUNT = 2
_SAMPLE_COUNT = 5

# The details of a context this much older than the mail are marked as old.
_STALE = timedelta(minutes=30)
_LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Chart:
    """The last hours as bars and in words, for where no picture can be shown."""

    title: str
    text: str
    bars: tuple[Bar, ...]
    sparkline: str
    times: tuple[str, str]
    limits: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class View:
    """The contents of a mail; texts are plain, and the templates escape them.

    Attributes:
        tone: A level or `resolved`, which the colours follow.
        word: The tone in capitals, because not everybody sees colours.
        notes: What the reader should know before trusting the rest.
        picture: The definition of the chart for CloudWatch to draw, instead of `chart`.
        actions: Titles and URLs of signed links, which do something to the incident; whoever has one can use it.
        window: The time that reasons and groups are about, as the end of a heading.
        facts: What an alarm says that no context explains.
        table: Rows of the context, the names of their columns first; `table_title` says what they are.
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
    headline_numbers: tuple[HeadlineNumber, ...]
    timeline: tuple[Entry, ...]
    footer: tuple[tuple[str, str], ...]
    why: str
    verdict: str = ""
    chart: Chart | None = None
    picture: str | None = None
    window: str = ""
    reasons: tuple[Reason, ...] = ()
    groups: tuple[tuple[str, tuple[Group, ...]], ...] = ()
    samples: tuple[tuple[str, Sample], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    facts_title: str = "What the message says"
    table: tuple[tuple[str, ...], ...] = ()
    table_title: str = ""
    steps: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    actions: tuple[tuple[str, str], ...] = ()


def view(story: Story, settings: Settings, why: str) -> View:
    """Return the view of a change; `why` says why its readers get it."""
    context, change = story.context, story.change
    word, tone = _word(story)
    # The context holds the last window: once the incident is over or quiet, that window shows the calm.
    is_calm = story.is_over or change.event is Event.QUIET
    is_detailed = bool(context.reasons) and story.is_about_failures and not is_calm
    comparison = compare(context) if is_detailed else Comparison()
    window = f" in the last {formatting.window(60 * context.window_minutes)}" if context.window_minutes else ""
    return View(
        subject=_subject(story, settings.environment),
        preheader=preheader(story, comparison.blamed),
        tone=tone,
        word=word,
        # "Unseen" and "reminder" are our words; the reader's are in the bar already.
        event=word if change.event in held.EVENTS else change.event.value,
        title=story.title,
        incident=story.incident.id,
        sentence=headline(story),
        notes=(*(held.notes(story, settings) if change.event in held.EVENTS else ()), *_notes(story)),
        headline_numbers=headline_numbers(story),
        facts=_facts(story),
        facts_title="What the message says" if change.facts or not story.is_declared else "What is known",
        verdict=_verdict(story, comparison.sentence),
        chart=_chart(story),
        picture=chart.widget(story),
        window=window,
        reasons=context.reasons[:_REASON_COUNT] if is_detailed else (),
        groups=_groups(context, comparison.by) if is_detailed else (),
        samples=_samples(story) if is_detailed else (),
        table=() if story.is_over else context.table,
        table_title=context.table_title or "Rows",
        steps=_steps(story),
        links=link_list(story, settings),
        timeline=timeline(story),
        footer=footer(story, settings),
        why=why,
    )


def _word(story: Story) -> tuple[str, str]:
    """Return the state in capitals, and the tone: what nobody can see has the colour of being blind."""
    if story.change.event in held.EVENTS:
        is_level = story.change.event is Event.REMINDER
        return held.word(story), story.change.level.value if is_level else Level.BLIND.value
    tone = "resolved" if story.is_over else story.change.level.value
    return tone.upper(), tone


def _subject(story: Story, environment: str) -> str:
    if story.change.event in held.EVENTS and story.change.event is not Event.REMINDER:
        return subject_of(held.word(story), held.subject_title(story), f" - {environment} - {story.incident.id}")
    word = held.subject_word(story) if story.change.event in held.EVENTS else story.change.level.value.upper()
    if story.is_over:
        lasted = formatting.span_short(story.change.time - story.incident.opened_at)
        word = "RESOLVED" if story.incident.is_presumed else f"RESOLVED {lasted}"
    # "SMS silence 0%" would read as no silence at all.
    has_share = story.is_percent and not (story.is_over or story.is_low_bad or story.is_blind)
    share = " " + story.measured(story.value).replace("\u00a0", "") if has_share and story.value is not None else ""
    return subject_of(word, story.title, f"{share} - {environment} - {story.incident.id}")


def subject_of(word: str, title: str, tail: str) -> str:
    """Return a subject of at most SUBJECT_LIMIT characters: only the title is cut."""
    return f"[{word}] {formatting.cut(title, SUBJECT_LIMIT - len(f'[{word}] {tail}'), '...')}{tail}"


def _notes(story: Story) -> tuple[str, ...]:
    context, change = story.context, story.change
    notes = [] if story.is_declared else _own_words(story)
    if change.event is Event.RESOLVED and change.assessment and change.assessment.sentence and not story.proof:
        notes.append(change.assessment.sentence)
    if story.written_at and story.written_at - change.time > _LATE:
        notes.append(f"This mail is late: it was due at {story.clock.day_time(change.time, story.written_at)}.")
    if story.is_blind and story.change.event is Event.RESOLVED:
        counted = f"The {context.noun} sent meanwhile are being counted: if they failed, that has a mail of its own."
        notes.append(context.blind_end or counted)
    if context.problem and not story.is_over:
        notes.append(context.problem.sentence)
    if story.advice and story.advice.sentence and not story.is_over:
        notes.append(story.advice.sentence)
    if story.acks and not story.is_over:
        last = story.acks[-1]
        notes.append(f"{last.by} has taken it on, at {story.clock.day_time(last.time, change.time)}.")
    notes += _limit(change)
    if context.reasons and context.updated_at and change.time - context.updated_at > _STALE and not story.is_blind:
        notes.append(f"The details below are as of {story.clock.day_time(context.updated_at, change.time)}.")
    return tuple(notes)


def _limit(change: Change) -> list[str]:
    """Return why the incident is not at the level that its share would make it."""
    seen = change.assessment
    if seen is None or seen.at_most is not change.level or seen.holds.rank <= change.level.rank:
        return []
    return [f"It does not rise above {change.level.value}: {seen.sentence}"]


def _own_words(story: Story) -> list[str]:
    """Return what an undeclared alarm's author says about it."""
    return [story.alarm.description] if story.alarm and story.alarm.description else []


def _facts(story: Story) -> tuple[tuple[str, str], ...]:
    """Return the message's own facts, of an undeclared alarm with all it says, then those of the watch's system."""
    facts = story.change.facts if story.is_declared and story.alarm is not None else alarm_facts(story)
    return facts if story.is_over else (*facts, *story.context.facts)


def _verdict(story: Story, verdict: str) -> str:
    minutes = story.context.window_minutes
    if not verdict or not minutes or story.alarm is None or story.alarm.period_seconds == 60 * minutes:
        return verdict
    return f"{verdict.removesuffix('.')}, in the last {formatting.window(60 * minutes)}."


def _groups(context: Context, blamed_by: str) -> tuple[tuple[str, tuple[Group, ...]], ...]:
    """Return the first two groupings, and any other only where one of its groups is to blame: a mail is short."""
    named = [(by, [group for group in groups if not group.is_rest]) for by, groups in context.groups]
    shown = [pair for pair in named[:_GROUPING_COUNT] if pair[1]]
    shown += [pair for pair in named[_GROUPING_COUNT:] if pair[0] == blamed_by]
    return tuple((by, tuple(groups[:_GROUP_COUNT])) for by, groups in shown)


def _chart(story: Story) -> Chart | None:
    slots = story.context.slots
    drawn = chart.bars(slots, story.thresholds) if story.is_about_failures else ()
    if not any(bar.slot.total for bar in drawn):
        return None
    first, last = drawn[0].slot.start, drawn[-1].slot.start + timedelta(minutes=story.context.slot_minutes)
    times = (story.clock.time(first), story.clock.time(last))
    highest = formatting.percent(max(bar.rate_percent for bar in drawn))
    title = f"Failure rate per {story.context.slot_minutes} minutes, highest {highest}"
    text = f"{title}, {times[0]} to {times[1]}: {formatting.percent(drawn[-1].rate_percent)} at the end."
    spelled = tuple((level.value, f"{formatting.exact(limit)}\u00a0%") for level, limit in reversed(story.thresholds))
    return Chart(title, text, drawn, chart.sparkline(drawn), times, spelled)


def _samples(story: Story) -> tuple[tuple[str, Sample], ...]:
    samples = story.context.samples[:_SAMPLE_COUNT]
    return tuple((story.clock.time(sample.time) if sample.time else "", sample) for sample in samples)


def _steps(story: Story) -> tuple[str, ...]:
    context, of_held = story.context, held.steps(story)
    if of_held is not None or story.is_over:
        return of_held or ()
    if of_case := _steps_of_case(story):
        return of_case
    if story.is_blind:
        return context.blind_steps or (
            "Open the function's log from the dashboard and read the first error of its last runs.",
            "If there were no runs at all, look whether the schedule is enabled.",
            f"Nothing is lost, the next good run reads what was missed; until then watch {context.noun} otherwise.",
        )
    if story.overdue:
        return (
            "Look at the provider's status page: it accepts messages, and nothing is heard of them.",
            f"Send one of these {context.noun} to yourself. If it arrives, only the receipts are late.",
            f"If it does not, tell those who rely on {context.noun} and hold back what can wait.",
        )
    # A context without slots explains something else than a failure rate.
    return context.steps if story.is_about_failures or not context.slots else ()


def _steps_of_case(story: Story) -> tuple[str, ...]:
    """Return what to do about this very problem, alarm or watch."""
    context = story.context
    of_problem = context.problem.steps if story.is_blind and context.problem else ()
    of_watch = () if story.is_blind else context.watch_steps.get(story.incident.watch, ())
    return of_problem or (story.advice.steps if story.advice else ()) or of_watch

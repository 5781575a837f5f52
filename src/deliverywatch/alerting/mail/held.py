"""What a mail says when nothing new is seen: quiet, an alarm that is gone, closed as unknown, and the daily reminder.

None of them is an all-clear, and each says so: what was seen last, what holds the level, and what will end it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import Event
from deliverywatch.alerting.mail import formatting
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.story import Story

EVENTS = frozenset({Event.QUIET, Event.UNSEEN, Event.REMINDER, Event.CLOSED})
# What a mail is called whose level says too much or too little.
_WORDS = {Event.QUIET: "QUIET", Event.UNSEEN: "BLIND", Event.CLOSED: "CLOSED AS UNKNOWN"}
_MOST_NAMES = 3


def word(story: Story) -> str:
    """Return the tag of the subject, in capitals."""
    if story.change.event is Event.REMINDER:
        return f"STILL {story.change.level.value.upper()}"
    return _WORDS[story.change.event]


def subject_word(story: Story) -> str:
    """Return the tag with how long it lasts, where that is the news."""
    lasts = formatting.span_short(story.change.time - story.incident.opened_at)
    return f"{word(story)} {lasts}" if story.change.event is Event.REMINDER else word(story)


def subject_title(story: Story) -> str:
    """Return the title of the subject, with what was seen last if it is quiet."""
    last = last_percent(story)
    if story.change.event is Event.UNSEEN:
        return f"{story.title}: an alarm is gone"
    is_known = story.change.event is Event.QUIET and last is not None
    return f"{story.title}, last seen {formatting.percent_short(last or 0)}" if is_known else story.title


def headline(story: Story, now: str) -> str:
    """Return the one sentence of the mail; `now` says what is measured at its time."""
    match story.change.event:
        case Event.QUIET:
            return _quiet(story)
        case Event.UNSEEN:
            return _unseen(story)
        case Event.CLOSED:
            return _closed(story)
        case _:
            return _reminder(story, now)


def notes(story: Story, settings: Settings) -> list[str]:
    """Return what it means, and when it ends."""
    match story.change.event:
        case Event.QUIET:
            return _notes_of_quiet(story, settings)
        case Event.UNSEEN if story.change.before is Level.OK:
            return ["Nothing is known to be wrong. What this alarm watches for goes unnoticed until it is back."]
        case Event.UNSEEN:
            return [f"This is no all-clear. {_stays_open(story, settings)}"]
        case Event.CLOSED:
            return [_NO_ALL_CLEAR]
        case _:
            return _since_last_mail(story)


_NO_ALL_CLEAR = (
    "This is no all-clear: nothing shows that it is over, and nothing shows that it goes on. If it is seen again, a "
    "new incident opens."
)


def steps(story: Story) -> tuple[str, ...] | None:
    """Return what to do; None for what the level wants to be done."""
    noun = story.context.noun
    again = "'deliverywatch deploy --revert-drift' makes it again" if story.is_declared else "make it again"
    match story.change.event:
        case Event.QUIET | Event.CLOSED if story.is_about_failures:
            return (
                f"Send one of these {noun} to yourself: whether it arrives says more than what is measured now.",
                f"If {noun} should be going out, look at what sends them: it may have stopped.",
            )
        case Event.QUIET | Event.CLOSED:
            return ("Look for yourself, where you can: nothing that is measured says how it is now.",)
        case Event.UNSEEN:
            return (
                "If the alarm was deleted or renamed on purpose, there is nothing to do: this is mailed once.",
                f"If not, {again}.",
            )
        case _:
            return None


def _notes_of_quiet(story: Story, settings: Settings) -> list[str]:
    seen = story.change.assessment.sentence if story.change.assessment else ""
    is_new = last_percent(story) is not None  # else the headline has it
    held = f"Nothing shows that it is over. {_stays_open(story, settings)}"
    return [seen, held] if seen and is_new else [held]


def _stays_open(story: Story, settings: Settings) -> str:
    close_at = story.change.time + timedelta(hours=settings.close_unknown_hours)
    good = f"enough {story.context.noun} are seen to arrive" if story.is_about_failures else "it is seen to be fine"
    return (
        f"The incident stays open at {story.change.level.value.upper()} and ends once {good}; if nothing is seen "
        f"until {story.clock.day_time(close_at, story.change.time)}, it is closed as unknown."
    )


def last_percent(story: Story) -> float | None:
    """Return the share that was seen last, of a watch that measures one."""
    assessment = story.change.assessment
    return assessment.value if assessment and story.is_about_failures else None


def _quiet(story: Story) -> str:
    last, assessment = last_percent(story), story.change.assessment
    if last is not None and assessment:
        count = f"{formatting.amount(assessment.seen_count)} {story.context.noun} since"
        return f"{story.title}, quiet: last seen {formatting.percent(last)} failing, {count}."
    if assessment and assessment.sentence:
        return f"{story.title}, quiet: {assessment.sentence}"
    since = story.incident.held_since or story.change.time
    return f"{story.title}, quiet: nothing is seen of it since {story.clock.day_time(since, story.change.time)}."


def _unseen(story: Story) -> str:
    names = story.change.missing
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    shown = f"{', '.join(names[:_MOST_NAMES])}{more}"
    gone = f"the alarm {shown} does not exist" if len(names) == 1 else f"the alarms {shown} do not exist"
    return f"{story.title}: {gone} any more. What is watched with {'it' if len(names) == 1 else 'them'} cannot be seen."


def _closed(story: Story) -> str:
    since = story.incident.held_since or story.incident.changed_at
    lasted = formatting.span(story.change.time - since) if story.change.time > since else "too long"
    last = last_percent(story)
    seen = f" It was last seen {formatting.percent(last)} failing." if last is not None else ""
    return f"{story.title}, closed as unknown: nothing was seen of it for {lasted}.{seen}"


def _reminder(story: Story, now: str) -> str:
    lasts = formatting.span(story.change.time - story.incident.opened_at)
    return f"Still {story.change.level.value} after {lasts}: {now}"


def _since_last_mail(story: Story) -> list[str]:
    """Return what changed since the mail before."""
    before = [change for change in story.incident.timeline if change.seq < story.change.seq]
    if not before:
        return []
    last, now = before[-1], story.change
    since = f"Since the last mail ({story.clock.day_time(last.time, now.time)})"
    if last.value is None or now.value is None or story.alarm is None:  # without an alarm a value has no unit
        return [f"{since} the level has not changed."]
    words = f"{story.measured(last.value)} then, {story.measured(now.value)} now"
    return [f"{since} the level has not changed: {words}."]

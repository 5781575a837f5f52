"""A change of an incident -> the sentences of its mail: headline, preview, timeline, and the rule in words."""

from deliverywatch.alerting.incidents.incident import Event
from deliverywatch.alerting.mail import formatting, held
from deliverywatch.alerting.mail.story import Story, measure
from deliverywatch.alerting.mail.window import is_rising
from deliverywatch.messages.context import Context

_OPENINGS = {Event.ESCALATED: "It got worse: ", Event.DOWNGRADED: "It is getting better but is not over: "}


def headline(story: Story) -> str:
    """Return the one sentence that says what, how much and since when."""
    if story.change.event in held.EVENTS:
        return held.headline(story, _now(story))
    if story.is_over:
        return _end(story)
    return _now(story)


def _now(story: Story) -> str:
    if story.is_blind and _has_own_words(story):
        return story.change.reason
    if story.is_blind:
        since = story.clock.day_time(story.blind_since, story.change.time)
        return f"We cannot see {_failures(story)} since {since}: this is not a measured outage."
    if story.finding:
        return _OPENINGS.get(story.change.event, "") + story.finding
    if story.alarm is None:
        return _of_notice(story)
    return _OPENINGS.get(story.change.event, "") + _measurement(story)


def _has_own_words(story: Story) -> bool:
    """Whether a system's notice says itself what cannot be seen."""
    return story.alarm is None and bool(story.change.reason)


def _failures(story: Story) -> str:
    noun = story.context.noun
    return f"failures of {noun}" if " " in noun or noun == Context().noun else f"{noun} failures"


def preheader(story: Story, blamed: str) -> str:
    """Return what an inbox shows behind the subject, at most 90 characters; `blamed` is who has most failures."""
    since = f"since {story.clock.time(story.incident.opened_at)}"
    if story.is_blind or story.is_over or story.finding or story.change.event in held.EVENTS or not story.counts:
        return formatting.cut(headline(story), 90)
    failed, total = story.counts
    mostly = [f"mostly {blamed}"] if blamed else []
    rate = f"{formatting.percent(100 * failed / total)} of {formatting.amount(total)} {story.context.noun} failed"
    return formatting.cut(" · ".join([rate, *mostly, since]), 90)


def _of_notice(story: Story) -> str:
    seen = story.change.assessment.sentence if story.change.assessment else ""
    if seen and not story.change.reason:  # what was said earlier is no longer so
        return _OPENINGS.get(story.change.event, "") + seen
    until = (change.reason for change in reversed(story.incident.timeline) if change.seq <= story.change.seq)
    reason = story.change.reason or next((reason for reason in until if reason), "")
    return reason or f"{story.title} is at level {story.change.level}."


def _measurement(story: Story) -> str:
    alarm = story.alarm
    if story.counts and alarm:
        failed, total = story.counts
        share = formatting.percent(100 * failed / total)
        what = f"{formatting.amount(failed)} of {formatting.amount(total)} {story.context.noun} failed"
        rising = ", and the rate is rising" if is_rising(story.context) else ""
        return f"{what} in the last {formatting.window(alarm.period_seconds)} ({share}){rising}."
    if story.overdue and story.overdue.total:
        pending, total = story.overdue[:2]
        share = formatting.percent(100 * pending / total)
        counts = f"{formatting.amount(pending)} of {formatting.amount(total)} {story.context.noun}"
        return f"{counts} are without an outcome ({share})."
    if story.value is not None and alarm:
        limit = f" (threshold {story.threshold})" if story.threshold else ""
        return f"{story.title}: {measure(alarm)} is at {story.measured(story.value)}{limit}."
    return f"{story.title} is in ALARM since {story.clock.time(story.change.time)}."


def _end(story: Story) -> str:
    incident, change = story.incident, story.change
    after = "" if incident.is_presumed else f" after {formatting.span(change.time - incident.opened_at)}"
    if story.is_blind and _has_own_words(story):
        return story.change.reason
    if story.is_blind:
        return f"We can see {_failures(story)} again{after}."
    if story.proof:
        return f"{story.title}, ended{after}. {story.proof}"
    now = f", now at {formatting.percent(change.value)}" if change.value is not None and story.is_percent else ""
    return f"{story.title}: over{after}{now}."

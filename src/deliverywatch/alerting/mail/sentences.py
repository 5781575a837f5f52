"""A change of an incident -> the sentences of its mail: headline, preview, timeline, and the rule in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import Event
from deliverywatch.alerting.mail import formatting
from deliverywatch.alerting.mail.window import is_rising, window_counts
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.messages.context import Context, Overdue

_OPENINGS = {Event.ESCALATED: "It got worse: ", Event.DOWNGRADED: "It is getting better but is not over: "}


@dataclass(frozen=True, slots=True)
class Story:
    """All that a mail's sentences are made of."""

    incident: Incident
    change: Change
    alarm: Alarm | None
    context: Context
    clock: Clock
    title: str

    @property
    def is_over(self) -> bool:
        """Whether the mail tells of the end."""
        return self.change.event is Event.RESOLVED

    @property
    def is_blind(self) -> bool:
        """Whether it is about not seeing, rather than about something seen."""
        return Level.BLIND in (self.change.level, self.change.before if self.is_over else Level.OK)

    @property
    def counts(self) -> tuple[float, float] | None:
        """Failed and total: of the alarm's window, or of the incident once it is over."""
        if self.change.failed is not None and self.change.total:
            return self.change.failed, self.change.total
        if self.alarm is None or not self.alarm.is_ratio or self.is_over:
            return None
        found = window_counts(self.context, self.alarm.period_seconds)
        return found if found and found[1] else None

    @property
    def overdue(self) -> Overdue | None:
        """How many are overdue, if that is what the alarm measures; it is not about failures."""
        is_about_it = self.alarm is not None and "overdue" in measure(self.alarm).lower()
        return self.context.overdue if is_about_it else None

    @property
    def is_about_failures(self) -> bool:
        """Whether the context's reasons, groups and samples explain what the mail tells."""
        return self.alarm is not None and self.alarm.is_ratio and not self.is_blind

    @property
    def blind_since(self) -> datetime:
        """Since when nothing is seen: the system knows it better than the alarm, which waits for a window."""
        problem = self.context.problem
        return problem.since if problem and problem.since else self.incident.opened_at

    @property
    def is_percent(self) -> bool:
        """Whether the alarm's value is a percentage."""
        return self.alarm is not None and self.alarm.is_percent

    @property
    def value(self) -> float | None:
        """The alarm's value at the change, computed from the counts where CloudWatch gave none."""
        if self.change.value is not None or self.counts is None or self.is_over:
            return self.change.value
        return 100 * self.counts[0] / self.counts[1]

    def measured(self, value: float) -> str:
        """Return a value of the alarm with its unit."""
        return formatting.percent(value) if self.is_percent else formatting.amount(value)


def headline(story: Story) -> str:
    """Return the one sentence that says what, how much and since when."""
    if story.is_over:
        return _end(story)
    if story.is_blind:
        since = story.clock.day_time(story.blind_since, story.change.time)
        return f"We cannot see {_failures(story)} since {since}: this is not a measured outage."
    if story.alarm is None:
        return _told(story)
    return _OPENINGS.get(story.change.event, "") + _measurement(story)


def _failures(story: Story) -> str:
    noun = story.context.noun
    return f"failures of {noun}" if " " in noun else f"{noun} failures"


def preheader(story: Story, verdict: str) -> str:
    """Return what an inbox shows behind the subject, at most 90 characters."""
    since = f"since {story.clock.time(story.incident.opened_at)}"
    if story.is_blind or story.is_over or not story.counts:
        return formatting.cut(headline(story), 90)
    failed, total = story.counts
    mostly = [
        f"mostly {groups[0].name}" for _, groups in story.context.groups[:1] if verdict.startswith("Concentrated")
    ]
    rate = f"{formatting.percent(100 * failed / total)} of {formatting.amount(total)} {story.context.noun} failed"
    return formatting.cut(" · ".join([rate, *mostly, since]), 90)


def entry_text(story: Story, change: Change) -> str:
    """Return what the timeline says of a change."""
    if story.is_blind:
        return "we see again" if change.event is Event.RESOLVED else "we lost sight"
    if change.event is Event.RESOLVED:
        return "back to normal"
    level = "in alarm" if change.level is Level.ALARM else change.level.value
    if change.value is None:
        return level
    counts = change.failed is not None and change.total
    of = f" ({formatting.amount(change.failed or 0)} of {formatting.amount(change.total or 0)})" if counts else ""
    return f"{level} at {story.measured(change.value)}{of}"


def rule(alarm: Alarm) -> str:
    """Return when the alarm goes off, spelled out of its definition; empty where that is not known."""
    if alarm.rule:
        return alarm.rule
    if alarm.comparison.endswith(("UpperThreshold", "LowerThreshold", "UpperThresholds")):
        return f"{measure(alarm)} leaves the band that CloudWatch learned from it."
    if alarm.threshold is None or not alarm.sign:
        return ""
    window = formatting.span(timedelta(seconds=alarm.period_seconds))
    periods = f", in {alarm.datapoints_to_alarm} of {alarm.evaluation_periods} periods"
    agreed = periods if alarm.evaluation_periods > 1 else ""
    return f"{measure(alarm)} {alarm.sign} {formatting.amount(alarm.threshold)} over {window}{agreed}."


def threshold(story: Story) -> str:
    """Return the alarm's threshold with its sign: > 25 %; empty if it has none."""
    alarm = story.alarm
    if alarm is None or alarm.threshold is None:
        return ""
    return f"{alarm.sign} {story.measured(alarm.threshold)}".strip()


def measure(alarm: Alarm) -> str:
    """Return what the alarm measures: its label, its expression or its metric."""
    query = alarm.returned
    if "Expression" in query:
        return str(query.get("Label") or query["Expression"])
    stat = query.get("MetricStat", {})
    return f"{stat['Stat']} of {stat['Metric']['MetricName']}" if stat else alarm.name


def _told(story: Story) -> str:
    if story.change.level is Level.ALARM:
        return f"A message came that is not a CloudWatch alarm: {story.title}."
    return story.change.reason or f"{story.title} is at level {story.change.level}."


def _measurement(story: Story) -> str:
    alarm = story.alarm
    if story.counts and alarm:
        failed, total = story.counts
        share = formatting.percent(100 * failed / total)
        what = f"{formatting.amount(failed)} of {formatting.amount(total)} {story.context.noun} failed"
        rising = ", and the rate is rising" if is_rising(story.context) else ""
        return f"{what} in the last {formatting.window(alarm.period_seconds)} ({share}){rising}."
    if story.overdue and story.overdue.total:
        pending, total, _ = story.overdue
        share = formatting.percent(100 * pending / total)
        counts = f"{formatting.amount(pending)} of {formatting.amount(total)} {story.context.noun}"
        return f"{counts} are without an outcome ({share})."
    if story.value is not None and alarm:
        return f"{story.title}: {measure(alarm)} is at {story.measured(story.value)}{_limit(story)}."
    return f"{story.title} is in ALARM since {story.clock.time(story.change.time)}."


def _limit(story: Story) -> str:
    limit = threshold(story)
    return f" (threshold {limit})" if limit else ""


def _end(story: Story) -> str:
    after = (
        "" if story.incident.is_presumed else f" after {formatting.span(story.change.time - story.incident.opened_at)}"
    )
    if story.is_blind:
        return f"We can see {_failures(story)} again{after}."
    now = (
        f", now at {formatting.percent(story.change.value)}"
        if story.change.value is not None and story.is_percent
        else ""
    )
    return f"{story.title}: over{after}{now}."

"""A change of an incident with its alarm and context: what the parts of a mail are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import Event
from deliverywatch.alerting.mail import formatting
from deliverywatch.alerting.mail.window import window_counts
from deliverywatch.messages.advice import Advice
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Verdict

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Ack, Change, Incident
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.messages.context import Context, Overdue
    from deliverywatch.messages.verdict import Assessment

_POINTS = "points above"


@dataclass(frozen=True, slots=True)
class Story:
    """All that a mail is made of.

    Attributes:
        incident: It may have changed again since.
        change: What the mail is about.
        alarm: The alarm that the mail is about, if there is one.
        context: The document of the watch's system; may be empty.
        is_declared: Whether the stack declared the alarm; its dashboard and queries are about no other.
        thresholds: Of the watch's levels, worst first.
        written_at: When the mail is written; None means at the change.
    """

    incident: Incident
    change: Change
    alarm: Alarm | None
    context: Context
    clock: Clock
    title: str
    is_declared: bool = False
    thresholds: tuple[tuple[Level, float], ...] = ()
    written_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether the mail reports the end, be it known or not."""
        return self.change.event in (Event.RESOLVED, Event.CLOSED)

    @property
    def is_blind(self) -> bool:
        """Whether it is about being blind, not about something measured."""
        return _is_blind(self.change)

    @property
    def finding(self) -> str:
        """What the system's data say, if they are what the change rests on or nothing else is measured; else empty."""
        assessment = _failing(self.change)
        if assessment is None or self.is_over:
            return ""
        has_counts = self.alarm is not None and self.alarm.is_ratio
        return assessment.sentence if _rests_on_data(self.change) or not has_counts else ""

    @property
    def proof(self) -> str:
        """What the system's data prove at the end of an incident, in words, where there is nothing to measure."""
        assessment = self.change.assessment
        is_proven = assessment is not None and assessment.verdict is Verdict.HEALTHY
        return assessment.sentence if assessment and is_proven and self.change.value is None else ""

    @property
    def counts(self) -> tuple[float, float] | None:
        """Failed and total: of the alarm's window, or of the incident once it is over."""
        if self.change.failed is not None and self.change.total:
            return self.change.failed, self.change.total
        if self.alarm is None or not self.alarm.is_ratio or self.is_over:
            return None
        counts = window_counts(self.context, self.alarm.period_seconds)
        return counts if counts and counts[1] else None

    @property
    def overdue(self) -> Overdue | None:
        """How many messages are overdue, if that is what the alarm measures."""
        is_about_it = self.alarm is not None and "overdue" in measure(self.alarm).lower()
        return self.context.overdue if is_about_it else None

    @property
    def is_about_failures(self) -> bool:
        """Whether the context's reasons, groups and samples explain what the mail reports."""
        is_share = self.incident.watch in self.context.failure_watches
        return self.alarm is not None and (self.alarm.is_ratio or is_share) and not self.is_blind

    @property
    def blind_since(self) -> datetime:
        """Since when nothing is seen; the system knows that better than the alarm, which waits for its window."""
        problem = self.context.problem
        return problem.since if problem and problem.since else self.incident.opened_at

    @property
    def advice(self) -> Advice | None:
        """What the system says of this very alarm, with the dimensions of its metrics filled in."""
        advice = self.context.alarm_advice.get(self.alarm.name) if self.alarm else None
        if advice is None or self.alarm is None:
            return None
        dimensions = self.alarm.dimensions
        return Advice(
            formatting.filled(advice.sentence, dimensions),
            tuple(formatting.filled(step, dimensions) for step in advice.steps),
        )

    @property
    def is_percent(self) -> bool:
        """Whether the alarm's value is a percentage."""
        return self.alarm is not None and self.alarm.is_percent and not self.is_points

    @property
    def is_low_bad(self) -> bool:
        """Whether lower values are worse."""
        return self.alarm is not None and self.alarm.sign.startswith("<")

    @property
    def is_points(self) -> bool:
        """Whether the value is the difference of two percentages: only the alarm's description says so."""
        return self.alarm is not None and _POINTS in self.alarm.description

    @property
    def value(self) -> float | None:
        """The value at the change: of the system's data if it rests on them, else of the alarm, else of its counts."""
        if _rests_on_data(self.change) and self.change.assessment:
            return self.change.assessment.value
        if self.change.value is not None or self.counts is None or self.is_over:
            return self.change.value
        return 100 * self.counts[0] / self.counts[1]

    def measured(self, value: float) -> str:
        """Return a value of the alarm with its unit: 31 %, 1,843 seconds or 1,204."""
        words = formatting.percent_bare if self.is_percent else formatting.amount
        limit = self.alarm.threshold if self.alarm else None
        return self._with_unit(words(value) if limit is None else formatting.beside(value, limit, words))

    def _with_unit(self, number: str) -> str:
        if self.is_percent:
            return f"{number}\u00a0%"
        unit = "points" if self.is_points else self.alarm.unit.lower() if self.alarm else ""
        return number + (f"\u00a0{unit}" if unit else "")

    @property
    def threshold(self) -> str:
        """The alarm's threshold with its sign: > 25 %; empty if it has none."""
        alarm = self.alarm
        if alarm is None or alarm.threshold is None:
            return ""
        return f"{alarm.sign} {self._with_unit(formatting.exact(alarm.threshold))}".strip()

    @property
    def acks(self) -> list[Ack]:
        """Who had acknowledged the incident at the time of the change."""
        return [ack for ack in self.incident.acks if ack.time <= self.change.time]


def entry_text(story: Story, change: Change) -> str:
    """Return what the timeline says of a change."""
    if held := _held_text(change.event, change.level):
        return held
    if _is_blind(change):
        return "we see again" if change.event is Event.RESOLVED else "we lost sight"
    if change.event is Event.RESOLVED:
        # Of an end without a value nothing is known to be normal: a sending that failed is over, not better.
        return "over" if change.assessment and change.assessment.value is None else "back to normal"
    level = "in alarm" if change.level is Level.ALARM else change.level.value
    if change.value is None or story.alarm is None:  # without an alarm a value has no unit
        return level
    if _rests_on_data(change) and change.assessment and change.assessment.value is not None:
        return f"{level} at {story.measured(change.assessment.value)}"
    counts = change.failed is not None and change.total
    of = f" ({formatting.amount(change.failed or 0)} of {formatting.amount(change.total or 0)})" if counts else ""
    return f"{level} at {story.measured(change.value)}{of}"


def _failing(change: Change) -> Assessment | None:
    is_failing = change.assessment is not None and change.assessment.verdict is Verdict.FAILING
    return change.assessment if is_failing else None


def _rests_on_data(change: Change) -> bool:
    """Return whether it is the system's data that opened it, or let it step down: no alarm can do that."""
    assessment = _failing(change)
    if assessment is None or not assessment.sentence:
        return False
    return change.reason == assessment.sentence or change.event is Event.DOWNGRADED


def _held_text(event: Event, level: Level) -> str:
    """Return what the timeline says of a change without new evidence; empty where its values say it."""
    match event:
        case Event.QUIET:
            return f"too little is seen to tell; {level.value} is held"
        case Event.UNSEEN:
            return "an alarm is gone" if level is Level.BLIND else f"an alarm is gone; {level.value} is held"
        case Event.CLOSED:
            return "as unknown: nothing was seen for too long"
        case _:
            return ""


def _is_blind(change: Change) -> bool:
    is_end = change.event in (Event.RESOLVED, Event.CLOSED)
    return Level.BLIND in (change.level, change.before if is_end else Level.OK)


def rule(alarm: Alarm) -> str:
    """Return when the alarm goes off, according to its definition; empty if that is unknown."""
    if alarm.rule:
        return alarm.rule
    if alarm.comparison.endswith(("UpperThreshold", "LowerThreshold", "UpperThresholds")):
        return f"{measure(alarm)} leaves the band that CloudWatch learned from it."
    if alarm.threshold is None or not alarm.sign:
        return ""
    window = formatting.span(timedelta(seconds=alarm.period_seconds))
    periods = f", in {alarm.datapoints_to_alarm} of {alarm.evaluation_periods} periods"
    agreed = periods if alarm.evaluation_periods > 1 else ""
    unit = f" {alarm.unit.lower()}" if alarm.unit and not alarm.is_percent else " %" if alarm.unit else ""
    return f"{measure(alarm)} {alarm.sign} {formatting.exact(alarm.threshold)}{unit} over {window}{agreed}."


def measure(alarm: Alarm) -> str:
    """Return what the alarm measures: its label, its expression or its metric."""
    query = alarm.returned
    if "Expression" in query:
        return str(query.get("Label") or query["Expression"])
    stat = query.get("MetricStat", {})
    return f"{stat['Stat']} of {stat['Metric']['MetricName']}" if stat else alarm.name

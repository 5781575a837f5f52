"""An alarm and the watch it belongs to -> CloudFormation's alarm, and what the notifier is configured with.

The description is in the footer of every mail, so it says the rule to someone who has never seen CloudWatch.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from troposphere import GetAtt, Ref, Sub, cloudwatch

from blocks.extras import Extra
from blocks.parts import PREFIX, named, title

Severity = Literal["critical", "warning", "blind", "ok"]
ALERTS = ("AlertsTopic",)

# For alarms that FILL with zeros: they end when data stops, and that is meant.
FILLED = {"recovers-without-data": "No data is a zero here: nothing was sent, nothing failed, nothing waits."}
ENVIRONMENT = {"Environment": Ref("Environment")}
_LONGEST_WARM_UP_MINUTES = 2880


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of CloudWatch; a dimension's value may be a reference."""

    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, Any] = field(default_factory=lambda: ENVIRONMENT)

    def query(self, query_id: str, period_seconds: Any) -> Any:
        """Return the query that reads this metric for an expression."""
        metric = cloudwatch.Metric(Namespace=self.namespace, MetricName=self.name, Dimensions=self.pairs())
        stat = cloudwatch.MetricStat(Metric=metric, Period=period_seconds, Stat=self.statistic)
        return cloudwatch.MetricDataQuery(Id=query_id, MetricStat=stat, ReturnData=False)

    def pairs(self) -> list[Any]:
        """Return the dimensions in CloudFormation's shape."""
        return [cloudwatch.MetricDimension(Name=name, Value=value) for name, value in self.dimensions.items()]


def function_metric(name: str, function: str) -> Metric:
    """Return a sum that Lambda publishes about a function, which is named without the prefix."""
    return Metric("AWS/Lambda", name, "Sum", {"FunctionName": Ref(title(function))})


def queue_metric(name: str, queue: str, statistic: str = "Maximum") -> Metric:
    """Return a metric that SQS publishes about a queue while it is used."""
    return Metric("AWS/SQS", name, statistic, {"QueueName": GetAtt(title(queue), "QueueName")})


def waiting_in(queue: str) -> Metric:
    """Return how many messages wait in a queue, such as one of dead letters."""
    return queue_metric("ApproximateNumberOfMessagesVisible", queue)


@dataclass(frozen=True, slots=True)
class Expression:
    """Metric math over metrics by their ids, each billed as 0.10 USD a month.

    Attributes:
        label: What the value is called in charts and mails.
        text: May name parameters as `${Name}`.
    """

    label: str
    text: str
    metrics: Mapping[str, Metric]


@dataclass(frozen=True, slots=True)
class Alarm:
    """When an alarm goes off, whom it notifies, and its part in its watch.

    Attributes:
        name: Without the prefix.
        description: The rule in plain words; may name parameters as `${Name}`.
        threshold: A number, or the name of a parameter.
        period_seconds: A number, or what CloudFormation makes one of.
        missing: What a period without data means: `ignore`, because it proves nothing and the state holds; `breaching`
            where the data itself is the sign of life.
        absence_proves: Why no data is evidence of health here, as an exception: it is then `notBreaching`.
        accepted: Findings of `alarms lint` that are meant, each with the reason.
        periods: (periods over the threshold that raise the alarm, of this many looked at).
        warm_up_minutes: How long a new alarm waits before it judges, 0 for not at all.
        looks_back_minutes: How long a new alarm goes by a time in which one of its metrics was not there yet: what it
            says at once, the notifier takes for nothing until then.
        on_alarm: Topics that hear when it goes off; `on_ok` when it is over.
        severity: Of the incident that it opens; None where it only keeps one open.
        recovery: The alarm that keeps its incident open or its severity up, where there is one.
    """

    name: str
    description: str
    value: Metric | Expression
    threshold: float | str = 0
    period_seconds: Any = 300
    missing: str = "ignore"
    periods: tuple[Any, Any] = (1, 1)
    comparison: str = "GreaterThanThreshold"
    warm_up_minutes: int = 0
    looks_back_minutes: int = 0
    on_alarm: Sequence[str] = ALERTS
    on_ok: Sequence[str] = ALERTS
    severity: Severity | None = "warning"
    recovery: str = ""
    absence_proves: str = ""
    accepted: Mapping[str, str] = field(default_factory=dict)

    def resource(self, extras: Collection[Extra] = ()) -> Any:
        """Return the alarm as CloudFormation has it."""
        to_alarm, looked_at = self.periods
        actions = {"AlarmActions": self.on_alarm, "OKActions": self.on_ok}
        return cloudwatch.Alarm(
            title(self.name),
            AlarmName=named(self.name),
            AlarmDescription=_text(self.description),
            Threshold=Ref(self.threshold) if isinstance(self.threshold, str) else self.threshold,
            ComparisonOperator=self.comparison,
            EvaluationPeriods=looked_at,
            # Without it all of them have to.
            **({} if to_alarm == looked_at else {"DatapointsToAlarm": to_alarm}),
            TreatMissingData="notBreaching" if self.absence_proves else self.missing,
            **{key: [Ref(topic) for topic in topics] for key, topics in actions.items() if topics},
            **(self._warm_up() if Extra.WARM_UP in extras else {}),
            **self._measured(),
            **self._metadata(extras),
        )

    def _metadata(self, extras: Collection[Extra]) -> dict[str, Any]:
        """Return what the lint of alarms is to accept: what the definition already gives a reason for, and its own."""
        accepted = dict(self.accepted)
        if self.absence_proves:
            accepted["recovers-without-data"] = self.absence_proves
        if self.warm_up_minutes and Extra.WARM_UP in extras:
            accepted["warm-up-not-replayed"] = "A replay begins with a stack that has been there for long."
        return {"Metadata": {"cwalarm": {"accept": accepted}}} if accepted else {}

    def _warm_up(self) -> dict[str, Any]:
        # Those that wait for longer than CloudWatch lets them, the notifier alone waits for.
        if not 0 < self.warm_up_minutes <= _LONGEST_WARM_UP_MINUTES:
            return {}
        # It begins again with every update, so it has to end with the first data: those of a watch that is at work are
        # there already.
        waits = cloudwatch.WarmUpConfiguration(
            WarmUpPeriodDurationInMinutes=self.warm_up_minutes, OnlyStartEvaluatingAfterWarmUpPeriodEnds=False
        )
        return {"WarmUpConfiguration": waits}

    def _measured(self) -> dict[str, Any]:
        value = self.value
        if isinstance(value, Expression):
            shown = {"Label": value.label, "ReturnData": True}
            math = cloudwatch.MetricDataQuery(Id="value", Expression=_text(value.text), **shown)
            metrics = (metric.query(key, self.period_seconds) for key, metric in value.metrics.items())
            return {"Metrics": [math, *metrics]}
        return {
            "Namespace": value.namespace,
            "MetricName": value.name,
            "Dimensions": value.pairs(),
            "Statistic": value.statistic,
            "Period": self.period_seconds,
        }


@dataclass(frozen=True, slots=True)
class Composite:
    """An alarm that is red while any of its children is; its mails are theirs."""

    name: str
    description: str
    children: Sequence[str]
    severity: Severity = "ok"
    recovery: str = ""
    warm_up_minutes: int = 0

    def resource(self, _extras: Collection[Extra] = ()) -> Any:
        """Return the alarm as CloudFormation has it."""
        rule = " OR ".join(f'ALARM("{PREFIX}-{child}")' for child in self.children)
        topics = [Ref(topic) for topic in ALERTS]
        return cloudwatch.CompositeAlarm(
            title(self.name),
            AlarmName=named(self.name),
            AlarmDescription=_text(self.description),
            AlarmRule=Sub(rule),
            AlarmActions=topics,
            OKActions=topics,
            # CloudFormation sees no reference in the rule's text, and CloudWatch refuses one to a missing alarm.
            DependsOn=[title(child) for child in self.children],
        )


@dataclass(frozen=True, slots=True)
class Watch:
    """Alarms whose mails are one incident.

    Attributes:
        name: Of the incident; the notifier keeps one open per watch.
        title: What its mails call it.
        alarms: The most severe first.
        context: The object in the lake with what its mails add.
        is_assessed: Whether that object says what the system's data prove about this watch; its incidents then end on
            that evidence alone (`deliverywatch.messages.verdict`).
        condition: Of the template, under which it exists; empty for always.
    """

    name: str
    title: str
    alarms: Sequence[Alarm | Composite]
    context: str = ""
    is_assessed: bool = False
    condition: str = ""

    def resources(self, extras: Collection[Extra] = ()) -> list[Any]:
        """Return its alarms as CloudFormation has them."""
        resources = [alarm.resource(extras) for alarm in self.alarms]
        for resource in resources if self.condition else ():
            resource.Condition = self.condition
        return resources

    def document(self) -> dict[str, Any]:
        """Return what the notifier must know of it."""
        severities = [_severity(alarm) for alarm in self.alarms if alarm.severity]
        context = {"context": self.context} if self.context else {}
        assessed = {"assessed": True} if self.is_assessed else {}
        condition = {"condition": self.condition} if self.condition else {}
        return {"name": self.name, "title": self.title, "rungs": severities} | context | assessed | condition


def _severity(alarm: Alarm | Composite) -> dict[str, Any]:
    recovery = {"recovery": alarm.recovery} if alarm.recovery else {}
    minutes = alarm.warm_up_minutes or (alarm.looks_back_minutes if isinstance(alarm, Alarm) else 0)
    waits = {"warm_up_minutes": minutes} if minutes else {}
    return {"alarm": alarm.name, "level": alarm.severity} | recovery | waits


def _text(words: str) -> Any:
    return Sub(words) if "${" in words else words

"""Alarms as CloudFormation has them: a share of two metrics, or one metric, each with its rule in plain words.

The description stands in the footer of every mail, so it says the rule to someone who has never seen CloudWatch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troposphere import Ref, Sub, cloudwatch

from blocks.parts import PREFIX, named, title


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of CloudWatch; a dimension's value may be a reference."""

    namespace: str
    name: str
    dimensions: Mapping[str, Any]
    statistic: str

    def query(self, query_id: str, period_seconds: int) -> Any:
        """Return the query that reads this metric for an expression."""
        stat = cloudwatch.MetricStat(Metric=self._metric(), Period=period_seconds, Stat=self.statistic)
        return cloudwatch.MetricDataQuery(Id=query_id, MetricStat=stat, ReturnData=False)

    def _metric(self) -> Any:
        return cloudwatch.Metric(Namespace=self.namespace, MetricName=self.name, Dimensions=self.pairs())

    def pairs(self) -> list[Any]:
        """Return the dimensions in CloudFormation's shape."""
        return [cloudwatch.MetricDimension(Name=name, Value=value) for name, value in self.dimensions.items()]


@dataclass(frozen=True, slots=True)
class Rule:
    """When an alarm goes off, and whom it tells.

    Attributes:
        description: The rule in plain words; may name parameters as `${Name}`.
        threshold: A number or a reference to a parameter.
        periods: (periods over the threshold that raise the alarm, of this many looked at).
        missing: What a period without data means: `ignore`, `breaching` or `notBreaching`.
        on_alarm: Topics told when it goes off.
        on_ok: Topics told when it is over.
        warm_up_minutes: How long a new alarm waits before it judges, 0 for not at all.
    """

    description: str
    threshold: Any
    period_seconds: int
    missing: str
    on_alarm: Sequence[Any] = ()
    on_ok: Sequence[Any] = ()
    periods: tuple[Any, int] = (1, 1)
    comparison: str = "GreaterThanThreshold"
    warm_up_minutes: int = 0


def expression_alarm(name: str, rule: Rule, expression: str, metrics: Mapping[str, Metric], label: str) -> Any:
    """Return an alarm on metric math.

    Args:
        name: Without the prefix.
        rule: When it goes off.
        expression: Metric math over the ids of `metrics`; may name parameters as `${Name}`.
        metrics: Id -> metric; every one of them is billed as 0.10 USD a month.
        label: What the value is called in charts.
    """
    math = cloudwatch.MetricDataQuery(Id="value", Expression=_text(expression), Label=label, ReturnData=True)
    queries = [metric.query(query_id, rule.period_seconds) for query_id, metric in metrics.items()]
    return cloudwatch.Alarm(title(name), Metrics=[math, *queries], **_fields(name, rule))


def metric_alarm(name: str, rule: Rule, metric: Metric) -> Any:
    """Return an alarm on one metric."""
    return cloudwatch.Alarm(
        title(name),
        Namespace=metric.namespace,
        MetricName=metric.name,
        Dimensions=metric.pairs(),
        Statistic=metric.statistic,
        Period=rule.period_seconds,
        **_fields(name, rule),
    )


def composite_alarm(name: str, description: str, children: Sequence[str], topics: Sequence[Any]) -> Any:
    """Return an alarm that is red while any of its children is.

    Args:
        name: Without the prefix.
        description: What it stands for; may name parameters as `${Name}`.
        children: Names without the prefix.
        topics: Told when it goes off and when it is over.
    """
    rule = " OR ".join(f'ALARM("{PREFIX}-{child}")' for child in children)
    return cloudwatch.CompositeAlarm(
        title(name),
        AlarmName=named(name),
        AlarmDescription=_text(description),
        AlarmRule=Sub(rule),
        AlarmActions=[Ref(each) for each in topics],
        OKActions=[Ref(each) for each in topics],
        # CloudFormation sees no reference in the rule's text, and CloudWatch refuses one to an alarm that is not there.
        DependsOn=[title(child) for child in children],
    )


def _fields(name: str, rule: Rule) -> dict[str, Any]:
    enough, periods = rule.periods
    actions = {"AlarmActions": [Ref(each) for each in rule.on_alarm], "OKActions": [Ref(each) for each in rule.on_ok]}
    return {
        "AlarmName": named(name),
        "AlarmDescription": _text(rule.description),
        "Threshold": rule.threshold,
        "ComparisonOperator": rule.comparison,
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": enough,
        "TreatMissingData": rule.missing,
        **{key: topics for key, topics in actions.items() if topics},
        **_warm_up(rule.warm_up_minutes),
    }


def _warm_up(minutes: int) -> dict[str, Any]:
    if not minutes:
        return {}
    waits = cloudwatch.WarmUpConfiguration(
        WarmUpPeriodDurationInMinutes=minutes, OnlyStartEvaluatingAfterWarmUpPeriodEnds=True
    )
    return {"WarmUpConfiguration": waits}


def _text(words: str) -> Any:
    return Sub(words) if "${" in words else words

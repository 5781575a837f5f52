"""A CloudWatch alarm as the engine sees it, read from a CloudFormation template or from DescribeAlarms.

Both outside formats name their members alike (AWS::CloudWatch::Alarm; MetricAlarm of the CloudWatch API reference), so
one reader serves both once a template's functions are resolved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from deliverywatch.engine import template as cloudformation
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_STANDARD_STATISTICS = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"}


class State(StrEnum):
    """The state of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Treat(StrEnum):
    """What a missing datapoint counts as."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


class Comparison(StrEnum):
    """How a datapoint breaches a threshold."""

    ABOVE = "GreaterThanThreshold"
    AT_LEAST = "GreaterThanOrEqualToThreshold"
    BELOW = "LessThanThreshold"
    AT_MOST = "LessThanOrEqualToThreshold"


class Metric(NamedTuple):
    """What identifies a metric; `dimensions` is sorted by name."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MetricStat:
    """One statistic of one metric per period."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    period_seconds: int
    statistic: str
    unit: str | None = None

    @property
    def metric(self) -> Metric:
        """The metric without period and statistic."""
        return Metric(self.namespace, self.name, self.dimensions)

    @property
    def is_extended(self) -> bool:
        """Whether the statistic needs the distribution of values, as percentiles and trimmed means do."""
        return self.statistic not in _STANDARD_STATISTICS


@dataclass(frozen=True, slots=True)
class Query:
    """One entry of `Metrics`: either a metric or an expression over other entries."""

    id: str
    expression: str | None = None
    metric: MetricStat | None = None
    label: str | None = None
    return_data: bool = True
    period_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How long a new alarm waits; unless `is_whole` it begins as soon as its evaluation periods are full."""

    minutes: int
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """A metric alarm or a metric-math alarm.

    Attributes:
        is_math: Whether the definition used `Metrics`; a plain alarm has one query whose id is `m1`.
        datapoints_to_alarm: M of "M out of N"; None where the definition leaves it out (then it is N).
        wall_clock_zone: Time zone of a wall-clock window; None for the usual sliding window.
        low_sample_percentile: `evaluate` or `ignore`, where the definition says so.
    """

    name: str
    description: str | None
    queries: tuple[Query, ...]
    threshold: float
    comparison: Comparison
    evaluation_periods: int
    datapoints_to_alarm: int | None = None
    treat_missing_data: Treat = Treat.MISSING
    alarm_actions: tuple[str, ...] = ()
    ok_actions: tuple[str, ...] = ()
    insufficient_data_actions: tuple[str, ...] = ()
    actions_enabled: bool = True
    is_math: bool = True
    wall_clock_zone: str | None = None
    low_sample_percentile: str | None = None
    warm_up: WarmUp | None = None
    configured_at: datetime | None = None

    @property
    def period_seconds(self) -> int:
        """The period that all metrics of the alarm share."""
        found = next(filter(None, map(_period_of, self.queries)), None)
        if found is None:
            raise InputError(f"Alarm {self.name} names neither a metric nor a period.")
        return found

    @property
    def m(self) -> int:
        """How many of the last N datapoints must breach."""
        return self.datapoints_to_alarm or self.evaluation_periods

    def actions_of(self, state: State) -> tuple[str, ...]:
        """Return the actions that a change to `state` starts."""
        return {
            State.ALARM: self.alarm_actions,
            State.OK: self.ok_actions,
            State.INSUFFICIENT_DATA: self.insufficient_data_actions,
        }[state]


def from_template(
    template: Mapping[str, Any], parameters: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> list[Alarm]:
    """Read every metric alarm out of a CloudFormation template.

    Args:
        template: The parsed template.
        parameters: Overrides of the template's parameters; those without a default must be here if an alarm needs them.
        without: Patterns of names of alarms that are left out unread, such as `*-anomaly`.

    Raises:
        InputError: An alarm cannot be resolved, is incomplete, or is of a kind that the engine does not evaluate.
    """
    described = [
        {"AlarmName": logical_id, **properties}
        for logical_id, properties in cloudformation.resources(template, "AWS::CloudWatch::Alarm", parameters or {})
    ]
    return [
        from_description(each)
        for each in described
        if not any(fnmatchcase(str(each["AlarmName"]), pattern) for pattern in without)
    ]


def from_description(description: Mapping[str, Any]) -> Alarm:
    """Read one alarm in the form of DescribeAlarms.

    Args:
        description: A `MetricAlarm`; numbers may be strings, as CloudFormation allows.

    Raises:
        InputError: The alarm is incomplete, or of a kind that the engine does not evaluate.
    """
    name = str(description.get("AlarmName", "(unnamed)"))
    _refuse_other_kinds(name, description)
    try:
        return _read(name, description)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        missing = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"Alarm {name} cannot be read: {missing}.", next_step=f"Correct the definition of {name} and load it again."
        ) from error


def _refuse_other_kinds(name: str, description: Mapping[str, Any]) -> None:
    for member, reason in {
        "ThresholdMetricId": "it compares with an anomaly detection band, which AWS learns and does not publish",
        "EvaluationCriteria": "it is a PromQL alarm, and the engine does not speak PromQL",
    }.items():
        if description.get(member):
            raise InputError(
                f"Alarm {name} is not evaluated: {reason}.",
                kind="unsupported",
                next_step=f"Leave {name} out; every other alarm can be evaluated.",
            )


def _read(name: str, description: Mapping[str, Any]) -> Alarm:
    m = description.get("DatapointsToAlarm")
    return Alarm(
        name=name,
        description=description.get("AlarmDescription"),
        queries=_queries(description),
        threshold=float(description["Threshold"]),
        comparison=Comparison(description["ComparisonOperator"]),
        evaluation_periods=int(description["EvaluationPeriods"]),
        datapoints_to_alarm=None if m is None else int(m),
        treat_missing_data=Treat(description.get("TreatMissingData") or Treat.MISSING),
        alarm_actions=_texts(description.get("AlarmActions")),
        ok_actions=_texts(description.get("OKActions")),
        insufficient_data_actions=_texts(description.get("InsufficientDataActions")),
        actions_enabled=_flag(description.get("ActionsEnabled", True)),
        is_math=bool(description.get("Metrics")),
        wall_clock_zone=_wall_clock_zone(description),
        low_sample_percentile=description.get("EvaluateLowSampleCountPercentile") or None,
        warm_up=_warm_up(description.get("WarmUpConfiguration")),
        configured_at=_moment(description.get("AlarmConfigurationUpdatedTimestamp")),
    )


def _queries(description: Mapping[str, Any]) -> tuple[Query, ...]:
    if description.get("Metrics"):
        return tuple(query_from_description(each) for each in description["Metrics"])
    statistic = description.get("Statistic") or description.get("ExtendedStatistic") or "Average"
    return (Query("m1", metric=_metric(description, description["Period"], statistic, description.get("Unit"))),)


def query_from_description(entry: Mapping[str, Any]) -> Query:
    """Read one MetricDataQuery, as alarms and GetMetricData hold it."""
    stat = entry.get("MetricStat")
    found = stat and _metric(stat["Metric"], stat["Period"], stat["Stat"], stat.get("Unit"))
    period = entry.get("Period")
    return Query(
        id=entry["Id"],
        expression=entry.get("Expression"),
        metric=found or None,
        label=entry.get("Label"),
        return_data=_flag(entry.get("ReturnData", True)),
        period_seconds=None if period is None else int(period),
    )


def _metric(identity: Mapping[str, Any], period: float | str, statistic: str, unit: str | None) -> MetricStat:
    dimensions: Iterable[Mapping[str, Any]] = identity.get("Dimensions") or []
    named = sorted((str(each["Name"]), str(each["Value"])) for each in dimensions)
    return MetricStat(identity["Namespace"], identity["MetricName"], tuple(named), int(period), statistic, unit or None)


def _period_of(query: Query) -> int | None:
    return query.metric.period_seconds if query.metric else query.period_seconds


def _wall_clock_zone(description: Mapping[str, Any]) -> str | None:
    window = (description.get("EvaluationWindow") or {}).get("WallClockWindow")
    return None if window is None else str(window.get("Timezone") or "UTC")


def _warm_up(configuration: Mapping[str, Any] | None) -> WarmUp | None:
    if not configuration:
        return None
    is_whole = _flag(configuration.get("OnlyStartEvaluatingAfterWarmUpPeriodEnds", False))
    return WarmUp(int(configuration["WarmUpPeriodDurationInMinutes"]), is_whole)


def _texts(values: Sequence[Any] | None) -> tuple[str, ...]:
    return tuple(str(value) for value in values or ())


def _flag(value: object) -> bool:
    return str(value).lower() == "true"


def _moment(value: object) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value))

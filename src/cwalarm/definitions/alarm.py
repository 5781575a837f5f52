"""A CloudWatch alarm as the engine sees it, read from a CloudFormation template or from DescribeAlarms.

Both outside formats name their members alike (AWS::CloudWatch::Alarm; MetricAlarm of the CloudWatch API reference), so
one reader serves both once a template's functions are resolved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

from cwalarm.definitions import members
from cwalarm.definitions.readings import Readings, read, require_all
from cwalarm.definitions.supported import METRIC_ALARM, Support, unknown_members
from cwalarm.definitions.template import Resolver
from cwalarm.errors import InputError

_BANDED = {"LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"}
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
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How long a new alarm waits; unless `is_whole` it begins as soon as its evaluation periods are full."""

    minutes: int
    is_whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyAlarm:
    """What metric alarms and composites share; `unknown_members` are those that `supported` does not list."""

    name: str
    description: str | None = None
    alarm_actions: tuple[str, ...] = ()
    ok_actions: tuple[str, ...] = ()
    insufficient_data_actions: tuple[str, ...] = ()
    actions_enabled: bool = True
    unknown_members: tuple[str, ...] = ()

    def actions_for(self, state: State) -> tuple[str, ...]:
        """Return the actions that a change to `state` starts."""
        return {
            State.ALARM: self.alarm_actions,
            State.OK: self.ok_actions,
            State.INSUFFICIENT_DATA: self.insufficient_data_actions,
        }[state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm(AnyAlarm):
    """A metric alarm or a metric-math alarm; what its definition leaves out is None.

    Attributes:
        is_math: Whether the definition used `Metrics`; a plain alarm has one query whose id is `m1`.
        datapoints_to_alarm: M of "M out of N"; N where it is left out.
        wall_clock_zone: Time zone of a wall-clock window; without it the window slides.
        low_sample_percentile: `evaluate` or `ignore`.
    """

    queries: tuple[Query, ...]
    threshold: float
    comparison: Comparison
    evaluation_periods: int
    datapoints_to_alarm: int | None = None
    treat_missing_data: Treat = Treat.MISSING
    is_math: bool = True
    wall_clock_zone: str | None = None
    low_sample_percentile: str | None = None
    warm_up: WarmUp | None = None
    configured_at: datetime | None = None

    @property
    def period_seconds(self) -> int:
        """The period that all metrics of the alarm share."""
        periods = (query.metric.period_seconds if query.metric else query.period_seconds for query in self.queries)
        period = next(filter(None, periods), None)
        if period is None:
            raise InputError(f"Alarm {self.name} names neither a metric nor a period.")
        return period

    @property
    def metrics(self) -> list[MetricStat]:
        """The metrics among its queries."""
        return [query.metric for query in self.queries if query.metric]

    @property
    def m(self) -> int:
        """How many of the last N datapoints must breach."""
        return self.evaluation_periods if self.datapoints_to_alarm is None else self.datapoints_to_alarm


def from_template(
    template: Mapping[str, Any], parameters: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> list[Alarm]:
    """Read every metric alarm out of a CloudFormation template but those whose name or logical id fits `without`.

    Raises:
        InputError: An alarm cannot be resolved or evaluated, or two have one name.
    """
    readings = read_all(Resolver(template, parameters or {}), without)
    require_all(readings.refused)
    return readings.definitions


def read_all(resolver: Resolver, without: Sequence[str] = ()) -> Readings[Alarm]:
    """Return what became of every metric alarm and log alarm of a template."""
    readers = {"AWS::CloudWatch::LogAlarm": _from_log_description, "AWS::CloudWatch::Alarm": from_description}
    return read(resolver, readers, without)


def _from_log_description(description: Mapping[str, Any]) -> Alarm:
    raise _unsupported(str(description["AlarmName"]), "it is a log alarm, and the engine has no log lines to query")


def from_description(description: Mapping[str, Any]) -> Alarm:
    """Read one alarm in the form of DescribeAlarms; raise InputError if it is incomplete or cannot be evaluated."""
    name = str(description.get("AlarmName", "(unnamed)"))
    _refuse_other_kinds(name, description)
    with members.reading("Alarm", name):
        alarm = _read(name, description)
    return _require_one_account(alarm)


def _refuse_other_kinds(name: str, description: Mapping[str, Any]) -> None:
    band = "it compares with an anomaly detection band, which AWS learns and does not publish"
    if str(description.get("ComparisonOperator")) in _BANDED:
        raise _unsupported(name, band)
    for member, reason in {
        "ThresholdMetricId": band,
        "EvaluationCriteria": "it is a PromQL alarm, and the engine does not speak PromQL",
        "EvaluationInterval": "its EvaluationInterval belongs to PromQL, which the engine does not speak",
    }.items():
        if description.get(member):
            raise _unsupported(name, reason)
    entries = description.get("Metrics")
    for entry in entries if isinstance(entries, list) else ():
        query = _why_not(str(entry.get("Expression", "")).split()) if isinstance(entry, dict) else None
        if query:
            raise _unsupported(name, query)


def _why_not(words: Sequence[str]) -> str | None:
    """Return why an expression of an alarm is not evaluated, if it is a query."""
    capitals = [word.upper() for word in words]
    if capitals[:1] != ["SELECT"]:
        return None
    if ("GROUP", "BY") in pairwise(capitals):
        return "it is a Metrics Insights query with GROUP BY, whose contributors have states of their own"
    return "it is a Metrics Insights query, which asks CloudWatch for metrics by a search"


def _require_one_account(alarm: Alarm) -> Alarm:
    accounts = {(query.metric.metric, query.account_id) for query in alarm.queries if query.metric}
    if len(accounts) > len({metric for metric, _ in accounts}):
        raise _unsupported(alarm.name, "it compares one metric of several accounts, and datapoints name no account")
    return alarm


def _unsupported(name: str, reason: str) -> InputError:
    return InputError(
        f"Alarm {name} is not evaluated: {reason}.",
        kind="unsupported",
        next_step=f"Leave it out with --without {name}; every other alarm can be evaluated.",
    )


def _read(name: str, description: Mapping[str, Any]) -> Alarm:
    low_samples = members.optional_text(description, "EvaluateLowSampleCountPercentile")
    if low_samples not in (None, "evaluate", "ignore"):
        raise ValueError(f"its EvaluateLowSampleCountPercentile {low_samples!r} is neither evaluate nor ignore")
    return Alarm(
        **shared_members(name, description, METRIC_ALARM),
        queries=_queries(description),
        threshold=members.number(description, "Threshold"),
        comparison=Comparison(description["ComparisonOperator"]),
        evaluation_periods=members.whole(description, "EvaluationPeriods"),
        datapoints_to_alarm=members.optional_whole(description, "DatapointsToAlarm"),
        treat_missing_data=Treat(description.get("TreatMissingData") or Treat.MISSING),
        is_math=bool(description.get("Metrics")),
        wall_clock_zone=_wall_clock_zone(description),
        low_sample_percentile=low_samples,
        warm_up=_warm_up(members.mapping(description, "WarmUpConfiguration")),
        configured_at=members.moment(description, "AlarmConfigurationUpdatedTimestamp"),
    )


def shared_members(name: str, description: Mapping[str, Any], table: Mapping[str, Support]) -> dict[str, Any]:
    """Return the fields of an `AnyAlarm` by name; `table` lists the members that are known of its kind."""
    return {
        "name": name,
        "description": members.optional_text(description, "AlarmDescription"),
        "alarm_actions": members.texts(description, "AlarmActions"),
        "ok_actions": members.texts(description, "OKActions"),
        "insufficient_data_actions": members.texts(description, "InsufficientDataActions"),
        "actions_enabled": members.flag(description, "ActionsEnabled", default=True),
        "unknown_members": unknown_members(description, table),
    }


def _queries(description: Mapping[str, Any]) -> tuple[Query, ...]:
    if description.get("Metrics"):
        return tuple(query_from_description(entry) for entry in members.entries(description, "Metrics"))
    named = "Statistic" if description.get("Statistic") else "ExtendedStatistic"
    return (Query("m1", metric=_metric(description, description, members.optional_text(description, named))),)


def query_from_description(entry: Mapping[str, Any]) -> Query:
    """Read one MetricDataQuery, as alarms and GetMetricData hold it."""
    stat = members.mapping(entry, "MetricStat")
    metric = _metric(members.mapping(stat, "Metric"), stat, members.text(stat, "Stat")) if stat else None
    return Query(
        id=members.text(entry, "Id"),
        expression=members.optional_text(entry, "Expression"),
        metric=metric,
        label=members.optional_text(entry, "Label"),
        return_data=members.flag(entry, "ReturnData", default=True),
        period_seconds=members.optional_whole(entry, "Period"),
        account_id=members.optional_text(entry, "AccountId"),
    )


def _metric(identity: Mapping[str, Any], stat: Mapping[str, Any], statistic: str | None) -> MetricStat:
    dimensions = members.entries(identity, "Dimensions")
    named = sorted((members.text(dimension, "Name"), members.text(dimension, "Value")) for dimension in dimensions)
    namespace, name = members.text(identity, "Namespace"), members.text(identity, "MetricName")
    period, unit = members.whole(stat, "Period"), members.optional_text(stat, "Unit")
    return MetricStat(namespace, name, tuple(named), period, statistic or "Average", unit)


def _wall_clock_zone(description: Mapping[str, Any]) -> str | None:
    window = members.mapping(description, "EvaluationWindow")
    if window.get("WallClockWindow") is None:
        return None
    return members.optional_text(members.mapping(window, "WallClockWindow"), "Timezone") or "UTC"


def _warm_up(configuration: Mapping[str, Any]) -> WarmUp | None:
    if not configuration:
        return None
    is_whole = members.flag(configuration, "OnlyStartEvaluatingAfterWarmUpPeriodEnds", default=False)
    return WarmUp(members.whole(configuration, "WarmUpPeriodDurationInMinutes"), is_whole)

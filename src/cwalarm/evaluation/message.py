"""A change of an alarm's state -> the message that CloudWatch publishes to SNS.

Follows "Notify users on alarm changes" of the CloudWatch user guide and recorded messages: plain alarms name their
metric in the Trigger, metric-math alarms list `Metrics` there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cwalarm.definitions.alarm import Alarm, MetricStat, Query
from cwalarm.definitions.composites import Composite
from cwalarm.definitions.regions import long_name
from cwalarm.evaluation.reason import stamp

_CAPITALS = {
    "Sum": "SUM",
    "Average": "AVERAGE",
    "Minimum": "MINIMUM",
    "Maximum": "MAXIMUM",
    "SampleCount": "SAMPLE_COUNT",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change came to."""

    state: str
    reason: str


def alarm_arn(name: str, account: str, region: str) -> str:
    """Return the ARN of an alarm."""
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"


def sns_subject(name: str, state: str, region: str) -> str:
    """Return the subject line: `ALARM: "name" in US East (N. Virginia)`."""
    return f'{state}: "{name}" in {long_name(region)}'


def sns_message(
    alarm: Alarm | Composite,
    outcome: Outcome,
    previous: str,
    account: str,
    region: str,
    time: datetime,
    triggering: Sequence[tuple[str, str, datetime]] = (),
    *,
    was_muted: bool = False,
) -> dict[str, Any]:
    """Return the body of the SNS message, before it is written as JSON.

    `triggering` holds name, state and time of each child that brought a composite's change about; `was_muted` says
    that a mute window held the message back until now.
    """
    shared = {
        **envelope(alarm.name, alarm.description, outcome, previous, account, region, time, was_muted=was_muted),
        "OKActions": list(alarm.ok_actions),
        "AlarmActions": list(alarm.alarm_actions),
        "InsufficientDataActions": list(alarm.insufficient_data_actions),
    }
    if isinstance(alarm, Composite):
        children = [
            {"Arn": alarm_arn(name, account, region), "State": {"Value": str(state), "Timestamp": stamp(moment)}}
            for name, state, moment in triggering
        ]
        return {**shared, "AlarmRule": alarm.rule_text, "TriggeringChildren": children, **_suppressor(alarm)}
    configured = {"AlarmConfigurationUpdatedTimestamp": stamp(alarm.configured_at)} if alarm.configured_at else {}
    return {**shared, **configured, "Trigger": trigger(alarm)}


def _suppressor(composite: Composite) -> dict[str, Any]:
    # Named as DescribeAlarms names them: no recorded message shows them.
    if not composite.suppressor:
        return {}
    return {
        "ActionsSuppressor": composite.suppressor,
        "ActionsSuppressorWaitPeriod": composite.wait_seconds,
        "ActionsSuppressorExtensionPeriod": composite.extension_seconds,
    }


def composite_reason(child: str, state: str, time: datetime, account: str, region: str) -> str:
    """Return a composite's StateReason: the child whose change decided, and when."""
    when = f"{time.astimezone(UTC):%A %d %B, %Y %H:%M:%S} UTC"
    return f"{alarm_arn(child, account, region)} transitioned to {state} at {when}"


def envelope(
    name: str,
    description: str | None,
    outcome: Outcome,
    previous: str,
    account: str,
    region: str,
    time: datetime,
    *,
    was_muted: bool = False,
) -> dict[str, Any]:
    """Return the fields that metric alarms and composite alarms share."""
    return {
        "AlarmName": name,
        "AlarmDescription": description,
        "AWSAccountId": account,
        "NewStateValue": outcome.state,
        "NewStateReason": outcome.reason,
        "StateChangeTime": stamp(time),
        "Region": long_name(region),
        "AlarmArn": alarm_arn(name, account, region),
        "OldStateValue": previous,
        "ActionExecutedAfterMuteWindow": was_muted,
    }


def trigger(alarm: Alarm) -> dict[str, Any]:
    """Return what set the alarm off, in the shape for its kind."""
    shared: dict[str, Any] = {"Period": alarm.period_seconds, "EvaluationPeriods": alarm.evaluation_periods}
    if alarm.datapoints_to_alarm is not None:
        shared["DatapointsToAlarm"] = alarm.datapoints_to_alarm
    shared |= {
        "ComparisonOperator": str(alarm.comparison),
        "Threshold": alarm.threshold,
        "TreatMissingData": str(alarm.treat_missing_data),
        "EvaluateLowSampleCountPercentile": alarm.low_sample_percentile or "",
    }
    metric = alarm.queries[0].metric
    if alarm.is_math or metric is None:
        return {**shared, "Metrics": [_entry(query) for query in alarm.queries]}
    return {**_plain(metric), **shared}


def _plain(metric: MetricStat) -> dict[str, Any]:
    kind = (
        {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": metric.statistic}
        if metric.is_extended
        else {"StatisticType": "Statistic", "Statistic": _CAPITALS[metric.statistic]}
    )
    return {
        "MetricName": metric.name,
        "Namespace": metric.namespace,
        **kind,
        "Unit": metric.unit,
        "Dimensions": _dimensions(metric),
    }


def _entry(query: Query) -> dict[str, Any]:
    label = {"Label": query.label} if query.label is not None else {}
    if query.metric is None:
        return {"Expression": query.expression, "Id": query.id, **label, "ReturnData": query.return_data}
    metric = query.metric
    identity = {"Dimensions": _dimensions(metric), "MetricName": metric.name, "Namespace": metric.namespace}
    unit = {"Unit": metric.unit} if metric.unit else {}
    stat = {"Metric": identity, "Period": metric.period_seconds, "Stat": metric.statistic, **unit}
    return {"Id": query.id, **label, "MetricStat": stat, "ReturnData": query.return_data}


def _dimensions(metric: MetricStat) -> list[dict[str, str]]:
    return [{"value": value, "name": name} for name, value in metric.dimensions]

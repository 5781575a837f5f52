"""Every member of AWS::CloudWatch::Alarm and AWS::CloudWatch::CompositeAlarm -> what the engine makes of it.

Members are those of CloudFormation, of PutMetricAlarm and PutCompositeAlarm, and of what DescribeAlarms returns; a test
goes through all of them. One that is not listed here is named in every result, because it may change it.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any


class Support(StrEnum):
    """What becomes of a member.

    What is assumed needs facts that a definition or a history may lack: it is evaluated with them, and named without.
    """

    EVALUATED = "evaluated"
    ASSUMED = "assumed"
    REFUSED = "refused"
    WITHOUT_EFFECT = "without effect on states and actions"


def _table(**members: str) -> dict[str, Support]:
    return {name: Support[support] for support, names in members.items() for name in names.split()}


_SHARED = _table(
    EVALUATED="ActionsEnabled AlarmActions AlarmConfigurationUpdatedTimestamp AlarmDescription AlarmName "
    "InsufficientDataActions OKActions",
    # What the alarm is in the account at this moment, and what tags go where.
    WITHOUT_EFFECT="ActionConfiguration AlarmArn Arn StateReason StateReasonData StateTransitionedTimestamp "
    "StateUpdatedTimestamp StateValue Tags",
)

METRIC_ALARM = _SHARED | _table(
    EVALUATED="ComparisonOperator DatapointsToAlarm Dimensions Dimensions.Name Dimensions.Value "
    "EvaluateLowSampleCountPercentile EvaluationPeriods EvaluationWindow EvaluationWindow.SlidingWindow "
    "EvaluationWindow.WallClockWindow EvaluationWindow.WallClockWindow.Timezone ExtendedStatistic MetricName Metrics "
    "Metrics.Expression Metrics.Id Metrics.Label Metrics.MetricStat Metrics.MetricStat.Metric "
    "Metrics.MetricStat.Metric.Dimensions Metrics.MetricStat.Metric.Dimensions.Name "
    "Metrics.MetricStat.Metric.Dimensions.Value Metrics.MetricStat.Metric.MetricName "
    "Metrics.MetricStat.Metric.Namespace Metrics.MetricStat.Period Metrics.MetricStat.Stat Metrics.Period "
    "Metrics.ReturnData Namespace Period Statistic Threshold TreatMissingData",
    ASSUMED="Metrics.AccountId Metrics.MetricStat.Unit Unit WarmUpConfiguration "
    "WarmUpConfiguration.OnlyStartEvaluatingAfterWarmUpPeriodEnds WarmUpConfiguration.WarmUpPeriodDurationInMinutes",
    REFUSED="EvaluationCriteria EvaluationInterval ThresholdMetricId",
    WITHOUT_EFFECT="EvaluationState",
)

COMPOSITE_ALARM = _SHARED | _table(
    EVALUATED="ActionsSuppressor ActionsSuppressorExtensionPeriod ActionsSuppressorWaitPeriod AlarmRule",
    WITHOUT_EFFECT="ActionsSuppressedBy ActionsSuppressedReason",
)


def unknown_members(description: Mapping[str, Any], table: Mapping[str, Support]) -> tuple[str, ...]:
    """Return the members of a definition that are not in a table, such as `Metrics.Weight`, each once."""
    return tuple(sorted(set(_unknown(description, table, ""))))


def _unknown(value: object, table: Mapping[str, Support], prefix: str) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _unknown(item, table, prefix)
    elif isinstance(value, dict):
        for name, member in value.items():
            path = f"{prefix}{name}"
            support = table.get(path)
            if support is None:
                yield path
            elif support in (Support.EVALUATED, Support.ASSUMED):
                yield from _unknown(member, table, f"{path}.")

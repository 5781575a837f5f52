"""An alarm as CloudWatch describes it, in any of its three spellings -> Alarm.

DescribeAlarms: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html (and API_CompositeAlarm).
The `Trigger` of an SNS message and the `configuration` of a direct Lambda event say the same in another spelling:
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from deliverywatch.messages.untrusted import count, mapping, moment, number, objects, text

# The comparisons with one number; those with an anomaly band have no threshold.
_COMPARISONS = {
    "GreaterThanThreshold": (">", float.__gt__),
    "GreaterThanOrEqualToThreshold": (">=", float.__ge__),
    "LessThanThreshold": ("<", float.__lt__),
    "LessThanOrEqualToThreshold": ("<=", float.__le__),
}
_NUMBER = r"(-?[0-9.]+(?:[eE][-+]?[0-9]+)?)"
# With the time of the datapoint, or without it.
_QUOTED_VALUES = (re.compile(rf"\[{_NUMBER} \("), re.compile(rf"\bdatapoints? \({_NUMBER}\)"))
# Words that say nothing about the value.
_NO_UNITS = frozenset({"", "None", "Count"})
# An alarm is looked at every minute, and judges a new metric math expression within some.
_FIRST_LOOKS = timedelta(minutes=5)
# CloudWatch looks back a week at most.
_LONGEST_PERIOD_SECONDS = 7 * 86_400
_STATISTICS = {
    "SUM": "Sum",
    "AVERAGE": "Average",
    "MINIMUM": "Minimum",
    "MAXIMUM": "Maximum",
    "SAMPLE_COUNT": "SampleCount",
}


class State(StrEnum):
    """The three states of a CloudWatch alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm, however it was described.

    Attributes:
        name: The full name, with the stack's prefix.
        state: None if it is unknown.
        queries: GetMetricData's MetricDataQueries; empty for a composite alarm.
        threshold: None for composite and anomaly detection alarms.
        comparison: CloudWatch's word, such as `GreaterThanThreshold`.
        datapoints_to_alarm: M of "M of N"; N without an M.
        rule: Of a composite alarm.
        acts: Whether it has actions that are enabled and that no other alarm suppresses.
        unit: CloudWatch's word for the unit of the value, such as `Seconds`; empty for counts and where it has none.
        configured_at: When it was created or last changed.
    """

    name: str
    state: State | None = None
    updated_at: datetime | None = None
    reason: str = ""
    description: str = ""
    arn: str = ""
    queries: tuple[Mapping[str, Any], ...] = ()
    threshold: float | None = None
    comparison: str = ""
    period_seconds: int = 0
    evaluation_periods: int = 0
    datapoints_to_alarm: int = 0
    treat_missing_data: str = ""
    rule: str = ""
    acts: bool = True
    unit: str = ""
    configured_at: datetime | None = None

    @property
    def sign(self) -> str:
        """The comparison as a sign, or empty."""
        return _COMPARISONS[self.comparison][0] if self.comparison in _COMPARISONS else ""

    @property
    def returned(self) -> Mapping[str, Any]:
        """The query whose value is compared with the threshold."""
        return next((query for query in self.queries if query["ReturnData"]), {})

    @property
    def dimensions(self) -> dict[str, str]:
        """The dimensions of its metrics, by their names."""
        metrics = [query["MetricStat"]["Metric"] for query in self.queries if "MetricStat" in query]
        return {pair["Name"]: pair["Value"] for metric in metrics for pair in metric["Dimensions"]}

    @property
    def is_percent(self) -> bool:
        """Whether the value is a percentage: by its unit, or for expressions, which have none, by the spelling."""
        if self.unit:
            return self.unit == "Percent"
        query = self.returned
        expression = str(query.get("Expression", "")).replace(" ", "")
        metric = mapping(mapping(query.get("MetricStat")).get("Metric")).get("MetricName", "")
        return "100*" in expression or "*100" in expression or str(metric).lower().endswith("percent")

    @property
    def quoted_value(self) -> float | None:
        """The newest value that the reason quotes: "1 datapoint [21.5 (21/11/26 12:04:00)]" or "1 datapoint (21.5)"."""
        matches = (pattern.search(self.reason) for pattern in _QUOTED_VALUES)
        return next((number(match[1]) for match in matches if match), None)

    @property
    def is_without_data(self) -> bool:
        """Whether its state was set although no datapoint was received: "no datapoints were received for 3 periods"."""
        return "no datapoints were received" in self.reason

    def waits(self, warm_up: timedelta, now: datetime, before: State | None = None) -> bool:
        """Return whether it is raised for nothing but that it is new, and may still wait for its first data.

        `before` is the state before, if a message says it. One that was OK has had data, and one that was raised before
        it was changed stays raised: an update of the stack hides nothing.
        """
        if not warm_up or self.state is not State.ALARM or self.configured_at is None or before is State.OK:
            return False
        raised_after = (self.updated_at or self.configured_at) - self.configured_at
        return timedelta() <= raised_after <= _FIRST_LOOKS and now < self.configured_at + warm_up

    @property
    def is_ratio(self) -> bool:
        """Whether it compares `failed` with `total`, as the metrics of every ratio alarm of `cfn/` are called."""
        return {"failed", "total"} <= {query["Id"] for query in self.queries}

    def exceeds(self, value: float | None) -> bool:
        """Return whether this value alone puts the alarm into ALARM; never if several datapoints must agree."""
        if value is None or self.threshold is None or self.datapoints_to_alarm > 1 or not self.sign:
            return False
        return bool(_COMPARISONS[self.comparison][1](float(value), self.threshold))


def state_of(value: object) -> State | None:
    """Return the state, or None if it is not one of CloudWatch's."""
    return State(value) if isinstance(value, str) and value in list(State) else None


def from_description(described: Mapping[str, Any]) -> Alarm:
    """Return the Alarm of one MetricAlarm or CompositeAlarm of DescribeAlarms."""
    return from_trigger(
        described,
        name=text(described.get("AlarmName"), 255),
        state=state_of(described.get("StateValue")),
        updated_at=moment(described.get("StateUpdatedTimestamp")),
        configured_at=moment(described.get("AlarmConfigurationUpdatedTimestamp")),
        reason=text(described.get("StateReason")),
        description=text(described.get("AlarmDescription")),
        arn=text(described.get("AlarmArn")),
        rule=text(described.get("AlarmRule")),
        acts=_acts(described),
    )


def _acts(described: Mapping[str, Any]) -> bool:
    # A recovery alarm calls only when it is over.
    has_actions = described.get("AlarmActions") != [] or bool(described.get("OKActions"))
    return has_actions and described.get("ActionsEnabled") is not False and not described.get("ActionsSuppressedBy")


def from_trigger(trigger: Mapping[str, Any], **rest: Any) -> Alarm:
    """Return the Alarm of an SNS message's `Trigger`, with the fields that stand elsewhere in the message."""
    queries = _queries(trigger)
    periods = count(trigger.get("EvaluationPeriods"), 1)
    longest_seconds = max((_period_seconds(query) for query in queries), default=0)
    return Alarm(
        queries=queries,
        threshold=None if trigger.get("ThresholdMetricId") else number(trigger.get("Threshold")),
        comparison=text(trigger.get("ComparisonOperator"), 100),
        period_seconds=min(count(trigger.get("Period")) or longest_seconds, _LONGEST_PERIOD_SECONDS),
        evaluation_periods=periods,
        datapoints_to_alarm=count(trigger.get("DatapointsToAlarm")) or periods,
        # Old messages spell it "- TreatMissingData:                    missing".
        treat_missing_data=text(trigger.get("TreatMissingData"), 100).rpartition(":")[2].strip(),
        unit=_unit(trigger),
        **rest,
    )


def _period_seconds(query: Mapping[str, Any]) -> int:
    # A query over many series has no metric: its period stands beside the expression.
    return count(mapping(query.get("MetricStat")).get("Period") or query.get("Period"))


def _unit(trigger: Mapping[str, Any]) -> str:
    returned = [item for item in objects(trigger.get("Metrics")) if item.get("ReturnData", True) is not False]
    stat = mapping(returned[0].get("MetricStat")) if returned else {}
    unit = text(trigger.get("Unit") or stat.get("Unit"), 40)
    return "" if unit in _NO_UNITS else unit


def _queries(definition: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    if definition.get("Metrics"):
        return tuple(_query(item) for item in objects(definition["Metrics"]))
    if not definition.get("MetricName"):
        return ()
    statistic = text(definition.get("ExtendedStatistic") or definition.get("Statistic"), 100)
    period_seconds = count(definition.get("Period"), 60)
    stat = {"Metric": _metric(definition), "Period": period_seconds, "Stat": _STATISTICS.get(statistic, statistic)}
    return ({"Id": "value", "MetricStat": stat, "ReturnData": True},)


def _query(item: Mapping[str, Any]) -> Mapping[str, Any]:
    query: dict[str, Any] = {"Id": text(item.get("Id"), 255), "ReturnData": item.get("ReturnData", True) is not False}
    query |= {name: text(item[name], 255) for name in ("Label", "AccountId") if item.get(name)}
    if item.get("Expression"):
        query["Expression"] = text(item["Expression"], 2048)
        return query | ({"Period": count(item["Period"])} if item.get("Period") else {})
    stat = mapping(item.get("MetricStat"))
    query["MetricStat"] = {
        "Metric": _metric(mapping(stat.get("Metric"))),
        "Period": count(stat.get("Period"), 60),
        "Stat": text(stat.get("Stat"), 100),
    }
    return query


def _metric(metric: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "Namespace": text(metric.get("Namespace"), 255),
        "MetricName": text(metric.get("MetricName"), 255),
        "Dimensions": [_dimension(pair) for pair in objects(metric.get("Dimensions"))],
    }


def _dimension(pair: Mapping[str, Any]) -> Mapping[str, str]:
    # Capitalised in the API, in lower case in messages.
    name, value = pair.get("Name", pair.get("name")), pair.get("Value", pair.get("value"))
    return {"Name": text(name, 255), "Value": text(value, 1024)}


def account_of(arn: str) -> str:
    """Return the account of an ARN; empty if it has none."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 else ""


def is_elsewhere(alarm: Alarm, account: str, region: str) -> bool:
    """Return whether an alarm is one of another account or region, where CloudWatch is not asked for it.

    It is not if its ARN or the own account or region is not known.
    """
    parts = alarm.arn.split(":")
    home = (account_of(alarm.arn), parts[3] if len(parts) > 5 else "")
    return all((*home, account, region)) and home != (account, region)

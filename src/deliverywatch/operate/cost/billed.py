"""A template with its parameters -> what of it is billed: alarms, metrics, dashboards, functions, and their starts."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwalarm.definitions.template import Resolver
from deliverywatch.operate.cost.usage_assumptions import starts_per_month

# Kinds of resource that have no price of their own, or that are counted by what they start.
_FREE = re.compile(
    r"AWS::(Athena|Budgets|CloudFormation|Events|Glue::(Database|Table)|IAM|Lambda|Logs|S3|SES|SNS|SQS|SSM::Parameter|Scheduler)\b"
    r"|AWS::CloudWatch::(Alarm|CompositeAlarm|AlarmMuteRule|Dashboard)$"
    r"|AWS::(DynamoDB::Table|KinesisFirehose::DeliveryStream)$"  # counted by what goes through them
)


@dataclass(frozen=True, slots=True)
class Billed:
    """What of a template is billed, resolved.

    Attributes:
        dashboards: Their bodies.
        starts: By function, how often its schedules start it in a month.
        kinds: Every kind of resource; `uncounted` are those that have a price which is not in the list.
    """

    alarms: Sequence[Mapping[str, Any]]
    composites: int
    dashboards: Sequence[str]
    functions: Sequence[Mapping[str, Any]]
    starts: Mapping[str, float]
    kinds: frozenset[str]
    uncounted: tuple[str, ...]

    @property
    def verbs(self) -> dict[str, str]:
        """By function, what it runs, such as `files-process`: a parameter may call it anything."""
        return {str(made["FunctionName"]): _verb(str(made.get("Handler", ""))) for made in self.functions}


def _verb(handler: str) -> str:
    """A handler is `deliverywatch.<room>.handle_<verb>.handler`."""
    return "-".join(word.removeprefix("handle_") for word in handler.split(".")[1:3])


def read(template: Mapping[str, Any], parameters: Mapping[str, str]) -> Billed:
    """Return what of a template is billed; a parameter that is needed and not given does not change that."""
    given = {name: "unset" for name, made in (template.get("Parameters") or {}).items() if "Default" not in made}
    resolver = Resolver(template, {**given, **parameters})
    resources = [
        (made["Type"], name) for name, made in template["Resources"].items() if resolver.holds(made.get("Condition"))
    ]

    def of(kind: str) -> list[dict[str, Any]]:
        return [resolver.properties(name) for made, name in resources if made == kind]

    return Billed(
        alarms=of("AWS::CloudWatch::Alarm"),
        composites=len(of("AWS::CloudWatch::CompositeAlarm")),
        dashboards=[str(made["DashboardBody"]) for made in of("AWS::CloudWatch::Dashboard")],
        functions=of("AWS::Lambda::Function"),
        starts=_starts_by_function(of("AWS::Scheduler::Schedule")),
        kinds=frozenset(kind for kind, _ in resources),
        uncounted=tuple(sorted({kind for kind, _ in resources if not _FREE.match(kind)})),
    )


def _starts_by_function(schedules: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    starts: dict[str, float] = {}
    for made in schedules:
        if made.get("State", "ENABLED") == "ENABLED":
            name = str(made["Target"]["Arn"]).rpartition(":")[2]
            starts[name] = starts.get(name, 0) + starts_per_month(made["ScheduleExpression"])
    return starts


def custom_metrics(billed: Billed) -> set[str]:
    """Return every metric of ours that an alarm or a dashboard refers to: none is emitted that nothing looks at."""
    named = {name for alarm in billed.alarms for name in referred(alarm)}
    drawn = {name for body in billed.dashboards for name in _drawn(json.loads(body))}
    return {name for name in named | drawn if name.startswith("DeliveryWatch/")}


def referred(alarm: Mapping[str, Any]) -> list[str]:
    """Return the metrics that an alarm refers to, each by namespace, name and dimensions: it is billed for each."""
    stats = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", ()) if "MetricStat" in query]
    return [_name(metric) for metric in stats or [alarm]]


def _name(metric: Mapping[str, Any]) -> str:
    pairs = [(pair["Name"], pair["Value"]) for pair in metric.get("Dimensions", ())]
    return " ".join([metric["Namespace"], metric["MetricName"], *(word for pair in sorted(pairs) for word in pair)])


def _drawn(body: Mapping[str, Any]) -> Iterator[str]:
    rows = [row for widget in body["widgets"] for row in widget["properties"].get("metrics", ())]
    for row in rows:
        namespace, name, *pairs = [word for word in row if isinstance(word, str)] or ["", ""]
        dimensions = sorted(zip(pairs[::2], pairs[1::2], strict=True))
        yield " ".join([namespace, name, *(word for pair in dimensions for word in pair)])

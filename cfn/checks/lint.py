"""A built template -> what is wrong with it, each in a sentence: first of all alarms that never call, or always do.

CloudFormation and cfn-lint take all of this without a word, and CloudWatch never says that an alarm sees no data.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks import functions, trust
from checks.finding import Finding, Template, of_type
from checks.published import AWS_DIMENSIONS, PUBLISHED, Published
from deliverywatch.errors import ConfigurationError
from deliverywatch.pipeline.declaration.pipelines import NAMESPACE as PIPELINE
from deliverywatch.pipeline.lint.rules import findings_in

# Of these an absence is the news: what counts runs, and what FILL makes of a silence.
_COUNTS_OF_RUNS = frozenset(
    {"Runs", "ExecutionsStarted", "ExecutionsSucceeded", "JobSuccess", "Invocations", "Unchanged"}
)
_HOUR_SECONDS, _DAY_SECONDS, _WEEK_SECONDS = 3600, 86_400, 604_800
_CLOUDWATCH = "cloudwatch.amazonaws.com"


@dataclass(frozen=True, slots=True)
class _Metric:
    namespace: str
    name: str
    dimensions: frozenset[str]
    values: tuple[tuple[str, str], ...] = ()


def check(template: Template) -> None:
    """Raise ConfigurationError if anything is wrong with a template's alarms, with a sentence for every finding."""
    if faults := findings(template):
        sentences = " ".join(f"[{fault.rule}] {fault.resource}: {fault.sentence}" for fault in faults)
        raise ConfigurationError(
            f"The template has {len(faults)} faults that no deployment would show: {sentences}",
            next_step="Correct the alarms; cfn/checks has the rules (lint.py) and the known metrics (published.py).",
        )


def findings(template: Template, emitted: Iterable[Published] = PUBLISHED) -> list[Finding]:
    """Return everything that is wrong with a template's alarms, topics, state machines, functions and roles.

    `emitted` is what our functions emit; the template's metric filters are added.
    """
    published = {(metric.namespace, metric.name): metric for metric in (*emitted, *_filtered(template))}
    faults: list[Finding] = []
    for name, properties in of_type(template, "AWS::CloudWatch::Alarm"):
        for metric in _metrics(properties):
            # A pipeline's metrics may have a namespace of its own.
            namespace = PIPELINE if "Pipeline" in metric.dimensions else metric.namespace
            ours = published.get((namespace, metric.name))
            faults += _dimensions(name, metric, ours)
            faults += _period(name, metric, ours, properties, template) if ours else ()
        faults += _look_back(name, properties, template)
        faults += _breaching(name, properties)
        faults += _actions(name, properties)
    for name, properties in of_type(template, "AWS::CloudWatch::CompositeAlarm"):
        faults += [*_actions(name, properties), *_children(name, properties, template)]
    return [*faults, *_topics(template), *_machines(template), *functions.findings(template), *trust.findings(template)]


def _dimensions(name: str, metric: _Metric, ours: Published | None) -> Iterator[Finding]:
    queried = ", ".join(sorted(metric.dimensions)) or "none"
    sets = [set(ours.dimensions)] if ours else list(AWS_DIMENSIONS.get(metric.namespace, ()))
    if not sets:
        yield Finding("dimensions", name, f"nothing is known to publish {metric.namespace} {metric.name}.")
    elif metric.dimensions not in sets:
        wanted = " or ".join(", ".join(sorted(names)) or "none" for names in sets)
        sentence = f"{metric.namespace} {metric.name} is published by {wanted}, the alarm asks by {queried}."
        yield Finding("dimensions", name, sentence)
    for dimension, values in ours.values if ours else ():
        value = dict(metric.values).get(dimension)
        if value is not None and value not in values:
            right = " or ".join(sorted(values))
            yield Finding("dimensions", name, f"{metric.name} is published with {dimension} {right}, not {value}.")


def _period(
    name: str, metric: _Metric, ours: Published, properties: Mapping[str, Any], template: Template
) -> Iterator[Finding]:
    window = _period_of(properties, metric, template) * _number(properties.get("EvaluationPeriods", 1), template)
    # An alarm that ignores missing data keeps its state from one value to the next, however far they are apart.
    if ours.every_seconds and properties.get("TreatMissingData") != "ignore" and window < ours.every_seconds:
        sentence = f"it looks back {window:,.0f} s, and {metric.name} comes only every {ours.every_seconds:,} s."
        yield Finding("period", name, sentence)


def _look_back(name: str, properties: Mapping[str, Any], template: Template) -> Iterator[Finding]:
    """An alarm that CloudWatch would refuse with some values of its parameters (API_PutMetricAlarm)."""
    stats = [query["MetricStat"] for query in properties.get("Metrics", []) if "MetricStat" in query]
    count = _number(properties.get("EvaluationPeriods", 1), template, max)
    for period in {_number(stat["Period"], template, max) for stat in (stats or [properties])}:
        most = _WEEK_SECONDS if period >= _HOUR_SECONDS else _DAY_SECONDS
        if period * count > most:
            yield Finding("look-back", name, f"it may look back {period * count:,.0f} s, and CloudWatch {most:,} s.")


def _breaching(name: str, properties: Mapping[str, Any]) -> Iterator[Finding]:
    if properties.get("TreatMissingData") != "breaching":
        return
    counts = any(metric.name in _COUNTS_OF_RUNS for metric in _metrics(properties))
    if not counts or not str(properties.get("ComparisonOperator", "")).startswith("LessThan"):
        yield Finding("breaching", name, "missing data calls, which is right only where a run that is missed is meant.")


def _actions(name: str, properties: Mapping[str, Any]) -> Iterator[Finding]:
    if not (properties.get("AlarmActions") or properties.get("OKActions")):
        yield Finding("action", name, "it has no action, so nobody hears of it.")
    if not properties.get("AlarmDescription"):
        yield Finding("description", name, "it has no description, which is what its mail says of it.")


def _children(name: str, properties: Mapping[str, Any], template: Template) -> Iterator[Finding]:
    named = {_text(alarm.get("AlarmName")) for _, alarm in of_type(template, "AWS::CloudWatch::Alarm")}
    for child in re.findall(r'(?:ALARM|OK|INSUFFICIENT_DATA)\("([^"]+)"\)', _text(properties.get("AlarmRule"))):
        if child not in named:
            yield Finding("children", name, f"its rule names {child}, which is not an alarm of this template.")


def _topics(template: Template) -> Iterator[Finding]:
    """An encrypted topic whose key CloudWatch may not use: the console shows ALARM, and nothing is sent."""
    for name, properties in of_type(template, "AWS::SNS::Topic"):
        for key in _values(properties.get("KmsMasterKeyId")):
            if not _lets_cloudwatch_in(key, template):
                yield Finding("encryption", name, f"its key does not let {_CLOUDWATCH} use it, so alarms are lost.")


def _lets_cloudwatch_in(key: Any, template: Template) -> bool:
    name = key.get("Ref") or (key.get("Fn::GetAtt") or [""])[0] if isinstance(key, dict) else ""
    resource = template.get("Resources", {}).get(name)
    if resource:
        statements = resource["Properties"].get("KeyPolicy", {}).get("Statement", [])
        return any(_CLOUDWATCH in json.dumps(rule.get("Principal")) for rule in statements if rule["Effect"] == "Allow")
    # A key from outside: all that can be done is to say so where it is asked for. AWS's own key never lets it in.
    return _CLOUDWATCH in template.get("Parameters", {}).get(name, {}).get("Description", "")


def _machines(template: Template) -> Iterator[Finding]:
    for one in findings_in(template):
        yield Finding("failure-path", one.machine, one.sentence)


def _values(value: Any) -> list[Any]:
    """Return what a property may be: both sides of an If, without what stands for nothing."""
    if isinstance(value, dict) and "Fn::If" in value:
        return [inner for side in value["Fn::If"][1:] for inner in _values(side)]
    return [] if value in (None, "", {"Ref": "AWS::NoValue"}) else [value]


def _metrics(properties: Mapping[str, Any]) -> list[_Metric]:
    queried = [query["MetricStat"]["Metric"] for query in properties.get("Metrics", []) if "MetricStat" in query]
    plain = [properties] if "MetricName" in properties else []
    return [
        _Metric(
            metric["Namespace"],
            metric["MetricName"],
            frozenset(pair["Name"] for pair in metric.get("Dimensions", [])),
            # What a parameter or a resource decides is not known here.
            tuple((pair["Name"], pair["Value"]) for pair in metric.get("Dimensions", []) if type(pair["Value"]) is str),
        )
        for metric in (*queried, *plain)
    ]


def _period_of(properties: Mapping[str, Any], metric: _Metric, template: Template) -> float:
    for query in properties.get("Metrics", []):
        stat = query.get("MetricStat", {})
        if stat.get("Metric", {}).get("MetricName") == metric.name:
            return _number(stat["Period"], template)
    return float(properties.get("Period", 0))


def _filtered(template: Template) -> Iterator[Published]:
    for _, properties in of_type(template, "AWS::Logs::MetricFilter"):
        for metric in properties["MetricTransformations"]:
            names = frozenset(pair["Key"] for pair in metric.get("Dimensions", []))
            yield Published(metric["MetricNamespace"], metric["MetricName"], names)


def _number(value: Any, template: Template, chosen: Callable[[Iterable[float]], float] = min) -> float:
    """Return a number; of what a mapping holds the least or the most, of a parameter its default or the most."""
    if isinstance(value, dict) and "Fn::FindInMap" in value:
        name, _, member = value["Fn::FindInMap"]
        return chosen(float(entry[member]) for entry in template["Mappings"][name].values())
    if isinstance(value, dict):
        parameter = template["Parameters"][value["Ref"]]
        most = parameter.get("MaxValue", parameter["Default"])
        value = chosen(map(float, parameter.get("AllowedValues", [most]))) if chosen is max else parameter["Default"]
    return float(value)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        inner = value.get("Fn::Sub", "")
        return str(inner[0] if isinstance(inner, list) else inner)
    return str(value or "")

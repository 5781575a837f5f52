"""An alarm and the template around it -> what is wrong between them: publishers, references, actions, children."""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cwalarm.definitions import rule as rules
from cwalarm.definitions.alarm import Alarm, AnyAlarm, Comparison, MetricStat, State, Treat
from cwalarm.definitions.composites import Composite
from cwalarm.definitions.readings import Refused
from cwalarm.definitions.template_parameters import ParametersMissing
from cwalarm.describe.behaviour import Behaviour
from cwalarm.evaluation.evaluate import treatment
from cwalarm.evaluation.verdict import breaches
from cwalarm.lint import definition_rules
from cwalarm.lint.aws_metrics import COUNTS, DIMENSION_SETS, NO_ACTIONS, REFERENCES, UNITS, WITH_TRAFFIC
from cwalarm.lint.facts import Facts
from cwalarm.lint.findings import Finding, finding

_SPELLED = {namespace.lower(): namespace for namespace in (*DIMENSION_SETS, *WITH_TRAFFIC, *COUNTS)}

# Three states each: 2,187 combinations.
_MOST_CHILDREN = 7

_TOPIC = "AWS::SNS::Topic"
_UNITS_LACK = "None"
_CLOUDWATCH = "cloudwatch.amazonaws.com"


def findings(measured: Behaviour, facts: Facts) -> Iterator[Finding]:
    """Yield what is wrong between a metric alarm and its template."""
    alarm = measured.probe.alarm
    for metric in dict.fromkeys(alarm.metrics):
        yield from _spelling(alarm, metric)
        yield from _dimensions(alarm, metric, facts)
        yield from _unit(alarm, metric, facts)
        yield from _events(alarm, metric, facts)
    yield from _references(alarm, facts)
    yield from _dead_letters(alarm, facts)
    yield from _sparse(measured, facts)
    yield from actions(alarm, facts)


def _spelling(alarm: Alarm, metric: MetricStat) -> Iterator[Finding]:
    right = _SPELLED.get(metric.namespace.lower(), metric.namespace)
    if right != metric.namespace:
        why = f"The namespace {metric.namespace} is not {right}: case matters."
        yield finding("metric-nobody-publishes", alarm.name, why, f"Write {right}.")


def _dimensions(alarm: Alarm, metric: MetricStat, facts: Facts) -> Iterator[Finding]:
    queried = frozenset(name for name, _ in metric.dimensions)
    own = facts.publishers_of(metric.metric)
    if own:
        sets = [one.dimensions for one in own if one.dimensions is not None]
        source = "the template publishes it by"
    elif metric.namespace in facts.by_service:
        if "service" not in queried:
            why = f"Powertools publishes {metric.name} by the dimension service, and the alarm does not have it."
            yield finding("dimensions-nobody-publishes", alarm.name, why)
        return
    elif metric.namespace in {one.namespace for one in facts.published}:
        names = sorted({one.name for one in facts.published if one.namespace == metric.namespace})
        why = f"The template publishes {', '.join(names)} into {metric.namespace}, and no {metric.name}."
        yield finding("metric-nobody-publishes", alarm.name, why)
        return
    else:
        sets, source = list(DIMENSION_SETS.get(metric.namespace, ())), "AWS publishes it by"
    if sets and queried not in sets:
        wanted = " or ".join(dict.fromkeys(", ".join(sorted(names)) or "no dimension" for names in sets))
        given = ", ".join(sorted(queried)) or "no dimension"
        why = f"It watches {metric.namespace} {metric.name} by {given}, and {source} {wanted}."
        yield finding("dimensions-nobody-publishes", alarm.name, why)


def _unit(alarm: Alarm, metric: MetricStat, facts: Facts) -> Iterator[Finding]:
    if not metric.unit:
        return
    units = {one.unit for one in facts.publishers_of(metric.metric) if one.unit}
    units = units or {unit for unit in [UNITS.get((metric.namespace, metric.name))] if unit}
    if not units:
        why = f"It counts only values of {metric.name} that are published in {metric.unit}."
        yield finding("unit-narrows", alarm.name, why)
    elif metric.unit not in units:
        published = " or ".join(sorted(units)).replace(_UNITS_LACK, "no unit")
        why = f"It counts only values of {metric.name} in {metric.unit}, and they are published in {published}."
        yield finding("unit-nobody-publishes", alarm.name, why)


def _events(alarm: Alarm, metric: MetricStat, facts: Facts) -> Iterator[Finding]:
    """Look at what counts events: a metric filter with the value 1."""
    own = [one for one in facts.publishers_of(metric.metric) if one.value in ("1", "1.0")]
    if not own or len(alarm.metrics) != 1 or alarm.is_math:
        return
    if metric.statistic == "SampleCount" and any(one.has_zeros for one in own):
        why = f"SampleCount of {metric.name} counts the zeros of its metric filter, too."
        yield finding("publications-counted", alarm.name, why)
    if metric.statistic in ("Average", "Maximum", "Minimum") and not breaches(alarm, 1):
        why = f"The {metric.statistic.lower()} of {metric.name} is never above 1, however many events there are."
        yield finding("count-averaged", alarm.name, why)
    if metric.statistic == "Sum" and alarm.comparison is Comparison.ABOVE and alarm.threshold == 1:
        yield finding("first-event-not-enough", alarm.name, f"One {metric.name} is not above 1: it takes two.")


def _references(alarm: Alarm, facts: Facts) -> Iterator[Finding]:
    for name, value in _raw_dimensions(facts.raw(alarm.name)):
        referred, read = _reference(value)
        wanted = REFERENCES.get((facts.kind(referred), name))
        if wanted is not None and read == "Ref":
            why = f"The dimension {name} is a Ref to {referred}, which returns another text than CloudWatch has."
            instead = f"Use Fn::GetAtt {referred}.{wanted}." if wanted else f"Write the name that {referred} has."
            yield finding("reference-is-no-name", alarm.name, why, instead)
        if (read == "Arn" and name.endswith("Name")) or (read == "Name" and name.endswith("Arn")):
            why = f"The dimension {name} is the {read} of {referred}."
            instead = f"Use its {'name' if read == 'Arn' else 'ARN'}."
            yield finding("reference-is-no-name", alarm.name, why, instead)


def _reference(value: Any) -> tuple[str, str]:
    """Return the logical id that a value refers to, and what it reads of it: `Ref`, or an attribute; or nothing."""
    if not isinstance(value, dict) or len(value) != 1:
        return "", ""
    if isinstance(value.get("Ref"), str):
        return value["Ref"], "Ref"
    attribute = value.get("Fn::GetAtt")
    parts = attribute.split(".", 1) if isinstance(attribute, str) else attribute
    if isinstance(parts, list) and len(parts) == 2 and all(isinstance(part, str) for part in parts):
        return parts[0], parts[1]
    return "", ""


def _dead_letters(alarm: Alarm, facts: Facts) -> Iterator[Finding]:
    if {(stat.namespace, stat.name) for stat in alarm.metrics} != {("AWS/SQS", "NumberOfMessagesSent")}:
        return
    for _, value in _raw_dimensions(facts.raw(alarm.name)):
        queue, _ = _reference(value)
        if queue and queue in facts.dead_letter_queues():
            why = f"{queue} gets its messages by SQS itself, and NumberOfMessagesSent does not count them."
            yield finding("dead-letters-not-counted", alarm.name, why)


def _raw_dimensions(properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    entries = properties.get("Metrics")
    stats = (
        [entry.get("MetricStat") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )
    holders = [properties, *(stat.get("Metric") for stat in stats if isinstance(stat, dict))]
    for holder in holders:
        pairs = holder.get("Dimensions") if isinstance(holder, dict) else None
        for pair in pairs if isinstance(pairs, list) else ():
            if isinstance(pair, dict):
                yield str(pair.get("Name")), pair.get("Value")


def _sparse(measured: Behaviour, facts: Facts) -> Iterator[Finding]:
    """Look at an alarm whose metrics are published only when something happens."""
    alarm = measured.probe.alarm
    if not facts.is_sparse(alarm):
        return
    names = ", ".join(sorted({metric.name for metric in alarm.metrics}))
    states = [step.state for stop in measured.stops_from_alarm[:1] for step in stop.steps]
    if State.INSUFFICIENT_DATA in states:
        why = f"{names} has no datapoints between events: soon after one it goes to INSUFFICIENT_DATA."
        yield finding("sparse-goes-insufficient", alarm.name, why)
    held = [burst for burst in measured.among_gaps if burst.holds_seconds is None]
    if held and treatment(alarm) is Treat.IGNORE:
        why = f"{names} has no datapoints between events, so it stays in ALARM until one comes that is good."
        yield finding("stuck-while-silent", alarm.name, why)


def actions(alarm: AnyAlarm, facts: Facts) -> Iterator[Finding]:
    """Yield what is wrong with what an alarm does."""
    own = {state: alarm.actions_for(state) for state in State}
    if not alarm.actions_enabled:
        yield finding("actions-disabled", alarm.name, "Its ActionsEnabled is false.")
    elif not any(own.values()):
        if alarm.name not in facts.referred:
            yield finding("no-action", alarm.name, "It has no action, and nothing in the template acts on it.")
    elif not own[State.ALARM] and alarm.name not in facts.referred:
        named = " and ".join(state for state in State if own[state])
        yield finding("no-alarm-action", alarm.name, f"It acts on {named} only.")
    yield from _no_arns(alarm, facts)
    for topic, key in _encrypted(facts.raw(alarm.name), facts):
        if closed := _closed(key, facts):
            yield finding("topic-closed-to-cloudwatch", alarm.name, f"Its topic {topic} is encrypted with {closed}.")


def _no_arns(alarm: AnyAlarm, facts: Facts) -> Iterator[Finding]:
    properties = facts.raw(alarm.name)
    lists = [properties.get(f"{state}Actions") for state in ("Alarm", "OK", "InsufficientData")]
    values = [value for listed in lists if isinstance(listed, list) for value in listed]
    for referred, read in dict.fromkeys(map(_reference, values)):
        attribute = NO_ACTIONS.get(facts.kind(referred))
        if (attribute is not None and read == "Ref") or (read == "TopicName" and facts.kind(referred) == _TOPIC):
            why = f"Its action {referred} is {'a Ref' if read == 'Ref' else 'a name'}, which is no ARN."
            yield finding("action-is-no-arn", alarm.name, why, f"Use Fn::GetAtt {referred}.Arn." if attribute else "")


def _encrypted(properties: Mapping[str, Any], facts: Facts) -> Iterator[tuple[str, Any]]:
    """Yield the topics of the template among the actions that are encrypted, and their keys."""
    listed = properties.get("AlarmActions")
    for action in listed if isinstance(listed, list) else ():
        topic = str(action.get("Ref")) if isinstance(action, dict) else ""
        resource = facts.resources.get(topic, {})
        key = (resource.get("Properties") or {}).get("KmsMasterKeyId")
        if resource.get("Type") == _TOPIC and key:
            yield topic, key


def _closed(key: Any, facts: Facts) -> str:
    """Return why CloudWatch may not use a key; empty if it may, or if that is decided outside of the template."""
    if isinstance(key, str):
        return "alias/aws/sns, which CloudWatch cannot use" if key.endswith("alias/aws/sns") else ""
    attribute = (key.get("Fn::GetAtt") or key.get("Ref")) if isinstance(key, dict) else None
    name = str(attribute[0] if attribute and isinstance(attribute, list) else attribute).partition(".")[0]
    resource = facts.resources.get(name, {})
    policy = (resource.get("Properties") or {}).get("KeyPolicy")
    if resource.get("Type") != "AWS::KMS::Key" or not isinstance(policy, dict):
        return ""
    return "" if _CLOUDWATCH in json.dumps(policy) else f"the key {name}, whose policy does not name {_CLOUDWATCH}"


def composite(definition: Composite, facts: Facts) -> Iterator[Finding]:
    """Yield what is wrong with a composite alarm."""
    children = rules.children(definition.rule)
    for child in [*children, *([definition.suppressor] if definition.suppressor else [])]:
        if child.rpartition(":alarm:")[2] not in facts.logical_ids:
            yield finding("composite-child-unknown", definition.name, f"{child} is not an alarm of the template.")
    yield from _outcomes(definition, children)
    yield from actions(definition, facts)
    yield from definition_rules.not_evaluated(definition)


def _outcomes(definition: Composite, children: list[str]) -> Iterator[Finding]:
    if len(children) > _MOST_CHILDREN:
        return
    combinations = itertools.product(State, repeat=len(children))
    outcomes = {
        rules.holds(definition.rule, dict(zip(children, states, strict=True)).__getitem__) for states in combinations
    }
    tried = f"All {3 ** len(children):,} combinations of the states of its children make it"
    if outcomes == {False}:
        yield finding("composite-never-fires", definition.name, f"{tried} OK.")
    if outcomes == {True}:
        yield finding("composite-never-recovers", definition.name, f"{tried} ALARM.")


def refused(item: Refused, facts: Facts) -> Iterator[Finding]:
    """Yield what can be said of an alarm that cannot be evaluated."""
    properties = facts.resources.get(item.logical_id, {}).get("Properties") or {}
    band = properties.get("ThresholdMetricId")
    entries = properties.get("Metrics")
    if isinstance(band, str) and isinstance(entries, list):
        ids = {
            entry.get("Id")
            for entry in entries
            if isinstance(entry, dict) and "ANOMALY_DETECTION_BAND" in str(entry.get("Expression"))
        }
        if band not in ids:
            yield finding(
                "band-missing", item.name, f"ThresholdMetricId {band} is not the id of an anomaly detection band."
            )
        if "Threshold" in properties:
            yield finding("band-missing", item.name, "It has a Threshold beside ThresholdMetricId.")
    is_refused = item.error.kind != "unsupported" and not isinstance(item.error, ParametersMissing)
    rule = "refused-definition" if is_refused else "not-judged"
    yield finding(rule, item.name, str(item.error), item.error.next_step)

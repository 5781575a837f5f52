"""A template -> what the rules need to know of it beside the alarm that they judge."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwalarm.definitions import rule as composite_rules
from cwalarm.definitions.alarm import Alarm, Metric
from cwalarm.definitions.composites import Composite
from cwalarm.definitions.inventory import Inventory
from cwalarm.definitions.template import Resolver
from cwalarm.lint import publishers
from cwalarm.lint.aws_metrics import SPARSE
from cwalarm.lint.publishers import Published

# It shows an alarm, and acts on nothing.
_DASHBOARD = "AWS::CloudWatch::Dashboard"
# The detail type of the events by which rules of EventBridge hear of every alarm.
_CHANGES = "CloudWatch Alarm State Change"
# A logical id in a text of Fn::Sub, or before the attribute of Fn::GetAtt.
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9]+)|^([A-Za-z0-9]+)\.Arn$")

KINDS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::LogAlarm")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a template says beside one alarm.

    Attributes:
        logical_ids: Of the alarms, by their names.
        by_service: Namespaces whose metrics have at least the dimension `service`.
        referred: Names of the alarms that something acts on without being their action: a composite's rule or
            suppressor, a deployment that rolls back, a rule on changes of state.
    """

    resources: Mapping[str, Mapping[str, Any]]
    published: tuple[Published, ...]
    logical_ids: Mapping[str, str]
    referred: frozenset[str]
    by_service: frozenset[str] = frozenset()

    def raw(self, alarm: str) -> Mapping[str, Any]:
        """Return the properties of an alarm as they are written, with their functions."""
        properties = self.resources.get(self.logical_ids.get(alarm, ""), {}).get("Properties")
        return properties if isinstance(properties, dict) else {}

    def kind(self, logical_id: str) -> str:
        """Return the type of a resource; empty where there is none."""
        return str(self.resources.get(logical_id, {}).get("Type", ""))

    def dead_letter_queues(self) -> frozenset[str]:
        """Return the logical ids of the queues into which SQS moves what could not be processed."""
        policies = [(one.get("Properties") or {}).get("RedrivePolicy") for one in self.resources.values()]
        targets = [policy.get("deadLetterTargetArn") for policy in policies if isinstance(policy, dict)]
        parts = [target.get("Fn::GetAtt") for target in targets if isinstance(target, dict)]
        return frozenset(str(part[0]) for part in parts if isinstance(part, list) and part)

    def publishers_of(self, metric: Metric) -> list[Published]:
        """Return what the template publishes under the name of a metric."""
        return [one for one in self.published if (one.namespace, one.name) == (metric.namespace, metric.name)]

    def scales(self, alarm: str) -> bool:
        """Return whether all that an alarm does is to scale something."""
        listed = self.raw(alarm).get("AlarmActions")
        actions = listed if isinstance(listed, list) else []
        referred = [str(action.get("Ref")) for action in actions if isinstance(action, dict)]
        kinds = [str(self.resources.get(name, {}).get("Type")) for name in referred]
        return bool(actions) and len(kinds) == len(actions) and all(kind.endswith("::ScalingPolicy") for kind in kinds)

    def is_sparse(self, alarm: Alarm) -> bool:
        """Return whether everything that an alarm watches is published only when something happens."""
        return all(self._is_sparse(stat.metric) for stat in alarm.metrics)

    def _is_sparse(self, metric: Metric) -> bool:
        own = self.publishers_of(metric)
        return metric.name in SPARSE.get(metric.namespace, ()) or (bool(own) and all(one.is_sparse for one in own))


def read(resolver: Resolver, inventory: Inventory) -> Facts:
    """Return the facts of a template whose alarms have been read."""
    ids = {resolver.name(logical_id): logical_id for kind in KINDS for logical_id in resolver.of_kind(kind)}
    referred = _referred(inventory.composites) | _used(resolver.section("Resources"), ids)
    return Facts(
        resolver.section("Resources"), publishers.read(resolver), ids, referred, publishers.by_service(resolver)
    )


def _used(resources: Mapping[str, Mapping[str, Any]], ids: Mapping[str, str]) -> frozenset[str]:
    """Return the alarms that another resource names; all of them where a rule listens to changes of state."""
    others = [one.get("Properties") for one in resources.values() if one.get("Type") not in (*KINDS, _DASHBOARD)]
    texts = {text for properties in others for text in _texts(properties)}
    if _CHANGES in texts:
        return frozenset(ids)
    parts = texts | {part for text in texts for match in _REFERENCE.finditer(text) for part in match.groups()}
    return frozenset(name for name, logical_id in ids.items() if name in parts or logical_id in parts)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(item)


def _referred(composites: Sequence[Composite]) -> frozenset[str]:
    children = {name for composite in composites for name in composite_rules.children(composite.rule)}
    return frozenset(children | {composite.suppressor for composite in composites if composite.suppressor})

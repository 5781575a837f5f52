"""A template -> what the rules need to know of it beside the alarm that they judge."""

from collections.abc import Mapping, Sequence
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

KINDS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::LogAlarm")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a template says beside one alarm.

    Attributes:
        logical_ids: Of the alarms, by their names.
        by_service: Namespaces whose metrics have at least the dimension `service`.
        referred: Names of the alarms that a composite's rule or suppressor refers to.
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
    referred, by_service = _referred(inventory.composites), publishers.by_service(resolver)
    return Facts(resolver.section("Resources"), publishers.read(resolver), ids, referred, by_service)


def _referred(composites: Sequence[Composite]) -> frozenset[str]:
    children = {name for composite in composites for name in composite_rules.children(composite.rule)}
    return frozenset(children | {composite.suppressor for composite in composites if composite.suppressor})

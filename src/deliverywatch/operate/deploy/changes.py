"""A change set, or two templates -> what a deployment would change, as values and in words.

Format: docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cwalarm.definitions.template import Resolver
from deliverywatch.operate.account.resources import kind_words

# More new resources than this are counted by kind instead of named.
_NAMED_COUNT = 12


class Action(StrEnum):
    """What happens to a resource."""

    ADD = "add"
    CHANGE = "change"
    REPLACE = "replace"
    # It depends on a value that is known only when it happens.
    MAY_REPLACE = "may-replace"
    REMOVE = "remove"


_SIGNS = {Action.ADD: "+", Action.CHANGE: "~", Action.REPLACE: "!", Action.MAY_REPLACE: "!", Action.REMOVE: "-"}
_NOUNS = {
    Action.ADD: "{} new",
    Action.CHANGE: "{} changed",
    Action.REPLACE: "{} REPLACED",
    Action.MAY_REPLACE: "{} perhaps REPLACED",
    Action.REMOVE: "{} removed",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource.

    Attributes:
        resource: Its logical id.
        kind: Such as `Lambda Function`.
        because: The properties that change, or that make it be replaced; empty if not known.
        is_kept: Whether what is removed or replaced stays in the account, without a stack.
    """

    action: Action
    resource: str
    kind: str
    because: tuple[str, ...] = ()
    is_kept: bool = False

    def words(self) -> str:
        """Return one line."""
        return f"{_SIGNS[self.action]} {self.resource} ({self.kind}){self._effect()}"

    def _effect(self) -> str:
        because = ", ".join(self.because)
        fate = "the old one is kept" if self.is_kept else "the old one is deleted with what it holds"
        if self.action is Action.CHANGE:
            return f": {because}" if because else ""
        if self.action is Action.REPLACE:
            return f": REPLACED{f' because of {because}' if because else ''}; {fate}"
        if self.action is Action.MAY_REPLACE:
            return f": {because}; perhaps REPLACED" if because else ": perhaps REPLACED"
        return ": kept, outside of the stack" if self.action is Action.REMOVE and self.is_kept else ""


def from_change_set(changes: Iterable[Mapping[str, Any]]) -> list[Change]:
    """Return the changes of a DescribeChangeSet answer, of all its pages."""
    return [_change(change["ResourceChange"]) for change in changes if change.get("Type") == "Resource"]


def _change(resource: Mapping[str, Any]) -> Change:
    action = {"Add": Action.ADD, "Import": Action.ADD, "Remove": Action.REMOVE}.get(resource["Action"]) or {
        "True": Action.REPLACE,
        "Conditional": Action.MAY_REPLACE,
    }.get(resource.get("Replacement", "False"), Action.CHANGE)
    targets = [detail["Target"] for detail in resource.get("Details", ())]
    if action in (Action.REPLACE, Action.MAY_REPLACE):
        targets = [target for target in targets if target.get("RequiresRecreation", "Never") != "Never"]
    because = dict.fromkeys(target.get("Name") or target["Attribute"] for target in targets)
    is_kept = "Retain" in resource.get("PolicyAction", "")
    return Change(action, resource["LogicalResourceId"], kind_words(resource["ResourceType"]), tuple(because), is_kept)


def compared(
    before: Mapping[str, Any], old: Mapping[str, str], after: Mapping[str, Any], new: Mapping[str, str]
) -> list[Change]:
    """Return what differs between two templates with their parameters, without asking AWS: no replacement is known.

    A `before` without resources stands for no stack.
    """
    current, wanted = _resolved(before, old), _resolved(after, new)
    added = [Change(Action.ADD, name, kind) for name, (kind, _, _) in wanted.items() if name not in current]
    changed = [
        Change(Action.CHANGE, name, kind, tuple(_differences(current[name][1], properties)))
        for name, (kind, properties, _) in wanted.items()
        if name in current and current[name][1] != properties
    ]
    removed = [
        Change(Action.REMOVE, name, kind, is_kept=is_kept)
        for name, (kind, _, is_kept) in current.items()
        if name not in wanted
    ]
    return [*added, *changed, *removed]


def _resolved(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, tuple[str, Any, bool]]:
    """Return by logical id the kind, the properties, and whether the resource outlives its stack."""
    if not template.get("Resources"):
        return {}
    resolver = Resolver(template, parameters)
    return {
        name: (kind_words(made["Type"]), resolver.properties(name), made.get("DeletionPolicy", "").startswith("Retain"))
        for name, made in template["Resources"].items()
        if resolver.holds(made.get("Condition"))
    }


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def summary(changes: Sequence[Change]) -> str:
    """Return how many resources meet which fate, such as `2 new, 1 changed`."""
    counts = Counter(change.action for change in changes)
    return ", ".join(_NOUNS[action].format(counts[action]) for action in Action if counts[action]) or "nothing changes"


def lines(changes: Sequence[Change]) -> Iterator[str]:
    """Yield the changes in words, what may lose something first; many new ones are counted by kind."""
    order = [Action.REPLACE, Action.MAY_REPLACE, Action.REMOVE, Action.CHANGE, Action.ADD]
    for action in order:
        same = [change for change in changes if change.action is action]
        if action is Action.ADD and len(same) > _NAMED_COUNT:
            kinds = Counter(change.kind for change in same)
            yield from (f"+ {count} x {kind}" for kind, count in sorted(kinds.items()))
        else:
            yield from (change.words() for change in same)

"""The rules of a CloudFormation template and values of its parameters -> why it could not be deployed with them.

Follows "Rules" and "Rule-specific intrinsic functions" of the CloudFormation user guide. Rules that ask the account
(`Fn::ValueOf`, `Fn::RefAll`) are not judged.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from cwalarm.definitions.template import Resolver
from cwalarm.errors import InputError


class _Rules(Resolver):
    """Resolves the functions that only rules have, too."""

    def _contains(self, value: Any) -> bool:
        values, wanted = self.resolve(value)
        return self.text(wanted) in map(self.text, values)

    def _all_equal(self, value: Any) -> bool:
        values, wanted = self.resolve(value)
        return all(self.text(member) == self.text(wanted) for member in values)

    def _all_in(self, value: Any) -> bool:
        values, allowed = self.resolve(value)
        return set(map(self.text, values)) <= set(map(self.text, allowed))

    functions: ClassVar[dict[str, Callable[[Any, Any], Any]]] = {
        **Resolver.functions,
        "Fn::Contains": _contains,
        "Fn::EachMemberEquals": _all_equal,
        "Fn::EachMemberIn": _all_in,
    }


def contradictions(template: Mapping[str, Any], parameters: Mapping[str, str]) -> list[str]:
    """Return the sentence of each assertion that does not hold."""
    sentences: list[str] = []
    for name, rule in (template.get("Rules") or {}).items():
        try:
            sentences.extend(_broken(name, rule, _Rules(template, parameters)))
        except InputError:
            continue  # it asks the account, or is no rule: the deployment will show it
    return sentences


def _broken(name: str, rule: Mapping[str, Any], resolver: _Rules) -> Iterator[str]:
    if "RuleCondition" in rule and not resolver.is_true(rule["RuleCondition"]):
        return
    for assertion in rule["Assertions"]:
        if not resolver.is_true(assertion["Assert"]):
            yield str(assertion.get("AssertDescription") or f"Rule {name} does not hold.")

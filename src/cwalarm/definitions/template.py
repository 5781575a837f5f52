"""A CloudFormation template -> the properties of its resources, with functions and conditions resolved.

Follows "Intrinsic function reference" and "Conditions" of the CloudFormation user guide, as far as a template can be
resolved without an account: what a resource would be called there is its own name property, or else its logical id.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from cwalarm.definitions import template_parameters
from cwalarm.errors import InputError

_Definition = TypeVar("_Definition")

_NO_VALUE = object()
_VARIABLE = re.compile(r"\$\{(!?)([^{}]*)\}")
# Each level takes up to ten frames of Python's stack.
_DEPTH = 50


def resources(
    template: Mapping[str, Any], kind: str, parameters: Mapping[str, str], without: Sequence[str] = ()
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the logical id and the resolved properties of each resource of a kind whose condition holds.

    What fits a pattern of `without`, by name or logical id, is left out before it is resolved.

    Raises:
        InputError: The template is malformed, a parameter is unknown or has no value, or a function cannot be resolved.
    """
    resolver = Resolver(template, parameters)
    for logical_id, resource in (template.get("Resources") or {}).items():
        if resource.get("Type") != kind or fits(logical_id, without):
            continue
        if resolver.exists(logical_id) and not (without and fits(resolver.name(logical_id), without)):
            yield logical_id, resolver.properties(logical_id)


def read_all(
    template: Mapping[str, Any],
    kind: str,
    parameters: Mapping[str, str] | None,
    without: Sequence[str],
    read: Callable[[dict[str, Any]], _Definition],
    name: str = "AlarmName",
) -> list[_Definition]:
    """Return each resource of a kind as `read` reads it; it is called by its logical id unless it has a name."""
    described = resources(template, kind, parameters or {}, without)
    return [read({name: logical_id, **properties}) for logical_id, properties in described]


def require_unique(names: Sequence[str]) -> None:
    """Raise InputError if two alarms have one name."""
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"Two alarms are called {name}; CloudWatch would let the later one replace the other.",
                next_step="Give each alarm a name of its own.",
            )


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name fits one of the patterns of names that are left out, such as `*-blind`."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class Resolver:
    """Resolves the functions of one template with one set of parameters."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        _require_shape(template)
        self._template = template
        self._parameters = template_parameters.values(template, parameters)
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.holds,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._substitute,
            "Fn::Join": self._join,
            "Fn::If": self._choose,
            "Fn::Equals": self._equals,
            "Fn::Not": lambda value: not self.is_true(value[0]),
            "Fn::And": lambda value: all(self.is_true(item) for item in value),
            "Fn::Or": lambda value: any(self.is_true(item) for item in value),
            "Fn::FindInMap": self._find,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::ImportValue": self._imported,
            "Fn::Base64": lambda value: base64.b64encode(str(self.resolve(value)).encode()).decode(),
        }
        self._where = "The template"
        self._depth = 0

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Return a resource's properties; errors name the resource, and how to do without it."""
        self._where = f"Resource {logical_id}"
        properties = self.resolve(self._section("Resources", logical_id).get("Properties") or {})
        if not isinstance(properties, dict):
            raise self._error("has Properties that are not a mapping")
        return properties

    def exists(self, logical_id: str) -> bool:
        """Return whether a resource's condition holds; without one it always exists."""
        self._where = f"Resource {logical_id}"
        return self.holds(self._section("Resources", logical_id).get("Condition"))

    def name(self, logical_id: str) -> str:
        """Return what a resource is called; its logical id if its name cannot be resolved."""
        try:
            return self._name(logical_id)
        except InputError:
            return logical_id

    def holds(self, condition: Any) -> bool:
        """Return whether a named condition holds; no condition always does."""
        if condition is not None and not isinstance(condition, str):
            raise self._error(f"has the condition {condition!r}, which is not a name")
        return condition is None or self.is_true(self._section("Conditions", condition))

    def resolve(self, value: Any) -> Any:
        """Return the value with every function in it replaced by what it stands for."""
        self._depth += 1
        try:
            if self._depth > _DEPTH:
                raise self._error("is nested too deeply, or refers to itself")
            return self._resolved(value)
        finally:
            self._depth -= 1

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        name, argument = next(iter(value.items()), ("", None))
        if len(value) == 1 and name in self._functions:
            return self._call(name, argument)
        if len(value) == 1 and str(name).startswith("Fn::"):
            raise self._error(f"uses {name}, which cannot be resolved without an account")
        pairs = ((key, self.resolve(item)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not _NO_VALUE}

    def _call(self, name: str, argument: Any) -> Any:
        try:
            return self._functions[name](argument)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise self._error(f"uses {name} with arguments that do not fit: {argument!r}") from error

    def is_true(self, value: Any) -> bool:
        """Return whether a condition holds, be it a function."""
        return str(self.resolve(value)).lower() == "true"

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._parameters:
            return self._parameters[name]
        if name in (self._template.get("Parameters") or {}):
            raise self._error(
                f"needs parameter {name}, which has {template_parameters.lacking(self._template['Parameters'][name])}",
                f"Give it one with --set {name}=...",
            )
        kind = self._section("Resources", name)["Type"]
        return self._arn(name, kind) if kind == "AWS::SNS::Topic" else self._name(name)

    def _name(self, logical_id: str) -> str:
        """Return what a resource is called, such as a queue's `QueueName`; else its logical id."""
        resource = self._section("Resources", logical_id)
        kind = resource["Type"].rpartition("::")[2]
        wanted = (f"{kind}Name", "Name", "AlarmName", "ApiName")
        properties = resource.get("Properties") or {}
        # Glue keeps the name of a table or a database one level deeper.
        properties = properties.get(f"{kind}Input") or properties
        named = next((properties[name] for name in wanted if name in properties), logical_id)
        return str(self.resolve(named))

    def _attribute(self, value: Any) -> str:
        logical_id, _, attribute = value.partition(".") if isinstance(value, str) else (value[0], ".", value[1])
        resource = self._section("Resources", logical_id)
        if attribute.endswith("Arn"):
            return self._arn(logical_id, resource["Type"])
        own = (resource.get("Properties") or {}).get(attribute)
        return str(self.resolve(own)) if own is not None else self._name(logical_id)

    def _arn(self, logical_id: str, kind: str) -> str:
        service = kind.split("::")[1].lower()
        label = {"lambda": "function:", "cloudwatch": "alarm:"}.get(service, "")
        scope = [self._parameters[f"AWS::{name}"] for name in ("Partition", "Region", "AccountId")]
        return f"arn:{scope[0]}:{service}:{scope[1]}:{scope[2]}:{label}{self._name(logical_id)}"

    def _substitute(self, value: Any) -> str:
        text, own = (value, {}) if isinstance(value, str) else (value[0], value[1])

        def replaced(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return str(self.resolve(own[name]))
            return str(self._attribute(name) if "." in name else self._ref(name))

        return _VARIABLE.sub(replaced, text)

    def _join(self, value: Any) -> str:
        separator, parts = value
        return str(separator).join(str(part) for part in self.resolve(parts))

    def _choose(self, value: Any) -> Any:
        condition, when_true, when_false = value
        return self.resolve(when_true if self.holds(condition) else when_false)

    def _equals(self, value: Any) -> bool:
        left, right = self.resolve(value)
        return str(left) == str(right)

    def _find(self, value: Any) -> Any:
        name, top, second = (self.resolve(part) for part in value[:3])
        return self.resolve(self._section("Mappings", name)[top][second])

    def _select(self, value: Any) -> Any:
        index, values = self.resolve(value)
        return (values.split(",") if isinstance(values, str) else values)[int(index)]

    def _split(self, value: Any) -> list[str]:
        separator, text = self.resolve(value)
        return str(text).split(separator)

    def _imported(self, value: Any) -> str:
        """Stand for what another stack exports: only its account knows it, and as a name it serves as it is."""
        return f"{{ImportValue {self.resolve(value)}}}"

    def _section(self, section: str, name: str) -> Any:
        entries = self._template.get(section) or {}
        if name not in entries:
            raise self._error(f"refers to {name}, which is not among the template's {section}")
        return entries[name]

    def _error(self, what: str, next_step: str = "Correct the template.") -> InputError:
        _, _, logical_id = self._where.partition("Resource ")
        spare = f" Or leave it out with --without {logical_id}." if logical_id else ""
        return InputError(f"{self._where} {what}.", next_step=next_step + spare)


def _require_shape(template: Mapping[str, Any]) -> None:
    """Raise InputError unless the outer shape is right, on which everything else here relies."""
    for section in ("Resources", "Parameters", "Conditions", "Mappings"):
        entries = template.get(section) or {}
        if not isinstance(entries, dict):
            raise _malformed(f"{section} is {repr(entries)[:60]}")
        for name, entry in entries.items() if section in ("Resources", "Parameters") else ():
            if str(name).startswith("Fn::"):
                raise _unprocessed(str(name))
            if not isinstance(name, str) or not isinstance(entry, dict):
                raise _malformed(f"{section.removesuffix('s')} {name} is {repr(entry)[:60]}")
            if not isinstance(entry.get("Properties") or {}, dict):
                raise _malformed(f"The Properties of {name} are {repr(entry['Properties'])[:60]}")


def _malformed(what: str) -> InputError:
    return InputError(f"{what}, which is not a mapping of names.", next_step="Correct the template and load it again.")


def _unprocessed(name: str) -> InputError:
    function = name.split("::")[1]
    return InputError(
        f"The template uses {function} of AWS::LanguageExtensions, which AWS resolves.",
        next_step="Give the processed template: aws cloudformation get-template --template-stage Processed.",
    )

"""A CloudFormation template -> the properties of its resources, with functions and conditions resolved.

Follows "Intrinsic function reference", "Conditions" and "AWS::LanguageExtensions transform" of the CloudFormation user
guide, as far as a template can be resolved without an account; `physical_names` says what a resource is called.
"""

import base64
import copy
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Self

from cwalarm.definitions import loops, sam, scalars, template_parameters
from cwalarm.definitions.physical_names import Resource, Scope
from cwalarm.errors import InputError

_NO_VALUE = object()
_VARIABLE = re.compile(r"\$\{(!?)([^{}]*)\}")
# Each level takes up to ten frames of Python's stack.
_DEPTH = 50

# Transforms that are understood here, or that change no alarm.
_KNOWN_TRANSFORMS = (
    "AWS::CodeDeployBlueGreen",
    loops.TRANSFORM,
    "AWS::SecretsManager-",
    "AWS::Serverless-",
    "AWS::ServiceCatalog",
)
_PROCESSED = "Give the processed template: aws cloudformation get-template --template-stage Processed."


def resources(
    template: Mapping[str, Any], kind: str, parameters: Mapping[str, str], without: Sequence[str] = ()
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the logical id and the resolved properties of each resource of a kind whose condition holds.

    What fits a pattern of `without`, by name or logical id, is left out before it is resolved.

    Raises:
        InputError: The template is malformed, a parameter is unknown or has no value, or a function cannot be resolved.
    """
    resolver = Resolver(template, parameters)
    for logical_id in resolver.of_kind(kind, without):
        if resolver.exists(logical_id):
            yield logical_id, resolver.properties(logical_id)


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name fits one of the patterns of names that are left out, such as `*-blind`."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class Resolver:
    """Resolves the functions of one template with one set of parameters.

    Attributes:
        template: The template as it was given.
        parameters: The parameters that have a value, pseudo parameters too.
        refused: The loops whose resources cannot be said, and why, by their keys.
    """

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        _require_shape(template)
        self.template = self._template = template
        self.parameters = template_parameters.values(template, parameters)
        self._where = "The template"
        self._depth = 0
        self.refused: dict[str, InputError] = {}
        for section in ("Conditions", "Resources"):
            entries = template.get(section) or {}
            if any(str(name).startswith("Fn::") for name in entries):
                self._template = {**self._template, section: self._expanded(entries)}
        _require_shape(self._template)

    def _expanded(self, section: Mapping[str, Any]) -> dict[str, Any]:
        expanded = loops.expand(section, self.resolve, self.refused)
        for name in [name for name in expanded if str(name).startswith("Fn::")]:
            problem = f"{name} is a macro, which only the account can run."
            self.refused[name] = InputError(problem, kind="unsupported", next_step=_PROCESSED)
            del expanded[name]
        return expanded

    def of_kind(self, kind: str, without: Sequence[str] = ()) -> list[str]:
        """Return the logical ids of all resources of a kind but those whose name or logical id fits `without`."""
        return [
            logical_id
            for logical_id, resource in (self._template.get("Resources") or {}).items()
            if resource.get("Type") == kind
            and not fits(logical_id, without)
            and not (without and fits(self.name(logical_id), without))
        ]

    def with_parameters(self, overrides: Mapping[str, Any]) -> Self:
        """Return a resolver of the same template in which some parameters have other values."""
        other = copy.copy(self)
        declared = self.declared
        typed = {name: template_parameters.typed(declared.get(name, {}), value) for name, value in overrides.items()}
        other.parameters = {**self.parameters, **typed}
        return other

    @property
    def declared(self) -> Mapping[str, Any]:
        """The declarations of the template's parameters by name."""
        return self._template.get("Parameters") or {}

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section of the template, loops expanded; it is empty if there is none."""
        return self._template.get(name) or {}

    def properties(self, logical_id: str, omitted: Collection[str] = ()) -> dict[str, Any]:
        """Return a resource's properties but the omitted; errors name the resource, and how to do without it."""
        self._where = f"Resource {logical_id}"
        given = self._section("Resources", logical_id).get("Properties") or {}
        given = {name: value for name, value in given.items() if name not in omitted}
        if path := _path_of_null(given):
            place = "/".join(("Resources", logical_id, "Properties", *path))
            raise self._error(f"is refused by CloudFormation: [/{place}] 'null' values are not allowed in templates")
        properties = self.resolve(given)
        if not isinstance(properties, dict):
            raise self._error("has Properties that are not a mapping")
        return properties

    def list_or_stand_ins(self, value: Any) -> Any:
        """Return what should be a list of texts; what of it cannot be resolved is written as `{Name}`."""
        if value is None:
            return None
        if isinstance(value, list):
            return [item for item in map(self.or_stand_in, value) if item is not _NO_VALUE]
        resolved = self.or_stand_in(value)
        if resolved is _NO_VALUE:
            return []
        return [resolved] if isinstance(value, dict) and resolved == _stand_in(value) else resolved

    def or_stand_in(self, value: Any) -> Any:
        """Return a resolved value, or a text such as `{Name}` for one that cannot be resolved."""
        try:
            return self.resolve(value)
        except InputError:
            return _stand_in(value)

    def exists(self, logical_id: str) -> bool:
        """Return whether a resource's condition holds; without one it always exists."""
        self._where = f"Resource {logical_id}"
        return self.holds(self._section("Resources", logical_id).get("Condition"))

    def name(self, logical_id: str) -> str:
        """Return what a resource is called; its logical id if its name cannot be resolved."""
        try:
            return self._resource(logical_id).name
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
        if value is None:
            raise self._error("is refused by CloudFormation: 'null' values are not allowed in templates")
        if not isinstance(value, dict):
            return value
        name, argument = next(iter(value.items()), ("", None))
        if len(value) == 1 and name in self.functions:
            return self._call(name, argument)
        value = loops.expand(value, self.resolve)
        for key in value:
            if str(key).startswith("Fn::"):
                next_step = _PROCESSED if key == "Fn::Transform" else "Write a parameter in its place."
                raise self._error(f"uses {key}, which only the account can resolve", next_step, "unsupported")
        pairs = ((key, self.resolve(item)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not _NO_VALUE}

    def _call(self, name: str, argument: Any) -> Any:
        try:
            return self.functions[name](self, argument)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise self._error(f"uses {name} with arguments that do not fit: {argument!r}") from error

    def is_true(self, value: Any) -> bool:
        """Return whether a condition holds, be it a function."""
        return str(self.resolve(value)).lower() == "true"

    def text(self, value: Any) -> str:
        """Return the text of a value that a function makes text of; TypeError if it has none."""
        resolved = scalars.of_value(self.resolve(value))
        if not isinstance(resolved, str):
            raise TypeError(f"{resolved!r} is not text")
        return resolved

    def _ref(self, argument: Any) -> Any:
        name = self.text(argument)
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self.parameters:
            return self.parameters[name]
        if name in self.declared:
            raise template_parameters.missing(self._where, name, self.declared[name], self._spare)
        return self._resource(name).reference(self._scope)

    def _attribute(self, value: Any) -> str:
        logical_id, attribute = map(self.text, value.split(".", 1) if isinstance(value, str) else value)
        part, _, inner = attribute.rpartition(".")
        if part and sam.generated(self._template, f"{logical_id}.{part}"):
            return self._resource(f"{logical_id}.{part}").attribute(inner, self._scope)
        return self._resource(logical_id).attribute(attribute, self._scope)

    def _resource(self, logical_id: str) -> Resource:
        made = self.section("Resources").get(logical_id) or sam.generated(self._template, logical_id)
        made = made or self._section("Resources", logical_id)
        return Resource(logical_id, str(made["Type"]), made.get("Properties") or {}, self.resolve)

    @property
    def _scope(self) -> Scope:
        return Scope(
            *(str(self.parameters[f"AWS::{name}"]) for name in ("Partition", "Region", "AccountId", "URLSuffix"))
        )

    def _substitute(self, value: Any) -> str:
        text, own = (value, {}) if isinstance(value, str) else (value[0], value[1])

        def replaced(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return self.text(own[name])
            is_attribute = "." in name and not sam.generated(self._template, name)
            return self._attribute(name) if is_attribute else self.text({"Ref": name.strip()})

        return _VARIABLE.sub(replaced, text)

    def _join(self, value: Any) -> str:
        separator, parts = value
        return str(separator).join(map(self.text, self.resolve(parts)))

    def _choose(self, value: Any) -> Any:
        condition, when_true, when_false = value
        return self.resolve(when_true if self.holds(condition) else when_false)

    def _equals(self, value: Any) -> bool:
        left, right = (scalars.of_value(self.resolve(side)) for side in value)
        return left == right

    def _find(self, value: Any) -> Any:
        names = value[0], value[1], value[2]
        default = [value[3]["DefaultValue"]] if len(value) > 3 else []
        mapping = self.text(names[0])
        entries = self._section("Mappings", mapping)
        for expression in names[1:]:
            key = self.text(expression)
            if key not in entries and not default:
                raise self._without_key(mapping, key, list(entries), expression)
            if key not in entries:
                return self.resolve(default[0])
            entries = entries[key]
        return self.resolve(entries)

    def _without_key(self, mapping: str, key: str, keys: list[str], expression: Any) -> InputError:
        names = sorted(name for name in references(expression) if name in self.parameters)
        what = f"looks in mapping {mapping} for {key}, and the keys there are {', '.join(keys)}"
        if not names:
            return self._error(what)
        is_own = names[0] in self.declared
        behind = f"{names[0]} decides on it" if is_own else f"the value of {names[0]} is made up here"
        choice = keys[0] if expression == {"Ref": names[0]} else "..."
        next_step = f"Try --set {names[0]}={choice} or another of them."
        return self._error(f"{what}; {behind}", next_step, "input" if is_own else "unsupported")

    def _select(self, value: Any) -> Any:
        index, values = self.resolve(value)
        return (values.split(",") if isinstance(values, str) else values)[int(index)]

    def _split(self, value: Any) -> list[str]:
        separator, text = value
        return self.text(text).split(self.text(separator))

    def _imported(self, value: Any) -> str:
        """Stand for what another stack exports: only its account knows it, and as a name it serves as it is."""
        return scalars.Unknown(f"{{ImportValue {self.text(value)}}}")

    def _as_json(self, value: Any) -> str:
        return json.dumps(scalars.of_value(self.resolve(value)), separators=(",", ":"))

    functions: ClassVar[dict[str, Callable[[Any, Any], Any]]] = {
        "Ref": _ref,
        "Condition": holds,
        "Fn::GetAtt": _attribute,
        "Fn::Sub": _substitute,
        "Fn::Join": _join,
        "Fn::If": _choose,
        "Fn::Equals": _equals,
        "Fn::Not": lambda self, value: not self.is_true(value[0]),
        "Fn::And": lambda self, value: all(self.is_true(item) for item in value),
        "Fn::Or": lambda self, value: any(self.is_true(item) for item in value),
        "Fn::FindInMap": _find,
        "Fn::Select": _select,
        "Fn::Split": _split,
        "Fn::ImportValue": _imported,
        "Fn::Base64": lambda self, value: base64.b64encode(self.text(value).encode()).decode(),
        "Fn::Length": lambda self, value: str(len(self.resolve(value))),
        "Fn::ToJsonString": _as_json,
    }

    def _section(self, section: str, name: str) -> Any:
        entries = self.section(section)
        if name not in entries:
            raise self._error(f"refers to {name}, which is not among the template's {section}")
        return entries[name]

    @property
    def _spare(self) -> str:
        _, _, logical_id = self._where.partition("Resource ")
        return f" Or leave it out with --without {logical_id}." if logical_id else ""

    def _error(self, what: str, next_step: str = "Correct the template.", kind: str = "input") -> InputError:
        return InputError(f"{self._where} {what}.", kind=kind, next_step=next_step + self._spare)


def references(value: Any) -> set[str]:
    """Return the names that Ref and Fn::Sub mention anywhere in a value."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    names = {str(value["Ref"])} if "Ref" in value else set()
    for text in (value.get("Fn::Sub"), *(value["Fn::Sub"] if isinstance(value.get("Fn::Sub"), list) else ())):
        names |= {name for _, name in _VARIABLE.findall(text)} if isinstance(text, str) else set()
    return names.union(*map(references, value.values()))


def _stand_in(value: Any) -> str:
    """Return a text that stands for a value that cannot be resolved."""
    named = value.get("Ref") or value.get("Fn::GetAtt") or value.get("Fn::Sub") if isinstance(value, dict) else None
    named = ".".join(map(str, named)) if isinstance(named, list) else named
    return f"{{{named or next(iter(value), '') if isinstance(value, dict) else value}}}"


def _path_of_null(value: Any) -> tuple[str, ...] | None:
    """Return the way to the first null in a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        if item is None:
            return (str(key),)
        if (path := _path_of_null(item)) is not None:
            return (str(key), *path)
    return None


def _require_shape(template: Mapping[str, Any]) -> None:
    """Raise InputError unless the outer shape is right, on which everything else here relies."""
    macros = [name for name in sam.transforms(template) if not name.startswith(_KNOWN_TRANSFORMS)]
    if macros or "Fn::Transform" in template:
        raise InputError(
            f"The template goes through {', '.join(macros) or 'Fn::Transform'}, which only the account can run.",
            kind="unsupported",
            next_step=_PROCESSED,
        )
    for section in ("Resources", "Parameters", "Conditions", "Mappings"):
        entries = template.get(section) or {}
        if not isinstance(entries, dict):
            raise _malformed(f"{section} is {repr(entries)[:60]}")
        for name, entry in entries.items() if section in ("Resources", "Parameters") else ():
            _require_entry(section, name, entry)
    loops.require_transform(template)


def _require_entry(section: str, name: Any, entry: Any) -> None:
    if section == "Resources" and str(name).startswith("Fn::"):
        return
    if not isinstance(name, str) or not isinstance(entry, dict):
        raise _malformed(f"{section.removesuffix('s')} {name} is {repr(entry)[:60]}")
    if not isinstance(entry.get("Properties") or {}, dict):
        raise _malformed(f"The Properties of {name} are {repr(entry['Properties'])[:60]}")


def _malformed(what: str) -> InputError:
    return InputError(f"{what}, which is not a mapping of names.", next_step="Correct the template and load it again.")

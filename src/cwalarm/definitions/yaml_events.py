"""The events of a YAML document -> its value, every scalar as text and short forms such as `!Ref` as functions.

PyYAML finds the events, in C where it can; values are built here, because its own nodes are built in C by recursion
without a limit, which a deeply nested text takes down together with the process.
"""

from collections.abc import Iterator
from typing import Any

import yaml  # type: ignore[import-untyped]

from cwalarm.definitions import scalars

_YAML = "tag:yaml.org,2002:"
# Explicit tags whose text is read as if it stood there without quotes.
_READ_AS_PLAIN = {f"{_YAML}{kind}" for kind in ("bool", "int", "float", "null")}

# Of a template of the greatest size, 1 MB, hardly one has so many values; a few aliases of aliases stand for billions.
_MOST_VALUES = 500_000


def value_of(text: str) -> Any:
    """Return the value of a text with one document, None for an empty one.

    Raises:
        ValueError: It is not YAML, or it has two documents, a key that is no text, or an alias for nothing or too much.
        RecursionError: It is nested too deeply.
    """
    try:
        return _Builder(yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))).document()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


class _Builder:
    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def document(self) -> Any:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events))
        next(self._events)
        is_last = isinstance(next(self._events), yaml.StreamEndEvent)
        if not is_last:
            raise ValueError("it holds more than one document")
        return value

    def _value(self, event: Any) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._count
        self._count += 1
        value = _function(event.tag or "", self._content(event))
        if event.anchor:
            self._anchors[event.anchor] = value, self._count - before
        return value

    def _alias(self, event: Any) -> Any:
        where = f"*{event.anchor} in line {event.start_mark.line + 1}"
        if event.anchor not in self._anchors:
            raise ValueError(f"{where} stands for nothing before it")
        value, count = self._anchors[event.anchor]
        self._count += count
        if self._count > _MOST_VALUES:
            raise ValueError(f"with {where} its aliases stand for more than {_MOST_VALUES:,} values")
        return value

    def _content(self, event: Any) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            is_plain = event.implicit[0] or event.tag in _READ_AS_PLAIN
            return scalars.of_plain(event.value) if is_plain else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(item) for item in self._until(yaml.SequenceEndEvent)]
        return self._mapping()

    def _until(self, end: type) -> Iterator[Any]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _mapping(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for event in self._until(yaml.MappingEndEvent):
            is_merge = isinstance(event, yaml.ScalarEvent) and event.implicit[0] and event.value == "<<"
            key = None if is_merge else self._value(event)
            value = self._value(next(self._events))
            if is_merge:
                merged |= _merged(value)
            elif isinstance(key, str):
                own[key] = value
            else:
                raise ValueError(f"a key of a mapping is not text, in line {event.start_mark.line + 1}")
        return {**merged, **own}


def _merged(value: Any) -> dict[str, Any]:
    mappings = value if isinstance(value, list) else [value]
    if not all(isinstance(mapping, dict) for mapping in mappings):
        raise ValueError("<< merges something that is no mapping")
    return {key: item for mapping in reversed(mappings) for key, item in mapping.items()}


def _function(tag: str, value: Any) -> Any:
    """Return a value, or the function that a short form such as `!GetAtt Queue.Arn` stands for."""
    if not tag.startswith("!") or len(tag) == 1:
        return value
    name = tag[1:]
    key = name if name in ("Ref", "Condition") else f"Fn::{name}"
    return {key: value.split(".", 1) if name == "GetAtt" and isinstance(value, str) else value}

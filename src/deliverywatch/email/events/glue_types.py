"""Glue's words for types -> their parts: `map<string,array<string>>`, `struct<a:int,b:string>`, `decimal(12,6)`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"[a-z_0-9:\-]+(?:\(\d+(?:,\s*\d+)?\))?|[<>,]", re.IGNORECASE)
SCALARS = frozenset(
    {"string", "int", "bigint", "smallint", "tinyint", "double", "float", "boolean", "timestamp", "date"}
)


@dataclass(frozen=True, slots=True)
class GlueType:
    """A type; `fields` are a struct's names, `inner` the types inside an array, a map or a struct."""

    name: str
    inner: tuple[GlueType, ...] = ()
    fields: tuple[str, ...] = ()


def parsed(words: str) -> GlueType:
    """Return the type that these words name, or raise ValueError if the conversion cannot write it."""
    tokens = _TOKEN.findall(words.strip())
    if "".join(tokens) != re.sub(r"\s", "", words):
        raise ValueError(f"'{words}' is not a type of Glue.")
    glue_type, rest = _type(tokens)
    if rest:
        raise ValueError(f"'{words}' goes on after its end.")
    return glue_type


def _type(tokens: list[str]) -> tuple[GlueType, list[str]]:
    if not tokens:
        raise ValueError("A type is cut off.")
    name, rest = tokens[0].lower(), tokens[1:]
    if name in ("array", "map", "struct"):
        return _nested(name, rest)
    if name not in SCALARS and not name.startswith(("decimal(", "varchar(", "char(")):
        raise ValueError(f"'{name}' is not a type of Glue.")
    return GlueType(name), rest


def _nested(name: str, tokens: list[str]) -> tuple[GlueType, list[str]]:
    if tokens[:1] != ["<"]:
        raise ValueError(f"{name} says not of what.")
    inner, fields, rest = [], [], tokens
    while rest[:1] in (["<"], [","]):
        rest = rest[1:]
        if name == "struct":
            field, _, first = rest[0].partition(":")
            fields.append(field)
            rest = [*([first] if first else []), *rest[1:]]
        one, rest = _type(rest)
        inner.append(one)
    wanted = {"array": 1, "map": 2}.get(name, len(inner))
    if rest[:1] != [">"] or len(inner) != wanted:
        raise ValueError(f"{name} has {len(inner)} types inside, or does not end.")
    return GlueType(name, tuple(inner), tuple(fields)), rest[1:]

"""Fields of an event -> values of columns: what does not fit its column is null there, and its path is noted.

A field that is missing or null is None, and no misfit. SES's words (types, verdicts, sub-types) are an open set: new
ones pass. `raw` holds every value as it came.
"""

import re
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]
# The paths of the fields that did not fit.
Misfits = list[str]

_BIGINT = 2**63
# SES cuts a mail's headers at 10 KB, and what a server says is shorter.
LONGEST_TEXT = 32_768
# What ends a header line: in a subject or sender it is an injected header, and must not be passed on.
_LINE_BREAKS = ("\r", "\n", "\0")
# As SES writes times and Firehose takes them; ISO 8601 has other spellings, 2026-W47-5 or a decimal comma.
_AS_SES_WRITES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", re.ASCII)


def text(owner: Object, block: str, name: str, misfits: Misfits) -> str | None:
    """Return a text."""
    value = owner.get(name)
    if value is None or (type(value) is str and len(value) <= LONGEST_TEXT):
        return value
    misfits.append(f"{block}.{name}")
    return None


def header(owner: Object, block: str, name: str, misfits: Misfits) -> str | None:
    """Return the text of a header; one with a line break is a misfit."""
    value = text(owner, block, name, misfits)
    if value is None or value.isprintable() or not any(character in value for character in _LINE_BREAKS):
        return value
    misfits.append(f"{block}.{name}")
    return None


def whole_number(owner: Object, block: str, name: str, misfits: Misfits) -> int | None:
    """Return a whole number; one too large for a column would fail after the transform, and again at each replay."""
    value = owner.get(name)
    if value is None or (type(value) is int and -_BIGINT <= value < _BIGINT):
        return value
    misfits.append(f"{block}.{name}")
    return None


def flag(owner: Object, block: str, name: str, misfits: Misfits) -> bool | None:
    """Return a boolean."""
    value = owner.get(name)
    if value is None or type(value) is bool:
        return value
    misfits.append(f"{block}.{name}")
    return None


def child(owner: Object, block: str, name: str, misfits: Misfits) -> Object:
    """Return an object; an empty one if the field is missing or something else."""
    value = owner.get(name)
    if type(value) is dict:
        return value
    if value is not None:
        misfits.append(f"{block}.{name}".lstrip("."))
    return {}


def children(owner: Object, block: str, name: str, misfits: Misfits) -> list[Object]:
    """Return the objects of a list."""
    value = owner.get(name)
    if value is None:
        return []
    if type(value) is list and all(type(item) is dict for item in value):
        return value
    misfits.append(f"{block}.{name}")
    return [item for item in value if type(item) is dict] if type(value) is list else []


def texts(owner: Object, block: str, name: str, misfits: Misfits) -> list[str]:
    """Return the texts of a list."""
    value = owner.get(name)
    if value is None:
        return []
    if type(value) is list and all(type(item) is str and len(item) <= LONGEST_TEXT for item in value):
        return value
    misfits.append(f"{block}.{name}")
    return [item for item in value if type(item) is str and len(item) <= LONGEST_TEXT] if type(value) is list else []


def labels(owner: Object, block: str, name: str, misfits: Misfits) -> dict[str, list[str]] | None:
    """Return names with their values, as SES writes tags."""
    value = owner.get(name)
    if value is None:
        return None
    if type(value) is not dict:
        misfits.append(f"{block}.{name}")
        return None
    if all(map(_is_label, value.values())):
        return value
    misfits.append(f"{block}.{name}.*")
    return {key: label for key, label in value.items() if _is_label(label)}


def time(owner: Object, block: str, name: str, misfits: Misfits) -> str | None:
    """Return a time as Firehose's conversion takes it: ISO 8601 in UTC with a Z; an offset would fail there."""
    value = text(owner, block, name, misfits)
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
        return value if _AS_SES_WRITES.fullmatch(value) else iso(time if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        # Converted to UTC, a time on the first or last day of the calendar can fall outside of it.
        misfits.append(f"{block}.{name}")
        return None


def iso(time: datetime) -> str:
    """Return a time in UTC with milliseconds and a Z."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def domain(address: str | None) -> str | None:
    """Return the domain of an address, in lower case; the address may follow a name, in angle brackets."""
    if not address:
        return None
    bare = address.rpartition("<")[2].partition(">")[0]
    _, at, name = bare.rpartition("@")
    return name.strip().lower() or None if at else None


def _is_label(value: object) -> bool:
    # Most have one value, and of every event all are looked at.
    return type(value) is list and (
        type(value[0]) is str if len(value) == 1 else all(type(text) is str for text in value)
    )

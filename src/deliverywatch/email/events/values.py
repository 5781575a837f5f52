"""Fields of an event -> values of columns, checked for their types: a wrong one refuses the event, naming its path.

A field that is missing or null is None. SES's words (types, verdicts, sub-types) are an open set: new ones pass.
"""

import re
from datetime import UTC, datetime
from typing import Any, NoReturn

from deliverywatch.email.events.refusals import Reason, RefusedError

Object = dict[str, Any]

_BIGINT = 2**63
# What JSON calls the types of Python.
_TYPE_NAMES = {
    type(None): "null",
    bool: "a boolean",
    str: "text",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
}
# What ends a header line: in a subject or sender it is an injected header, and must not be passed on.
_LINE_BREAKS = ("\r", "\n", "\0")
# As SES writes times and Firehose takes them; ISO 8601 has other spellings, 2026-W47-5 or a decimal comma.
_AS_SES_WRITES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", re.ASCII)


def wrong(path: str, value: object, wanted: str) -> NoReturn:
    """Refuse a value of the wrong type."""
    raise RefusedError(Reason.WRONG_TYPE, f"{path} is {_TYPE_NAMES[type(value)]}, not {wanted}.")


def text(owner: Object, block: str, name: str) -> str | None:
    """Return a text."""
    value = owner.get(name)
    if value is None or type(value) is str:
        return value
    wrong(f"{block}.{name}", value, "text")


def required_text(owner: Object, block: str, name: str) -> str:
    """Return a text that every event has."""
    value = text(owner, block, name)
    if not value:
        raise RefusedError(Reason.MISSING_FIELD, f"The event has no {block}.{name}.")
    return value


def header(owner: Object, block: str, name: str) -> str | None:
    """Return the text of a header; one with a line break is refused."""
    value = text(owner, block, name)
    if value is not None and any(character in value for character in _LINE_BREAKS):
        raise RefusedError(Reason.HEADER_INJECTION, f"{block}.{name} holds a line break, as an injected header does.")
    return value


def whole_number(owner: Object, block: str, name: str) -> int | None:
    """Return a whole number; one too large for a column would fail after the transform, and again at each replay."""
    value = owner.get(name)
    if value is None or (type(value) is int and -_BIGINT <= value < _BIGINT):
        return value
    wrong(f"{block}.{name}", value, "a whole number of 64 bits")


def flag(owner: Object, block: str, name: str) -> bool | None:
    """Return a boolean."""
    value = owner.get(name)
    if value is None or type(value) is bool:
        return value
    wrong(f"{block}.{name}", value, "a boolean")


def child(owner: Object, block: str, name: str) -> Object:
    """Return an object; an empty one if the field is missing."""
    value = owner.get(name)
    if type(value) is dict:
        return value
    return {} if value is None else wrong(f"{block}.{name}".lstrip("."), value, "an object")


def children(owner: Object, block: str, name: str) -> list[Object]:
    """Return a list of objects."""
    value = owner.get(name)
    if value is None:
        return []
    if type(value) is list and all(type(item) is dict for item in value):
        return value
    wrong(f"{block}.{name}", value, "an array of objects")


def texts(owner: Object, block: str, name: str) -> list[str]:
    """Return a list of texts."""
    value = owner.get(name)
    if value is None:
        return []
    if type(value) is list and all(type(item) is str for item in value):
        return value
    wrong(f"{block}.{name}", value, "an array of texts")


def labels(owner: Object, block: str, name: str) -> dict[str, list[str]] | None:
    """Return names with their values, as SES writes tags."""
    value = owner.get(name)
    if value is None:
        return None
    if type(value) is not dict or not all(type(label) is list for label in value.values()):
        wrong(f"{block}.{name}", value, "an object of arrays")
    for key, label in value.items():
        if not all(type(text) is str for text in label):
            wrong(f"{block}.{name}.{key}", label, "an array of texts")
    return value


def time(owner: Object, block: str, name: str) -> str | None:
    """Return a time as Firehose's conversion takes it: ISO 8601 in UTC with a Z; an offset would fail there."""
    value = text(owner, block, name)
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
        return value if _AS_SES_WRITES.fullmatch(value) else iso(time if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        # Converted to UTC, a time on the first or last day of the calendar can fall outside of it.
        raise RefusedError(Reason.BAD_TIME, f"{block}.{name} is not a time in ISO 8601.") from error


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

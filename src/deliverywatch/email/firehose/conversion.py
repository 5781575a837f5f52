"""A JSON record -> the values of a table's columns, by the rules of Firehose's OpenX deserializer, simulated.

Rules: docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html, and what probes of the real service
showed: names match in any case; a single value in an array column becomes an array of one; an array fills a struct by
position; anything in a string column is kept as JSON text; members without a column are dropped silently; a bad record
fails alone. With `CaseInsensitive` off, names must match exactly, and keys of maps keep their case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import orjson

from deliverywatch.email.events.glue_types import GlueType, parsed

if TYPE_CHECKING:
    # JSON -> what Arrow takes: times are whole milliseconds, maps are lists of pairs.
    Convert = Callable[[Any], Any]

_SECONDS_BELOW = 1e12  # an epoch number under this counts seconds, else milliseconds
_INTEGERS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}


class MalformedError(Exception):
    """A record does not fit the table's schema; it alone goes to the error prefix."""


class Conversion:
    """The conversion into the columns of one table."""

    def __init__(self, columns: Sequence[tuple[str, str]], *, is_case_insensitive: bool) -> None:
        """Prepare the conversion into columns, each a name and a Glue type, in the table's order."""
        self._fold = is_case_insensitive
        self._columns = [
            (name.lower() if self._fold else name, _converter(parsed(kind), fold=self._fold)) for name, kind in columns
        ]

    def row(self, record: bytes) -> list[Any]:
        """Return the values of a record, in the order of the columns; MalformedError if it does not fit them."""
        try:
            members = orjson.loads(record)
        except orjson.JSONDecodeError as error:
            raise MalformedError(f"Error parsing JSON: {error}") from error
        if not isinstance(members, dict):
            raise MalformedError("Data does not match the schema: a record must be a JSON object.")
        if self._fold:
            members = {key.lower(): value for key, value in members.items()}
        return [convert(members.get(name)) for name, convert in self._columns]


def _converter(kind: GlueType, *, fold: bool) -> Convert:
    made = _NESTED[kind.name](kind, fold) if kind.name in _NESTED else _scalar(kind.name, fold=fold)
    return lambda value: None if value is None else made(value)


def _scalar(name: str, *, fold: bool) -> Convert:
    if name == "string" or name.startswith(("varchar", "char")):
        return lambda value: value if type(value) is str else _as_text(value, fold=fold)
    if name in _INTEGERS:
        limit = 2 ** (_INTEGERS[name] - 1)
        return lambda value: _integer(value, limit)
    if name.startswith("decimal"):
        return _decimal
    return {"double": _double, "float": _double, "boolean": _boolean, "timestamp": _milliseconds, "date": _day}[name]


def _as_text(value: Any, *, fold: bool) -> str:
    if isinstance(value, (dict, list)):
        return orjson.dumps(_lowered(value) if fold else value).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.lower(): _lowered(member) for key, member in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value


def _integer(value: Any, limit: int) -> int:
    try:
        number = int(value) if not isinstance(value, (dict, list, bool)) else None
    except (ValueError, OverflowError) as error:
        raise _misfit(value, "a whole number") from error
    if number is None or not -limit <= number < limit:
        raise _misfit(value, "a whole number")
    return number


def _double(value: Any) -> float:
    if isinstance(value, (dict, list, bool)):
        raise _misfit(value, "a number")
    try:
        return float(value)
    except ValueError as error:
        raise _misfit(value, "a number") from error


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise _misfit(value, "a number") from error


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _misfit(value, "true or false")


def _milliseconds(value: Any) -> int:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value * 1000 if abs(value) < _SECONDS_BELOW else value)
    if not isinstance(value, str) or (not value.endswith("Z") and ("+" in value or value[10:].count("-"))):
        raise _misfit(value, "a time without an offset, such as 2026-11-21T12:00:00.000Z")
    try:
        time = datetime.fromisoformat(value)
    except ValueError as error:
        raise _misfit(value, "a time") from error
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def _day(value: Any) -> Any:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except (TypeError, ValueError) as error:
        raise _misfit(value, "a day") from error


def _array(kind: GlueType, fold: bool) -> Convert:  # noqa: FBT001 (one shape for all nested types)
    inner = _converter(kind.inner[0], fold=fold)
    return lambda value: [inner(item) for item in value] if isinstance(value, list) else [inner(value)]


def _map(kind: GlueType, fold: bool) -> Convert:  # noqa: FBT001 (as above)
    inner = _converter(kind.inner[1], fold=fold)

    def convert(value: Any) -> list[tuple[str, Any]]:
        if not isinstance(value, dict):
            raise _misfit(value, "an object")
        # Two keys that differ in case only become one, and the later value wins: Parquet's maps have unique keys.
        return [*{key.lower() if fold else key: inner(member) for key, member in value.items()}.items()]

    return convert


def _struct(kind: GlueType, fold: bool) -> Convert:  # noqa: FBT001 (as above)
    members = [(name, _converter(inner, fold=fold)) for name, inner in zip(kind.fields, kind.inner, strict=True)]

    def convert(value: Any) -> dict[str, Any]:
        if isinstance(value, list):
            values = [*value, *([None] * len(members))]
            return {name: inner(member) for (name, inner), member in zip(members, values, strict=False)}
        if not isinstance(value, dict):
            raise _misfit(value, "an object")
        fields = {key.lower(): member for key, member in value.items()} if fold else value
        return {name: inner(fields.get(name.lower() if fold else name)) for name, inner in members}

    return convert


def _misfit(value: Any, wanted: str) -> MalformedError:
    return MalformedError(f"Data does not match the schema: {str(value)[:60]!r} is not {wanted}.")


_NESTED: dict[str, Callable[[GlueType, bool], Convert]] = {"array": _array, "map": _map, "struct": _struct}

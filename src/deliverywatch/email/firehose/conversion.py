"""What Firehose's record format conversion makes of a JSON record: the rules of its OpenX deserializer, simulated.

Rules: docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html, and what probes of the real service
showed: names match in any case; a single value in an array column becomes an array of one; an array fills a struct by
position; anything in a string column is kept as JSON text; members without a column are dropped without a word; one bad
record fails alone. With `CaseInsensitive` off, names must match exactly, and keys of maps keep their case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class OpenX:
    """Settings of the deserializer; the defaults are Firehose's."""

    case_insensitive: bool = True
    column_to_json_key: Mapping[str, str] | None = None


class Conversion:
    """The conversion into the columns of one table."""

    def __init__(self, columns: Sequence[tuple[str, str]], settings: OpenX) -> None:
        """Prepare it.

        Args:
            columns: Name and Glue type, in the table's order.
            settings: Of the deserializer.
        """
        self._settings = settings
        keys = settings.column_to_json_key or {}
        self._columns = [
            (self._name(keys.get(name, name)), _converter(parsed(kind), settings)) for name, kind in columns
        ]

    def row(self, record: bytes) -> list[Any]:
        """Return the values of a record, in the order of the columns.

        Raises:
            MalformedError: It is no JSON object, or a value does not fit its column.
        """
        try:
            members = orjson.loads(record)
        except orjson.JSONDecodeError as error:
            raise MalformedError(f"Error parsing JSON: {error}") from error
        if not isinstance(members, dict):
            raise MalformedError("Data does not match the schema: a record must be a JSON object.")
        if self._settings.case_insensitive:
            members = {key.lower(): value for key, value in members.items()}
        return [convert(members.get(name)) for name, convert in self._columns]

    def _name(self, name: str) -> str:
        return name.lower() if self._settings.case_insensitive else name


def _converter(kind: GlueType, settings: OpenX) -> Convert:
    made = _NESTED[kind.name](kind, settings) if kind.name in _NESTED else _scalar(kind.name, settings)
    return lambda value: None if value is None else made(value)


def _scalar(name: str, settings: OpenX) -> Convert:
    if name == "string" or name.startswith(("varchar", "char")):
        return lambda value: value if type(value) is str else _as_text(value, settings)
    if name in _INTEGERS:
        limit = 2 ** (_INTEGERS[name] - 1)
        return lambda value: _integer(value, limit)
    if name.startswith("decimal"):
        return _decimal
    return {"double": _double, "float": _double, "boolean": _boolean, "timestamp": _milliseconds, "date": _day}[name]


def _as_text(value: Any, settings: OpenX) -> str:
    if isinstance(value, (dict, list)):
        return orjson.dumps(_lowered(value) if settings.case_insensitive else value).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.lower(): _lowered(each) for key, each in value.items()}
    return [_lowered(each) for each in value] if isinstance(value, list) else value


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


def _array(kind: GlueType, settings: OpenX) -> Convert:
    inner = _converter(kind.inner[0], settings)
    return lambda value: [inner(item) for item in value] if isinstance(value, list) else [inner(value)]


def _map(kind: GlueType, settings: OpenX) -> Convert:
    inner = _converter(kind.inner[1], settings)
    lower = settings.case_insensitive

    def convert(value: Any) -> list[tuple[str, Any]]:
        if not isinstance(value, dict):
            raise _misfit(value, "an object")
        # Two keys that differ in case only become one, and the later value wins: Parquet's maps have unique keys.
        return [*{key.lower() if lower else key: inner(each) for key, each in value.items()}.items()]

    return convert


def _struct(kind: GlueType, settings: OpenX) -> Convert:
    members = [(name, _converter(inner, settings)) for name, inner in zip(kind.fields, kind.inner, strict=True)]
    lower = settings.case_insensitive

    def convert(value: Any) -> dict[str, Any]:
        if isinstance(value, list):
            values = [*value, *([None] * len(members))]
            return {name: inner(each) for (name, inner), each in zip(members, values, strict=False)}
        if not isinstance(value, dict):
            raise _misfit(value, "an object")
        fields = {key.lower(): each for key, each in value.items()} if lower else value
        return {name: inner(fields.get(name.lower() if lower else name)) for name, inner in members}

    return convert


def _misfit(value: Any, wanted: str) -> MalformedError:
    return MalformedError(f"Data does not match the schema: {str(value)[:60]!r} is not {wanted}.")


_NESTED: dict[str, Callable[[GlueType, OpenX], Convert]] = {"array": _array, "map": _map, "struct": _struct}

"""Partition projection: the properties of a table -> what Athena says of them, and which objects it reads.

docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html. Glue takes any property; Athena refuses
them when the table is queried. Its sentences on templates, missing columns, enums and hyphens are documented or
recorded (repost.aws/knowledge-center/athena-partition-projection); the others are worded like them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_PLACE = re.compile(r"\$\{([^${}]*)\}")
_NOW = re.compile(r"NOW\s*(?:([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?)?")
_UNITS = ("YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS", "MILLIS")
_DAYS_OF = {"YEAR": 365, "MONTH": 30, "WEEK": 7, "DAY": 1}
# Java's letters of a date -> Python's.
_LETTERS = {"yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


@dataclass(frozen=True, slots=True)
class Projection:
    """The projection of a table, and its partition keys: name -> type.

    Attributes:
        properties: `Parameters` of the table.
        location: Of the table, without a slash at its end.
    """

    table: str
    keys: Mapping[str, str]
    properties: Mapping[str, str]
    location: str

    def of(self, key: str, name: str) -> str:
        """Return a property of a key's projection; empty if it has none."""
        return str(self.properties.get(f"projection.{key}.{name}", ""))

    def kind(self, key: str) -> str:
        """Return the type of a key's projection."""
        return self.of(key, "type").strip().lower()

    @property
    def injected(self) -> list[str]:
        """The keys that every query must name."""
        return [key for key in self.keys if self.kind(key) == "injected"]

    @property
    def template(self) -> str:
        """Where a partition lies, with `${key}` for each value."""
        default = "/".join([self.location, *(f"{key}=${{{key}}}" for key in self.keys)])
        return str(self.properties.get("storage.location.template", default)).rstrip("/")


def projection_of(name: str, table: Mapping[str, Any]) -> Projection | None:
    """Return the projection of a table; none if it is not switched on."""
    properties = table.get("Parameters") or {}
    if str(properties.get("projection.enabled", "")).strip().lower() != "true":
        return None
    keys = {str(key["Name"]): str(key.get("Type", "")) for key in table.get("PartitionKeys") or []}
    location = str((table.get("StorageDescriptor") or {}).get("Location", ""))
    return Projection(name, keys, properties, location.rstrip("/"))


def refusals(projection: Projection) -> Iterator[str]:
    """Yield what Athena says when the table is queried; nothing if it reads it."""
    yield from (f"INVALID_TABLE_PROPERTY: {reason}" for reason in _reasons(projection))


def _reasons(projection: Projection) -> Iterator[str]:
    if not projection.keys:
        yield f"Table {projection.table} is configured for partition projection, but it is not partitioned"
    if missing := [key for key in projection.keys if not projection.kind(key)]:
        yield (
            f"Table {projection.table} is configured for partition projection, but the following partition columns "
            f"are missing projection configuration: [{', '.join(missing)}]"
        )
    named = {match[1] for name in projection.properties if (match := re.fullmatch(r"projection\.(.+?)\.\w.*", name))}
    for stranger in sorted(named - set(projection.keys)):
        yield f"Partition projection cannot be defined for non partition column: '{stranger}'"
    for key in projection.keys:
        yield from _BY_KIND.get(projection.kind(key), _unknown)(projection, key)
    if set(projection.keys) - set(_PLACE.findall(projection.template)):
        yield "The 'storage.location.template' table property must contain templates for all partition columns!"


def _unknown(projection: Projection, key: str) -> Iterator[str]:
    if kind := projection.kind(key):
        yield f"Unknown partition projection type '{kind}'! (property: projection.{key}.type)"


def _enum(projection: Projection, key: str) -> Iterator[str]:
    if not projection.of(key, "values").strip():
        yield _must(key, "values", "a comma-separated enumeration", "enum")


def _injected(projection: Projection, key: str) -> Iterator[str]:
    if projection.keys[key] != "string":
        yield f"Injected projected partition column {key} must be of type string, not {projection.keys[key]}!"


def _integer(projection: Projection, key: str) -> Iterator[str]:
    bounds = projection.of(key, "range")
    if not bounds.strip():
        yield _must(key, "range", "a range", "integer")
    elif wrong := [bound for bound in _pair(bounds) if not re.fullmatch(r"[+-]?\d+", bound.strip())]:
        yield f'For input string: "{wrong[0].strip()}"'
    yield from _whole_numbers(projection, key, "interval", "digits")


def _date(projection: Projection, key: str) -> Iterator[str]:
    pattern, bounds = projection.of(key, "format"), projection.of(key, "range")
    if not pattern.strip():
        yield _must(key, "format", "a date format", "date")
    if not bounds.strip():
        yield _must(key, "range", "a range", "date")
    elif len(_pair(bounds)) != 2:
        yield _must(key, "range", "a range of two dates, separated by a comma,", "date")
    elif wrong := [bound for bound in _pair(bounds) if pattern and not _is_date(bound.strip(), pattern)]:
        yield f"Text '{wrong[0].strip()}' could not be parsed at index 0"
    yield from _whole_numbers(projection, key, "interval")
    unit = projection.of(key, "interval.unit").strip().upper()
    if unit and unit not in _UNITS:
        yield f"Unknown unit '{unit}'! (property: projection.{key}.interval.unit)"
    if not unit and re.search("[HhmsS]", pattern):
        yield _must(key, "interval.unit", "an interval and its unit", "date")


_BY_KIND: Mapping[str, Callable[[Projection, str], Iterator[str]]] = {
    "enum": _enum,
    "integer": _integer,
    "date": _date,
    "injected": _injected,
}


def _must(key: str, name: str, what: str, kind: str) -> str:
    return f"Must provide {what} to build a projected {kind} partition column! (property: projection.{key}.{name})"


def _whole_numbers(projection: Projection, key: str, *names: str) -> Iterator[str]:
    for name in names:
        value = projection.of(key, name).strip()
        if value and not re.fullmatch(r"0*[1-9]\d*", value):
            yield f'For input string: "{value}"'


def _pair(bounds: str) -> list[str]:
    return bounds.split(",")


def _is_date(text: str, pattern: str) -> bool:
    return _NOW.fullmatch(text) is not None or _time(text, pattern) is not None


def _time(text: str, pattern: str) -> datetime | None:
    """Return a text as a time, in Java's pattern."""
    form = re.sub(r"yyyy|uuuu|yy|MM|dd|HH|mm|ss|'[^']*'", lambda part: _python(part[0]), pattern)
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None


def _python(part: str) -> str:
    return _LETTERS.get(part) or part.strip("'")


def reads(projection: Projection, uri: str, now: datetime) -> bool:
    """Return whether an object lies in a folder that Athena projects at a time."""
    pattern = _PLACE.sub(
        lambda place: f"(?P<{place[1]}>[^/]+)", re.sub(r"([.+*?()\[\]|^\\])", r"\\\1", projection.template)
    )
    values = re.match(f"{pattern}/", uri)
    return values is not None and all(_holds(projection, key, values[key], now) for key in projection.keys)


def _holds(projection: Projection, key: str, value: str, now: datetime) -> bool:
    kind, bounds = projection.kind(key), _pair(projection.of(key, "range"))
    if kind == "enum":
        return value in projection.of(key, "values").split(",")
    if kind == "integer":
        digits = int(projection.of(key, "digits").strip() or 1)
        return value.isdigit() and value == f"{int(value):0{digits}}" and int(bounds[0]) <= int(value) <= int(bounds[1])
    if kind == "date":
        pattern = projection.of(key, "format")
        first, last = (_bound(bound.strip(), pattern, now) for bound in bounds)
        time = _time(value, pattern)
        return time is not None and first <= time <= last
    return True


def _bound(text: str, pattern: str, now: datetime) -> datetime:
    relative = _NOW.fullmatch(text)
    if relative is None:
        return _time(text, pattern) or now
    sign, count, unit = relative.groups()
    if unit is None:
        return now
    step = timedelta(days=_DAYS_OF[unit]) if unit in _DAYS_OF else timedelta(**{f"{unit.lower()}s": 1})
    return now + (-1 if sign == "-" else 1) * int(count) * step

"""One entry of the configuration -> a `Query`, field by field."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deliverywatch.errors import InputError
from deliverywatch.queries.config import statement
from deliverywatch.queries.config.fields import Place
from deliverywatch.queries.config.query import OPERATORS, Alert, Kind, Measure, Query, Severity
from deliverywatch.schedules import eventbridge

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Value

FIELDS = (
    "type", "description", "schedule", "cron", "timezone", "query", "enabled", "owner", "channel", "parameters",
    "alerts", "alert_threshold", "csv_export", "filename_template",
)  # fmt: skip
ALERT_FIELDS = ("name", "severity", "on", "column", "threshold", "csv_export")
THRESHOLD_FIELDS = ("operator", "value")
LEGACY_FIELDS = {
    "slack": "It is not needed: alerts go to the stack's recipients, or to `channel`.",
    "csv_filename_template": "It is called `filename_template` now.",
    "execution_timeout_seconds": "It is not needed: the time limit is the stack's.",
    "max_retries": "It is not needed: what Athena calls retryable is tried again.",
}
LONGEST_DESCRIPTION = 512
LONGEST_ZONE = 50
MOST_ADDRESSES = 10
FILENAME_WORDS = ("query_id", "date", "time", "timestamp", "alert_name")
DEFAULT_FILENAME = "{query_id}-{date}-{time}.csv"

_ADDRESS = re.compile(r"[^@\s,<>\"]+@[^@\s,<>\"]+\.[^@\s,<>\"]+")
_PARAMETER = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
_FILENAME = re.compile(r"[0-9A-Za-z_.(){}\- ]{1,200}", re.ASCII)


def query_of(query_id: str, place: Place, is_known_sql: Callable[[str], bool]) -> Query:
    """Return the query of an entry; whatever is wrong with it is noted at its place.

    Args:
        query_id: Its name in the file.
        place: The entry.
        is_known_sql: Whether a statement parsed before.
    """
    place.check_names(FIELDS, LEGACY_FIELDS)
    kind = Kind(place.choice("type", Kind, Kind.EXPORT))
    alerts = _alerts(place, kind)
    parameters = _parameters(place)
    threshold = _threshold(place, alerts)
    return Query(
        id=query_id,
        kind=kind,
        expression=_expression(place),
        sql=_sql(place, parameters, is_known_sql, has_threshold=threshold is not None),
        description=place.text("description", longest=LONGEST_DESCRIPTION),
        timezone=_zone(place),
        enabled=place.flag("enabled", default=True),
        owner=place.text("owner", longest=200),
        channel=_channel(place),
        parameters=parameters,
        alerts=alerts,
        threshold=threshold,
        csv_export=place.flag("csv_export", default=kind is Kind.EXPORT),
        filename_template=_filename(place),
    )


def _expression(place: Place) -> str:
    if "schedule" in place.content and "cron" in place.content:
        place.refuse("cron", "It is another name of `schedule`: leave one of them out.")
    name = "schedule" if "schedule" in place.content or "cron" not in place.content else "cron"
    text = place.text(name)
    if name not in place.content:
        place.refuse(name, "It is missing: when shall the query run?")
    elif problem := _expression_problem(text):
        place.refuse(name, problem)
    return text


@cache
def _expression_problem(text: str) -> str:
    try:
        eventbridge.parse(text)
    except InputError as error:
        return f"{error} {error.next_step}"
    return ""


def _zone(place: Place) -> str:
    name = place.text("timezone", "UTC", LONGEST_ZONE)
    if not _is_zone(name):
        place.refuse("timezone", f"There is no time zone '{name}'; write one such as Europe/Rome.")
        return "UTC"
    return name


@cache
def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _sql(
    place: Place, parameters: dict[str, Value], is_known_sql: Callable[[str], bool], *, has_threshold: bool
) -> str:
    sql = place.text("query", longest=statement.LONGEST_BYTES)
    if not sql.strip():
        place.refuse("query", "It is missing: what shall Athena be asked?")
        return sql
    found = list(statement.problems(sql, parameters, has_threshold=has_threshold))
    if not found and not is_known_sql(sql) and (problem := statement.parse_problem(sql, parameters)):
        found.append(problem)
    for sentence in found:
        place.refuse("query", sentence)
    return sql


def _parameters(place: Place) -> dict[str, Value]:
    given = place.inside("parameters")
    found: dict[str, Value] = {}
    for name, value in given.content.items() if given else ():
        if not _PARAMETER.fullmatch(name) or name in (*statement.DATES, statement.THRESHOLD):
            given.refuse(name, "A parameter's name has letters, digits and '_', and is no placeholder of ours.")  # type: ignore[union-attr]
        elif problem := _value_problem(value):
            given.refuse(name, problem)  # type: ignore[union-attr]
        else:
            found[name] = tuple(value) if isinstance(value, list) else value
    return found


def _value_problem(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, str | int | float | bool) for each in values):
        return "A value is a text, a number, true or false, or a list of these that is not empty."
    try:
        for each in values:
            statement.literal(each)
    except InputError as error:
        return f"This value cannot be used: {error}."
    return ""


def _threshold(place: Place, alerts: tuple[Alert, ...]) -> float | None:
    values = {alert.value for alert in alerts}
    given = place.number("alert_threshold")
    return given if given is not None else values.pop() if len(values) == 1 else None


def _channel(place: Place) -> tuple[str, ...]:
    value = place.content.get("channel", [])
    given = [value] if isinstance(value, str) else place.items("channel")
    if len(given) > MOST_ADDRESSES or not all(isinstance(each, str) and _ADDRESS.fullmatch(each) for each in given):
        place.refuse("channel", f"It is an e-mail address, or a list of at most {MOST_ADDRESSES} of them.")
        return ()
    return tuple(given)


def _filename(place: Place) -> str:
    name = "filename_template" if "filename_template" in place.content else "csv_filename_template"
    text = place.text(name, DEFAULT_FILENAME)
    try:
        words = {word for _, word, _, _ in string.Formatter().parse(text) if word is not None}
        # Looked at first: `{date:999999999}` would be filled in with as many spaces.
        is_plain = (
            bool(_FILENAME.fullmatch(text))
            and words <= set(FILENAME_WORDS)
            and text.format_map(dict.fromkeys(FILENAME_WORDS, "x")).endswith(".csv")
        )
    except (ValueError, KeyError, IndexError):
        is_plain = False
    if not is_plain:
        offered = ", ".join(f"{{{word}}}" for word in FILENAME_WORDS)
        place.refuse(name, f"It is a file name that ends in .csv; it may use {offered}.")
        return DEFAULT_FILENAME
    return text


def _alerts(place: Place, kind: Kind) -> tuple[Alert, ...]:
    given = place.items("alerts")
    found = [
        _alert(Place(f"{place.at('alerts')}[{index}]", one if isinstance(one, dict) else {}, place.findings))
        for index, one in enumerate(given)
    ]
    names = [alert.name for alert in found]
    if len(set(names)) < len(names):
        place.refuse("alerts", "Two of them have the same name.")
    if kind is Kind.ALERTS and not given:
        place.refuse("alerts", "A query of type alerts needs at least one.")
    return tuple(found)


def _alert(place: Place) -> Alert:
    place.check_names(ALERT_FIELDS, {})
    on = Measure(place.choice("on", Measure, Measure.ROWS))
    column = place.text("column", longest=128)
    if column and on is Measure.ROWS:
        place.refuse(
            "column", "Rows are counted whatever they hold: leave it out, or say first_value or any_row in `on`."
        )
    if not place.text("name", longest=60).strip():
        place.refuse("name", "It is missing: the mail names the alert by it.")
    threshold = place.inside("threshold") or Place(place.path, {}, place.findings)
    threshold.check_names(THRESHOLD_FIELDS, {})
    value = threshold.number("value")
    if threshold.content.get("value") is None:
        threshold.refuse("value", "It is missing: with what shall the result be compared?")
    return Alert(
        name=place.text("name", longest=60),
        severity=Severity(place.choice("severity", Severity, Severity.WARNING)),
        on=on,
        column=column,
        operator=threshold.choice("operator", OPERATORS, ">"),
        value=value or 0,
        csv_export=place.flag("csv_export", default=False),
    )

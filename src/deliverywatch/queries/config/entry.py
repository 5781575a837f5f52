"""One entry of the configuration -> a `Query`, field by field."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from cwalarm.schedules import eventbridge, zones
from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import is_visible
from deliverywatch.queries.config import statement
from deliverywatch.queries.config.fields import Section
from deliverywatch.queries.config.query import OPERATORS, SEVERITIES, Alert, Kind, Measure, NoRow, Query

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Value

FIELDS = (
    "type", "description", "schedule", "cron", "timezone", "query", "enabled", "owner", "channel", "parameters",
    "alerts", "alert_threshold", "csv_export", "filename_template", "database", "days_back",
)  # fmt: skip
ALERT_FIELDS = ("name", "severity", "on", "column", "no_row", "threshold", "csv_export")
THRESHOLD_FIELDS = ("operator", "value")
LEGACY_FIELDS = {
    "slack": "It is not needed: alerts go to the stack's recipients, or to `channel`.",
    "csv_filename_template": "It is called `filename_template` now.",
    "execution_timeout_seconds": "It is not needed: the time limit is the stack's.",
    "max_retries": "It is not needed: what Athena calls retryable is tried again.",
}
LONGEST_DESCRIPTION = 512
MOST_ADDRESSES = 10
# Of its name in QueryExecutionContext.
LONGEST_DATABASE = 255
MOST_DAYS_BACK = 366
FILENAME_WORDS = ("query_id", "date", "time", "timestamp", "alert_name")
DEFAULT_FILENAME = "{query_id}-{date}-{time}.csv"

_ADDRESS = re.compile(r"[^@\s,<>\"]+@(?=[^@\s,<>\"]+\.[^@\s,<>\"])[^@\s,<>\"]+")
_PARAMETER = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
_FILENAME = re.compile(r"[0-9A-Za-z_.(){}\- ]{1,200}", re.ASCII)


def query_of(
    query_id: str, section: Section, was_parsed: Callable[[Mapping[str, Any]], bool], database: str = ""
) -> Query:
    """Return the query of an entry, and note what is wrong with it.

    `was_parsed` says of an entry whether its statement was, with these parameters and alerts; `database` is that of the
    file.
    """
    section.check_names(FIELDS, LEGACY_FIELDS)
    kind = Kind(section.choice("type", Kind, Kind.EXPORT))
    alerts = _alerts(section, kind)
    parameters = _parameters(section)
    threshold = _threshold(section, alerts)
    return Query(
        id=query_id,
        kind=kind,
        expression=_expression(section),
        sql=_sql(section, parameters, was_parsed, alerts, threshold),
        description=_description(section),
        timezone=_zone(section),
        enabled=section.flag("enabled", default=True),
        owner=section.text("owner", longest=200),
        channel=_channel(section),
        parameters=parameters,
        alerts=alerts,
        threshold=threshold,
        csv_export=section.flag("csv_export", default=kind is Kind.EXPORT),
        filename_template=_filename(section),
        database=section.text("database", database, LONGEST_DATABASE).strip(),
        days_back=_days_back(section),
    )


def _description(section: Section) -> str:
    text = section.text("description")
    if len(text) > LONGEST_DESCRIPTION:
        section.refuse_alone("description", f"A schedule's has at most {LONGEST_DESCRIPTION} characters.")
    return text


def _expression(section: Section) -> str:
    if "schedule" in section.content and "cron" in section.content:
        section.refuse("cron", "It is another name of `schedule`: leave one of them out.")
    name = "schedule" if "schedule" in section.content or "cron" not in section.content else "cron"
    text = section.text(name)
    if name not in section.content:
        section.refuse(name, "It is missing: when shall the query run?")
    elif isinstance(section.content[name], str) and (problem := _expression_problem(text)):
        section.refuse_alone(name, problem)
    return text


@cache
def _expression_problem(text: str) -> str:
    try:
        eventbridge.parse(text)
    except InputError as error:
        return f"{error} {error.next_step}"
    return ""


def _zone(section: Section) -> str:
    name = section.text("timezone", "UTC")
    if name not in zones.names():
        section.refuse_alone("timezone", f"There is no time zone '{name}'; write one such as Europe/Rome.")
    return name


def parsed_part(entry: Mapping[str, Any]) -> str:
    """Return the part of an entry that decides whether its statement parses."""
    # As Python writes it, which no value of a stranger can break.
    return repr([entry.get(name) for name in ("query", "parameters", "alerts", "alert_threshold")])


def _sql(
    section: Section,
    parameters: dict[str, Value],
    was_parsed: Callable[[Mapping[str, Any]], bool],
    alerts: tuple[Alert, ...],
    threshold: float | None,
) -> str:
    sql = section.text("query", longest=statement.LONGEST_BYTES)
    if not sql.strip():
        return section.refused("query", "It is missing: what shall Athena be asked?", sql)
    problems = list(statement.problems(sql, parameters, has_threshold=threshold is not None))
    if not problems and not was_parsed(section.content):
        problem = statement.parse_problem(sql, parameters, threshold)
        if not problem and any(alert.on is Measure.FIRST_VALUE for alert in alerts):
            problem = statement.order_problem(sql, parameters, threshold)
        problems = [problem] if problem else []
    for sentence in problems:
        section.refuse("query", sentence)
    return sql


def _parameters(section: Section) -> dict[str, Value]:
    given = section.inside("parameters")
    parameters: dict[str, Value] = {}
    for name, value in given.content.items() if given else ():
        if not _PARAMETER.fullmatch(name) or name in (*statement.DATES, statement.THRESHOLD):
            given.refuse(name, "A parameter's name has letters, digits and '_', and is no placeholder of ours.")  # type: ignore[union-attr]
        elif problem := _value_problem(value):
            given.refuse(name, problem)  # type: ignore[union-attr]
        else:
            parameters[name] = tuple(value) if isinstance(value, list) else value
    return parameters


def _value_problem(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(scalar, str | int | float | bool) for scalar in values):
        return "A value is a text, a number, true or false, or a list of these that is not empty."
    try:
        for scalar in values:
            statement.literal(scalar)
    except InputError as error:
        return f"This value cannot be used: {error}."
    return ""


def _threshold(section: Section, alerts: tuple[Alert, ...]) -> float | None:
    values = {alert.value for alert in alerts}
    given = section.number("alert_threshold")
    return given if given is not None else values.pop() if len(values) == 1 else None


def _channel(section: Section) -> tuple[str, ...]:
    value = section.content.get("channel", [])
    given = [value] if isinstance(value, str) else section.items("channel")
    are_addresses = all(isinstance(address, str) and _ADDRESS.fullmatch(address) for address in given)
    if are_addresses and len(given) <= MOST_ADDRESSES:
        return tuple(given)
    return section.refused("channel", f"It is an e-mail address, or a list of at most {MOST_ADDRESSES} of them.", ())


def _filename(section: Section) -> str:
    name = "filename_template" if "filename_template" in section.content else "csv_filename_template"
    text = section.text(name, DEFAULT_FILENAME)
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
    offered = ", ".join(f"{{{word}}}" for word in FILENAME_WORDS)
    sentence = f"It is a file name that ends in .csv; it may use {offered}."
    return text if is_plain else section.refused(name, sentence, DEFAULT_FILENAME)


def _days_back(section: Section) -> int:
    value = section.content.get("days_back", 0)
    is_right = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_DAYS_BACK
    return value if is_right else section.refused("days_back", f"It is a whole number from 0 to {MOST_DAYS_BACK}.", 0)


def _alerts(section: Section, kind: Kind) -> tuple[Alert, ...]:
    given = section.items("alerts")
    alerts = [
        _alert(Section(f"{section.path_of('alerts')}[{index}]", one if isinstance(one, dict) else {}, section.findings))
        for index, one in enumerate(given)
    ]
    names = [alert.name for alert in alerts]
    if len(set(names)) < len(names):
        section.refuse("alerts", "Two of them have the same name.")
    if len({(alert.watch, alert.no_row) for alert in alerts}) > len({alert.watch for alert in alerts}):
        section.refuse("alerts", "Those on one measure are one incident: `no_row` is the same in all of them.")
    if kind is Kind.ALERTS and not given:
        section.refuse("alerts", "A query of type alerts needs at least one.")
    return tuple(alerts)


def _alert(section: Section) -> Alert:
    section.check_names(ALERT_FIELDS, {})
    on = Measure(section.choice("on", Measure, Measure.ROWS))
    column = section.text("column", longest=128)
    if column and on is Measure.ROWS:
        sentence = "Rows are counted whatever they hold: leave it out, or say first_value or any_row in `on`."
        section.refuse("column", sentence)
    if "no_row" in section.content and on is Measure.ROWS:
        section.refuse("no_row", "Rows are counted where there is none, too: leave it out.")
    if not is_visible(section.text("name", longest=60)):
        section.refuse("name", "It is missing: the mail names the alert by it.")
    threshold = section.inside("threshold") or Section(section.path, {}, section.findings)
    threshold.check_names(THRESHOLD_FIELDS, {})
    value = threshold.number("value")
    if threshold.content.get("value") is None:
        threshold.refuse("value", "It is missing: with what shall the result be compared?")
    return Alert(
        name=section.text("name", longest=60),
        severity=Level(section.choice("severity", SEVERITIES, Level.WARNING)),
        on=on,
        column=column,
        operator=threshold.choice("operator", OPERATORS, ">"),
        value=value or 0,
        csv_export=section.flag("csv_export", default=False),
        no_row=NoRow(section.choice("no_row", NoRow, NoRow.UNMEASURED)),
    )

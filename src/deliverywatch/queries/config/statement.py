"""A query's SQL with placeholders -> the statement and the parameters that Athena gets.

{DATE}, {YEAR}, {MONTH}, {DAY} and {THRESHOLD} are filled in as they stand: digits, which can break out of nothing. A
query's own parameters become `?` and go to Athena beside the statement, quoted, so that no value can change the
statement: docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
A name in several braces, in quotes, is a text in one pair less: '{{name}}' is sent as '{name}'.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from deliverywatch.athena import Statement
from deliverywatch.errors import InputError
from deliverywatch.queries.sql import parse, rows

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Query, Scalar, Value

DATES = ("DATE", "YEAR", "MONTH", "DAY")
THRESHOLD = "THRESHOLD"
# Athena takes a statement of 262,144 bytes and parameters of 1,024 characters.
LONGEST_BYTES = 262_144
LONGEST_PARAMETER = 1000

_BRACES = re.compile(r"(?<!\{)(\{+)([A-Za-z_]\w*)(\}+)", re.ASCII)
# Quoted text and comments first: what is in them is not a parameter.
_PARTS = re.compile(
    r"'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)|\{[A-Za-z_]\w*\}|\?",
    re.ASCII | re.DOTALL,
)
_COMMENTS = ("--", "/*")
_OFFERED = "{DATE}, {YEAR}, {MONTH}, {DAY}"
_SAMPLE = datetime(2026, 11, 21, tzinfo=UTC)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def filled(query: Query, local: datetime) -> Statement:
    """Return the statement of one run of a query that was checked, due at a time of the query's zone."""
    sent = _sent(query.sql, query.parameters, _words(query.day(local), query.threshold))
    return replace(sent, database=query.database)


def _sent(sql: str, parameters: Mapping[str, Value], words: Mapping[str, str]) -> Statement:
    literals: list[str] = []

    def part(match: re.Match[str]) -> str:
        name = match[0].strip("{}")
        if match[0].startswith("{") and name in parameters:
            texts = _literals(parameters[name], words)
            literals.extend(texts)
            return ", ".join("?" * len(texts))
        return match[0] if match[0][:2] in _COMMENTS else _with_words(match[0], words)

    return Statement(_PARTS.sub(part, sql), tuple(literals))


def problems(sql: str, parameters: Mapping[str, Value], *, has_threshold: bool) -> Iterator[str]:
    """Yield a sentence for each placeholder that cannot be filled in, and for each parameter that is not used."""
    parts = [part for part in _PARTS.findall(sql) if part[:2] not in _COMMENTS]
    bare = {part.strip("{}") for part in parts if part.startswith("{")}
    quoted = {name for part in parts if part[0] in "'\"" for name in _placeholders(part)}
    known = {*DATES, *parameters, THRESHOLD}
    if THRESHOLD in bare | quoted and not has_threshold:
        yield "It uses {THRESHOLD}, but there is not one threshold that it could stand for: set `alert_threshold`."
    if "DATE" in bare:
        yield "Outside of quotes {DATE} is a subtraction, 2026-11-21: write '{DATE}', or DATE '{DATE}' for a date."
    for name in sorted((bare | quoted) - known):
        escape = f" If it is a text, write {{{{{name}}}}}." if name in quoted else ""
        yield f"It uses {{{name}}}, which is neither {_OFFERED} nor one of `parameters`.{escape}"
    for name in sorted(parameters.keys() - bare - quoted):
        yield f"The parameter '{name}' is not used."
    for name in sorted(quoted & parameters.keys()):
        yield (
            f"The parameter {{{name}}} is in quotes: write it without, its value is quoted for you; "
            f"or {{{{{name}}}}} if it is a text."
        )


def uses_date(sql: str) -> bool:
    """Whether a statement depends on the day that its run is about."""
    return any(f"{{{name}}}" in sql for name in DATES)


def parse_problem(sql: str, parameters: Mapping[str, Value], threshold: float | None = None) -> str | None:
    """Return why Athena would not take what it gets of a statement with placeholders as one query, or None."""
    if "?" in _PARTS.findall(sql):
        return "It has a '?' of its own, for which Athena gets no value: name it in `parameters` and write {name}."
    sent = _sent(sql, parameters, _words(_SAMPLE, threshold))
    if len(sent.sql.encode()) > LONGEST_BYTES:
        return f"It is longer than {LONGEST_BYTES:,} bytes once it is filled in."
    try:
        parse.check(sent.sql)
    except InputError as error:
        return f"Athena takes no such query: {error}."
    return None


def order_problem(sql: str, parameters: Mapping[str, Value], threshold: float | None = None) -> str | None:
    """Return why the first value of a query that Athena takes may be another one at each run, or None."""
    if rows.has_certain_first_row(_sent(sql, parameters, _words(_SAMPLE, threshold)).sql):
        return None
    return (
        "An alert on first_value needs one first row: Athena returns rows in any order, unless there is an ORDER BY. "
        "Add one, select an aggregate such as max(x) instead, or say any_row in `on`."
    )


def literal(value: Scalar) -> str:
    """Return a value as SQL spells it; raise InputError if it is not finite, too long, or has invisible characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError("it is not a finite number")
        return _checked_length(repr(value))
    if _UNPRINTABLE.search(value):
        raise InputError("it holds a control character")
    return _checked_length("'" + value.replace("'", "''") + "'")


def digits(number: float) -> str:
    """Return a number with all its digits and without an exponent: 1234567, not 1.23457e+06."""
    return f"{Decimal(repr(number)):f}".removesuffix(".0")


def _checked_length(text: str) -> str:
    if len(text) > LONGEST_PARAMETER:
        raise InputError(f"it is longer than {LONGEST_PARAMETER} characters")
    return text


def _words(local: datetime, threshold: float | None) -> dict[str, str]:
    dates = {"DATE": f"{local:%Y-%m-%d}", "YEAR": f"{local:%Y}", "MONTH": f"{local:%m}", "DAY": f"{local:%d}"}
    return dates | ({THRESHOLD: digits(threshold)} if threshold is not None else {})


def _placeholders(part: str) -> list[str]:
    return [name for opening, name, closing in _BRACES.findall(part) if not _is_escaped(opening, closing)]


def _is_escaped(opening: str, closing: str) -> bool:
    return len(opening) > 1 and len(closing) > 1


def _with_words(text: str, words: Mapping[str, str]) -> str:
    def filled_in(match: re.Match[str]) -> str:
        opening, name, closing = match.groups()
        if _is_escaped(opening, closing):
            return f"{opening[1:]}{name}{closing[1:]}"
        return f"{opening[1:]}{words[name]}{closing[1:]}" if name in words else match[0]

    return _BRACES.sub(filled_in, text)


def _literals(value: Value, words: Mapping[str, str]) -> list[str]:
    values = value if isinstance(value, tuple) else (value,)
    return [literal(_with_words(scalar, words) if isinstance(scalar, str) else scalar) for scalar in values]

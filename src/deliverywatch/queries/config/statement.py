"""A query's SQL with placeholders -> the statement and the parameters that Athena gets.

{DATE}, {YEAR}, {MONTH}, {DAY} and {THRESHOLD} are filled in as they stand: digits, which can break out of nothing. A
query's own parameters become `?` and go to Athena beside the statement, quoted, so that no value can change the
statement: docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from deliverywatch.athena import Statement
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Query, Scalar, Value

DATES = ("DATE", "YEAR", "MONTH", "DAY")
THRESHOLD = "THRESHOLD"
# Athena takes a statement of 262,144 bytes and parameters of 1,024 characters.
LONGEST_BYTES = 262_144
LONGEST_PARAMETER = 1000

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}", re.ASCII)
# Quoted text and comments first: what is in them is not a parameter.
_PARTS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?(?:\*/|\Z)|\{[A-Za-z_]\w*\}", re.ASCII | re.DOTALL
)
_LITERAL = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?(?:\*/|\Z)|\b\d+(?:\.\d+)?\b", re.ASCII | re.DOTALL
)
# How sqlglot writes a piece of the statement into what it says.
_TOKEN = re.compile(r"<Token token_type: .*?, text: (.*?), line: [^>]*>")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def filled(query: Query, local: datetime) -> Statement:
    """Return the statement of one run of a query that was checked, due at a time of the query's zone."""
    words = _dates(local) | ({THRESHOLD: digits(query.threshold)} if query.threshold is not None else {})
    literals: list[str] = []

    def part(match: re.Match[str]) -> str:
        name = match[0].strip("{}")
        if match[0].startswith("{") and name in query.parameters:
            texts = _literals(query.parameters[name], words)
            literals.extend(texts)
            return ", ".join("?" * len(texts))
        return _with_words(match[0], words)

    return Statement(_PARTS.sub(part, query.sql), tuple(literals), query.database)


def problems(sql: str, parameters: Mapping[str, Value], *, has_threshold: bool) -> Iterator[str]:
    """Yield a sentence for each placeholder that cannot be filled in, and for each parameter that is not used."""
    named = set(_PLACEHOLDER.findall(sql))
    if THRESHOLD in named and not has_threshold:
        yield "It uses {THRESHOLD}, but there is not one threshold that it could stand for: set `alert_threshold`."
    for name in sorted(named - {*DATES, *parameters, THRESHOLD}):
        yield f"It uses {{{name}}}, which is neither {{DATE}}, {{YEAR}}, {{MONTH}}, {{DAY}} nor one of `parameters`."
    for name in sorted(parameters.keys() - named):
        yield f"The parameter '{name}' is not used."
    for part in _PARTS.findall(sql):
        for name in _PLACEHOLDER.findall(part) if part[0] in "'\"" else ():
            if name in parameters:
                yield f"The parameter {{{name}}} is in quotes: write it without, its value is quoted for you."


def parse_problem(sql: str, parameters: Mapping[str, Value]) -> str | None:
    """Return why Athena would not take a statement with placeholders as one query, or None."""
    words = {"DATE": "2026-11-21", "YEAR": "2026", "MONTH": "11", "DAY": "21", THRESHOLD: "1"}
    sample = _PARTS.sub(lambda match: _sampled(match[0], parameters, words), sql)
    # Statements that differ in texts and numbers only parse alike, and parsing takes 0.6 ms.
    return _parse_problem(sample) if _parse_problem(_LITERAL.sub(_blank, sample)) else None


@lru_cache(4096)
def _parse_problem(sample: str) -> str | None:
    # Imported here: it takes 80 ms, and a run whose file did not change parses nothing.
    import sqlglot
    from sqlglot import errors, exp

    try:
        statements = [parsed for parsed in sqlglot.parse(sample, read="athena") if parsed is not None]
    except (errors.SqlglotError, RecursionError) as error:
        return f"It does not parse as Athena SQL: {_first(error)}."
    if len(statements) != 1:
        return f"It holds {len(statements)} statements; Athena runs one."
    if not isinstance(statements[0], exp.Query):
        return "It is not a query: only SELECT (or WITH ... SELECT) has a result to export or to compare."
    is_empty = any(not select.expressions for select in statements[0].find_all(exp.Select))
    return "A SELECT of it selects nothing." if is_empty else None


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


def _blank(match: re.Match[str]) -> str:
    """A text becomes an empty one, a number 1; names in double quotes and comments stay."""
    return {"'": "''", '"': match[0], "-": match[0], "/": match[0]}.get(match[0][0], "1")


def _dates(local: datetime) -> dict[str, str]:
    return {"DATE": f"{local:%Y-%m-%d}", "YEAR": f"{local:%Y}", "MONTH": f"{local:%m}", "DAY": f"{local:%d}"}


def _with_words(text: str, words: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: words.get(match[1], match[0]), text)


def _literals(value: Value, words: Mapping[str, str]) -> list[str]:
    values = value if isinstance(value, tuple) else (value,)
    return [literal(_with_words(scalar, words) if isinstance(scalar, str) else scalar) for scalar in values]


def _sampled(part: str, parameters: Mapping[str, Value], words: Mapping[str, str]) -> str:
    return "1" if part.startswith("{") and part.strip("{}") in parameters else _with_words(part, words)


def _first(error: Exception) -> str:
    """Sqlglot underlines with terminal codes and repeats the statement: its first line says what and where."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = re.sub(r"\x1b\[\d*m", "", str(error)).strip()
    line = text.splitlines()[0].rstrip(".:") if text else "nobody says why"
    return _TOKEN.sub(lambda match: "the end" if match[1] == "SENTINEL" else f"'{match[1]}'", line)

"""The small parts of Athena SQL (Trino) that all checks use. The same text runs on DuckDB, translated by sqlglot."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from deliverywatch.errors import InputError
from deliverywatch.pipeline.declaration.histories import History, Times

SAMPLES = 5  # of one check
# Between samples: the unit separator, since a key may hold a comma.
BETWEEN = 31


class Tables(Protocol):
    """Athena, or whatever runs its SQL."""

    def rows(self, sql: str, database: str) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a query, their values as text or as they are; raises where it cannot be run."""


def identifier(name: str) -> str:
    """Return the name of a column, quoted: it may be a reserved word, or have hyphens and capitals."""
    return '"{}"'.format(name.replace('"', '""'))


def table_name(name: str) -> str:
    """Return the name of a table with each of its parts quoted, such as `"curated"."users_history"`."""
    return ".".join(map(identifier, name.split(".")))


def literal(text: str) -> str:
    """Return a text as a literal."""
    return "'{}'".format(text.replace("'", "''"))


def timestamp(time: datetime, time_zone: str = "UTC") -> str:
    """Return a time as a literal: in this zone, to the millisecond, which is what Hive tables hold."""
    local = time.astimezone(ZoneInfo(time_zone))
    return f"TIMESTAMP '{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03}'"


def moment(column: str, times: Times = Times.TIMESTAMPS) -> str:
    """Return a column as a time: of a date its midnight, of ISO 8601 as text its time in UTC, of empty text none."""
    name = identifier(column)
    read = {
        Times.TIMESTAMPS: f"COALESCE(TRY_CAST({name} AS TIMESTAMP(6)), {_iso8601(name)})",
        Times.YYYYMMDD: f"DATE_PARSE(CAST({name} AS VARCHAR), '%Y%m%d')",
        Times.EPOCH_SECONDS: _since_1970(f"{name} * 1000"),
        Times.EPOCH_MILLISECONDS: _since_1970(name),
    }
    return f"CAST({read[times]} AS TIMESTAMP(6))"


def _iso8601(name: str) -> str:
    # Athena casts no text with a T or an offset, and may refuse to cast a time with a zone to one without.
    text = f"NULLIF(TRIM(CAST({name} AS VARCHAR)), '')"
    return _since_1970(f"TO_UNIXTIME(FROM_ISO8601_TIMESTAMP({text})) * 1000")


def _since_1970(milliseconds: str) -> str:
    return f"DATE_ADD('millisecond', CAST({milliseconds} AS BIGINT), TIMESTAMP '1970-01-01 00:00:00.000')"


def written_at(history: History) -> str:
    """Return the time at which a version was written; its begin where the table does not say."""
    return moment(history.loaded_at) if history.loaded_at else moment(history.valid_from, history.times)


def in_words(column: str, words: Sequence[str]) -> str:
    """Return the condition that a flag has one of these values, whatever its type; NULL is the empty word."""
    if not column:
        return "FALSE"
    return f"COALESCE(LOWER(TRIM(CAST({identifier(column)} AS VARCHAR))), '') IN ({', '.join(map(literal, words))})"


def key_text(columns: Sequence[str]) -> str:
    """Return an expression that spells a key, for samples; its parts are separated by a bar."""
    parts = [f"COALESCE(CAST({column} AS VARCHAR), 'NULL')" for column in columns]
    return " || '|' || ".join(parts)


def samples_of(value: str, count: int) -> str:
    """Return an expression over so many of the values that are not NULL, the same each time."""
    return f"ARRAY_JOIN(MIN({value}, {count}), CHR({BETWEEN}))"


def time_of(value: object) -> datetime | None:
    """Return a time as Athena or DuckDB give it; None for NULL. Raises InputError for text that is not a time in UTC.

    Athena writes `2026-11-21 05:58:12.000`, and `2026-11-21 05:58:12.000 UTC` for a timestamp with a zone.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    written = str(value).strip()
    for suffix in (" UTC", " Z", " Etc/UTC"):
        written = written.removesuffix(suffix)
    # Up to nine digits of a second are possible, Python takes six.
    written = re.sub(r"(\.\d{6})\d+", r"\1", written)
    try:
        time = datetime.fromisoformat(written)
    except ValueError as error:
        raise InputError(
            f"'{written}' is not a time that Athena writes in UTC.",
            next_step="Give a column of type timestamp, or a cast to it.",
        ) from error
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def whole(value: object) -> int:
    """Return a count as Athena or DuckDB give it; NULL, the sum of nothing, is 0."""
    return 0 if value is None or value == "" else int(str(value))

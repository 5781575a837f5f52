"""The small parts of Athena SQL (Trino) that all checks use. The same text runs on DuckDB, translated by sqlglot."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from deliverywatch.errors import InputError

SAMPLES = 5  # of one check


class Tables(Protocol):
    """Athena, or whatever runs its SQL."""

    def rows(self, sql: str, database: str) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a query, their values as text or as they are; raises where it cannot be run."""


def timestamp(time: datetime) -> str:
    """Return a time as a literal: UTC, to the millisecond, which is what Hive tables hold."""
    return f"TIMESTAMP '{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03}'"


def key_text(columns: Sequence[str]) -> str:
    """Return an expression that spells a key, for samples; its parts are separated by a bar."""
    parts = [f"COALESCE(CAST({column} AS VARCHAR), 'NULL')" for column in columns]
    return " || '|' || ".join(parts)


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

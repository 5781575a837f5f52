"""A saved query or SQL -> what Athena will read for it, its rows, and what they cost.

Athena bills 5 USD per terabyte that it reads, 10 MB at least for each query (aws.amazon.com/athena/pricing); what S3
takes for opening the objects is added. How much is read is known only afterwards; before, the objects of the days that
the query names are the most that it can be.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from deliverywatch import athena
from deliverywatch.athena import Athena, Statement, Status, TimeBudget
from deliverywatch.errors import CloudRefused, InputError
from deliverywatch.operate.cost.prices import prices

_LEAST_BYTES = 10_000_000
_TERABYTE = 1_000_000_000_000
# Footer, and one or two ranges of columns.
_GETS_PER_OBJECT = 3

_FOLDERS = {"sms_messages": "sms/", "sms_objects": "sms/", "mails": "mails/", "channel_messages": "channels/"}
_DAYS = re.compile(r"INTERVAL\s+'(\d+)'\s+DAY", re.IGNORECASE)
_DATE = re.compile(r"\bdt\s*(?:>=|=|BETWEEN)\s*'(\d{4}-\d\d-\d\d)'", re.IGNORECASE)
_ONE_DAY = re.compile(r"\bdt\s*=\s*'(\d{4}-\d\d-\d\d)'", re.IGNORECASE)
_RANGE = re.compile(r"\bdt\s*(?:>|<|BETWEEN|IN|LIKE)", re.IGNORECASE)
_PARAMETER = re.compile(r"CAST\(NULL AS varchar\) AS (\w+)", re.IGNORECASE)
_NO_CODE = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_ASKS = re.compile(r"[(\s]*(?:SELECT|WITH|VALUES|SHOW|DESCRIBE|DESC|EXPLAIN)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved query; its description is its first line."""

    name: str
    sql: str

    @property
    def question(self) -> str:
        """What it answers."""
        return self.sql.splitlines()[0].removeprefix("-- ") if self.sql else ""

    @property
    def parameters(self) -> list[str]:
        """What `--param` can set."""
        return _PARAMETER.findall(self.sql)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The most that a query can read: whole objects from the day `since` on; none if it reads all days."""

    since: str | None
    object_count: int
    byte_count: int

    @property
    def usd(self) -> float:
        """What that costs, at list price."""
        return cost_usd(self.byte_count, self.object_count)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out: columns by name and type in Athena's words, and rows; DuckDB scans no bytes that anybody bills."""

    columns: list[tuple[str, str]]
    rows: list[tuple[Any, ...]]
    scanned_bytes: int | None = None
    seconds: float = 0.0


class Engine(Athena, Protocol):
    """Athena, and the rows of what it ran."""

    def result(self, execution_id: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
        """Return columns and rows of a query that succeeded."""
        ...


def is_sql(text: str) -> bool:
    """Return whether a text can be no name of a saved query."""
    return bool(re.search(r"\s", text.strip()))


def chosen(text: str, saved: Iterable[Saved], given: Mapping[str, str]) -> str:
    """Return the SQL that is meant: of a saved query by its name, with or without its system, or the text itself."""
    by_name = {saved_query.name: saved_query for saved_query in saved}
    name = text.strip().replace("_", "-")
    alike = [full for full in by_name if full == name or full.endswith(f"-{name}")]
    query = by_name[name] if name in by_name else by_name[alike[0]] if len(alike) == 1 else None
    if query is None and not is_sql(text):
        raise InputError(
            f"There is no saved query {text}. Choose one of: {', '.join(sorted(by_name)) or 'none'}.",
            next_step='Name one of these, or write SQL, such as "SELECT count(*) FROM sms_messages".',
        )
    return filled(query or Saved("this query", _read_only(text)), given)


def _read_only(sql: str) -> str:
    """Return the text of a query, if it only reads: an INSERT would add to the lake what no run has written."""
    code = _NO_CODE.sub(" ", sql).strip().rstrip(";").rstrip()
    if _ASKS.match(code) and ";" not in code:
        return sql
    raise InputError(
        "A query only reads: it is one statement that begins with SELECT, WITH, VALUES, SHOW, DESCRIBE or EXPLAIN.",
        next_step="Correct the SQL, or name a saved query; what changes tables is done in the Athena console.",
    )


def filled(query: Saved, given: Mapping[str, str]) -> str:
    """Return a query with its parameters set; those left out stay as they are."""
    unknown = sorted(given.keys() - set(query.parameters))
    if unknown:
        raise InputError(
            f"{query.name} has no parameter {unknown[0]}. It has: {', '.join(query.parameters) or 'none'}.",
            next_step="Leave it out, or copy the query's text and change it there.",
        )

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return f"'{given[name].replace(chr(39), 2 * chr(39))}' AS {name}" if name in given else match[0]

    return _PARAMETER.sub(value, query.sql)


def first_day(sql: str, now: datetime) -> str | None:
    """Return the first day that a query reads, as its text bounds `dt`; none if nothing bounds it."""
    days = [int(number) for number in _DAYS.findall(sql)]
    if "dt >=" in sql and days:
        return f"{now.astimezone(UTC) - timedelta(days=max(days)):%Y-%m-%d}"
    dates = _DATE.findall(sql)
    return min(dates) if dates else None


def folders(sql: str) -> list[str]:
    """Return the folders of the bucket that a query reads; the whole bucket if it names no table that is known."""
    return sorted({folder for table, folder in _FOLDERS.items() if re.search(rf"\b{table}\b", sql)}) or [""]


def estimate(sql: str, sizes: Iterable[tuple[str, int]], now: datetime) -> Estimate:
    """Return the most that a query can read."""
    since, only = first_day(sql, now), set(_ONE_DAY.findall(sql))
    exact = only if only and not _RANGE.search(sql) else None
    days = ((key.split("dt=")[-1][:10], size) for key, size in sizes)
    read = [size for day, size in days if (day in exact if exact else since is None or day >= since)]
    return Estimate(since, len(read), sum(read))


def cost_usd(scanned_bytes: int, object_count: int = 0) -> float:
    """Return what a query costs at list price."""
    usd = prices().usd
    athena = max(scanned_bytes, _LEAST_BYTES) / _TERABYTE * usd["athena_terabyte"]
    return athena + object_count * _GETS_PER_OBJECT * usd["s3_thousand_reads"] / 1000


def run(engine: Engine, sql: str, pause: Callable[[float], None]) -> Answer:
    """Run a query and wait for it, ever more patiently; whoever interrupts that stops the query too."""
    try:
        execution = athena.run(Statement(sql), engine, TimeBudget(pause, lambda: math.inf))
    except CloudRefused as refused:
        # What Athena refuses before it runs is nearly always the text: its grammar.
        if refused.kind == CloudRefused.kind:
            raise InputError(str(refused), next_step="Correct the query and run it again.") from refused
        raise
    if execution.status is not Status.SUCCEEDED:
        reason = (execution.reason or execution.status).splitlines()[0].rstrip(".!")
        raise InputError(
            f"Athena did not run the query: {reason}.",
            next_step="Correct the query; a dt bound keeps it under the workgroup's limit of bytes.",
        )
    columns, rows = engine.result(execution.id)
    return Answer(columns, rows, execution.scanned_bytes, execution.seconds)

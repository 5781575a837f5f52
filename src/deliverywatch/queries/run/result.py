"""The CSV that Athena wrote -> how many rows there are, the first of them, and what each alert measures in them.

NULL, no row and a text that is no number are no measurement: they prove neither that a condition holds nor that it does
not, unless the alert says that no row is well. Of many rows that one counts which is worst for the alert; unless it
holds, a row without a number might be worse.

It is read as a stream and once, however large it is. The first line names the columns:
docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deliverywatch.errors import InputError
from deliverywatch.queries.config.query import Measure, NoRow
from deliverywatch.spreadsheet import neutral

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Alert

# What a mail can show.
SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_CHARACTERS = 10, 6, 40
_LONGEST_FIELD = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """What one alert measured.

    Attributes:
        measured: The number of rows, the first value or the worst row's; None if there is none.
        problem: Why it cannot be said whether the condition holds; empty if it can.
        row: The worst row, in short.
    """

    alert: Alert
    holds: bool
    measured: float | None
    problem: str = ""
    row: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A result, in short: its size, its first rows and columns, and what the alerts measured.

    Attributes:
        problem: Why it is not the result that its query's alerts are about; empty if it is.
        would_run: Whether it has a cell that a spreadsheet would run.
    """

    row_count: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    readings: tuple[Reading, ...]
    problem: str = ""
    would_run: bool = False


def read(lines: Iterable[str], alerts: Sequence[Alert]) -> Result:
    """Return what is in the lines of a CSV, and what alerts measure in it.

    Raises InputError if it is no CSV that Athena wrote.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        return _read(csv.reader(lines), alerts)
    except csv.Error as error:
        raise InputError(f"The result cannot be read as CSV: {error}.", next_step="Open it in Athena.") from error


def _read(reader: Iterator[list[str]], alerts: Sequence[Alert]) -> Result:
    columns = next(reader, None)
    if columns is None:
        raise InputError("The result is empty: it lacks even the names of its columns.", next_step="Run it again.")
    meters = [_Meter(alert, _index(alert.column, columns)) for alert in alerts]
    shown: list[tuple[str, ...]] = []
    count, would_run = 0, _would_run(columns)
    for row in reader:
        count += 1
        would_run = would_run or _would_run(row)
        if len(shown) < SHOWN_ROWS:
            shown.append(_shown(row))
        for meter in meters:
            meter.see(row, count)
    readings = tuple(meter.reading(count) for meter in meters)
    return Result(count, _shown(columns), tuple(shown), readings, _problem(alerts, columns), would_run)


def _would_run(row: Sequence[str]) -> bool:
    return any(neutral(value) is not value for value in row)


def _problem(alerts: Sequence[Alert], columns: Sequence[str]) -> str:
    missing = next((alert for alert in alerts if _index(alert.column, columns) is None), None)
    if missing is None:
        return ""
    sentence = f"The alert '{missing.name}' compares the column '{missing.column}', which the result has not."
    return f"{sentence} Its columns are: {', '.join(columns)}."


def _index(column: str, columns: Sequence[str]) -> int | None:
    """Return where a column is; Athena writes most names in small letters."""
    if not column or column in columns:
        return columns.index(column) if column else 0
    folded = [name.casefold() for name in columns]
    return folded.index(column.casefold()) if column.casefold() in folded else None


class _Meter:
    """What one alert has seen so far; without an index its column is missing."""

    def __init__(self, alert: Alert, index: int | None) -> None:
        self._alert, self._index = alert, index
        self._worst: float | None = None
        self._row: Sequence[str] = ()
        self._unread_count, self._unread = 0, ""

    def see(self, row: Sequence[str], number: int) -> None:
        if self._alert.on is Measure.ROWS or (self._alert.on is Measure.FIRST_VALUE and number > 1):
            return
        # A NULL alone in its row is an empty line.
        text = row[self._index].strip() if self._index is not None and self._index < len(row) else ""
        value = _number(text)
        if value is None:
            self._unread = self._unread if self._unread_count else text
            self._unread_count += 1
        elif self._worst is None or self._alert.badness(value) > self._alert.badness(self._worst):
            self._worst, self._row = value, row

    def reading(self, count: int) -> Reading:
        if self._alert.on is Measure.ROWS:
            return Reading(self._alert, self._alert.holds(count), count)
        holds = self._worst is not None and self._alert.holds(self._worst)
        return Reading(self._alert, holds, self._worst, "" if holds else self._problem(count), _shown(self._row))

    def _problem(self, count: int) -> str:
        if self._index is None:
            return f"the result has no column '{self._alert.column}'"
        if not count:
            return "" if self._alert.no_row is NoRow.OK else "the result has no row"
        what = f"'{_short(self._unread)}', which is no number" if self._unread else "NULL"
        if self._alert.on is Measure.FIRST_VALUE:
            return f"its first value is {what}" if self._unread_count else ""
        rows = f"{self._unread_count:,} of {count:,} rows have no number"
        return f"{rows}; the first of them has {what}" if self._unread_count else ""


def _number(text: str) -> float | None:
    """Return a number as Athena writes it; None for anything else."""
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _shown(row: Sequence[str]) -> tuple[str, ...]:
    return tuple(_short(value) for value in row[:SHOWN_COLUMNS])


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."

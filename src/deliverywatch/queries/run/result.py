"""The CSV that Athena wrote -> how many rows there are, the first of them, and what each alert measures in them.

It is read as a stream and once, however large it is. The first line names the columns:
docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deliverywatch.errors import InputError
from deliverywatch.queries.config.query import Measure

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Alert

# What a mail can show.
SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_CHARACTERS = 10, 6, 40
_LONGEST_FIELD = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """What one alert measured: the rows, the first value, or the first that its condition holds for; None for none."""

    alert: Alert
    holds: bool
    measured: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """A result, in short: its size, its first rows and columns, and what the alerts measured."""

    row_count: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    readings: tuple[Reading, ...]


def read(lines: Iterable[str], alerts: Sequence[Alert]) -> Result:
    """Return what is in the lines of a CSV, and what alerts measure in it.

    Raises InputError if an alert names a column that is not there, or compares what is not a number.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(lines)
    columns = next(reader, [])
    meters = [_Meter(alert, columns) for alert in alerts]
    shown: list[tuple[str, ...]] = []
    count = 0
    for row in reader:
        count += 1
        if len(shown) < SHOWN_ROWS:
            shown.append(tuple(_short(value) for value in row[:SHOWN_COLUMNS]))
        for meter in meters:
            meter.see(row, count)
    readings = tuple(meter.reading(count) for meter in meters)
    return Result(count, tuple(_short(name) for name in columns[:SHOWN_COLUMNS]), tuple(shown), readings)


class _Meter:
    """What one alert has seen so far."""

    def __init__(self, alert: Alert, columns: Sequence[str]) -> None:
        self._alert = alert
        self._holds, self._measured = False, None if alert.on is not Measure.ROWS else 0.0
        if alert.column and alert.column not in columns:
            raise InputError(
                f"The alert '{alert.name}' compares the column '{alert.column}', which the result has not.",
                next_step=f"Its columns are: {', '.join(columns)}.",
            )
        self._index = columns.index(alert.column) if alert.column else 0

    def see(self, row: Sequence[str], number: int) -> None:
        is_looked_at = self._alert.on is Measure.ANY_ROW or (self._alert.on is Measure.FIRST_VALUE and number == 1)
        # A NULL alone in its row is an empty line.
        text = row[self._index].strip() if self._index < len(row) else ""
        if not is_looked_at or self._holds or not text:
            return
        value = self._number(text)
        self._holds = self._alert.holds(value)
        if self._holds or self._alert.on is Measure.FIRST_VALUE:
            self._measured = value

    def reading(self, count: int) -> Reading:
        if self._alert.on is Measure.ROWS:
            return Reading(self._alert, self._alert.holds(count), count)
        return Reading(self._alert, self._holds, self._measured)

    def _number(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise InputError(
                f"The alert '{self._alert.name}' compares '{_short(text)}', which is not a number.",
                next_step="Name a column of numbers with `column`, or cast it in the query.",
            ) from None


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."

"""A CSV file, `from,until[,name]` -> incidents, and what to know about the rows; and back.

A time is ISO 8601, in UTC if it has no offset. Other columns are ignored, so that what was written can be corrected
and read again.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deliverywatch.backtest.results.recommendation import Incident
from deliverywatch.backtest.results.result import Span
from deliverywatch.errors import InputError
from deliverywatch.spreadsheet import csv_of, neutral

_COLUMNS = ("from", "until", "name", "messages", "failed", "usual_percent")
# The first is the usual one.
_DELIMITERS = ",;\t"
# Of more rows that cannot be used the first are named.
_SHOWN = 10
_EXAMPLE = "2026-11-21T11:00Z,2026-11-21T12:50Z,carrier outage"


@dataclass(frozen=True, slots=True)
class Marked:
    """The incidents of a file, in order of time, and what to know about its rows."""

    incidents: tuple[Incident, ...]
    notes: tuple[str, ...]


def read(path: Path) -> Marked:
    """Read a file; raises InputError if it is no such file, or has rows of which none can be used."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read: {error}.", next_step=f"Give a CSV file in UTF-8 with rows such as {_EXAMPLE}."
        ) from error
    rows = _rows(text)
    names = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    if "from" in names and "until" in names:
        columns, rows = names, rows[1:]
    else:
        # A file without a first line of names.
        columns = list(_COLUMNS[:3])
    incidents: list[Incident] = []
    usable: list[dict[str, str]] = []
    refused: list[str] = []
    for number, cells in rows:
        row = dict(zip(columns, cells, strict=False))
        try:
            incidents.append(_incident(row))
            usable.append(row)
        except ValueError as error:
            refused.append(f"Row {number} of {path.name} is left out: {error}.")
    if refused and not incidents:
        raise InputError(
            f"{path} holds no row that can be used. {refused[-1]}",
            next_step=f"Write times as in {_EXAMPLE}: a spreadsheet's own dates do not say which number is the month.",
        )
    notes = refused[:_SHOWN]
    if len(refused) > _SHOWN:
        notes.append(f"{len(refused) - _SHOWN:,} more rows of {path.name} are left out.")
    if any(map(_is_local, usable)):
        notes.append(f"Times of {path.name} without an offset are taken as UTC.")
    return Marked(tuple(sorted(incidents, key=lambda incident: incident.span.start)), tuple(notes))


def apart(incidents: Iterable[Incident]) -> list[Incident]:
    """Return incidents in order of time, those that overlap as one: it is missed once, or not."""
    joined: list[Incident] = []
    for one in sorted(incidents, key=lambda incident: incident.span.start):
        if not joined or one.span.start >= joined[-1].span.end:
            joined.append(one)
            continue
        before = joined[-1]
        span = Span(before.span.start, max(before.span.end, one.span.end))
        joined[-1] = replace(before, span=span, name=before.name or one.name)
    return joined


def write(path: Path, incidents: Iterable[Incident]) -> None:
    """Write incidents; raises InputError if there is such a file, which somebody may have corrected, or no folder."""
    try:
        with path.open("x", newline="", encoding="utf-8") as file:
            file.write(csv_of(_COLUMNS, map(_row, incidents)))
    except FileExistsError as error:
        raise InputError(f"{path} exists.", next_step="Name another file, or remove that one.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", next_step="Name another file.") from error


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Return the rows that hold anything, with their numbers; a spreadsheet may separate by semicolons."""
    # Excel's own first line.
    text = re.sub(r"\Asep=.", "", text)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        rows = list(csv.reader(text.replace("\0", "").splitlines(), delimiter=delimiter))
    except csv.Error:
        # A cell of a hundred thousand letters: taken line by line, so that only its own row is lost.
        rows = [line.split(delimiter) for line in text.splitlines()]
    return [(number, cells) for number, cells in enumerate(rows, 1) if any(cell.strip() for cell in cells)]


def _incident(row: dict[str, str]) -> Incident:
    start, end = _time(row.get("from", ""), "from"), _time(row.get("until", ""), "until")
    if end <= start:
        raise ValueError(f"its end {row['until'].strip()} is not after its begin {row['from'].strip()}")
    counts = [_count(row.get(name, "")) for name in ("messages", "failed")]
    return Incident(Span(start, end), _name(row.get("name", "").strip()), *counts)


def _is_local(row: dict[str, str]) -> bool:
    return any(datetime.fromisoformat(row[name].strip()).tzinfo is None for name in ("from", "until"))


def _name(text: str) -> str:
    """Return a name without the apostrophe behind which a formula was written."""
    bare = text.removeprefix("'")
    return bare if text == neutral(bare) else text


def _count(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


def _time(text: str, column: str) -> datetime:
    text = text.strip()
    if not text:
        raise ValueError(f"it has no time in the column {column}")
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise ValueError(f"{shown!r} in the column {column} is not a time such as 2026-11-21T11:00Z") from None


def _row(incident: Incident) -> Sequence[str | int]:
    times = [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in (incident.span.start, incident.span.end)]
    usual = "" if incident.usual_percent is None else f"{incident.usual_percent:.2f}"
    counts = ["" if count is None else count for count in (incident.message_count, incident.failed_count)]
    return [*times, incident.name, *counts, usual]

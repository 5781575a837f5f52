"""Files of datapoints -> a store: CSV and Parquet with one row per datapoint.

Columns: `time` and one column per metric (`Total`, `Failed`), or `time`, `metric`, `value`; optionally `published`
(when alarms could see it) and `unit` (of the row's values, such as `Percent`). A cell without a number is a gap, never
zero. A time counts to the second and names its zone, or is a timestamp with one.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cwalarm.definitions.alarm import Alarm, Metric
from cwalarm.errors import InputError
from cwalarm.evaluation.series import Series
from cwalarm.replay import metric_names

_TIME, _PUBLISHED, _METRIC, _VALUE, _UNIT = "time", "published", "metric", "value", "unit"


def read(path: Path, metrics: Sequence[Metric]) -> Series:
    """Read a `.csv` or `.parquet` file; a column is one of the metrics by its name (see `metric_names`).

    Raises:
        InputError: The file or a row of it cannot be used, such as one out of order; the message names the row.
    """
    series, count = Series(), 0
    newest: dict[str, datetime] = {}
    for number, row in enumerate(_rows(path), 2):
        try:
            _require_order(row, newest)
            _add(series, row, metrics)
        except (InputError, ValueError, TypeError, OverflowError) as error:
            raise InputError(
                f"Row {number} of {path.name} cannot be used: {error}",
                next_step="Correct the row and run the command again.",
            ) from error
        count += 1
    if not count:
        raise InputError(
            f"{path.name} holds no datapoints.", next_step="Give a file with a header and at least one row."
        )
    return series


def require(alarm: Alarm, series: Series) -> None:
    """Raise InputError if a metric of an alarm is not in the history."""
    held = series.metrics()
    for query in alarm.queries:
        if query.metric and query.metric.metric not in held:
            names = ", ".join(f"{metric.namespace}/{metric.name}" for metric in held) or "nothing"
            wanted = f"{query.metric.namespace}/{query.metric.name}"
            raise InputError(
                f"Alarm {alarm.name} watches {wanted}, which is not in the history.",
                next_step=f"Add the metric to the history, or use --without {alarm.name}. The history holds: {names}.",
            )


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    if not path.is_file():
        kind = "a folder, not a file of datapoints" if path.is_dir() else "no file"
        raise InputError(f"{path} is {kind}.", next_step="Give the path of a .csv or .parquet file.")
    if path.suffix == ".csv":
        yield from _csv(path)
    elif path.suffix == ".parquet":
        yield from _parquet(path)
    else:
        raise InputError(f"{path.name} is neither .csv nor .parquet.", next_step="Convert it to one of them.")


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            _require_header(path.name, reader.fieldnames or [])
            yield from reader
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} is not a CSV file in UTF-8: {error}.", next_step="Convert it.") from error


def _require_header(name: str, columns: Sequence[str]) -> None:
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise InputError(f"{name} has the column {twice[0]} twice.", next_step="Keep one of them, or rename one.")
    if columns and _TIME not in columns:
        raise InputError(
            f"{name} has no column `{_TIME}`: its first line is {', '.join(columns)}.",
            next_step="Begin the file with a line of names separated by commas, such as time,Total,Failed.",
        )


def _parquet(path: Path) -> Iterable[Mapping[str, Any]]:
    # Imported here: it takes 100 ms, and CSV and tests do without.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path.name} is not a Parquet file, or it is damaged.", next_step="Write the file again."
        ) from error
    return rows


def _add(series: Series, row: Mapping[str, Any], metrics: Sequence[Metric]) -> None:
    moment = _moment(row.get(_TIME))
    published = _moment(row[_PUBLISHED]) if row.get(_PUBLISHED) else None
    for name, cell in _cells(row):
        value = _number(name, cell)
        if value is not None:
            # To the second, for alarms of 10 to 30 seconds; to longer ones it is all the same, as minutes are whole.
            metric, unit = _named(name, metrics), str(row.get(_UNIT) or "") or None
            series.add(metric, moment, value, published=published, resolution_seconds=1, unit=unit)


def _require_order(row: Mapping[str, Any], newest: dict[str, datetime]) -> None:
    """Check that a row is newer than the one before; only what was published later may be as old."""
    moment, name = _moment(row.get(_TIME)), f"{row.get(_METRIC) or ''} {row.get(_UNIT) or ''}"
    before = newest.get(name)
    if before is not None and moment < before:
        raise InputError("it is older than the row before; sort the rows by time.")
    if moment == before and not row.get(_PUBLISHED):
        raise InputError("it has the time of the row before; keep one of them, or say when each was `published`.")
    newest[name] = moment


def _cells(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if None in row:
        raise InputError("it has more cells than the first line has names.")
    if _METRIC in row and _VALUE in row:
        return [(str(row[_METRIC]), row[_VALUE])]
    return [(name, cell) for name, cell in row.items() if name not in (_TIME, _PUBLISHED, _UNIT)]


def _named(name: str, metrics: Sequence[Metric]) -> Metric:
    possible = metric_names.meant(name, metrics)
    if len(possible) > 1:
        choice = "; ".join(metric_names.distinct(possible))
        raise InputError(f"column {name} may mean {len(possible)} metrics; call it one of: {choice}.")
    # A column that no alarm watches does no harm.
    return possible[0] if possible else Metric("", name)


def _number(name: str, cell: object) -> float | None:
    if cell is None or cell == "":
        return None
    try:
        value = float(str(cell))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{cell} in column {name} is not a finite number; leave the cell empty for a gap.")
    return value


def _moment(value: object) -> datetime:
    if value is None or value == "":
        raise InputError("it has no time.")
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise InputError(f"{value} is not a time; write it like 2026-11-21T12:00:00Z.") from None
    if moment.tzinfo is None:
        raise InputError(f"time {value} has no zone; write it like 2026-11-21T12:00:00Z.")
    return moment.astimezone(UTC)

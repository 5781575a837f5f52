"""Columns and rows -> a table for a terminal, CSV, JSON or a Parquet file."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cwalarm.cli.terminal import echo, harmless, writing
from deliverywatch.spreadsheet import csv_of

FORMATS = ("table", "csv", "json", "parquet")

# Beyond it a terminal is no place for rows.
_MOST_ROWS = 200


def able_to_write(kind: str, out: Path | None) -> None:
    """Make sure that rows can be written as is wished, before anything is asked that costs money or time."""
    if kind == "parquet" and out is None:
        raise click.UsageError("--format parquet needs --out FILE.")
    if out is not None and not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out: there is no folder {out.parent}.")


def write(columns: Sequence[tuple[str, str]], rows: Sequence[tuple[Any, ...]], kind: str, out: Path | None) -> None:
    """Print rows in one of FORMATS, or write them into a file; columns are name and type, in Athena's words."""
    if kind == "parquet" and out is not None:
        with writing(out):
            _parquet(columns, rows, out)
        return
    text = {"table": _table, "csv": csv_of, "json": _json}[kind]([name for name, _ in columns], rows)
    if out is None:
        echo(text, nl=False)
    else:
        with writing(out):
            out.write_text(text, encoding="utf-8")


def _json(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    lines = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, default=str) for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _table(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """A table if it fits; a block per row if there are too many columns for the terminal."""
    from rich.console import Console  # not needed for files
    from rich.table import Table

    shown = rows[:_MOST_ROWS]
    cells = [["" if value is None else harmless(str(value)) for value in row] for row in shown]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    console = Console(file=io.StringIO(), highlight=False, markup=False)
    if sum(widths) + len(widths) <= console.width:
        table = Table(box=None, padding=(0, 1, 0, 0))
        for name, column in zip(names, zip(*cells, strict=True) if cells else [()] * len(names), strict=True):
            table.add_column(name, justify="right" if all(map(_is_number, column)) else "left", no_wrap=True)
        for row in cells:
            table.add_row(*row)
        console.print(table)
    else:
        _blocks(console, names, cells)
    if len(rows) > len(shown):
        console.print(f"... and {len(rows) - len(shown):,} more: --format csv --out FILE", soft_wrap=True)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _blocks(console: Any, names: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    width = max(map(len, names))
    for number, row in enumerate(cells):
        if number:
            console.print()
        for name, value in zip(names, row, strict=True):
            if value:
                console.print(f"{name:{width}}  {value}", soft_wrap=len(value) < console.width - width - 2)


def _is_number(text: str) -> bool:
    return not text or text.lstrip("-").replace(".", "", 1).isdigit()


def _parquet(columns: Sequence[tuple[str, str]], rows: Sequence[tuple[Any, ...]], out: Path) -> None:
    import pyarrow as pa  # takes a moment to load
    import pyarrow.parquet as pq

    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [_array(pa, list(column), kind) for column, (_, kind) in zip(values, columns, strict=True)]
    pq.write_table(pa.table(arrays, names=[name for name, _ in columns]), out)


def _array(pa: Any, values: list[Any], kind: str) -> Any:
    """Athena gives text for all: numbers, times and truth values become what they are, the rest stays text."""
    if not all(value is None or isinstance(value, str) for value in values):
        return pa.array(values)
    types = {"integer": pa.int64(), "bigint": pa.int64(), "int": pa.int64(), "double": pa.float64()}
    types |= {"boolean": pa.bool_(), "timestamp": pa.timestamp("ms"), "float": pa.float32(), "real": pa.float32()}
    wanted = types.get(kind.partition("(")[0].lower())
    return pa.array(values, pa.string()) if wanted is None else pa.array(values, pa.string()).cast(wanted)

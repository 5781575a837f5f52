"""What is being read -> a progress bar on stderr, if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deliverywatch.sms.plan import Range


@contextmanager
def shown(ranges: Sequence[Range]) -> Iterator[Callable[[datetime, int], None]]:
    """Show how many of the ranges are read; yields what takes the start of a page's range and its number of rows."""
    if not sys.stderr.isatty():
        yield lambda _start, _row_count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    rows_read = "hours, {task.fields[rows]:,} rows"
    columns = ("{task.description}", BarColumn(20), MofNCompleteColumn(), rows_read, TimeRemainingColumn())
    numbers = {hours.start: number for number, hours in enumerate(ranges)}
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading", total=len(ranges) or None, rows=0)
        rows = 0

        def report(start: datetime, row_count: int) -> None:
            nonlocal rows
            rows += row_count
            number = numbers.get(start, len(ranges))
            bar.update(task, completed=number, description=f"{start:%Y-%m-%d %H:%M}", rows=rows)

        yield report

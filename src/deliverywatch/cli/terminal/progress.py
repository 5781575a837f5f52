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
    """Show how many of the ranges are read; yields what is to be told of each page."""
    if not sys.stderr.isatty():
        yield lambda _start, _row_count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("hours, {task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    numbers = {each.start: number for number, each in enumerate(ranges)}
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading", total=len(ranges) or None, rows=0)
        rows = 0

        def tell(start: datetime, row_count: int) -> None:
            nonlocal rows
            rows += row_count
            bar.update(
                task, completed=numbers.get(start, len(ranges)), description=f"{start:%Y-%m-%d %H:%M}", rows=rows
            )

        yield tell

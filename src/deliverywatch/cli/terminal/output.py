"""A document or rows -> JSON on one line, or tables, on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cwalarm.cli.terminal import echo, harmless, print_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_either(document: object, words: str, *, as_json: bool, indent: int | None = None) -> None:
    """Print a document, or what it says in words."""
    if as_json:
        print_json(document, indent=indent)
    else:
        echo(words)


def table(*columns: str, title: str = "", padding: int = 1) -> Table:
    """Return an empty table; the name of a column with numbers begins with `>`, of one that may wrap with `~`.

    What strangers put into a cell gives the terminal no orders.
    """
    from rich.table import Table  # takes a moment to load

    class Harmless(Table):
        def add_row(self, *cells: Any, **options: Any) -> None:
            super().add_row(*(harmless(cell) if isinstance(cell, str) else cell for cell in cells), **options)

    empty = Harmless(box=None, padding=(0, padding, 0, 0), title=title or None, title_justify="left")
    for column in columns:
        name = column.lstrip(">~")
        empty.add_column(
            name, justify="right" if column.startswith(">") else "left", no_wrap=not column.startswith("~")
        )
    return empty


def print_plain(*parts: Any) -> None:
    """Print tables and texts without mark-up: what AWS or ClickSend names may have brackets."""
    console = plain_console()
    for part in parts:
        is_text = isinstance(part, str)
        console.print(harmless(part) if is_text else part, soft_wrap=is_text)


def plain_console() -> Console:
    """Return rich's console without mark-up and colours of its own; a reader that has gone is reported as by `echo`."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - rich calls this while it handles the error

    return Plain(highlight=False, markup=False)

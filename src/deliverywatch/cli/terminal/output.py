"""A document or rows -> JSON on one line, or tables, on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import json_option, print_json

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["json_option", "print_either", "print_json", "print_plain", "table"]


def print_either(document: object, words: str, *, as_json: bool, indent: int | None = None) -> None:
    """Print a document, or what it says in words."""
    if as_json:
        print_json(document, indent=indent)
    else:
        click.echo(words)


def table(*columns: str, title: str = "", padding: int = 1) -> Table:
    """Return an empty table; the name of a column with numbers begins with `>`, of one that may wrap with `~`."""
    from rich.table import Table  # takes a moment to load

    empty = Table(box=None, padding=(0, padding, 0, 0), title=title or None, title_justify="left")
    for column in columns:
        name = column.lstrip(">~")
        empty.add_column(
            name, justify="right" if column.startswith(">") else "left", no_wrap=not column.startswith("~")
        )
    return empty


def print_plain(*parts: Any) -> None:
    """Print tables and texts without mark-up: what AWS or ClickSend names may have brackets."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))

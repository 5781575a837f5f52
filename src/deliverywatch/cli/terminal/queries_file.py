"""The file of queries on the command line: where it is, what is in it, and one query of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deliverywatch.cli.terminal.input_files import read_bytes
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Config, Query

DEFAULT_FILE = Path("cfn/schedules.json")

config_file = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_FILE,
    show_default=True,
    help="The file of queries.",
)


def load(path: Path, project: str) -> Config:
    """Return the queries of a file."""
    from deliverywatch.queries.config import file as config

    return config.read(read_bytes(path, "Name the file of queries."), project)


def named(query_id: str, config: Config) -> Query:
    """Return a query of a configuration, or raise InputError with those there are."""
    if query_id not in config.queries:
        present = ", ".join(list(config.queries)[:20])
        choice = f"Choose one of: {present}." if present else "The file has no queries."
        raise InputError(f"There is no query '{query_id}'.", next_step=choice)
    return config.queries[query_id]

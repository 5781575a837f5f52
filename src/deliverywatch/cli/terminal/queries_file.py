"""The file of queries on the command line: where it is, what is in it, and one query of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

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
    """Return the queries of a file.

    Raises:
        InputError: It cannot be read, or is refused.
    """
    from deliverywatch.queries.config import file as config  # not needed for `--help`

    try:
        body = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", next_step="Name the file of queries.") from error
    return config.read(body, project)


def named(query_id: str, config: Config) -> Query:
    """Return a query of a configuration, or raise InputError with those there are."""
    if query_id not in config.queries:
        known = ", ".join(list(config.queries)[:20]) or "none"
        raise InputError(f"There is no query '{query_id}'.", next_step=f"There is: {known}.")
    return config.queries[query_id]

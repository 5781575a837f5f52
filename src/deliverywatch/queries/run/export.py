"""A result -> files under `exports/<id>/YYYY/MM/DD/HHMM/`, copied from what Athena wrote, and never over one another.

Only a result with a cell that a spreadsheet would run is written anew, with an apostrophe before each of these.

A file names the execution that it is of: the same run finds its own file and leaves it, another run for the same time
takes the next free name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from deliverywatch.errors import StoreConflict
from deliverywatch.spreadsheet import neutral_lines
from deliverywatch.storage.store import Store

if TYPE_CHECKING:
    from deliverywatch.athena import Execution
    from deliverywatch.queries.config.query import Query
    from deliverywatch.queries.run.result import Result

FOLDER = "exports/"
EXECUTION = "execution-id"
_MOST_NAMES = 1000


class Lake(Store, Protocol):
    """The lake's bucket, with Athena's results in it; locations are `s3://bucket/key`."""

    def lines(self, location: str) -> Iterator[str]:
        """Yield the lines of an object of any size, with their ends."""

    def copy(self, location: str, key: str, metadata: Mapping[str, str]) -> None:
        """Copy an object to where none is yet; raises StoreConflict if there is one."""

    def write_lines(self, key: str, lines: Iterable[str], metadata: Mapping[str, str]) -> None:
        """Store lines where no object is yet; raises StoreConflict if there is one, InputError if they do not fit."""


def keys(query: Query, local: datetime, result: Result) -> list[str]:
    """Return where a result shall go: nowhere, once, or once for each alert that holds and exports.

    `local` is when the run was due, in the query's zone.
    """
    readings = [reading for reading in result.readings if reading.holds]
    holding = [reading.alert.name for reading in readings if reading.alert.csv_export]
    alerts = ["", *holding] if query.csv_export else holding
    folder = f"{FOLDER}{query.id}/{local:%Y/%m/%d/%H%M}"
    return list(dict.fromkeys(f"{folder}/{_name(query, local, alert)}" for alert in alerts))


def keep(lake: Lake, execution: Execution, key: str, about: Mapping[str, str], *, would_run: bool) -> str:
    """Copy a result to a key, or to the next one that is free, and return where it is; `about` is stored beside it.

    `would_run` says whether a spreadsheet would run a cell of it.

    Raises:
        StoreConflict: All names are taken.
        InputError: It would have to be written anew and is too large for it.
    """
    for number in range(1, _MOST_NAMES):
        name = key if number == 1 else f"{key.removesuffix('.csv')}-{number}.csv"
        if lake.metadata(name) is None and _is_copied(lake, execution, name, about, would_run=would_run):
            return name
        # Read after the copy: one that S3 did and whose answer was lost meets itself.
        if (lake.metadata(name) or {}).get(EXECUTION) == execution.id:
            return name
    raise StoreConflict(f"There are {_MOST_NAMES} exports of the name {key}.")


def _is_copied(lake: Lake, execution: Execution, key: str, about: Mapping[str, str], *, would_run: bool) -> bool:
    metadata = {**about, EXECUTION: execution.id}
    try:
        if would_run:
            lake.write_lines(key, neutral_lines(lake.lines(execution.location)), metadata)
        else:
            lake.copy(execution.location, key, metadata)
    except StoreConflict:
        return False
    return True


def _name(query: Query, local: datetime, alert: str) -> str:
    words = {
        "query_id": query.id,
        "date": f"{query.day(local):%Y-%m-%d}",
        "time": f"{local:%H%M}",
        "timestamp": f"{local:%Y%m%dT%H%M%S}",
        "alert_name": re.sub(r"[^0-9A-Za-z_.-]+", "-", alert) or "all",
    }
    return query.filename_template.format_map(words)

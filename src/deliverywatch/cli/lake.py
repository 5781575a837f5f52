"""`deliverywatch lake show`: what a lake folder holds, per hour of sending, as a table or as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from deliverywatch.sms.overview import Overview

_OUTCOMES = ("total", "delivered", "failed", "pending", "excluded", "unknown")


@click.group()
def lake() -> None:
    """Look into the history that was read."""


@lake.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def show(*, directory: Path, as_json: bool) -> None:
    """Print what the lake in DIRECTORY holds, by UTC hour of sending.

    \b
    total      messages as the metric Total counts them: all but the excluded
    delivered  on the handset
    failed     for good, whosever fault it was
    pending    on their way
    excluded   inbound, cancelled, scheduled for later, tests: never counted
    unknown    with a status that no rule covers

    \b
    JSON: {"hours": [{"hour": "2026-11-21T11:00:00Z", "total": 0, "delivered": 0,
             "failed": 0, "pending": 0, "excluded": 0, "unknown": 0}],
           "totals": {as in an hour},
           "faults": {"recipient": 0, "carrier": 0, "provider": 0, "content": 0, "none": 0},
           "reasons": [{"code": "14", "text": "", "fault": "carrier", "count": 0}]}
    """  # noqa: D301 - click wants the control character
    document = overview(directory).document()
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    from rich.console import Console  # not needed for JSON

    # Without mark-up: ClickSend's words are printed as they are.
    console = Console(highlight=False, markup=False)
    if not document["hours"]:
        console.print(_how_to_fill(directory), soft_wrap=True)
        return
    console.print(_hours(document))
    if document["totals"]["failed"]:
        console.print(_reasons(document))


def _how_to_fill(directory: Path) -> str:
    """What to do about a lake without messages depends on whether ClickSend was asked already."""
    if (directory / "state/sms-watermark.json").exists():
        month = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}"
        return (
            f"{directory} was filled, but nothing was sent in the hours that were read. For the time before: "
            f"deliverywatch backfill --since {month} --lake {directory}"
        )
    return f"{directory} holds no messages yet: deliverywatch ingest --once --lake {directory}"


def overview(directory: Path) -> Overview:
    """Return what the lake in a directory holds.

    Raises:
        InputError: There is no such directory.
        ObjectDamaged: It holds a file that is no object of a lake.
    """
    # Imported here: it brings pyarrow, which `--help` does not need.
    from deliverywatch.sms import days
    from deliverywatch.sms import lake as objects
    from deliverywatch.sms.folder import Folder
    from deliverywatch.sms.overview import NAMES, Overview

    if not directory.is_dir():
        raise InputError(
            f"There is no folder {directory}.", next_step="Name the folder of 'deliverywatch ingest --lake'."
        )
    found = Overview()
    for key, body in days.bodies(Folder(directory), "sms/"):
        with days.readable(str(directory / key)):
            days.day_of_key(key)
            found.add(objects.rows(body, NAMES))
    return found


def _hours(document: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table(
        box=None, padding=(0, 1, 0, 0), show_footer=True, title="Messages by UTC hour of sending", title_justify="left"
    )
    table.add_column("hour", "all", no_wrap=True)
    for name in _OUTCOMES:
        table.add_column(name, f"{document['totals'][name]:,}", justify="right", no_wrap=True)
    table.add_column("failed %", _percent(document["totals"]), justify="right", no_wrap=True)
    for hour in document["hours"]:
        numbers = (f"{hour[name]:,}" for name in _OUTCOMES)
        table.add_row(f"{hour['hour'][:10]} {hour['hour'][11:16]}", *numbers, _percent(hour))
    return table


def _percent(counts: dict[str, int]) -> str:
    return f"{100 * counts['failed'] / counts['total']:.1f}" if counts["total"] else "-"


def _reasons(document: dict[str, Any]) -> Table:
    from rich.table import Table

    sides = ", ".join(f"{side} {count:,}" for side, count in document["faults"].items() if count)
    table = Table(box=None, padding=(0, 1, 0, 0), title=f"\nFailures by side: {sides}", title_justify="left")
    for name, justify in (("failed", "right"), ("code", "right"), ("side", "left"), ("reason", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for reason in document["reasons"]:
        table.add_row(f"{reason['count']:,}", reason["code"], reason["fault"], reason["text"])
    return table

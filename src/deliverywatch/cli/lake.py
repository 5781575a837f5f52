"""`deliverywatch lake show`: what a lake holds, per hour of sending, as a table or as JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import print_json
from deliverywatch.cli.terminal.lake_options import FOLDER, Lake, open_lake
from deliverywatch.cli.terminal.output import print_plain, table
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.cli.terminal.time_options import TimeOrAge

if TYPE_CHECKING:
    from rich.table import Table

    from deliverywatch.sms.overview import Overview

_OUTCOMES = ("total", "delivered", "failed", "pending", "excluded", "unknown")


@click.group()
def lake() -> None:
    """Look into the history that was read."""


@lake.command()
@click.argument("directory", required=False, type=FOLDER)
@click.option("--since", type=TimeOrAge(), help="Only days from then on; a whole bucket takes a while to read.")
@target_and_json
def show(*, directory: Path | None, since: datetime | None, as_json: bool, target: Target) -> None:
    """Print what the lake holds, by UTC hour of sending.

    DIRECTORY is a folder of `deliverywatch ingest`; without it, the stack's bucket is shown.

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
           "faults": {"recipient": 0, "carrier": 0, "provider": 0, "content": 0,
             "account": 0, "none": 0},
           "reasons": [{"code": "14", "text": "", "fault": "carrier",
             "count": 0}]}
    """  # noqa: D301 - click wants the control character
    opened = open_lake(directory, target)
    document = overview(opened, since).document()
    if as_json:
        print_json(document)
        return
    if not document["hours"]:
        print_plain(_how_to_fill(opened))
        return
    print_plain(_hours(document))
    if document["totals"]["failed"]:
        print_plain(_reasons(document))


def _how_to_fill(opened: Lake) -> str:
    """What to do about a lake without messages depends on whether ClickSend was asked already."""
    from deliverywatch.sms.lake.watermark import read_watermark

    option = opened.option if opened.parameters else f" --lake{opened.option}"
    month = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}"
    if read_watermark(opened.store):
        return (
            f"{opened.name}: nothing was sent in the hours that were read. For the time before: "
            f"deliverywatch backfill --since {month}{option}"
        )
    if opened.parameters:
        return f"{opened.name} holds no messages yet: the function fills it at the end of each slot."
    return f"{opened.name} holds no messages yet: deliverywatch ingest --once{option}"


def overview(opened: Lake, since: datetime | None = None) -> Overview:
    """Return what a lake holds."""
    from deliverywatch.sms.lake import day_objects
    from deliverywatch.sms.lake import merge as objects
    from deliverywatch.sms.overview import NAMES, Overview

    result, first = Overview(), f"sms/dt={since.astimezone(UTC):%Y-%m-%d}" if since else ""
    for key, body in day_objects.bodies(opened.store, "sms/", first):
        with day_objects.readable(opened.path(key)):
            day_objects.day_of_key(key)
            result.add(objects.rows(body, NAMES))
    return result


def _hours(document: dict[str, Any]) -> Table:
    hours = table(title="Messages by UTC hour of sending")
    hours.show_footer = True
    hours.add_column("hour", "all", no_wrap=True)
    for name in _OUTCOMES:
        hours.add_column(name, f"{document['totals'][name]:,}", justify="right", no_wrap=True)
    hours.add_column("failed %", _percent(document["totals"]), justify="right", no_wrap=True)
    for hour in document["hours"]:
        numbers = (f"{hour[name]:,}" for name in _OUTCOMES)
        hours.add_row(f"{hour['hour'][:10]} {hour['hour'][11:16]}", *numbers, _percent(hour))
    return hours


def _percent(counts: dict[str, int]) -> str:
    return f"{100 * counts['failed'] / counts['total']:.1f}" if counts["total"] else "-"


def _reasons(document: dict[str, Any]) -> Table:
    sides = ", ".join(f"{side} {count:,}" for side, count in document["faults"].items() if count)
    reasons = table(">failed", ">code", "side", "~reason", title=f"\nFailures by side: {sides}")
    for reason in document["reasons"]:
        reasons.add_row(f"{reason['count']:,}", reason["code"], reason["fault"], reason["text"])
    return reasons

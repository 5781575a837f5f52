"""`deliverywatch compact`: the lake's old hours -> one object per day, as the function does it every night."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import counted, echo, print_json
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.lake_options import FOLDER, open_lake
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.cli.terminal.time_options import TimeOrAge
from deliverywatch.thresholds import SETTLE_HOURS

if TYPE_CHECKING:
    from deliverywatch.sms.compact import Due, Summary
    from deliverywatch.storage.store import Store


@click.command()
@click.argument("lake", required=False, type=FOLDER)
@click.option("--before", type=TimeOrAge(), help="Only days that ended by then.")
@click.option("--dry-run", is_flag=True, help="Say which days are due, and change nothing.")
@target_and_json
def compact(*, lake: Path | None, before: datetime | None, dry_run: bool, as_json: bool, target: Target) -> None:
    """Join the lake's old hours into one object per day.

    LAKE is a folder; without it, the stack's bucket is meant. A day is due 72 hours after its end, when the
    outcomes of its messages have come. Its object is written before its hours are deleted, and each row counts once
    at every moment; interrupted, or done twice at once, it ends the same. A function of the stack does it every night.

    \b
    Example: deliverywatch compact --dry-run
    """  # noqa: D301 - click wants the control character
    from deliverywatch.sms import compact as flow

    opened, now = open_lake(lake, target), datetime.now(UTC)
    chosen = flow.due(opened.store.sizes("sms/"), now, before)
    if not chosen:
        echo(f"Nothing to do: {opened.name} has no hours of a day that ended {SETTLE_HOURS} hours ago.", err=True)
    if dry_run:
        _list(chosen, as_json=as_json)
        return
    _print(_done(chosen, opened.store), as_json=as_json)


def _done(chosen: Sequence[Due], store: Store) -> Summary:
    from deliverywatch.sms import compact as flow

    try:
        return flow.compact(
            chosen,
            store,
            token=uuid.uuid4().hex,
            on_begin=lambda due: echo(f"{due.day:%Y-%m-%d}: {_hours(due)}", err=True),
        )
    except KeyboardInterrupt:
        echo("Interrupted; every row still counts once, and the same command goes on from here.", err=True)
        raise click.exceptions.Exit(Exit.FAILED) from None


def _hours(due: Due) -> str:
    if due.is_too_large:
        return f"{due.byte_count / 1e6:,.0f} MB stay as they are: a query gains nothing"
    outcome = "left beside the day's object" if due.is_made else "into one object"
    return f"{counted(due.hour_count, 'hour')} {outcome}"


def _list(chosen: Sequence[Due], *, as_json: bool) -> None:
    if as_json:
        days = [{"day": f"{due.day:%Y-%m-%d}", "hours": due.hour_count, "made": due.is_made} for due in chosen]
        print_json({"days": days})
        return
    for due in chosen:
        echo(f"{due.day:%Y-%m-%d}: {_hours(due)}")
    if chosen:
        echo("Nothing was changed (--dry-run).", err=True)


def _print(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        print_json(summary.as_fields())
    elif summary.day_count:
        days = counted(summary.day_count, "day")
        echo(f"{days}, {summary.hour_count:,} hour objects joined and deleted.", err=True)
    for day, reason in summary.failures.items():
        echo(f"{day} is left as it was: {reason}", err=True)
    if summary.failures:
        raise click.exceptions.Exit(Exit.FAILED)

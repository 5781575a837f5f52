"""`deliverywatch backfill`: months of ClickSend's history into a stack's lake or a folder; nothing is emitted."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import echo
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.lake_options import FOLDER, Lake, open_lake
from deliverywatch.cli.terminal.target import Target, target
from deliverywatch.cli.terminal.time_options import TimeOrAge
from deliverywatch.thresholds import HISTORY_DAYS

if TYPE_CHECKING:
    from deliverywatch.sms.plan import Plan


@click.command()
@click.option("--since", required=True, type=TimeOrAge(), help=f"Begin; ClickSend keeps {HISTORY_DAYS} days.")
@click.option("--until", type=TimeOrAge(), help="End, not included.  [default: an hour ago]")
@click.option("--lake", type=FOLDER, help="Folder of the history.  [default: the stack's bucket]")
@click.option("--dry-run", is_flag=True, help="Say what would be read, and read nothing.")
@target
def backfill(*, since: datetime, until: datetime | None, lake: Path | None, dry_run: bool, target: Target) -> None:
    """Fill the lake with months of history.

    The lake is the stack's bucket, read with the account and the settings of the stack; or with --lake a folder, read
    with the account of `deliverywatch ingest`. Nothing is emitted. Times are ISO 8601 and UTC if they name no zone;
    whole hours are read. After an interruption, the same command goes on where it stopped; done again, it changes only
    what ClickSend changed.

    \b
    Example: deliverywatch backfill --since 90d
    """  # noqa: D301 - click wants the control character
    now = datetime.now(UTC)
    check_age(since, now)
    if since >= (until or now):
        raise click.UsageError("--since must be before --until, and before now.")
    from deliverywatch.sms import backfill as flow
    from deliverywatch.sms.ingest import backfill_plan

    opened = open_lake(lake, target, must_exist=False)
    days = math.ceil((now - since) / timedelta(days=1))
    start = flow.resumed(opened.store, since)
    plan = flow.within(backfill_plan(now, opened.settings(), opened.store, days), start, until or now)
    if start != since:
        echo(f"Going on from {start:%Y-%m-%d %H:%M} UTC, where it was interrupted.", err=True)
    if dry_run:
        echo(f"Would read {len(plan.ranges):,} hours into {opened.name}; each is a request or more.", err=True)
        return
    try:
        new_count = _fill(plan, opened, since)
    except KeyboardInterrupt:
        echo("Interrupted; nothing is half done, and the same command goes on from here.", err=True)
        raise click.exceptions.Exit(Exit.FAILED) from None
    echo(f"{len(plan.ranges):,} hours of {opened.name} are filled: {new_count:,} new messages.", err=True)
    if lake is not None:
        echo(f"See what is there: deliverywatch lake show {lake}", err=True)


def check_age(since: datetime, now: datetime) -> None:
    """Refuse a begin that ClickSend no longer has."""
    if since < now - timedelta(days=HISTORY_DAYS):
        oldest = now - timedelta(days=HISTORY_DAYS - 1)
        raise click.UsageError(
            f"ClickSend keeps {HISTORY_DAYS} days of history: --since can be {oldest:%Y-%m-%d} or later."
        )


def _fill(plan: Plan, opened: Lake, since: datetime) -> int:
    from deliverywatch.cli.terminal.progress import shown
    from deliverywatch.sms import backfill as flow
    from deliverywatch.sms.ports import Ports

    with shown(plan.ranges) as report:
        ports = Ports(connect=lambda: opened.source(report), store=opened.store, emit=lambda _: None)
        return flow.fill(plan, opened.settings(), ports, since, lambda: uuid.uuid4().hex)

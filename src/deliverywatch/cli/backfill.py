"""`deliverywatch backfill`: months of ClickSend's history into a folder, without emitting anything."""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deliverywatch.cli.moment import Moment
from deliverywatch.thresholds import HISTORY_DAYS

if TYPE_CHECKING:
    from deliverywatch.sms.folder import Folder
    from deliverywatch.sms.ingest import Settings
    from deliverywatch.sms.plan import Plan

# How far an interrupted back-fill got, so that the same command goes on from there.
_KEY = "state/sms-backfill.json"


@click.command()
@click.option("--since", required=True, type=Moment(), help=f"Begin; ClickSend keeps {HISTORY_DAYS} days.")
@click.option("--until", type=Moment(), help="End, not included.  [default: an hour ago]")
@click.option("--lake", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the history.")
def backfill(*, since: datetime, until: datetime | None, lake: Path) -> None:
    """Fill a folder with months of history.

    The account is that of `deliverywatch ingest`; nothing is emitted. Times are ISO 8601 and UTC if they name no zone;
    whole hours are read. Interrupted, the same command goes on where it stopped; done again, it changes only what
    ClickSend changed.

    \b
    Example: deliverywatch backfill --since 2026-10-01 --lake lake
    """  # noqa: D301 - click wants the control character
    now = datetime.now(UTC)
    if since < now - timedelta(days=HISTORY_DAYS):
        oldest = now - timedelta(days=HISTORY_DAYS - 1)
        raise click.UsageError(
            f"ClickSend keeps {HISTORY_DAYS} days of history: --since can be {oldest:%Y-%m-%d} or later."
        )
    if since >= (until or now):
        raise click.UsageError("--since must be before --until, and before now.")
    # Imported here: the flow is not needed for `--help`.
    from deliverywatch.sms.folder import Folder
    from deliverywatch.sms.ingest import Settings, backfill_plan

    settings, store = Settings(), Folder(lake)
    days = math.ceil((now - since) / timedelta(days=1))
    start = _resumed(store, since)
    plan = _within(backfill_plan(now, settings, store, days), start, until or now)
    new_count = _fill(plan, settings, store, since)
    click.echo(
        f"{len(plan.ranges):,} hours from {start:%Y-%m-%d %H:%M} UTC on are filled: {new_count:,} new messages. "
        f"See what is there: deliverywatch lake show {lake}",
        err=True,
    )


def _within(plan: Plan, start: datetime, end: datetime) -> Plan:
    """Return the plan without what was not sent in [start, end), in whole hours."""
    from deliverywatch.sms.slots import HOUR

    return replace(plan, ranges=tuple(each for each in plan.ranges if each.start > start - HOUR and each.start < end))


def _fill(plan: Plan, settings: Settings, store: Folder, since: datetime) -> int:
    """Do a run per hour, so that each is kept as soon as it is read; returns how many messages were new."""
    from deliverywatch.cli.account import source
    from deliverywatch.cli.progress import shown
    from deliverywatch.sms import ingest

    new_count = 0
    with shown(plan.ranges) as told:
        account = source(told)
        ports = ingest.Ports(lambda: account, store, lambda _: None)
        for part in plan.ranges:
            hour = replace(plan, ranges=(part,))
            new_count += ingest.run(plan.now, settings, ports, token=uuid.uuid4().hex, by_hand=hour).new_count
            _mark(store, since, part.end)
    _mark(store, since, since)
    return new_count


def _mark(store: Folder, since: datetime, done_until: datetime) -> None:
    store.write(_KEY, json.dumps({"since": since.isoformat(), "done_until": done_until.isoformat()}).encode())


def _resumed(store: Folder, since: datetime) -> datetime:
    """Return where an interrupted back-fill with the same begin stopped, or the begin."""
    stored = store.read(_KEY)
    try:
        mark = json.loads(stored.body) if stored else {}
        return datetime.fromisoformat(mark["done_until"]) if mark["since"] == since.isoformat() else since
    except (ValueError, KeyError, TypeError):
        return since

"""`deliverywatch reconcile`: the lake's counts against CloudWatch's sums, and what CloudWatch lacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import echo, print_json, wrapped
from deliverywatch.cli.terminal.lake_options import open_lake
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.cli.terminal.time_options import TimeOrAge
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.operate.lake.reconcile import Comparison

_MOST_LINES = 20


@click.command()
@click.option(
    "--since",
    type=TimeOrAge(),
    help="First slot, such as 2d.  [default: 14 days ago, as far as CloudWatch takes points]",
)
@click.option("--dry-run", is_flag=True, help="Say what differs, and emit nothing.")
@target_and_json
def reconcile(*, since: datetime | None, dry_run: bool, as_json: bool, target: Target) -> None:
    """Bring CloudWatch's counts in line with the lake.

    Compares messages and failures slot by slot and emits what CloudWatch lacks: what a killed run did not print, and
    outcomes that came after more than a day. Slots whose points may still be on their way are left to a later run, so
    that nothing is counted twice. CloudWatch takes points of the last 14 days; older slots stay as they are.

    \b
    Example: deliverywatch reconcile --dry-run
    """  # noqa: D301 - click wants the control character
    from deliverywatch.operate.lake import reconcile as flow
    from deliverywatch.operate.lake.aws_reconcile import Metrics
    from deliverywatch.sms.lake.rebuild import rebuilt
    from deliverywatch.sms.lake.watermark import read_watermark

    now, opened = datetime.now(UTC), open_lake(None, target)
    watermark = read_watermark(opened.store) or rebuilt(opened.store, now)
    if watermark is None:
        raise InputError(
            "No run of this stack has finished yet: there is nothing to compare.",
            next_step="Run it again after the first run, at the end of the next slot.",
        )
    settings, metrics = opened.settings(), Metrics(opened.cloud, opened.parameters["Environment"])
    start, end = flow.span(now, since, watermark, settings.slot_minutes)
    comparison = flow.compare(opened.store, metrics, settings, now, start, end)
    emitted_count = 0
    if not dry_run:
        emitted_count = flow.emit(opened.store, metrics, comparison.differences, now)
    if as_json:
        print_json({**comparison.document(), "emitted": emitted_count, "dry_run": dry_run})
        return
    if since and since < start:
        skipped = (
            f"Slots before {start:%Y-%m-%d %H:%M} UTC stay as they are: no run has counted them, or they are older"
        )
        echo(wrapped(f"{skipped} than the 14 days that CloudWatch takes."), err=True)
    _print(comparison, emitted_count, dry_run=dry_run)


def _print(comparison: Comparison, emitted_count: int, *, dry_run: bool) -> None:
    span = f"{comparison.start:%Y-%m-%d %H:%M} to {comparison.end:%Y-%m-%d %H:%M} UTC"
    echo(f"{comparison.slot_count:,} slots from {span}")
    for difference in comparison.differences[:_MOST_LINES]:
        echo(f"  {difference.slot:%Y-%m-%d %H:%M}   total {difference.total:+,}   failed {difference.failed:+,}")
    if len(comparison.differences) > _MOST_LINES:
        echo(f"  ... and {len(comparison.differences) - _MOST_LINES:,} more: --json has all")
    if not comparison.differences:
        echo("CloudWatch has what the lake has.")
    elif dry_run:
        echo("Nothing was emitted (--dry-run).", err=True)
    else:
        sentence = f"{emitted_count:,} slots were emitted; CloudWatch shows those of the last day within hours, older"
        echo(wrapped(f"{sentence} ones within two days."), err=True)
    if comparison.waiting:
        count, until = len(comparison.waiting), max(comparison.waiting.values())
        sentence = f"{count:,} slots differ, but points of them may be on their way: run it again after"
        echo(wrapped(f"{sentence} {until:%Y-%m-%d %H:%M} UTC."), err=True)
    if comparison.unread:
        count, first = len(comparison.unread), comparison.unread[0]
        sentence = f"{count:,} slots were counted and are not in the lake, the first {first:%Y-%m-%d %H:%M} UTC:"
        echo(wrapped(f"{sentence} deliverywatch backfill --since {first:%Y-%m-%d}."), err=True)

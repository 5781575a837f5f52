"""`deliverywatch ingest`: the Lambda's run, from the ClickSend account of the environment into a folder."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import echo
from deliverywatch.cli.backfill import check_age
from deliverywatch.cli.terminal.time_options import TimeOrAge
from deliverywatch.errors import Retryable

if TYPE_CHECKING:
    from deliverywatch.sms.counts import Datapoint
    from deliverywatch.sms.plan import Plan
    from deliverywatch.sms.ports import Settings, Summary


@click.command()
@click.option("--lake", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the history.")
@click.option("--once", is_flag=True, help="Do one run; without it, one at the end of each slot until interrupted.")
@click.option("--since", type=TimeOrAge(), help="Read what was sent from this time on, instead of what is due.")
@click.option("--until", type=TimeOrAge(), help="End of --since, not included.  [default: now]")
@click.option(
    "--slot-minutes",
    type=click.Choice(["1", "2", "5", "10"]),
    default="10",
    show_default=True,
    help="Length of a slot.",
)
@click.option("--environment", default="prod", show_default=True, help="Dimension of the metrics.")
def ingest(
    *, lake: Path, once: bool, since: datetime | None, until: datetime | None, slot_minutes: str, environment: str
) -> None:
    """Read a ClickSend account into a folder.

    Into a folder only: the lake of a stack is filled by its function, and by `deliverywatch backfill`. Does what the
    function does, and prints the EMF documents that it would emit, one per line. With
    --since only changes of the last 24 hours are emitted; done again, it emits nothing.

    CLICKSEND_USERNAME and CLICKSEND_API_KEY in the environment name the account, DELIVERYWATCH_CLICKSEND_URL another
    server. Times are ISO 8601, such as 2026-11-21T11:00Z, and UTC if they name no zone; ranges are cut to whole slots.

    \b
    Example: deliverywatch ingest --once --lake lake --since 6h
    """  # noqa: D301 - click wants the control character
    from deliverywatch.sms import plan
    from deliverywatch.sms.ports import Settings

    settings, now = Settings(int(slot_minutes)), datetime.now(UTC)
    if until and not since:
        raise click.UsageError("--until needs --since.")
    if since and since >= (until or now):
        raise click.UsageError("--since must be before --until, and before now.")
    if not once and since:
        raise click.UsageError("--since needs --once.")
    if since:
        check_age(since, now)
    if not once:
        keep_running(lake, settings, environment)
    by_hand = plan.window(now, since, until or now, settings.slot_minutes) if since else None
    summary = run(lake, settings, environment, now, by_hand)
    _print(summary, lake)


def run(lake: Path, settings: Settings, environment: str, now: datetime, by_hand: Plan | None = None) -> Summary:
    """Do one run and print the documents that it emits."""
    from deliverywatch.cli.terminal.account import source
    from deliverywatch.cli.terminal.progress import shown
    from deliverywatch.sms import counts, ingest
    from deliverywatch.sms.ports import Ports
    from deliverywatch.storage.folder import Folder

    def emit(points: Sequence[Datapoint]) -> None:
        echo(counts.documents(environment, points), nl=False)

    with shown(by_hand.ranges if by_hand else ()) as report:
        # Before anything is written: who has not named an account has no lake either.
        account = source(report)
        ports = Ports(connect=lambda: account, store=Folder(lake), emit=emit)
        return ingest.run(now, settings, ports, token=uuid.uuid4().hex, by_hand=by_hand)


def keep_running(lake: Path, settings: Settings, environment: str) -> None:
    """Do a run now and at the end of each slot; one that fails for a while is reported and left to the next."""
    due = datetime.now(UTC)
    echo(f"Reading into {lake} every {settings.slot_minutes} minutes; stop with Ctrl-C.", err=True)
    while True:
        try:
            _print(run(lake, settings, environment, due), lake)
        except Retryable as error:
            echo(f"{due:%H:%M} failed: {error} {error.next_step}", err=True)
        due = next_end(datetime.now(UTC), settings.slot_minutes)
        time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))


def next_end(moment: datetime, slot_minutes: int) -> datetime:
    """Return the end of the slot in which the moment lies."""
    from deliverywatch.sms.lake.slots import floor

    return floor(moment, slot_minutes) + timedelta(minutes=slot_minutes)


def _print(summary: Summary, lake: Path) -> None:
    echo(
        f"{summary.read_count:,} rows read: {summary.new_count:,} new messages, {summary.changed_count:,} with news; "
        f"{summary.written_count:,} objects written, {summary.emitted_count:,} slots emitted.",
        err=True,
    )
    if summary.unreadable_count:
        echo(f"{summary.unreadable_count:,} rows had no usable id or time and are not kept.", err=True)
    if missing := summary.missing_count - summary.unreadable_count:
        echo(f"{missing:,} announced rows could not be read; later runs read them again.", err=True)
    echo(f"See what is there: deliverywatch lake show {lake}", err=True)

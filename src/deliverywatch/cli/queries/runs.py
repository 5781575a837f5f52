"""`deliverywatch queries run` and `history`: one query now, and what it did before."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import echo, print_json
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.output import print_either, print_plain, table
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.cli.terminal.time_options import TimeOrAge
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.queries.run.record import Record


@click.command()
@click.argument("query_id", metavar="ID")
@click.option("--date", type=TimeOrAge(), help="The time that the run is for: its {DATE}.  [default: now]")
@click.option("--again", is_flag=True, help="Run anew what was run for that time; nothing is overwritten.")
@click.option("--dry-run", is_flag=True, help="Print the statement and its parameters, and run nothing.")
@target_and_json
def run(*, target: Target, query_id: str, date: datetime | None, again: bool, dry_run: bool, as_json: bool) -> None:
    """Run the query ID now, in the deployed executor, and wait for it.

    A run for a time that was run already is shown, not repeated. A run older than the last one sends no alerts.

    \b
    JSON: the record, as in the table query_runs.
    Exit codes: 0 succeeded, 1 failed.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.operate.lake import aws_queries

    cloud, deployment = target.find()
    due = (date or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    if dry_run:
        echo(_statement(cloud.s3_of(deployment.account), deployment.bucket, query_id, due))
        return
    event = {"query_id": query_id, "scheduled_time": due.isoformat(), "again": again, "by_hand": True}
    done = aws_queries.execute(cloud, deployment, event)
    if "problem" in done:
        echo(f"Error: There is no query '{query_id}' in the deployed file.", err=True)
        raise SystemExit(Exit.FAILED)
    print_either(done, _words(done), as_json=as_json)
    if done["status"] != "succeeded":
        raise SystemExit(Exit.FAILED)


@click.command()
@click.argument("query_id", metavar="ID")
@click.option("--days", type=click.IntRange(1, 400), default=14, show_default=True, help="How far to look back.")
@target_and_json
def history(*, target: Target, query_id: str, days: int, as_json: bool) -> None:
    """Print what the query ID did lately, the newest run first.

    JSON: a list of records, as in the table query_runs.
    """
    from deliverywatch.storage.s3 import Bucket

    cloud, deployment = target.find()
    records = _records(Bucket(deployment.bucket, cloud.s3_of(deployment.account)), query_id, days)
    if as_json:
        print_json([asdict(record) for record in records])
    elif records:
        _print(records)
    else:
        echo(f"{query_id} did not run in the last {days} days.")


def _records(lake: Any, query_id: str, days: int) -> list[Record]:
    from deliverywatch.queries.run import record
    from deliverywatch.storage.records import readable

    today = datetime.now(UTC)
    folders = [f"{record.FOLDER}dt={today - timedelta(days=back):%Y-%m-%d}/{query_id}/" for back in range(days)]
    keys = [key for folder in folders for key in reversed(lake.keys(folder))]
    read = (readable(record.read, stored.body) for stored in map(lake.read, keys) if stored)
    return [done for done in read if done is not None]


def _statement(s3: Any, bucket: str, query_id: str, due: datetime) -> str:
    from cwalarm.schedules import zones
    from deliverywatch.queries.config import source, statement
    from deliverywatch.storage.s3 import Bucket

    copy = source.last_copy(Bucket(bucket, s3))
    query = copy.query(query_id) if copy else None
    if query is None:
        raise InputError(f"There is no query '{query_id}' in the deployed file.")
    filled = statement.filled(query, due.astimezone(zones.zone(query.timezone)))
    return "\n".join([filled.sql, *(f"? {number}: {value}" for number, value in enumerate(filled.parameters, start=1))])


def _words(done: dict[str, Any]) -> str:
    ended = f"{done['query_id']} for {done['due'][:16]} UTC: {done['status']} in {done['seconds']:.1f} s"
    size = f"  {done['rows']:,} rows, {done['scanned_bytes'] / 1e6:,.1f} MB read, {done['cost_usd']:.4f} USD"
    named = {"reason": "because", "export": "export", "alerts": "alerts", "unmeasured": "cannot measure"}
    named["execution_id"] = "Athena"
    return "\n".join([ended, size, *(f"  {word}: {done[name]}" for name, word in named.items() if done[name])])


def _print(records: list[Record]) -> None:
    runs = table("due (UTC)", "status", ">s", ">rows", ">MB read", "~alerts or reason")
    for record in records:
        numbers = (f"{record.seconds:.1f}", f"{record.rows:,}", f"{record.scanned_bytes / 1e6:,.1f}")
        due = f"{record.due[:10]} {record.due[11:16]}"
        runs.add_row(due, record.status, *numbers, record.reason or record.alerts or record.unmeasured)
    print_plain(runs)

"""`deliverywatch queries run` and `history`: one query now, and what it did before."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.target import Target, target
from deliverywatch.cli.terminal.time_option import Moment

if TYPE_CHECKING:
    from deliverywatch.queries.run.record import Record

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")


@click.command()
@click.argument("query_id", metavar="ID")
@click.option("--date", type=Moment(), help="The time that the run is for: its {DATE}.  [default: now]")
@click.option("--again", is_flag=True, help="Run anew what was run for that time; nothing is overwritten.")
@click.option("--dry-run", is_flag=True, help="Print the statement and its parameters, and run nothing.")
@target
@_JSON
def run(*, target: Target, query_id: str, date: datetime | None, again: bool, dry_run: bool, as_json: bool) -> None:
    """Run the query ID now, in the deployed executor, and wait for it.

    A run for a time that was run already is told, not repeated. An older run than the last one tells no alerts.

    \b
    JSON: the record, as in the table query_runs.
    Exit codes: 0 succeeded, 1 failed.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.operate.lake import aws_queries  # brings boto3, which `--help` does not need

    cloud, deployment = target.find()
    due = (date or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    if dry_run:
        click.echo(_statement(cloud.client("s3"), deployment.bucket, query_id, due))
        return
    event = {"query_id": query_id, "scheduled_time": due.isoformat(), "again": again, "by_hand": True}
    done = aws_queries.execute(cloud, deployment, event)
    if "problem" in done:
        click.echo(f"Error: There is no query '{query_id}' in the deployed file.", err=True)
        raise SystemExit(Exit.FAILED)
    click.echo(json.dumps(done, ensure_ascii=False) if as_json else _told(done))
    if done["status"] != "succeeded":
        raise SystemExit(Exit.FAILED)


@click.command()
@click.argument("query_id", metavar="ID")
@click.option("--days", type=click.IntRange(1, 400), default=14, show_default=True, help="How far to look back.")
@target
@_JSON
def history(*, target: Target, query_id: str, days: int, as_json: bool) -> None:
    """Print what the query ID did lately, the newest run first.

    JSON: a list of records, as in the table query_runs.
    """
    from dataclasses import asdict

    from deliverywatch.queries.aws_lake import Bucket  # brings boto3, which `--help` does not need

    cloud, deployment = target.find()
    records = _records(Bucket(cloud.client("s3"), deployment.bucket), query_id, days)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in records], ensure_ascii=False))
    elif records:
        _print(records)
    else:
        click.echo(f"{query_id} did not run in the last {days} days.")


def _records(lake: Any, query_id: str, days: int) -> list[Record]:
    from deliverywatch.queries.run import record

    today = datetime.now(UTC)
    folders = [f"{record.FOLDER}dt={today - timedelta(days=back):%Y-%m-%d}/{query_id}/" for back in range(days)]
    keys = [key for folder in folders for key in reversed(lake.keys(folder))]
    return [record.read(stored.body) for stored in map(lake.read, keys) if stored]


def _statement(s3: Any, bucket: str, query_id: str, due: datetime) -> str:
    from zoneinfo import ZoneInfo

    from deliverywatch.errors import InputError
    from deliverywatch.queries.aws_lake import Bucket
    from deliverywatch.queries.config import file, source, statement

    copy = source.last_copy(Bucket(s3, bucket))
    query = file.one(copy.body, query_id) if copy else None
    if query is None:
        raise InputError(f"There is no query '{query_id}' in the deployed file.")
    asked = statement.filled(query, due.astimezone(ZoneInfo(query.timezone)))
    return "\n".join([asked.sql, *(f"? {number}: {each}" for number, each in enumerate(asked.parameters, start=1))])


def _told(done: dict[str, Any]) -> str:
    ended = f"{done['query_id']} for {done['due'][:16]} UTC: {done['status']} in {done['seconds']:.1f} s"
    size = f"  {done['rows']:,} rows, {done['scanned_bytes'] / 1e6:,.1f} MB read, {done['cost_usd']:.4f} USD"
    named = {"reason": "because", "export": "export", "alerts": "alerts", "execution_id": "Athena"}
    return "\n".join([ended, size, *(f"  {word}: {done[name]}" for name, word in named.items() if done[name])])


def _print(records: list[Record]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0))
    for name, justify in (("due (UTC)", "left"), ("status", "left"), ("s", "right"), ("rows", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("MB read", justify="right", no_wrap=True)
    table.add_column("alerts or reason")
    for each in records:
        about = each.reason or each.alerts
        numbers = (f"{each.seconds:.1f}", f"{each.rows:,}", f"{each.scanned_bytes / 1e6:,.1f}")
        table.add_row(f"{each.due[:10]} {each.due[11:16]}", each.status, *numbers, about)
    # Without mark-up: Athena's words are printed as they are.
    Console(highlight=False, markup=False).print(table)

"""`deliverywatch query`: saved queries and your own SQL, on Athena, or with DuckDB on a folder or a copy."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import counted, echo, pairs, wrapped
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.lake_options import FOLDER, open_lake
from deliverywatch.cli.terminal.results import FORMATS, able_to_write, write
from deliverywatch.cli.terminal.target import Target, target

if TYPE_CHECKING:
    from deliverywatch.operate.lake.query import Answer, Saved


@click.command()
@click.argument("name_or_sql", metavar="NAME|SQL|-", required=False)
@click.option("--list", "is_list", is_flag=True, help="List the saved queries and their parameters.")
@click.option(
    "--param", "given", multiple=True, metavar="NAME=VALUE", help="A parameter of a saved query; can be repeated."
)
@click.option("--local", "folder", type=FOLDER, help="Run it on this folder, with DuckDB instead of Athena.")
@click.option("--copy", "is_copy", is_flag=True, help="Run it on a copy of the days that it reads, with DuckDB.")
@click.option("--format", "kind", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write into this file.")
@click.option("--dry-run", is_flag=True, help="Say what it would read and cost, and run nothing.")
@target
def query(
    *,
    name_or_sql: str | None,
    is_list: bool,
    given: tuple[str, ...],
    folder: Path | None,
    is_copy: bool,
    kind: str,
    out: Path | None,
    dry_run: bool,
    target: Target,
) -> None:
    """Query the lake with a saved query, or with SQL.

    \b
    deliverywatch query --list
    deliverywatch query top-reasons
    deliverywatch query message-history --param message_id=1EF11A95-...
    deliverywatch query "SELECT count(*) FROM mails WHERE dt >= '2026-11-01'"

    On Athena the cost is shown before and after; Ctrl-C stops the query. With --local and --copy the SQL is Athena's
    too; they cost nothing but the reading of S3. A single - reads the SQL from standard input.
    """  # noqa: D301 - click wants the control character
    if is_list:
        _list(_saved(folder, target))
        return
    if not name_or_sql:
        raise click.UsageError("Name a saved query or write SQL; --list shows the saved ones.")
    able_to_write(kind, out)
    from deliverywatch.operate.lake import query as flow

    text = sys.stdin.read() if name_or_sql == "-" else name_or_sql
    saved = () if flow.is_sql(text) else _saved(folder, target)
    sql = flow.chosen(text, saved, pairs(given, "--param message_id=1EF11A95-..."))
    answer = _on_folder(folder, sql) if folder else _on_stack(sql, target, is_copy=is_copy, dry_run=dry_run)
    if answer is None:
        return
    write(answer.columns, answer.rows, kind, out)
    _print(answer, out)


def _saved(folder: Path | None, target: Target) -> list[Saved]:
    if folder is not None:
        from deliverywatch.local.cloud.athena import duck

        return duck.saved()
    from deliverywatch.operate.lake.aws_query import saved

    return saved(*target.find())


def _list(saved: Sequence[Saved]) -> None:
    if not saved:
        echo("There are no saved queries; SQL of your own works all the same.", err=True)
    for query in saved:
        echo(f"{query.name}\n{wrapped(query.question, '  ')}")
        if query.parameters:
            echo(f"  --param {' --param '.join(f'{name}=...' for name in query.parameters)}")


def _on_folder(folder: Path, sql: str) -> Answer:
    from deliverywatch.errors import InputError
    from deliverywatch.local.cloud.athena import duck

    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", next_step="Name the folder of 'deliverywatch ingest --lake'.")
    return duck.run(folder, sql)


def _on_stack(sql: str, target: Target, *, is_copy: bool, dry_run: bool) -> Answer | None:
    from deliverywatch.operate.lake import query as flow
    from deliverywatch.operate.lake.aws_query import workgroup
    from deliverywatch.sms.lake.day_objects import counting
    from deliverywatch.storage.s3 import Bucket

    cloud, stack = target.find()
    bucket, now = Bucket(stack.bucket, cloud.s3_of(stack.account)), datetime.now(UTC)
    sizes = {key: size for folder in flow.folders(sql) for key, size in bucket.sizes(folder)}
    hidden = {key for key in sizes if key.startswith("sms/")} - set(counting(sizes))
    expected = flow.estimate(sql, [(key, size) for key, size in sizes.items() if key not in hidden], now)
    since = f"from {expected.since} on" if expected.since else "of all days (a bound on dt makes it cheaper)"
    price = "only the reading of S3" if is_copy else f"at most {expected.usd:.5f} USD"
    size = f"{expected.byte_count / 1e6:,.1f} MB in {expected.object_count:,} objects"
    echo(wrapped(f"Reads at most {size} {since}: {price}."), err=True)
    if dry_run:
        return None
    if is_copy:
        return _of_copy(sql, expected.since, target)
    try:
        return flow.run(workgroup(cloud, stack), sql, time.sleep)
    except KeyboardInterrupt:
        echo("Interrupted; what it had read until then is billed.", err=True)
        raise click.exceptions.Exit(Exit.FAILED) from None


def _of_copy(sql: str, since: str | None, target: Target) -> Answer:
    from deliverywatch.local.cloud.athena import duck
    from deliverywatch.sms.lake import day_objects
    from deliverywatch.storage.folder import Folder

    store = open_lake(None, target).store
    with tempfile.TemporaryDirectory(prefix="deliverywatch-") as root:
        copy = Folder(Path(root))
        for key in store.keys("mails/"):
            copy.write(key, stored.body if (stored := store.read(key)) else b"")
        for prefix in sorted({f"{key.rpartition('/')[0]}/" for key in store.keys("sms/")}):
            if since is None or prefix.rpartition("dt=")[2][:10] >= since:
                for key, body in day_objects.bodies(store, prefix):
                    copy.write(key, body)
        return duck.run(Path(root), sql)


def _print(answer: Answer, out: Path | None) -> None:
    from deliverywatch.operate.lake.query import cost_usd

    sentence = counted(len(answer.rows), "row")
    if answer.scanned_bytes is not None:
        cost = cost_usd(answer.scanned_bytes)
        sentence += f", {answer.scanned_bytes / 1e6:,.2f} MB read in {answer.seconds:.1f} s: {cost:.5f} USD"
    echo(f"{sentence}{f', written to {out}' if out else ''}.", err=True)

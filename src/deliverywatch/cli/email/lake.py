"""The verbs of `deliverywatch email` over what has landed: replay, drift, compact.

Each works on a folder that `email land` wrote (`--lake`), or on the bucket of a deployed stack.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import echo, one_line, print_json
from deliverywatch.cli.email.land import STREAMS, raw_lines
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.output import print_either
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.cli.terminal.time_options import TimeOrAge
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.email.events.streams import Stream
    from deliverywatch.storage.store import Store

    Send = Callable[[Sequence[bytes]], Sequence[int]]

LAKE = click.option(
    "--lake", type=click.Path(file_okay=False, path_type=Path), help="A folder that 'email land' wrote, not the stack."
)
_FIELD = ("path", "count", "column", "athena_type")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")


def store_of(lake: Path | None, target: Target) -> Store:
    """Return the folder that is named, or the bucket of the stack."""
    if lake is None:
        from deliverywatch.storage.s3 import Bucket

        cloud, deployment = target.find()
        return Bucket(deployment.output("EmailBucket"), cloud.s3_of(deployment.account))
    from deliverywatch.storage.folder import Folder

    if not lake.is_dir():
        raise InputError(
            f"There is no folder {lake}.", next_step="Name the folder of 'deliverywatch email land --out'."
        )
    return Folder(lake)


@click.command()
@LAKE
@click.option("--stream", type=STREAMS, help="Only this one.  [default: both]")
@_DRY_RUN
@target_and_json
def replay(*, target: Target, lake: Path | None, stream: str | None, dry_run: bool, as_json: bool) -> None:
    """Send again what failed and can be read now.

    Says why records lie under the error prefix. What was sent is taken out of its object; what cannot be read stays
    where it is.

    \b
    JSON: {"streams": [{"stream": "newsletter", "objects": 1, "records": 3,
             "sent": 2, "refused": {"not_json": 1},
             "examples": {"not_json": ""}}]}
    """  # noqa: D301 - click wants the control character
    from deliverywatch.email import replay as flow
    from deliverywatch.email.events.streams import Stream

    store = store_of(lake, target)
    streams = [Stream(stream)] if stream else list(Stream)
    done = [flow.replay(store, stream, _sender(store, lake, target, stream), dry_run=dry_run) for stream in streams]
    if as_json:
        print_json({"streams": [asdict(result) for result in done]})
        return
    verb = "can be sent again" if dry_run else "sent again"
    for result in done:
        echo(f"{result.stream}: {result.records:,} records in {result.objects:,} objects, {result.sent:,} {verb}")
        for reason, count in sorted(result.refused.items(), key=lambda item: -item[1]):
            echo(f"{count:10,}  {reason}: {one_line(result.examples[reason])}")


def _sender(store: Store, lake: Path | None, target: Target, stream: Stream) -> Send:
    if lake is None:
        from deliverywatch.email.aws import DeliveryStream
        from deliverywatch.email.events.streams import delivery_stream

        cloud, deployment = target.find()
        return DeliveryStream(delivery_stream(stream, deployment.environment), cloud.client("firehose")).put
    from deliverywatch.email import land as flow

    # A folder has no Firehose: what is sent again lands there as `email land` would land it.
    def send(records: Sequence[bytes]) -> Sequence[int]:
        token = hashlib.sha256(b"".join(records)).hexdigest()[:32]
        settings = flow.Settings(stream, datetime.now(UTC), f"replay-{token}")
        flow.land(lambda: records, settings, store)
        return []

    return send


@click.command()
@click.argument("events", nargs=-1, type=click.Path(dir_okay=False, path_type=Path))
@LAKE
@click.option("--days", type=click.IntRange(1, 90), default=2, show_default=True, help="Days of the lake to look at.")
@target_and_json
def drift(*, target: Target, events: tuple[Path, ...], lake: Path | None, days: int, as_json: bool) -> None:
    """Find what SES sends and no column holds.

    Shows fields without a column and the change of the tables that adds them, values that do not fit their column, and
    types of events that are none of SES's ten. Looks into files of raw EVENTS, or into the column `raw` of the lake.

    \b
    JSON: {"fields": [{"path": "delivery.inboxPlacement.folder", "count": 3,
             "column": "", "athena_type": "string"}],
           "statements": ["ALTER TABLE ..."], "columns": ["Column(...),"],
           "misfits": {"open.ipAddress": 1}, "unknown_types": {"Teleport": 1}}

    Exit code 3: there are such fields, values or types.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.email import drift as flow
    from deliverywatch.operate.account.deployment import environment_of

    database = f"email_events_db_{environment_of(target.stack) or 'prod'}"
    if events or lake:
        result = flow.drift(_documents(events) if events else _raw_column(store_of(lake, target), days))
    else:
        database = target.find()[1].output("EmailDatabase")
        result = flow.drift(_raw_column(store_of(None, target), days))
    document = {
        "fields": [{name: getattr(field, name) for name in _FIELD} for field in result.fields],
        "statements": flow.statements(result.fields, database),
        "columns": flow.column_lines(result.fields),
        "misfits": result.misfits,
        "unknown_types": result.unknown_types,
    }
    print_either(document, "\n".join(_lines(document)), as_json=as_json)
    if result.fields or result.misfits:
        raise SystemExit(Exit.CHECK_FAILED)


def _documents(events: tuple[Path, ...]) -> Iterator[bytes]:
    from deliverywatch.email.events.files import numbered

    for path in events:
        yield from (document.data for document in numbered(raw_lines([path])))


def _raw_column(store: Store, days: int) -> Iterator[bytes]:
    from deliverywatch.email.events import parquet
    from deliverywatch.email.events.streams import Stream, day_of, table_folders
    from deliverywatch.storage.store import read_listed

    tables = [folder for stream in Stream for folder in table_folders(stream)]
    dated = {key: day_of(key) for table in tables for key in store.keys(table) if key.endswith(".parquet")}
    newest = max((day for day in dated.values() if day), default=datetime.now(UTC).date())
    for key, day in dated.items():
        if day and day > newest - timedelta(days=days):
            yield from (raw.encode() for (raw,) in parquet.rows(io.BytesIO(read_listed(store, key)), ["raw"]))


def _lines(document: dict[str, Any]) -> Iterator[str]:
    for name, count in document["unknown_types"].items():
        yield f"{count:10,}  {one_line(name)}  is a type of event that is none of SES's ten: a row without details"
    for name, count in document["misfits"].items():
        yield f"{count:10,}  {name}  has a value that does not fit its column: null there, whole in raw"
    if not document["fields"]:
        yield "Every field has a column or is known to stay in raw."
        return
    for field in document["fields"]:
        yield f"{field['count']:10,}  {one_line(field['path'])}  ->  {field['column']} {field['athena_type']}"
    yield "\nNothing is lost: raw holds them. To give them columns, add to src/deliverywatch/email/events/columns.py:"
    yield from (f"    {one_line(line)}" for line in document["columns"])
    yield "have src/deliverywatch/email/events/rows.py fill them, build and deploy. For the tables alone, in Athena:"
    yield from (f"    {line}" for line in document["statements"])


@click.command()
@LAKE
@click.option("--day", "day", type=TimeOrAge(), help="The UTC day to merge.  [default: the two days before today]")
@_DRY_RUN
@target_and_json
def compact(*, target: Target, lake: Path | None, day: datetime | None, dry_run: bool, as_json: bool) -> None:
    """Merge the objects of a day into one, without copies.

    The stack does it every night.

    \b
    JSON: {"days": [{"folder": "events/newsletter/dt=2026-11-20/",
             "objects": 96, "rows": 2000, "copies": 0,
             "bytes_before": 3000000, "bytes_after": 260000}]}
    """  # noqa: D301 - click wants the control character
    from deliverywatch.email import compact as flow

    today = datetime.now(UTC).date()
    days = [day.astimezone(UTC).date()] if day else [today - timedelta(days=back) for back in (1, 2)]
    if day and days[0] >= today and lake is None:
        raise InputError(f"{days[0]} is not over.", next_step="Firehose still writes there: name an earlier day.")
    done = flow.compact(store_of(lake, target), days, dry_run=dry_run)
    if as_json:
        print_json({"days": [asdict(result) for result in done]})
        return
    for day_done in done:
        sizes = f"{day_done.objects:,} objects of {day_done.bytes_before / 1000:,.0f} kB"
        one = f"one of {day_done.bytes_after / 1000:,.0f} kB, {day_done.rows:,} rows"
        copies = f", {day_done.copies:,} copies taken out" if day_done.copies else ""
        echo(f"{day_done.folder}: {sizes} {'would become' if dry_run else 'are'} {one}{copies}")
    if not done:
        echo("Nothing to merge: each day is one object already, or empty.")

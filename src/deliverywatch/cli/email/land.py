"""`deliverywatch email land`: a file of raw events -> what would lie in the bucket, and that nothing is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.output import json_option, print_json
from deliverywatch.cli.terminal.prose import one_line
from deliverywatch.cli.terminal.time_options import Time
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.email.land import Landed, Settings

STREAMS = click.Choice(["newsletter", "transactional"])
_MOST_REFUSALS = 10


@click.command()
@click.argument("events", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the lake.")
@click.option("--stream", type=STREAMS, default="newsletter", show_default=True, help="The table it goes to.")
@click.option("--at", type=Time(), help="When the events arrived; its UTC day is the partition.  [default: now]")
@click.option("--campaign-tag", default="campaign", show_default=True, help="Message tag that names the campaign.")
@json_option
def land(*, events: Path, out: Path, stream: str, at: datetime | None, campaign_tag: str, as_json: bool) -> None:
    """Land EVENTS in a folder, as the deployed stack would.

    EVENTS is a file with one raw SES event a line; it becomes Parquet, error records and reasons. AWS is not called.
    Afterwards the Parquet is read back and every field of every event is looked for. Landing the same file at the same
    time again writes the same objects.

    \b
    JSON: {"records": {"in": 3, "rows": 1, "dropped": 1, "failed": 1},
           "fields": {"in": 30, "out": 30, "kept": 25, "redacted": 5,
             "lost": 0, "columns": 15},
           "types": {"Send": 1},
           "objects": ["events/newsletter/dt=.../....parquet"],
           "errors": [{"line": 2, "reason": "not_json", "sentence": ""}]}

    Exit code 3: a field was lost.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.email import land as flow
    from deliverywatch.storage.folder import Folder

    settings = _settings(events, stream, at or datetime.now(UTC), campaign_tag)
    landed = flow.land(lambda: _lines(events), settings, Folder(out))
    document = _document(landed)
    if as_json:
        print_json(document)
    else:
        _show(document, out)
    if landed.fields.lost:
        raise SystemExit(Exit.CHECK_FAILED)


def _settings(events: Path, stream: str, at: datetime, campaign_tag: str) -> Settings:
    import hashlib

    from deliverywatch.email.events.streams import Stream
    from deliverywatch.email.land import Settings

    if not events.exists():
        raise InputError(f"There is no file {events}.", next_step="Name a file with one event of SES a line.")
    with events.open("rb") as file:
        token = hashlib.file_digest(file, "sha256").hexdigest()[:32]
    return Settings(Stream(stream), at.astimezone(UTC), token, campaign_tag)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _document(landed: Landed) -> dict[str, Any]:
    results, fields = landed.results, landed.fields
    dropped, rows = results["Dropped"], results["Ok"]
    return {
        "records": {
            "in": results.total(),
            "rows": rows,
            "dropped": dropped,
            "failed": results.total() - rows - dropped,
        },
        "fields": {
            "in": fields.came,
            "out": fields.kept + fields.redacted,
            "kept": fields.kept,
            "redacted": fields.redacted,
            "lost": fields.lost,
            "columns": fields.in_columns,
        },
        "types": dict(sorted(landed.types.items())),
        "objects": landed.keys,
        "errors": [
            {"line": line, **{name: value for name, value in asdict(each).items() if name != "sha256"}}
            for line, each in landed.refusals
        ],
    }


def _show(document: dict[str, Any], out: Path) -> None:
    records, fields = document["records"], document["fields"]
    click.echo(
        f"{records['in']:,} records: {records['rows']:,} rows, {records['failed']:,} failed, "
        f"{records['dropped']:,} empty and dropped"
    )
    click.echo(
        f"{fields['in']:,} fields: {fields['kept']:,} kept, {fields['redacted']:,} redacted, {fields['lost']:,} lost; "
        f"{fields['columns']:,} values in columns"
    )
    for name, count in document["types"].items():
        click.echo(f"{count:10,}  {name}")
    for key in document["objects"]:
        click.echo(f"{out / key}")
    for error in document["errors"][:_MOST_REFUSALS]:
        click.echo(f"line {error['line']}: {error['reason']}: {one_line(error['sentence'])}", err=True)
    if (more := len(document["errors"]) - _MOST_REFUSALS) > 0:
        click.echo(f"... and {more:,} more; --json has all.", err=True)

"""`deliverywatch email land`: a file of raw events -> what would lie in the bucket, and that nothing is missing."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import echo, json_option, one_line, print_json
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.time_options import TimeOrAge
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.email.land import Landed, Settings

STREAMS = click.Choice(["newsletter", "transactional"])
_MOST_REFUSALS = 10
_GZIP = b"\x1f\x8b"
_LONGEST_BYTES = 64 * 2**20


@click.command()
@click.argument("events", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the lake.")
@click.option("--stream", type=STREAMS, default="newsletter", show_default=True, help="The table it goes to.")
@click.option("--at", type=TimeOrAge(), help="When the events arrived; its UTC day is the partition.  [default: now]")
@click.option("--campaign-tag", default="campaign", show_default=True, help="Message tag that names the campaign.")
@json_option
def land(*, events: Path, out: Path, stream: str, at: datetime | None, campaign_tag: str, as_json: bool) -> None:
    """Land EVENTS in a folder, as the deployed stack would.

    EVENTS is a file of raw SES events: one a line, over several lines, or in an array. gzip and the envelopes of SNS,
    SQS and EventBridge are taken off. It becomes Parquet, error records and reasons. AWS is not called. Afterwards the
    Parquet is read back and every field of every event is looked for. Landing the same file at the same time again
    writes the same objects.

    \b
    JSON: {"records": {"in": 3, "rows": 1, "dropped": 1, "failed": 1},
           "fields": {"in": 30, "out": 30, "kept": 25, "redacted": 5,
             "lost": 0, "columns": 15},
           "types": {"Send": 1},
           "objects": ["events/newsletter/dt=.../....parquet"],
           "misfits": {"open.ipAddress": 1}, "envelopes": {"SNS": 1},
           "errors": [{"line": 2, "reason": "not_json", "sentence": ""}]}

    Exit code 1: no event landed. 3: a field was lost.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.email import land as flow
    from deliverywatch.storage.folder import Folder

    settings = _settings(events, stream, at or datetime.now(UTC), campaign_tag)
    landed = flow.land(lambda: raw_lines([events]), settings, Folder(out))
    document = _document(landed)
    if as_json:
        print_json(document)
    else:
        _show(document, out)
    if not document["records"]["rows"]:
        echo(_nothing(events, out, landed), err=True)
        raise SystemExit(Exit.FAILED)
    if landed.fields.lost:
        raise SystemExit(Exit.CHECK_FAILED)


def raw_lines(paths: Iterable[Path]) -> Iterator[bytes]:
    """Yield the lines of files, or raise InputError where one does not exist or is damaged."""
    for path in paths:
        if not path.exists():
            raise InputError(f"There is no file {path}.", next_step="Name a file of SES events.")
        try:
            with path.open("rb") as file, _opened(file, file.peek(2)[:2]) as lines:
                yield from _bounded(lines, path)
        except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeError) as error:
            raise InputError(f"{path} is damaged: {error}.", next_step="Fetch the file again.") from error


def _bounded(file: io.BufferedIOBase, path: Path) -> Iterator[bytes]:
    while line := file.readline(_LONGEST_BYTES + 1):
        if len(line) > _LONGEST_BYTES:
            # A small file of gzip can hold a line that no memory does.
            sentence = f"{path} has a line of more than {_LONGEST_BYTES // 2**20} MiB."
            raise InputError(sentence, next_step="Write one event a line, as 'jq -c .[]' does of an array.")
        yield line


def _opened(file: BufferedReader, magic: bytes) -> AbstractContextManager[io.BufferedIOBase]:
    if magic == _GZIP:
        return gzip.GzipFile(fileobj=file)
    if magic in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        # As PowerShell writes what it redirects.
        return io.BytesIO(file.read().decode("utf-16").encode())
    return file


def _nothing(events: Path, out: Path, landed: Landed) -> str:
    if not landed.refusals:
        return f"Nothing of {events} landed: there is no event in it."
    why = one_line(landed.refusals[0][1].sentence)
    return f"Nothing of {events} landed, and it lies under the error prefix of {out}: {why}"


def _settings(events: Path, stream: str, at: datetime, campaign_tag: str) -> Settings:
    from deliverywatch.email.events.streams import Stream
    from deliverywatch.email.land import Settings

    digest = hashlib.sha256()
    for line in raw_lines([events]):
        digest.update(line)
    return Settings(Stream(stream), at.astimezone(UTC), digest.hexdigest()[:32], campaign_tag)


def _document(landed: Landed) -> dict[str, Any]:
    fields, total = landed.fields, landed.results.total()
    dropped, rows = landed.results["Dropped"], landed.results["Ok"]
    return {
        "records": {"in": total, "rows": rows, "dropped": dropped, "failed": total - rows - dropped},
        "fields": {
            "in": fields.came,
            "out": fields.kept + fields.redacted,
            "kept": fields.kept,
            "redacted": fields.redacted,
            "lost": fields.lost,
            "columns": fields.in_columns,
        },
        "types": dict(sorted(landed.types.items())),
        "misfits": dict(sorted(landed.misfits.items())),
        "envelopes": dict(sorted(landed.envelopes.items())),
        "objects": landed.keys,
        "errors": [
            {"line": line, **{name: value for name, value in asdict(refusal).items() if name != "sha256"}}
            for line, refusal in landed.refusals
        ],
    }


def _show(document: dict[str, Any], out: Path) -> None:
    records = "{in:,} records: {rows:,} rows, {failed:,} failed, {dropped:,} empty and dropped"
    fields = "{in:,} fields: {kept:,} kept, {redacted:,} redacted, {lost:,} lost; {columns:,} values in columns"
    echo(records.format_map(document["records"]))
    echo(fields.format_map(document["fields"]))
    for name, count in document["types"].items():
        echo(f"{count:10,}  {one_line(name)}")
    for name, count in document["envelopes"].items():
        echo(f"{count:10,}  out of an envelope of {name}")
    for name, count in document["misfits"].items():
        echo(f"{count:10,}  with a value of {name} that does not fit its column: null there, whole in raw")
    for key in document["objects"]:
        echo(f"{out / key}")
    for error in document["errors"][:_MOST_REFUSALS]:
        echo(f"line {error['line']}: {error['reason']}: {one_line(error['sentence'])}", err=True)
    if (more := len(document["errors"]) - _MOST_REFUSALS) > 0:
        echo(f"... and {more:,} more; --json has all.", err=True)

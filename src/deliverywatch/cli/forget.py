"""`deliverywatch forget`: one recipient's data out of the lake, on request; and what of it remains opened."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import counted, echo, print_json, wrapped
from deliverywatch.cli.terminal.confirm import able_to_ask, confirmed
from deliverywatch.cli.terminal.lake_options import FOLDER, Lake, open_lake
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.errors import DeliveryWatchError

if TYPE_CHECKING:
    from deliverywatch.operate.lake.aws_versions import OldVersions
    from deliverywatch.operate.lake.forget import Forgotten

_SHORTEST_DIGITS = 5


@click.command()
@click.argument("number", metavar="NUMBER|-")
@click.option("--lake", type=FOLDER, help="Folder of the history.  [default: the stack's bucket]")
@click.option(
    "--purge", is_flag=True, help="Also delete all old versions of the lake's objects, by which a week can be undone."
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_and_json
def forget(
    *, number: str, lake: Path | None, purge: bool, dry_run: bool, yes: bool, as_json: bool, target: Target
) -> None:
    """Remove one recipient from the lake.

    NUMBER is the phone number as ClickSend has it, such as +61400000000; - reads it from standard input, so that it
    ends up in no shell history. It is found by its keyed hash, with the key of the stack, or of the environment with
    --lake. Hash and masked number are blanked; the messages stay as counts. At the end it says what remains elsewhere.

    \b
    Example: echo +61400000000 | deliverywatch forget - --dry-run
    """  # noqa: D301 - click wants the control character
    given = sys.stdin.readline() if number == "-" else number
    if sum(letter.isdigit() for letter in given) < _SHORTEST_DIGITS:
        raise click.UsageError("That is not a phone number such as +61400000000.")
    able_to_ask(answered=yes or dry_run)
    from deliverywatch.operate.lake import forget as flow
    from deliverywatch.sms.lake import forget as forgetting

    opened = open_lake(lake, target)
    known_as = forgetting.traces(given, opened.recipients())
    forgotten = flow.find(opened.store, known_as)
    versions = _versions(opened)
    purges = purge and versions is not None
    if not dry_run and (forgotten.row_counts or purges):
        _ask(forgotten, opened, yes=yes, purges=purges)
    if not dry_run and forgotten.row_counts:
        forgotten = flow.forget(opened.store, known_as, token=uuid.uuid4().hex)
    if not dry_run and purge and versions:
        forgotten.purged_count = versions.purge("sms/")
    old_count = _old_count(versions) if versions else None
    left = flow.remains(forgotten, datetime.now(UTC), opened.parameters, old_count)
    _print(forgotten, left, dry_run=dry_run, as_json=as_json)


def _versions(opened: Lake) -> OldVersions | None:
    if opened.cloud is None:
        return None
    from deliverywatch.operate.lake.aws_versions import OldVersions

    return OldVersions(opened.cloud.s3_of(opened.account), opened.name.removeprefix("s3://"))


def _old_count(versions: OldVersions) -> int | str:
    """Return how many old versions there are, or why nobody knows: what was removed is removed."""
    try:
        return versions.count("sms/")
    except DeliveryWatchError as error:
        return str(error)


def _ask(forgotten: Forgotten, opened: Lake, *, yes: bool, purges: bool) -> None:
    rows = sum(forgotten.row_counts.values())
    blank = [f"Blank the recipient in {counted(rows, 'row')}"] if rows else []
    purge = ["Delete every old version of its objects, also those that have nothing of the recipient"] if purges else []
    if not confirmed(f"{opened.name}: {'. '.join([*blank, *purge])}?", yes=yes):
        raise click.Abort


def _print(forgotten: Forgotten, left: list[tuple[str, str]], *, dry_run: bool, as_json: bool) -> None:
    rows, purged = sum(forgotten.row_counts.values()), forgotten.purged_count
    if as_json:
        remains = [{"where": where, "what": what} for where, what in left]
        counts = {"rows": rows, "objects": forgotten.row_counts, "changed": not dry_run, "purged_versions": purged}
        print_json({**counts, "remains": remains})
        return
    if not rows:
        echo("The lake holds no message to this number.")
    else:
        blanked = f"{counted(rows, 'row')} of {counted(len(forgotten.row_counts), 'object')}"
        echo(f"{blanked} {'would be' if dry_run else 'are'} blanked; the messages stay as counts.")
    if purged:
        echo(f"{purged:,} old versions are deleted.")
    echo("\nWhat remains of it:")
    for where, what in left:
        echo(wrapped(f"{where}: {what}", "    ", "  "))

"""`deliverywatch files ...`: the file intake seen from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from deliverywatch.cli.exits import Exit
from deliverywatch.errors import InputError


@click.group()
def files() -> None:
    """Look into the file intake, and mend it."""


@files.command()
@click.argument("event", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option(
    "--dry-run", is_flag=True, required=True, help="Only say what would be done; nothing else is offered yet."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def process(*, event: Path, dry_run: bool, as_json: bool) -> None:  # noqa: ARG001 - the only way so far
    """Say what the processor would do with the SQS event in the file EVENT, message by message.

    \b
    JSON: [{"message_id": "", "would": "store", "items": [{...}], "ignored": [""]},
           {"message_id": "", "would": "fail", "kind": "malformed",
            "problem": "", "next_step": ""}]
    Exit codes: 0 every message can be processed, 2 wrong input, 3 one would fail.
    """  # noqa: D301 - click wants the control character
    from deliverywatch import thresholds  # not needed for `--help`
    from deliverywatch.files import process as flow
    from deliverywatch.files.items import Retention
    from deliverywatch.files.trial import trial

    retention = Retention(thresholds.FILE_ITEM_DAYS, thresholds.FILE_TOMBSTONE_DAYS)
    told = trial(flow.batch(_document(event)), datetime.now(UTC), retention)
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(map(_trial_text, told)))
    if any(each["would"] == "fail" for each in told):
        raise SystemExit(Exit.CHECK_FAILED)


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} holds no JSON.") from error


def _trial_text(told: dict[str, Any]) -> str:
    head = f"{told['message_id']}  {told['would']}"
    if told["would"] == "fail":
        return f"{head}\n  {told['problem']}\n  {told['next_step']}"
    kept = [f"  {each['state']:13} {each['object']}  version {each['version']}" for each in told["items"]]
    return "\n".join([head, *kept, *(f"  {reason}" for reason in told["ignored"])])

"""`deliverywatch render`: alarm messages in a file -> the mails they would cause, without AWS."""

from __future__ import annotations

import email
from collections.abc import Sequence
from datetime import UTC, datetime
from email import policy
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import echo, writing
from deliverywatch.cli.terminal.input_files import read_bytes, read_json
from deliverywatch.cli.terminal.time_options import zone_option
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.notify import Outcome

BUILT_WATCHES = Path("build/watches.json")

_ALONE = (
    f"There is no {BUILT_WATCHES} here, so every alarm stands for itself. To see the mails that the stack would send, "
    "run `python cfn/build.py` or name the file with --watches."
)


@click.command()
@click.argument("event", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the mails.")
@click.option(
    "--watches",
    "watches_file",
    type=click.Path(path_type=Path),
    help=f"Says which alarm has which severity of which watch.  [default: {BUILT_WATCHES}, if it exists]",
)
@click.option(
    "--context", type=click.Path(path_type=Path), help="What the watch's system left: state/sms.json of the lake."
)
@zone_option
@click.option("--environment", default="prod", show_default=True, help="The stack's environment.")
@click.option("--region", default="", help="The stack's region, for the links of messages that name none.")
def render(
    event: Path,
    out: Path,
    watches_file: Path | None,
    context: Path | None,
    time_zone: str,
    environment: str,
    region: str,
) -> None:
    """Write the mails that the CloudWatch alarm message in EVENT would cause.

    EVENT is a JSON file: the event that SNS gives a Lambda function, with one or more records, or the bare message.
    Nothing is asked of AWS and nothing is sent.

    \b
    Example: deliverywatch render alarm.json --out mails \\
               --context state/sms.json --time-zone Australia/Sydney
    """  # noqa: D301 - click wants the control character
    from deliverywatch.alerting.dry_run import dry_run
    from deliverywatch.alerting.incidents import severity

    settings = _settings(environment, time_zone, region)
    named = watches_file or (BUILT_WATCHES if BUILT_WATCHES.exists() else None)
    watches = severity.watches(read_json(named), settings.prefix) if named else ()
    values = _context(context) if context else None
    _write_all(dry_run(read_json(event), settings, watches, values, datetime.now(UTC)), out)
    if not watches:
        echo(_ALONE, err=True)


def _settings(environment: str, time_zone: str, region: str) -> Settings:
    from deliverywatch.alerting.inputs.settings import Settings

    return Settings(
        environment=environment,
        prefix=f"deliverywatch-{environment}",
        sender="alerts@example.com",
        recipients=("support@example.com",),
        time_zone=time_zone,
        dashboard=f"deliverywatch-{environment}-sms",
        workgroup=f"deliverywatch-{environment}",
        region=region,
    )


def _context(path: Path) -> bytes:
    """A context that says nothing would make a mail without details, and look as if there were none."""
    from deliverywatch.messages.context import Context, from_json

    body = read_bytes(path)
    if not isinstance(read_json(path), dict) or from_json(body) == Context():
        raise InputError(
            f"{path} is not a context: it holds nothing for a mail.",
            next_step="Name the file state/<system>.json of the lake, such as state/sms.json.",
        )
    return body


def _write_all(results: Sequence[tuple[Outcome, list[bytes]]], out: Path) -> None:
    messages = [message for _, mails in results for message in mails]
    names = ["mail"] if len(messages) == 1 else [f"mail-{number}" for number in range(1, len(messages) + 1)]
    for name, message in zip(names, messages, strict=True):
        echo(f"{_write(message, out / name)}")
    for outcome, mails in results:
        if not mails:
            echo(f"No mail: the message leaves {outcome.watch} at level {outcome.level}.")


def _write(message: bytes, path: Path) -> str:
    parsed = email.message_from_bytes(message, policy=policy.default)
    parts = {".html": parsed.get_body(("html",)), ".txt": parsed.get_body(("plain",))}
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{path.name}.eml").write_bytes(message)
        for suffix, part in parts.items():
            if part is not None:
                path.with_name(f"{path.name}{suffix}").write_text(part.get_content(), encoding="utf-8")
    return f"{path}.eml, .html, .txt: {parsed['Subject']}"

"""`deliverywatch test-fire`: a real mail on the real way, marked as a test."""

from __future__ import annotations

import getpass
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import echo, print_json, wrapped
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.incident_options import open_session
from deliverywatch.cli.terminal.target import Target, target

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.outbox import Record

_EVERY_SECONDS = 2


@click.command("test-fire")
@click.option(
    "--level",
    type=click.Choice(["critical", "warning", "blind"]),
    default="critical",
    show_default=True,
    help="Its level, which decides who gets it.",
)
@click.option("--to", multiple=True, metavar="ADDRESS", help="Send it only to this address; up to five times.")
@click.option("--by", envvar="DELIVERYWATCH_BY", help="Who asks for it, as the mail says.  [default: your user name]")
@click.option("--wait", type=click.IntRange(0), default=60, show_default=True, help="Seconds to wait for it.")
@click.option("--dry-run", is_flag=True, help="Print what would be published, and who would get it.")
@target
def test_fire(*, level: str, to: tuple[str, ...], by: str | None, wait: int, dry_run: bool, target: Target) -> None:
    """Send a mail that is clearly a test, through topic, notifier and SES.

    It opens no incident. Exit code 3 if the mail is not out in time.

    Example: deliverywatch test-fire --level critical --to me@example.com
    """
    from deliverywatch.messages.level import Level
    from deliverywatch.operate.incidents import aws_incidents, route, test_message

    session, wanted = open_session(target), Level(level)
    route.change(Level.CRITICAL, to)  # refuses what is not an address
    if len(to) > 5:
        raise click.UsageError("A test goes to at most five addresses.")
    now = datetime.now(UTC).replace(microsecond=0)
    notice = test_message.notice(wanted, by or getpass.getuser(), to, now)
    topic = session.stack.output("AlertsTopicArn")
    addresses = ", ".join(to or route.routes(session.stack)[wanted])
    if dry_run:
        print_json(notice, indent=1)
        echo(wrapped(f"Would be published to {topic} and mailed to {addresses}."), err=True)
        return
    aws_incidents.publish(session.cloud, topic, notice)
    echo(wrapped(f"Published a test of level {level}; it goes to {addresses}."), err=True)
    tries = 1 + wait // _EVERY_SECONDS
    _print(test_message.awaited(session.lake, wanted, now, tries, lambda: time.sleep(_EVERY_SECONDS)), wait)


def _print(sent: Record | None, wait: int) -> None:
    if sent and sent.channel != "fallback":
        echo(f"Sent: {sent.subject}")
        return
    late = f"It is not out after {wait} s: 'deliverywatch mails' shows whether it was claimed, 'deliverywatch doctor'"
    problem = (
        f"SES refused it, so it went to the fallback topic: {sent.problem}" if sent else f"{late} what is in its way."
    )
    echo(wrapped(problem), err=True)
    raise SystemExit(Exit.CHECK_FAILED)

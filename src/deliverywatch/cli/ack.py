"""`deliverywatch ack INC --by NAME`: somebody has it."""

import click

from cwalarm.cli.terminal import echo
from deliverywatch.cli.terminal.incident_options import open_session
from deliverywatch.cli.terminal.target import Target, target

_NOTE_LIMIT = 200


@click.command()
@click.argument("incident")
@click.option("--by", required=True, envvar="DELIVERYWATCH_BY", help="Who takes it on; also DELIVERYWATCH_BY.")
@click.option("--note", default="", help="What the others should know, in one sentence.")
@click.option("--watch", default="", help="Its watch, if two incidents opened in the same minute.")
@click.option("--dry-run", is_flag=True, help="Say what would be noted, and note nothing.")
@target
def ack(*, incident: str, by: str, note: str, watch: str, dry_run: bool, target: Target) -> None:
    """Record that somebody has taken on INCIDENT: `status` and later mails say so.

    This sends no mail and holds none back.

    Example: deliverywatch ack INC-1121-1204 --by Kim --note "calling the carrier"
    """
    from deliverywatch.alerting.incidents.ack import acknowledge
    from deliverywatch.alerting.incidents.incident import Ack
    from deliverywatch.messages.untrusted import name, text
    from deliverywatch.operate.incidents import records

    who, said = name(by, 60), text(note, _NOTE_LIMIT)
    if not who:
        raise click.UsageError("--by names nobody.")
    session = open_session(target)
    record = records.find(session.lake, incident, watch)
    if dry_run and record.is_open:
        echo(f"Would note that {who} has taken on {record.id} ({record.title or record.watch}).")
        return
    taken = acknowledge(session.lake, record.watch, record.id, Ack(who, session.now.replace(microsecond=0), said))
    echo(f"{who} has taken on {taken.id} ({taken.title or taken.watch}, {taken.level.value}).")

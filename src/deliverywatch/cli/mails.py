"""`deliverywatch mails`: what was mailed, what was not, and one mail as text."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import echo, print_json, wrapped
from deliverywatch.cli.terminal.incident_options import Session, open_session, plain
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.cli.terminal.time_options import TimeOrAge
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.outbox import Record

_WEEK = timedelta(days=7)


@click.command()
@click.argument("incident", required=False)
@click.option("--since", type=TimeOrAge(), help="Mails from then on: 24h, 30d or 2026-11-21.  [default: 7d]")
@click.option("--number", type=click.IntRange(1), help="Show this mail of INCIDENT as text.")
@target_and_json
def mails(*, incident: str | None, since: datetime | None, number: int | None, as_json: bool, target: Target) -> None:
    """List the mails of the last days, or those of INCIDENT.

    \b
    deliverywatch mails --since 30d
    deliverywatch mails INC-1121-1204 --number 2

    A mail that is "not sent" was claimed by a function that died; the sweep sends it within 10 minutes.
    """  # noqa: D301 - click wants the control character
    if number and not incident:
        raise click.UsageError("--number needs an INCIDENT.")
    if number and as_json:
        raise click.UsageError("--number shows a mail as text, --json the list: give one of them.")
    from deliverywatch.operate.incidents import mails as outbox

    session = open_session(target)
    if incident:
        records = _of_incident(session, incident)
    else:
        records = outbox.mails(session.lake, since or session.now - _WEEK, session.now)
    if number:
        echo(plain(_text(session, records, incident or "", number)))
    elif as_json:
        print_json({"deliverywatch": 1, "mails": [outbox.document(record, session.now) for record in records]})
    else:
        _print(records, session)


def _of_incident(session: Session, incident: str) -> list[Record]:
    """Mails outlive the records: the outbox of a year is searched, an id comes again after one."""
    from deliverywatch.operate.incidents.mails import of_incident

    records = of_incident(session.lake, incident.strip().upper(), session.now - timedelta(days=365), session.now)
    if not records:
        raise InputError(
            f"There is no mail of {incident}.", next_step="'deliverywatch mails --since 30d' lists the last ones."
        )
    return records


def _text(session: Session, records: list[Record], incident: str, number: int) -> str:
    from deliverywatch.operate.incidents.mails import text_of

    chosen = [record for record in records if record.seq == number]
    if not chosen:
        raise InputError(
            f"{incident} has no mail {number}.", next_step=f"It has {', '.join(str(record.seq) for record in records)}."
        )
    return "\n".join(text_of(session.lake, record) for record in chosen)


def _print(records: list[Record], session: Session) -> None:
    from deliverywatch.operate.incidents.mails import state_of

    if not records:
        echo("No mails in this time.")
    for record in records:
        when = session.time(record.time)
        subject = record.subject or f"{record.event} of {record.incident}"
        people = f" to {record.recipients}" if record.recipients else ""
        echo(wrapped(f"{when}  {state_of(record, session.now)}{people}  {subject}", "    ", ""))
        if record.problem:
            echo(wrapped(record.problem, "    "))

"""`deliverywatch explain INC`: one incident in plain words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import echo, print_json, styled, wrapped
from deliverywatch.cli.terminal.incident_options import Session, open_session, plain
from deliverywatch.cli.terminal.target import Target, target_and_json

if TYPE_CHECKING:
    from deliverywatch.operate.incidents.explain import Facts, Section


@click.command()
@click.argument("incident")
@click.option("--watch", default="", help="Its watch, if two incidents opened in the same minute.")
@target_and_json
def explain(*, incident: str, watch: str, as_json: bool, target: Target) -> None:
    """Explain INCIDENT: what happened, when, why, who has it and what to do.

    Example: deliverywatch explain INC-1121-1204

    JSON: the record, its mails, the sections, and what could not be read.
    """
    from deliverywatch.operate.incidents import mails as outbox
    from deliverywatch.operate.incidents.explain import explained

    facts = facts_of(open_session(target), incident, watch)
    sections = explained(facts)
    if not as_json:
        _print(sections, facts, target.options())
        return
    from deliverywatch.alerting.incidents.incident import to_json

    mails = [outbox.document(mail, facts.now) for mail in facts.mails]
    record = json.loads(to_json(facts.incident), object_hook=_with_times)
    print_json(
        {
            "incident": record,
            "mails": mails,
            "unknown": dict(facts.unknown),
            "sections": [asdict(section) for section in sections],
        }
    )


def _with_times(record: dict[str, Any]) -> dict[str, Any]:
    """A stored record writes its times as Python does; every JSON document of the command line has them alike."""
    from deliverywatch.operate.incidents.mails import utc

    times = {name: value for name, value in record.items() if value and (name == "time" or name.endswith("_at"))}
    return {**record, **{name: utc(datetime.fromisoformat(value)) for name, value in times.items()}}


def facts_of(
    session: Session, incident_id: str, watch: str, mute_statuses: Sequence[str] = ("ACTIVE", "SCHEDULED")
) -> Facts:
    """Return what is known of an incident, with the mute rules that are in one of these states.

    Its record must be readable; what else cannot be read is unknown.
    """
    from deliverywatch.messages.context import Context
    from deliverywatch.operate.account.readings import Readings
    from deliverywatch.operate.incidents import mails as outbox
    from deliverywatch.operate.incidents import mutes, records
    from deliverywatch.operate.incidents.aws_incidents import watches
    from deliverywatch.operate.incidents.explain import Facts, alarm_names

    incident, readings = records.find(session.lake, incident_id, watch), Readings()
    lake, prefix = session.lake, session.stack.prefix
    sent = readings.read("mails", lambda: outbox.of_incident(lake, incident.id, incident.opened_at, session.now), [])
    declared = readings.read("watches", lambda: watches(session.cloud, session.stack), ())
    return Facts(
        incident=incident,
        mails=[mail for mail in sent if mail.watch == incident.watch],
        alarms=readings.read("alarms", lambda: session.alarms.named(alarm_names(incident)), {}),
        context=readings.read("context", lambda: records.context_of(lake, incident.watch, declared), Context()),
        mutes=readings.read("mutes", lambda: mutes.of_stack(session.rules, prefix, mute_statuses), []),
        clock=session.clock,
        now=session.now,
        unknown=readings.unknown,
    )


def _print(sections: list[Section], facts: Facts, options: str) -> None:
    for number, section in enumerate(sections):
        echo(f"\n{section.title}" if number else styled(section.title, bold=True))
        for line in section.lines:
            # What begins with a time or a number hangs below it.
            echo(wrapped(plain(line), "     ", "  "))
    incident = facts.incident
    if incident.is_open and not incident.acks:
        echo(f"\nNext: deliverywatch ack {incident.id} --by NAME{options}")
    if facts.mails:
        echo(f"\nThe last mail: deliverywatch mails {incident.id} --number {facts.mails[-1].seq}{options}")

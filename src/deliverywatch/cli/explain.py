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

    JSON: the record, its mails and the sections.
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
    print_json({"incident": record, "mails": mails, "sections": [asdict(section) for section in sections]})


def _with_times(record: dict[str, Any]) -> dict[str, Any]:
    """A stored record writes its times as Python does; every JSON document of the command line has them alike."""
    from deliverywatch.operate.incidents.mails import utc

    times = {name: value for name, value in record.items() if value and (name == "time" or name.endswith("_at"))}
    return {**record, **{name: utc(datetime.fromisoformat(value)) for name, value in times.items()}}


def facts_of(
    session: Session, incident_id: str, watch: str, mute_statuses: Sequence[str] = ("ACTIVE", "SCHEDULED")
) -> Facts:
    """Return what is known of an incident, with the mute rules that are in one of these states."""
    from deliverywatch.operate.incidents import mails as outbox
    from deliverywatch.operate.incidents import mutes, records
    from deliverywatch.operate.incidents.aws_incidents import watches
    from deliverywatch.operate.incidents.explain import Facts, alarm_names

    incident = records.find(session.lake, incident_id, watch)
    return Facts(
        incident=incident,
        mails=[mail for mail in outbox.of_incident(session.lake, incident.id, incident.opened_at, session.now)
               if mail.watch == incident.watch],
        alarms=session.alarms.named(alarm_names(incident)),
        context=records.context_of(session.lake, incident.watch, watches(session.cloud, session.stack)),
        mutes=mutes.of_stack(session.rules, session.stack.prefix, mute_statuses),
        clock=session.clock,
        now=session.now,
    )  # fmt: skip


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

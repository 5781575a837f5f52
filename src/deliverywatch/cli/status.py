"""`deliverywatch status`: what is open, since when, who has it and what was mailed; 4 while an incident is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.incident_options import Asked, ask, plain
from deliverywatch.cli.terminal.output import json_option, print_json
from deliverywatch.cli.terminal.prose import wrapped
from deliverywatch.cli.terminal.target import Target, target

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.operate.incidents.mutes import Mute
    from deliverywatch.operate.incidents.status import Heartbeat, Situation

_STYLES = {"critical": "red", "warning": "yellow", "alarm": "red", "blind": "magenta"}
_INDENT = "  "


@click.command()
@json_option
@target
def status(*, as_json: bool, target: Target) -> None:
    """Show what is going on: incidents, mutes, last readings, last mails.

    \b
    deliverywatch status                 look
    deliverywatch status || call-me      in a script: 4 while an incident is open
    deliverywatch status --json | jq     for programs
    """  # noqa: D301 - click wants the control character
    from deliverywatch.operate.incidents import aws_incidents  # it brings boto3
    from deliverywatch.operate.incidents.status import document, situation

    asked = ask(target)
    alarms, rules = aws_incidents.Alarms(asked.cloud), aws_incidents.MuteRules(asked.cloud)
    seen = situation(asked.stack, asked.lake, alarms, rules, asked.now)
    if as_json:
        print_json(document(seen))
    else:
        for line in _lines(seen, asked, target.options()):
            click.echo(plain(line))
    if seen.open:
        raise SystemExit(Exit.ALARM_ACTIVE)


def _lines(seen: Situation, asked: Asked, options: str) -> Iterator[str]:
    yield f"{seen.stack.name} in {seen.stack.region}, {asked.clock.full(seen.at)}"
    if not seen.open:
        yield "\nNothing is open."
    for incident in seen.open:
        yield from _incident(incident, seen, asked)
    yield from _silent_alarms(seen)
    yield from _part("Last readings", [_heartbeat(heartbeat, asked) for heartbeat in seen.heartbeats] or ["none yet"])
    yield from _part("Mutes", [_mute(mute, asked) for mute in seen.mutes] or ["none"])
    yield from _part("Last mails", [_mail(mail, asked) for mail in seen.mails] or ["none in 7 days"])
    if seen.unsent:
        due = ", ".join(f"{incident} mail {number}" for incident, number in seen.unsent)
        yield from _part("Not sent yet", [due])
    for incident in seen.open[:1]:
        yield f"\nNext: deliverywatch explain {incident.id}{options}"
        if not incident.acks:
            yield f"      deliverywatch ack {incident.id} --by NAME{options}"


def _incident(incident: Incident, seen: Situation, asked: Asked) -> Iterator[str]:
    from deliverywatch.alerting.mail import formatting
    from deliverywatch.operate.incidents.status import last_change

    word = click.style(incident.level.value.upper(), fg=_STYLES.get(incident.level.value), bold=True)
    yield f"\n{word}  {incident.title or incident.watch}  {incident.id}"
    times = f"open since {_time(incident.opened_at, asked)}, for {formatting.span(asked.now - incident.opened_at)}"
    if incident.changed_at != incident.opened_at:
        times += f"; {incident.level.value} since {_time(incident.changed_at, asked)}"
    yield f"{_INDENT}{times}"
    yield wrapped(f"last mail: {last_change(incident, seen, asked.clock)}", _INDENT)
    yield wrapped(_owner(incident, asked), _INDENT)


def _owner(incident: Incident, asked: Asked) -> str:
    if not incident.acks:
        return "nobody has taken it on"
    last = incident.acks[-1]
    return f"{last.by} has taken it on, at {_time(last.time, asked)}{f': {last.note}' if last.note else ''}"


def _silent_alarms(seen: Situation) -> Iterator[str]:
    """Alarms in ALARM of which no incident tells: muted ones, or those whose message is still on its way."""
    from deliverywatch.operate.incidents.status import muted

    told = {name for incident in seen.open for name in incident.raised}
    names = [each.name for each in seen.raised if each.name not in told]
    if names:
        marked = [f"{name}{' (muted)' if muted(seen, name) else ''}" for name in names]
        yield from _part("In ALARM without an incident", marked)


def _part(title: str, lines: list[str]) -> Iterator[str]:
    yield f"\n{title}"
    for line in lines:
        yield wrapped(line, _INDENT * 2, _INDENT)


def _heartbeat(one: Heartbeat, asked: Asked) -> str:
    from deliverywatch.alerting.mail import formatting

    problem = f": {one.problem}" if one.problem else ""
    return f"{one.system} {_time(one.read_at, asked)}, {formatting.span(asked.now - one.read_at)} ago{problem}"


def _mute(one: Mute, asked: Asked) -> str:
    when = f"until {_time(one.end, asked)}" if one.end else f"again and again, {one.duration} each time"
    begin = f"from {_time(one.start, asked)} " if one.status == "SCHEDULED" and one.start else ""
    count = "1 alarm" if len(one.alarms) == 1 else f"{len(one.alarms)} alarms"
    return f"{count} {begin}{when}: {one.reason or 'no reason given'} ({one.name})"


def _mail(record: Record, asked: Asked) -> str:
    from deliverywatch.operate.incidents.mails import state_of

    state = state_of(record, asked.now)
    told = "" if state == "sent" else f" ({state})"
    return f"{_time(record.time, asked)}  {record.subject or f'{record.event} of {record.incident}'}{told}"


def _time(moment: datetime, asked: Asked) -> str:
    return asked.clock.day_time(moment, asked.now)

"""`deliverywatch status`: what is open, what is known of each watch, what was mailed; 4 while an incident is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import echo, print_json, styled, wrapped
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.incident_options import Session, plain, session_of
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.messages.palette import TONES
from deliverywatch.messages.verdict import Verdict

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.operate.incidents.status import Heartbeat, Status
    from deliverywatch.operate.incidents.watch_verdicts import WatchVerdict

_INDENT = "  "
_COLOURS = {Verdict.HEALTHY: "green", Verdict.FAILING: "red", Verdict.BLIND: "magenta"}


@click.command()
@target_and_json
def status(*, as_json: bool, target: Target) -> None:
    """Show what is going on: incidents, watches, mutes, last mails.

    \b
    deliverywatch status                 to read
    deliverywatch status || call-me      for scripts: ends with 4 while an
                                         incident is open, and with 5 if none
                                         is but not everything can be seen
    deliverywatch status --json | jq     for programs; status.schema.json of
                                         the package describes it
    """  # noqa: D301 - click wants the control character
    from deliverywatch.operate.incidents.status import document, without_lake

    cloud, stack = target.find()
    session = session_of(cloud, stack) if "LakeBucket" in stack.outputs else None
    current = _current(session) if session else without_lake(stack, datetime.now(UTC))
    lines = _lines(current, session, target.options()) if session else _unseen(current)
    if as_json:
        print_json(document(current))
    else:
        for line in lines:
            echo(plain(line))
    if current.open or current.unseen:
        raise SystemExit(Exit.ALARM_ACTIVE if current.open else Exit.UNSEEN)


def _current(session: Session) -> Status:
    from deliverywatch.operate.incidents import aws_incidents
    from deliverywatch.operate.incidents.status import current_status

    stack, declared = session.stack, partial(aws_incidents.watches, session.cloud, session.stack)
    return current_status(stack, session.lake, session.alarms, session.rules, session.now, declared)


def _lines(status: Status, session: Session, options: str) -> Iterator[str]:
    yield f"{status.stack.name} in {status.stack.region}, {session.clock.full(status.at)}"
    yield from _unseen(status)
    for incident in status.open:
        yield from _incident(incident, status, session)
    yield from _silent_alarms(status)
    if status.watches:
        yield from _part("Watches", [_watch(one) for one in status.watches])
    readings = [_heartbeat(heartbeat, session) for heartbeat in status.heartbeats]
    yield from _part("Last readings", readings or ["none yet"])
    mutes = [session.mute_line(mute, with_start=mute.status != "ACTIVE") for mute in status.mutes]
    yield from _part("Mutes", mutes or [f"not known: {why}" if (why := status.unknown.get("mutes")) else "none"])
    yield from _part("Last mails", [_mail(mail, session) for mail in status.mails] or ["none in 7 days"])
    if status.unsent:
        due = ", ".join(f"{incident} mail {number}" for incident, number in status.unsent)
        yield from _part("Not sent yet", [due])
    for incident in status.open[:1]:
        yield f"\nNext: deliverywatch explain {incident.id}{options}"
        if not incident.acks:
            yield f"      deliverywatch ack {incident.id} --by NAME{options}"


def _unseen(status: Status) -> Iterator[str]:
    if not status.open:
        yield "\nNothing is open, as far as can be seen." if status.unseen else "\nNothing is open."
    if status.unseen:
        yield from _part("Not seen", list(status.unseen))


def _watch(one: WatchVerdict) -> str:
    word = one.verdict.value.replace("_", " ")
    shown = styled(f"{word:10}", _COLOURS.get(one.verdict))
    # By its name: its title says what is wrong, such as "SMS monitoring is blind", also while nothing is.
    return f"{shown} {one.watch}{f': {one.sentence}' if one.sentence else ''}"


def _incident(incident: Incident, status: Status, session: Session) -> Iterator[str]:
    from deliverywatch.alerting.mail import formatting
    from deliverywatch.operate.incidents.records import owner
    from deliverywatch.operate.incidents.status import last_change

    word = styled(incident.level.value.upper(), TONES[incident.level].terminal, bold=True)
    yield f"\n{word}  {incident.title or incident.watch}  {incident.id}"
    times = f"open since {session.time(incident.opened_at)}, for {formatting.span(session.now - incident.opened_at)}"
    if incident.changed_at != incident.opened_at:
        times += f"; {incident.level.value} since {session.time(incident.changed_at)}"
    yield f"{_INDENT}{times}"
    yield wrapped(f"last mail: {last_change(incident, status, session.clock)}", _INDENT)
    yield wrapped(owner(incident, session.clock, session.now) or "nobody has taken it on", _INDENT)


def _silent_alarms(status: Status) -> Iterator[str]:
    """Alarms in ALARM without an incident: muted ones, or those whose message is still on its way."""
    from deliverywatch.operate.incidents.status import muted

    covered = {name for incident in status.open for name in incident.raised}
    names = [alarm.name for alarm in status.raised if alarm.name not in covered]
    if names:
        marked = [f"{name}{' (muted)' if muted(status, name) else ''}" for name in names]
        yield from _part("In ALARM without an incident", marked)


def _part(title: str, lines: list[str]) -> Iterator[str]:
    yield f"\n{title}"
    for line in lines:
        yield wrapped(line, _INDENT * 2, _INDENT)


def _heartbeat(one: Heartbeat, session: Session) -> str:
    from deliverywatch.alerting.mail import formatting

    problem = f": {one.problem}" if one.problem else ""
    return f"{one.system} {session.time(one.read_at)}, {formatting.span(session.now - one.read_at)} ago{problem}"


def _mail(record: Record, session: Session) -> str:
    from deliverywatch.operate.incidents.mails import state_of

    state = state_of(record, session.now)
    unsent = "" if state == "sent" else f" ({state})"
    return f"{session.time(record.time)}  {record.subject or f'{record.event} of {record.incident}'}{unsent}"

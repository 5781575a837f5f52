"""`deliverywatch mute` and `unmute`: no mails for a while, by CloudWatch's own mute rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from deliverywatch.cli.terminal.duration_option import Duration
from deliverywatch.cli.terminal.incident_options import Session, open_session
from deliverywatch.cli.terminal.output import json_option, print_json
from deliverywatch.cli.terminal.prose import wrapped
from deliverywatch.cli.terminal.target import Target, target
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.operate.incidents.mutes import Mute


@click.command()
@click.argument("length", required=False, type=Duration())
@click.option("--reason", default="", help="Why; whoever looks at 'status' sees it.")
@click.option("--alarm", "alarms", multiple=True, help="Only this alarm, with or without the stack's prefix.")
@click.option("--dry-run", is_flag=True, help="Say what would be muted, and mute nothing.")
@json_option
@target
def mute(
    *,
    length: timedelta | None,
    reason: str,
    alarms: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Hold back all mails of alarms for LENGTH; without one, list the mutes.

    \b
    deliverywatch mute 2h --reason "moving to the new sender"
    deliverywatch mute            what is muted
    deliverywatch unmute          end it before its time

    Alarms go on judging. What still stands when the mute ends is mailed then. Notices that a system
    publishes itself, without an alarm, are not held back.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.operate.incidents import aws_incidents, mutes

    if length is not None and not reason.strip():
        raise click.UsageError("A mute needs a --reason: the next person at 03:00 will want to know.")
    session = open_session(target)
    rules = aws_incidents.MuteRules(session.cloud)
    if length is None:
        _show(mutes.of_stack(rules, session.stack.prefix), session, as_json=as_json)
        return
    chosen = _chosen(session, alarms)
    requests = mutes.plan(session.stack.prefix, chosen, length, reason.strip(), session.now)
    if not dry_run:
        for request in requests:
            rules.put(request)
    if as_json:
        print_json({"deliverywatch": 1, "dry_run": dry_run, "rules": requests})
        return
    _tell(requests, length, chosen, session, target.options(), dry_run=dry_run)


@click.command()
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be ended, and end nothing.")
@target
def unmute(*, name: str | None, dry_run: bool, target: Target) -> None:
    """End the mutes that `mute` made, or the one of NAME, before their time.

    Alarms that are in ALARM then act at once.
    """
    from deliverywatch.operate.incidents import aws_incidents, mutes

    session = open_session(target)
    rules = aws_incidents.MuteRules(session.cloud)
    found = _to_end(mutes.of_stack(rules, session.stack.prefix), name)
    for each in found:
        if not dry_run:
            rules.delete(each.name)
        click.echo(wrapped(f"{'Would end' if dry_run else 'Ended'} {each.name}: {each.reason}", "    ", ""))
    if not found:
        click.echo("Nothing is muted.")


def _to_end(there: list[Mute], name: str | None) -> list[Mute]:
    found = [each for each in there if (each.name == name if name else each.is_ours)]
    if name and not found:
        known = ", ".join(each.name for each in there) or "none"
        raise InputError(f"There is no mute {name}.", next_step=f"There is: {known}.")
    return found


def _chosen(session: Session, named: tuple[str, ...]) -> list[str]:
    from deliverywatch.operate.incidents import aws_incidents

    acting = aws_incidents.Alarms(session.cloud).acting_on(session.stack.output("AlertsTopicArn"))
    known = sorted(each.name for each in acting)
    if not named:
        return known
    full = [each if each in known else f"{session.stack.prefix}-{each}" for each in named]
    unknown = [short for short, name in zip(named, full, strict=True) if name not in known]
    if unknown:
        short = ", ".join(each.removeprefix(f"{session.stack.prefix}-") for each in known)
        raise InputError(f"No alarm {unknown[0]} sends mails.", next_step=f"There is: {short}.")
    return full


def _show(there: list[Mute], session: Session, *, as_json: bool) -> None:
    if as_json:
        from deliverywatch.operate.incidents.status import mute_document

        print_json({"deliverywatch": 1, "mutes": [mute_document(each) for each in there]})
        return
    if not there:
        click.echo("Nothing is muted.")
    for each in there:
        click.echo(wrapped(_line(each, session), "    ", ""))


def _line(one: Mute, session: Session) -> str:
    begin = f"from {_time(one.start, session)} " if one.start else ""
    when = f"{begin}until {_time(one.end, session)}" if one.end else f"again and again, {one.duration} each time"
    return f"{one.status.lower()}  {_count(one.alarms)} {when}: {one.reason or 'no reason given'} ({one.name})"


def _tell(
    requests: list[dict[str, Any]],
    length: timedelta,
    chosen: list[str],
    session: Session,
    options: str,
    *,
    dry_run: bool,
) -> None:
    from datetime import UTC, datetime

    start = datetime.fromisoformat(requests[0]["Rule"]["Schedule"]["Expression"][3:-1]).replace(tzinfo=UTC)
    times = f"from {_time(start, session)} until {session.clock.full(start + length)}"
    click.echo(wrapped(f"{'Would mute' if dry_run else 'Muted'} {_count(chosen)} {times}.", "    ", ""))
    for name in chosen:
        click.echo(f"  {name}")
    if not dry_run:
        click.echo(f"\nTo end it before: deliverywatch unmute{options}")


def _count(alarms: Sequence[str]) -> str:
    return "1 alarm" if len(alarms) == 1 else f"{len(alarms)} alarms"


def _time(moment: datetime | None, session: Session) -> str:
    return session.clock.day_time(moment, session.now) if moment else "now"

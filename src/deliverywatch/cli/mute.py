"""`deliverywatch mute` and `unmute`: no mails for a while, by CloudWatch's own mute rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import counted, echo, print_json, wrapped
from deliverywatch.cli.terminal.incident_options import Session, open_session
from deliverywatch.cli.terminal.target import Target, target, target_and_json
from deliverywatch.cli.terminal.time_options import Duration
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.operate.incidents.mutes import Mute


@click.command()
@click.argument("length", required=False, type=Duration())
@click.option("--reason", default="", help="Why; whoever looks at 'status' sees it.")
@click.option("--alarm", "alarms", multiple=True, help="Only this alarm, with or without the stack's prefix.")
@click.option("--dry-run", is_flag=True, help="Say what would be muted, and mute nothing.")
@target_and_json
def mute(
    *, length: timedelta | None, reason: str, alarms: tuple[str, ...], dry_run: bool, as_json: bool, target: Target
) -> None:
    """Hold back all mails of alarms for LENGTH; without one, list the mutes.

    \b
    deliverywatch mute 2h --reason "moving to the new sender"
    deliverywatch mute            what is muted
    deliverywatch unmute          end it before its time

    Alarms are still evaluated. What is still wrong when the mute ends is mailed then. Notices that a system
    publishes itself, without an alarm, are not held back.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.messages.untrusted import is_visible
    from deliverywatch.operate.incidents import mutes

    if length is not None and not is_visible(reason):
        raise click.UsageError("A mute needs a --reason: the next person at 03:00 will want to know.")
    session = open_session(target)
    if length is None:
        _show(mutes.of_stack(session.rules, session.stack.prefix), session, as_json=as_json)
        return
    chosen = _chosen(session, alarms)
    requests = mutes.plan(session.stack.prefix, chosen, length, reason.strip(), session.now)
    if not dry_run:
        for request in requests:
            session.rules.put(request)
    if as_json:
        print_json({"deliverywatch": 1, "dry_run": dry_run, "rules": requests})
        return
    _print(requests, length, chosen, session, target.options(), dry_run=dry_run)


@click.command()
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be ended, and end nothing.")
@target
def unmute(*, name: str | None, dry_run: bool, target: Target) -> None:
    """End the mutes that `mute` made, or the one of NAME, before their time.

    Alarms that are in ALARM then act at once.
    """
    from deliverywatch.operate.incidents import mutes

    session = open_session(target)
    muted = mutes.of_stack(session.rules, session.stack.prefix)
    ending = [mute_rule for mute_rule in muted if (mute_rule.name == name if name else mute_rule.is_ours)]
    if name and not ending:
        names = ", ".join(mute_rule.name for mute_rule in muted)
        choice = f"Choose one of: {names}." if names else "Nothing is muted."
        raise InputError(f"There is no mute {name}.", next_step=choice)
    for mute_rule in ending:
        if not dry_run:
            session.rules.delete(mute_rule.name)
        echo(wrapped(f"{'Would end' if dry_run else 'Ended'} {mute_rule.name}: {mute_rule.reason}", "    ", ""))
    if not ending:
        echo("Nothing is muted.")


def _chosen(session: Session, named: tuple[str, ...]) -> list[str]:
    names = sorted(alarm.name for alarm in session.alarms.acting_on(session.stack.output("AlertsTopicArn")))
    if not named:
        return names
    full = [name if name in names else f"{session.stack.prefix}-{name}" for name in named]
    unknown = [short for short, name in zip(named, full, strict=True) if name not in names]
    if unknown:
        short = ", ".join(name.removeprefix(f"{session.stack.prefix}-") for name in names)
        raise InputError(f"No alarm {unknown[0]} sends mails.", next_step=f"Choose one of: {short}.")
    return full


def _show(muted: list[Mute], session: Session, *, as_json: bool) -> None:
    if as_json:
        from deliverywatch.operate.incidents.status import mute_document

        print_json({"deliverywatch": 1, "mutes": [mute_document(mute_rule) for mute_rule in muted]})
        return
    if not muted:
        echo("Nothing is muted.")
    for mute_rule in muted:
        line = session.mute_line(mute_rule, with_start=mute_rule.end is not None)
        echo(wrapped(f"{mute_rule.status.lower()}  {line}", "    ", ""))


def _print(
    requests: list[dict[str, Any]],
    length: timedelta,
    chosen: list[str],
    session: Session,
    options: str,
    *,
    dry_run: bool,
) -> None:
    start = datetime.fromisoformat(requests[0]["Rule"]["Schedule"]["Expression"][3:-1]).replace(tzinfo=UTC)
    times = f"from {session.time(start)} until {session.clock.full(start + length)}"
    echo(wrapped(f"{'Would mute' if dry_run else 'Muted'} {counted(len(chosen), 'alarm')} {times}.", "    ", ""))
    for name in chosen:
        echo(f"  {name}")
    if not dry_run:
        echo(f"\nTo end it before: deliverywatch unmute{options}")

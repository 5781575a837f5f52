"""`deliverywatch route`: who gets the mails of which level, what channels get beside them, and the change of it."""

from __future__ import annotations

import click

from cwalarm.cli.terminal import echo, print_json, wrapped
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.target import Target, target_and_json

_LEVELS = ["critical", "warning", "blind", "alarm"]
_CHANNELS = ["slack", "teams", "webhook"]


@click.command()
@click.option("--level", type=click.Choice(_LEVELS), help="Show only this level; with --set, change this level.")
@click.option("--watch", metavar="NAME", help="Show only what is routed of this watch.")
@click.option("--channel", type=click.Choice(_CHANNELS), help="With --set, change what this channel gets.")
@click.option("--expect", metavar="WHO", help="Exit with 3 unless this address or channel gets --level.")
@click.option("--set", "wanted", metavar="A,B", help="The addresses, or the channel's route, from now on.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@target_and_json
def route(
    *,
    level: str | None,
    watch: str | None,
    channel: str | None,
    expect: str | None,
    wanted: str | None,
    dry_run: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Show who gets the incidents of each level, or change it.

    \b
    deliverywatch route --level critical --expect boss@example.com
    deliverywatch route --level critical --set boss@example.com
    deliverywatch route --channel webhook --set critical
    deliverywatch route --channel slack --set "critical warning@sms-*"

    Everybody of AlertRecipients gets every mail; those of CriticalRecipients get the mails of an
    incident from the change on that makes it critical, to its end. A channel gets an incident from
    the change on that fits its route: levels (or all), and after an @ the names of watches, which
    may end in *. All are parameters of the stack, so a later deploy keeps them.

    JSON: {"critical": ["address"], ..., "channels": {"slack": "route"}}, addresses by level.
    """  # noqa: D301 - click wants the control character
    if (expect and not level) or (wanted is not None and bool(level) == bool(channel)):
        raise click.UsageError("--expect needs a --level, and --set a --level or a --channel.")
    if channel and wanted is None:
        raise click.UsageError("--channel needs --set; without both, all routes are shown.")
    if wanted is not None:
        _set(level, channel, wanted, target, dry_run=dry_run)
        return
    _show(level, watch or "", expect, target, as_json=as_json)


def _show(level: str | None, watch: str, expect: str | None, target: Target, *, as_json: bool) -> None:
    from deliverywatch.operate.incidents import route as route_flow

    stack = target.find()[1]
    routes = {one: who for one, who in route_flow.routes(stack).items() if level in (None, one.value)}
    channels = {channel.kind.value: channel.route.text for channel in route_flow.channels(stack)}
    getting = {one: (*who, *route_flow.fitting(stack, one, watch)) for one, who in routes.items()}
    if as_json:
        print_json({one.value: list(who) for one, who in routes.items()} | {"channels": channels})
    else:
        for one, who in getting.items():
            echo(wrapped(f"{one.value:<9} {', '.join(who)}", " " * 10, ""))
    names = {name.partition(" ")[0].lower() for who in getting.values() for name in who}
    if expect and expect.lower() not in names:
        what = "mails" if "@" in expect else "messages"
        echo(f"{expect} gets no {what} of level {level}.", err=True)
        raise SystemExit(Exit.CHECK_FAILED)


def _set(level: str | None, channel: str | None, wanted: str, target: Target, *, dry_run: bool) -> None:
    from deliverywatch.alerting.inputs.channel_settings import Kind
    from deliverywatch.messages.level import Level
    from deliverywatch.operate.incidents import aws_incidents
    from deliverywatch.operate.incidents.route import change, change_channel, unknown_watches

    addresses = [part.strip() for part in wanted.split(",") if part.strip()]
    known = change(Level(level), addresses) if level else None  # what is no address is refused before AWS is called
    cloud, stack = target.find()
    name, value = known or change_channel(stack, Kind(channel or ""), wanted)
    watches = [watch.name for watch in aws_incidents.watches(cloud, stack)] if channel else []
    for unknown in unknown_watches(value, watches) if channel else ():
        echo(wrapped(f"The stack declares no watch {unknown}; it has {', '.join(watches)}.", "    ", ""), err=True)
    before = stack.parameters.get(name, "")
    if value == before:
        echo(f"{name} is that already; nothing is changed.")
        return
    echo(wrapped(f"{name}: {before or 'nobody'} -> {value or 'nobody'}", "    ", ""))
    if dry_run:
        echo("Nothing was changed: this was --dry-run.", err=True)
        return
    echo(f"Updating the stack {stack.name} ...", err=True)
    aws_incidents.change_parameter(cloud, stack, name, value)
    echo("Done. The next mail goes by it.", err=True)

"""`deliverywatch route`: who gets the mails of which level, and the change of it."""

from __future__ import annotations

import click

from cwalarm.cli.terminal import echo, print_json, wrapped
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.target import Target, target_and_json

_LEVELS = ["critical", "warning", "blind", "alarm"]


@click.command()
@click.option("--level", type=click.Choice(_LEVELS), help="Show only this level; with --set, change this level.")
@click.option("--expect", metavar="ADDRESS", help="Exit with 3 unless this address gets mails of --level.")
@click.option("--set", "wanted", metavar="A,B", help="The addresses from now on; '' for nobody beyond AlertRecipients.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@target_and_json
def route(
    *, level: str | None, expect: str | None, wanted: str | None, dry_run: bool, as_json: bool, target: Target
) -> None:
    """Show who gets the mails of each level, or change it.

    \b
    deliverywatch route --level critical --expect boss@example.com
    deliverywatch route --level critical --set boss@example.com
    deliverywatch route --level warning --set support@example.com,duty@example.com

    Everybody of AlertRecipients gets every mail; those of CriticalRecipients get the mails of an
    incident from the change on that makes it critical, to its end. Both are parameters of the stack,
    so a later deploy keeps them.

    JSON: {"critical": ["address"], ...}, by level.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.operate.incidents import route as route_flow

    if (expect or wanted is not None) and not level:
        raise click.UsageError("--expect and --set need a --level.")
    if wanted is not None:
        _set(level or "", wanted, target, dry_run=dry_run)
        return
    routes = route_flow.routes(target.find()[1])
    recipients = {severity: addresses for severity, addresses in routes.items() if level in (None, severity.value)}
    if as_json:
        print_json({severity.value: list(addresses) for severity, addresses in recipients.items()})
    else:
        for severity, addresses in recipients.items():
            echo(wrapped(f"{severity.value:<9} {', '.join(addresses)}", " " * 10, ""))
    if expect and not any(expect.lower() == one.lower() for addresses in recipients.values() for one in addresses):
        echo(f"{expect} gets no mails of level {level}.", err=True)
        raise SystemExit(Exit.CHECK_FAILED)


def _set(level: str, wanted: str, target: Target, *, dry_run: bool) -> None:
    from deliverywatch.messages.level import Level
    from deliverywatch.operate.incidents import aws_incidents
    from deliverywatch.operate.incidents.route import change

    name, value = change(Level(level), [part.strip() for part in wanted.split(",") if part.strip()])
    cloud, stack = target.find()
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

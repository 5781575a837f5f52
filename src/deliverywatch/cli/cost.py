"""`deliverywatch cost`: what a month costs, line by line, beside the original design; and what it has cost so far."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deliverywatch.cli.terminal.prose import wrapped
from deliverywatch.cli.terminal.target import target
from deliverywatch.errors import CloudRefused, CloudUnavailable, InputError

if TYPE_CHECKING:
    from deliverywatch.cli.terminal.target import Target
    from deliverywatch.operate.cost.estimate import Estimate, Volume

BUILT = Path("build/template.json")


@click.command()
@click.option("--template", "file", type=click.Path(path_type=Path, dir_okay=False), help="A built template.")
@click.option("--deployed", is_flag=True, help="The stack as it is deployed, with its parameters.")
@click.option("--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Of --template; may be repeated.")
@click.option("--messages-per-day", type=click.IntRange(0), help="How many messages are sent.  [default: 14000]")
@click.option("--mails-per-month", type=click.IntRange(0), help="How many mails come.  [default: 100]")
@click.option("--emails-per-day", type=click.IntRange(0), help="How many e-mails are sent.  [default: 14000]")
@click.option("--files-per-day", type=click.IntRange(0), help="How many files are uploaded.  [default: 1000]")
@click.option("--month-to-date", is_flag=True, help="Ask Cost Explorer too, which costs 0.01 USD.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@target
def cost(
    *,
    file: Path | None,
    deployed: bool,
    given: tuple[str, ...],
    messages_per_day: int | None,
    mails_per_month: int | None,
    emails_per_day: int | None,
    files_per_day: int | None,
    month_to_date: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Estimate what a month costs, line by line, at list price.

    \b
    deliverywatch cost                          of build/template.json
    deliverywatch cost --deployed               of the stack, as it is now
    deliverywatch cost --messages-per-day 500   for another volume

    Without --template and without build/template.json it is the deployed stack.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.operate.cost import bill  # not for `--help`

    asked = _volume(
        messages_per_day=messages_per_day,
        mails_per_month=mails_per_month,
        emails_per_day=emails_per_day,
        files_per_day=files_per_day,
    )
    estimate, volume = _estimate(file, given, asked, target, deployed=deployed)
    spent = _spent(target) if month_to_date else None
    if as_json:
        click.echo(json.dumps(bill.document(estimate, volume) | ({"month_to_date": spent} if month_to_date else {})))
        return
    _print(bill.rows(estimate))
    for sentence in bill.sentences(estimate, volume):
        click.echo(f"\n{wrapped(sentence)}")
    if spent is not None:
        click.echo(f"\n{wrapped(_told(spent))}")


def _volume(**given: int | None) -> Volume:
    from deliverywatch.operate.cost.estimate import Volume

    return Volume(**{name: value for name, value in given.items() if value is not None})


def _estimate(
    file: Path | None, given: tuple[str, ...], volume: Volume, target: Target, *, deployed: bool
) -> tuple[Estimate, Volume]:
    from deliverywatch.operate.cost.estimate import monthly

    if file and deployed:
        raise click.UsageError("--template and --deployed contradict each other.")
    path = file or BUILT
    if not deployed and (file or path.exists()):
        return monthly(_json(path), _parameters(given), volume), volume
    if given:
        raise click.UsageError("--parameter needs a --template; the deployed stack has its own.")
    cloud, deployment = target.find()
    from deliverywatch.operate.cost.aws_cost import deployed_template  # it brings boto3

    return monthly(deployed_template(cloud, deployment.name), deployment.parameters, volume), volume


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.", next_step="Run 'python cfn/build.py', or use --deployed."
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.") from error
    if not isinstance(found, dict) or not isinstance(found.get("Resources"), dict):
        raise InputError(f"{path} is not a CloudFormation template: it has no Resources.")
    return found


def _parameters(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise click.UsageError(f"--parameter {wrong[0]} has no value; write NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _spent(target: Target) -> dict[str, Any]:
    """What Cost Explorer says, or why it says nothing: the estimate is there all the same."""
    from deliverywatch.operate.cost.aws_cost import STACK_TAG, month_to_date

    cloud, deployment = target.find()
    try:
        services = month_to_date(cloud, deployment.name, datetime.now(UTC).date())
    except (CloudRefused, CloudUnavailable) as error:
        return {"usd": None, "services": {}, "why": f"{error} {error.next_step}"}
    if services:
        return {"usd": round(sum(services.values()), 4), "services": services, "why": ""}
    why = (
        f"Cost Explorer knows no cost of this stack: activate the cost allocation tag {STACK_TAG} under Billing, "
        "which shows costs from the next day on."
    )
    return {"usd": None, "services": {}, "why": why}


def _told(spent: dict[str, Any]) -> str:
    if spent["usd"] is None:
        return f"Month to date: not known. {spent['why']}"
    parts = ", ".join(f"{name} {usd:.2f}" for name, usd in sorted(spent["services"].items(), key=lambda pair: -pair[1]))
    return f"Month to date: {spent['usd']:.2f} USD ({parts})."


def _print(rows: list[tuple[str, str, str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), title="A month in USD, at list price", title_justify="left")
    table.add_column("item", no_wrap=True)
    table.add_column("USD", justify="right", no_wrap=True)
    table.add_column("free", justify="right", no_wrap=True)
    table.add_column("how it is made up")
    for item, how, usd, free in rows:
        table.add_row(item, usd, free, how)
    Console(highlight=False, markup=False).print(table)

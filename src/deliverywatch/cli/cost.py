"""`deliverywatch cost`: what a month costs, line by line, beside the baseline; and what it has cost so far."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import echo, pairs, print_json, wrapped
from deliverywatch.cli.terminal.input_files import read_json
from deliverywatch.cli.terminal.output import print_plain, table
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.errors import CloudRefused, CloudUnavailable, DeliveryWatchError, InputError

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.cost.estimate import Estimate, Volume

BUILT = Path("build/template.json")


@click.command()
@click.option("--template", "file", type=click.Path(path_type=Path, dir_okay=False), help="A built template.")
@click.option("--deployed", is_flag=True, help="The stack as it is deployed, with its parameters.")
@click.option(
    "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A parameter of --template; can be repeated."
)
@click.option("--messages-per-day", type=click.IntRange(0), help="How many messages are sent.  [default: 14000]")
@click.option("--mails-per-month", type=click.IntRange(0), help="How many mails come.  [default: 100]")
@click.option("--emails-per-day", type=click.IntRange(0), help="How many e-mails are sent.  [default: 14000]")
@click.option("--files-per-day", type=click.IntRange(0), help="How many files are uploaded.  [default: 1000]")
@click.option("--month-to-date", is_flag=True, help="Ask Cost Explorer too, which costs 0.01 USD.")
@target_and_json
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

    With neither --template nor build/template.json, the deployed stack is estimated.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.operate.cost import bill
    from deliverywatch.operate.cost.estimate import Volume

    usage = {
        "messages_per_day": messages_per_day,
        "mails_per_month": mails_per_month,
        "emails_per_day": emails_per_day,
        "files_per_day": files_per_day,
    }
    volume = Volume(**{name: count for name, count in usage.items() if count is not None})
    estimate = _estimate(file, given, volume, target, deployed=deployed)
    spent = _spent(target) if month_to_date else None
    if as_json:
        print_json(bill.document(estimate, volume) | ({"month_to_date": spent} if month_to_date else {}))
        return
    lines = table("item", ">USD", ">free", "~how it is made up", title="A month in USD, at list price", padding=2)
    for item, how, usd, free in bill.rows(estimate):
        lines.add_row(item, usd, free, how)
    print_plain(lines)
    for sentence in [*bill.sentences(estimate, volume), *([_month_to_date(spent)] if spent else [])]:
        echo(f"\n{wrapped(sentence)}")


def _estimate(file: Path | None, given: tuple[str, ...], volume: Volume, target: Target, *, deployed: bool) -> Estimate:
    from deliverywatch.operate.cost.estimate import monthly

    if file and deployed:
        raise click.UsageError("--template and --deployed contradict each other.")
    path = file or BUILT
    if not deployed and (file or path.exists()):
        return monthly(_template(path), pairs(given, "--parameter SlotMinutes=5"), volume)
    if given:
        raise click.UsageError("--parameter needs a --template; the deployed stack has its own.")
    cloud, deployment = _deployed(target, is_chosen=deployed)
    from deliverywatch.operate.account import aws

    return monthly(aws.template(cloud, deployment.name), deployment.parameters, volume)


def _deployed(target: Target, *, is_chosen: bool) -> tuple[Cloud, Deployment]:
    """Return the account and its stack; who did not choose them is told of the build that is estimated otherwise."""
    try:
        return target.find()
    except DeliveryWatchError as error:
        if is_chosen:
            raise
        problem = f"There is no {BUILT} here, and the deployed stack is out of reach: {error}"
        next_step = f"Run 'python cfn/build.py' or name a template with --template; for the stack: {error.next_step}"
        raise CloudRefused(problem, kind=error.kind, next_step=next_step) from error


def _template(path: Path) -> dict[str, Any]:
    document = read_json(path, "Run 'python cfn/build.py', or use --deployed.")
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise InputError(f"{path} is not a CloudFormation template: it has no Resources.")
    return document


def _spent(target: Target) -> dict[str, Any]:
    """What Cost Explorer says, or why it says nothing: the estimate is printed all the same."""
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


def _month_to_date(spent: dict[str, Any]) -> str:
    if spent["usd"] is None:
        return f"Month to date: not known. {spent['why']}"
    parts = ", ".join(f"{name} {usd:.2f}" for name, usd in sorted(spent["services"].items(), key=lambda pair: -pair[1]))
    return f"Month to date: {spent['usd']:.2f} USD ({parts})."

"""`deliverywatch destroy`: the stack goes, the history stays unless it is to go too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

from cwalarm.cli.terminal import echo, harmless, print_json, wrapped
from deliverywatch.cli.terminal import steps
from deliverywatch.cli.terminal.confirm import able_to_ask, confirmed
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.errors import DeliveryWatchError
from deliverywatch.operate.account.resources import kind_words

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.deploy.destroy import Removal

_Answer = TypeVar("_Answer")


@click.command()
@click.option("--with-data", is_flag=True, help="Delete the history too: every message, incident and mail.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted and what would be left, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_and_json
def destroy(*, target: Target, with_data: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete the stack, and keep the history.

    Alarms, functions, topics and logs go; the bucket with the history stays, unless --with-data is given. At the end it
    says what is left, and how to delete that. After an interruption, the same command
    goes on.

    \b
    JSON: {"stack": "", "status": "planned" | "deleted",
           "removed": [{"resource": "", "kind": "", "name": ""}],
           "left": [{"what": "", "delete_with": ""}], "unknown": [""]}
    """  # noqa: D301 - click wants the control character
    able_to_ask(answered=dry_run or yes)
    from deliverywatch.operate.deploy import destroy as flow
    from deliverywatch.operate.deploy.aws_artifacts import Artifacts, account_of
    from deliverywatch.operate.deploy.aws_formation import CloudFormation
    from deliverywatch.operate.deploy.aws_storage import KeptBuckets, parameters_under

    cloud = target.connect()
    account = account_of(cloud)
    stacks, buckets = CloudFormation(cloud), KeptBuckets(cloud, account)
    with steps.shown() as progress:
        progress.begin(f"Looking at {target.stack}")
        unknown: list[str] = []
        path = _credentials_path(cloud, target.stack)
        secrets = _known(unknown, lambda: parameters_under(cloud, path)) if path else []
        following = progress.following()
        removal = flow.plan(stacks, buckets, target.stack, cloud.region, following, may_wait=not dry_run)
    artifacts = Artifacts(cloud, account)
    code = artifacts.name if _known(unknown, artifacts.exists) else ""
    left = flow.left(removal, secrets or [], code, target.options(), with_data=with_data)
    if not as_json:
        echo("\n".join(_words(removal, with_data=with_data)))
    if not dry_run:
        _agree(removal, with_data=with_data, yes=yes)
        with steps.shown() as progress:
            progress.begin(f"Deleting {target.stack}", len(removal.removed))
            flow.carry_out(stacks, buckets, removal, progress.following(), progress.emptied, with_data=with_data)
    _end(removal, left, unknown, is_done=not dry_run, as_json=as_json)


def _known(unknown: list[str], ask: Callable[[], _Answer]) -> _Answer | None:
    """Return what is found; if AWS does not say, nothing, and note why: the removal needs none of it."""
    try:
        return ask()
    except DeliveryWatchError as error:
        unknown.append(str(error))
        return None


def _credentials_path(cloud: Cloud, stack: str) -> str:
    """Return the path of the SSM parameters that a stack read; of one that is gone or was never made, by its name."""
    from deliverywatch.operate.account import aws
    from deliverywatch.operate.account.deployment import credentials_path, environment_of, from_description

    described, environment = aws.described(cloud, stack), environment_of(stack)
    if described and (described.get("Parameters") or not environment):
        return from_description(described).credentials
    return credentials_path({"ClickSendCredentials": "", "Environment": environment}) if environment else ""


def _words(removal: Removal, *, with_data: bool) -> Iterator[str]:
    if removal.stack is None:
        yield f"The stack {removal.name} is gone already."
    else:
        yield f"Deleted with {removal.name} are {len(removal.removed)} resources:"
        kinds = Counter(kind_words(resource.kind) for resource in removal.removed)
        yield from (f"  - {count} x {kind}" for kind, count in sorted(kinds.items()))
    if with_data:
        yield from (f"  - s3://{held.bucket} with {held.object_count:,} objects: THE HISTORY" for held in removal.data)


def _agree(removal: Removal, *, with_data: bool, yes: bool) -> None:
    if with_data and removal.data:
        warning = f"The history cannot be brought back. Type {removal.name} to go on"
        agreed = yes or click.prompt(harmless(warning), default="", show_default=False, err=True) == removal.name
    else:
        agreed = removal.stack is None or confirmed(f"Delete {removal.name}?", yes=yes)
    if not agreed:
        raise click.Abort


def _end(removal: Removal, left: dict[str, str], unknown: list[str], *, is_done: bool, as_json: bool) -> None:
    if as_json:
        removed = [{"resource": one.id, "kind": one.kind, "name": one.name} for one in removal.removed]
        remaining = [{"what": what, "delete_with": command} for what, command in left.items()]
        status = "deleted" if is_done else "planned"
        print_json({"stack": removal.name, "status": status, "removed": removed, "left": remaining, "unknown": unknown})
        return
    echo("Left:" if is_done else "Left would be:")
    for what, command in left.items():
        echo(f"  {what}\n    {command}")
    for sentence in unknown:
        echo(wrapped(f"unknown: {sentence}", "    ", "  "))
    echo("  metrics, which CloudWatch forgets by itself after 15 months, at no cost")

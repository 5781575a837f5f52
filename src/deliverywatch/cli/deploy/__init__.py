"""`deliverywatch deploy`: the built template becomes a stack, or changes the deployed one."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import echo, harmless, pairs, print_json
from deliverywatch.cli.terminal import steps
from deliverywatch.cli.terminal.checks import documents, examined, show
from deliverywatch.cli.terminal.confirm import able_to_ask, confirmed
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.input_files import read_bytes, read_json
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.deploy.aws_artifacts import Artifacts
    from deliverywatch.operate.deploy.cloudformation import Stack
    from deliverywatch.operate.deploy.upgrade import Ports, Upgrade
    from deliverywatch.operate.doctor.check import Check


@click.command()
@click.option(
    "--template",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("build/template.json"),
    show_default=True,
    help="What `python cfn/build.py` wrote.",
)
@click.option("--set", "texts", multiple=True, metavar="NAME=VALUE", help="A parameter; can be repeated.")
@click.option("--artifacts-bucket", help="Where code is uploaded to.  [default: one per account and region]")
@click.option("--revert-drift", is_flag=True, help="Also undo what was changed by hand.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Deploy although something that was looked at would make it fail.")
@target_and_json
def deploy(
    *,
    target: Target,
    template: Path,
    texts: tuple[str, ...],
    artifacts_bucket: str | None,
    revert_drift: bool,
    dry_run: bool,
    yes: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Deploy the built template, or change the stack.

    Says what the account lacks for it, what would change and what it costs, asks, uploads what is new, follows
    CloudFormation, and checks that it works. Parameters that are not set keep their value. After an interruption, the
    same command goes on.

    \b
    Example: deliverywatch deploy --set SenderAddress=alerts@example.com \\
               --set AlertRecipients=support@example.com \\
               --set FallbackAddress=oncall@example.com

    \b
    JSON: {"stack": "", "region": "", "account": "",
           "status": "planned" | "unchanged" | "deployed",
           "parameters": {"name": {"before": "", "after": ""}},
           "changes": [{"action": "add" | "change" | "replace" | "may-replace"
             | "remove", "resource": "", "kind": "", "because": [""],
             "kept": false}],
           "monthly_usd": {"before": 2.86, "after": 2.86, "after_free": 0.2},
           "outputs": {"name": ""}, "before": [as in doctor --json],
           "checks": [as in doctor --json]}
    Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 it is deployed, but a
    stack that was there before does not work as it should.
    """  # noqa: D301 - click wants the control character
    able_to_ask(answered=dry_run or yes)
    from deliverywatch.cli.deploy import preview as shown
    from deliverywatch.operate.deploy import upgrade as flow

    account, built = _account(target, artifacts_bucket), _read(template)
    seen = _seen(account, may_wait=not dry_run)
    upgrade = _upgrade(account, seen, built, template.parent, texts, reverts_drift=revert_drift)
    before = _before(account, upgrade, target, may_fail=dry_run or force, as_json=as_json)
    with steps.shown() as progress:
        progress.begin("Looking at what would change")
        preview = flow.preview(upgrade, account.ports(progress), may_make=not dry_run)
    document = shown.document(upgrade, preview, account.cloud.region, account.number, documents(before))
    if not as_json:
        echo("\n".join(shown.words(upgrade, preview, account.cloud.region, account.number)))
    if dry_run:
        flow.drop(preview, account.ports(steps.Steps(None)))
        if as_json:
            print_json(document)
        return
    if preview.changes and not confirmed(f"Deploy this to {target.stack}?", yes=yes):
        flow.drop(preview, account.ports(steps.Steps(None)))
        raise click.Abort
    if preview.changes:
        with steps.shown() as progress:
            progress.begin(f"Deploying {account.stack}", len(preview.changes))
            flow.carry_out(upgrade, preview, account.ports(progress), progress.upload)
        document["status"] = "deployed"
    _look(account, target, document, is_new=upgrade.deployed is None, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Account:
    """Where it is deployed to."""

    cloud: Cloud
    number: str
    principal: str
    stack: str
    artifacts: Artifacts

    def ports(self, progress: steps.Steps) -> Ports:
        from deliverywatch.operate.deploy.aws_formation import CloudFormation
        from deliverywatch.operate.deploy.upgrade import Ports

        return Ports(formation=CloudFormation(self.cloud), artifacts=self.artifacts, following=progress.following())


def _account(target: Target, bucket: str | None) -> _Account:
    from deliverywatch.operate.deploy.aws_artifacts import Artifacts, identity_of

    cloud = target.connect()
    number, principal = identity_of(cloud)
    return _Account(cloud, number, principal, target.stack, Artifacts(cloud, number, bucket))


def _read(path: Path) -> dict[str, Any]:
    template = read_json(path, "Run 'python cfn/build.py', or name another template with --template.")
    if isinstance(template, dict) and "Resources" in template and "Environment" in template.get("Parameters", {}):
        return template
    raise InputError(f"{path} is not a template that cfn/build.py wrote.", next_step="Run 'python cfn/build.py'.")


def _seen(account: _Account, *, may_wait: bool) -> Stack | None:
    """Return what CloudFormation has under the stack's name; what it works on is waited for, if that may be."""
    from deliverywatch.operate.deploy.deploy import settled

    with steps.shown() as progress:
        progress.begin(f"Looking at {account.stack}")
        ports = account.ports(progress)
        return settled(ports.formation, account.stack, ports.following, may_wait=may_wait)


def _upgrade(
    account: _Account,
    seen: Stack | None,
    template: dict[str, Any],
    folder: Path,
    texts: tuple[str, ...],
    *,
    reverts_drift: bool,
) -> Upgrade:
    from deliverywatch.operate.deploy import parameters, upgrade

    def code(_function: str, path: str) -> bytes:
        return read_bytes(folder / path, "Run 'python cfn/build.py' again.")

    deployed = _deployed(account, seen)
    given = pairs(texts)
    if sys.stdin.isatty():
        for name in parameters.missing(template, given, deployed[0] if deployed else None):
            question = f"{template['Parameters'][name]['Description']}\n{name}"
            given[name] = click.prompt(harmless(question), err=True).strip()
    token, bucket = uuid.uuid4().hex, account.artifacts.name
    return upgrade.prepare(
        template, given, account.stack, seen, deployed, bucket, code, token, reverts_drift=reverts_drift
    )


def _deployed(account: _Account, seen: Stack | None) -> tuple[Deployment, Mapping[str, Any]] | None:
    """Return the deployed stack with its template; none if it is still to be made, or to be made anew."""
    from deliverywatch.operate.account import aws
    from deliverywatch.operate.account.stack_status import is_unfinished
    from deliverywatch.operate.deploy.aws_formation import CloudFormation

    # One that is being deleted will be gone.
    if seen is None or is_unfinished(seen.status) or seen.status == "DELETE_IN_PROGRESS":
        return None
    return aws.find(account.cloud, account.stack), CloudFormation(account.cloud).template(account.stack)


def _before(account: _Account, upgrade: Upgrade, target: Target, *, may_fail: bool, as_json: bool) -> list[Check]:
    """Return what the account lacks for a deployment, before anything is changed."""
    from deliverywatch.cli.deploy.first_look import look
    from deliverywatch.operate.deploy.prerequisites import Intent

    before = upgrade.before.get("Parameters") or {}
    intent = Intent(
        stack=account.stack,
        region=account.cloud.region,
        principal=account.principal,
        template=upgrade.packaged.template,
        parameters=upgrade.parameters.values,
        artifacts=account.artifacts.name,
        is_new=upgrade.deployed is None,
        before=upgrade.before,
        old={name: value for name, value in upgrade.parameters.before.items() if name in before},
    )
    return look(account.cloud, account.number, intent, target, may_fail=may_fail, as_json=as_json)


def _look(account: _Account, target: Target, document: dict[str, Any], *, is_new: bool, as_json: bool) -> None:
    """Look whether it works, say so, and end with 3 if a stack that did before does not."""
    from deliverywatch.operate.account import aws
    from deliverywatch.operate.deploy.smoke import INGEST, look

    deployment = aws.find(account.cloud, target.stack)
    function = f"{deployment.prefix}-{INGEST}" if "SlotMinutes" in deployment.parameters else ""
    with steps.shown() as progress:
        progress.begin("Looking whether it works")
        checks = list(look(examined(account.cloud, deployment), account.cloud, function))
    if not as_json:
        _print_checks(checks, target, is_new=is_new)
    else:
        print_json({**document, "outputs": dict(deployment.outputs), "checks": documents(checks)})
    if not is_new and any(check.verdict == "failed" for check in checks):
        raise SystemExit(Exit.CHECK_FAILED)


def _print_checks(checks: list[Check], target: Target, *, is_new: bool) -> None:
    """Print what is not as it should be; of a new stack that is what its owner still has to do."""
    open_points = [check for check in checks if check.verdict != "ok"]
    echo(f"It is deployed: {len(checks) - len(open_points)} of {len(checks)} checks are fine.")
    if open_points:
        echo("Left to do:" if is_new else "Not as it should be:")
    for check in open_points:
        show(check, target)
    echo(f"Look again at any time: deliverywatch doctor{target.options()}")

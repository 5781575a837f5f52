"""`deliverywatch doctor`: is everything as it should be, and what fixes what is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import counted, echo, print_json
from deliverywatch.cli.terminal.checks import documents, examined, show
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.target import Target, target_and_json
from deliverywatch.errors import CloudUnavailable, DeliveryWatchError

if TYPE_CHECKING:
    from deliverywatch.operate.doctor.check import Check


@click.command()
@target_and_json
def doctor(*, target: Target, as_json: bool) -> None:
    """Check whether everything is as it should be, and say what fixes it.

    Nothing is changed and nothing is sent. ClickSend is asked for the account's credit.

    \b
    JSON: {"stack": "", "ok": true,
           "checks": [{"check": "sender", "told": "", "mend": "",
             "verdict": "ok" | "warning" | "failed" | "unknown"}]}
    Exit codes: 0 nothing failed (there may be warnings), 3 something did,
    5 nothing did, and something could not be looked at.
    """  # noqa: D301 - click wants the control character
    checks: list[Check] = []
    for check in _checks(target):
        checks.append(check)
        if not as_json:
            show(check, target)
    failures, unknown = (sum(check.verdict == word for check in checks) for word in ("failed", "unknown"))
    if as_json:
        print_json({"stack": target.stack, "ok": not failures and not unknown, "checks": documents(checks)})
    else:
        warnings = sum(check.verdict == "warning" for check in checks)
        blind = f", {unknown} not known" if unknown else ""
        echo(f"{counted(len(checks), 'check')}: {failures} failed, {warnings} to know of{blind}.")
    if failures or unknown:
        raise SystemExit(Exit.CHECK_FAILED if failures else Exit.UNSEEN)


def _checks(target: Target) -> Iterator[Check]:
    from deliverywatch.operate.doctor.check import failed, ok, unknown

    try:
        cloud, deployment = target.find()
    except DeliveryWatchError as error:
        names = {"no-stack": "stack", "unfinished-stack": "stack", "foreign-stack": "stack", "no-region": "region"}
        if error.kind in ("denied", CloudUnavailable.kind):
            yield unknown("stack", error)
            return
        if error.kind in ("no-stack", "unfinished-stack"):
            yield ok("credentials", "AWS knows the credentials.")
        # What lacks before AWS can be called is a check for each.
        for part in getattr(error, "parts", (error,)):
            yield failed(names.get(part.kind, "credentials"), str(part), part.next_step)
        return
    yield from examined(cloud, deployment)

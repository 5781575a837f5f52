"""`deliverywatch queries plan`, `apply` and `import`: a file of queries and the schedules that there are."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cwalarm.cli.terminal import echo, json_option, one_line, print_json
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.output import print_either
from deliverywatch.cli.terminal.queries_file import DEFAULT_FILE, config_file, load
from deliverywatch.cli.terminal.target import Target, target, target_and_json
from deliverywatch.errors import CloudRefused, InputError

if TYPE_CHECKING:
    from deliverywatch.queries.aws import Scheduler
    from deliverywatch.queries.schedule.guard import Guard, State
    from deliverywatch.queries.schedule.plan import Plan, Rules
    from deliverywatch.queries.schedule.specification import Schedule
    from deliverywatch.queries.settings import Reconciliation
    from deliverywatch.storage.s3 import Bucket

# As `terraform plan -detailed-exitcode` has it; here a file that is refused ends with 1.
CHANGES = 2


@click.command()
@config_file
@target_and_json
def plan(*, target: Target, path: Path, as_json: bool) -> None:
    """Show what the file of queries would change.

    It is shown field by field; nothing is changed.

    \b
    JSON: {"changes": [{"action": "update", "name": "",
             "differences": [{"field": "", "old": "", "new": ""}]}],
           "counts": {"create": 0, "update": 0, "delete": 0, "unchanged": 0,
                      "by_hand": 0, "withheld": 0},
           "by_hand": [], "withheld": [], "guard": "",
           "requests": {"withheld name": {"revision": "", "since": ""}}}
    Exit codes: 0 nothing to do, 2 there are changes, 1 anything went wrong.
    --config is needed where the stack reads its file from Git or S3.
    """  # noqa: D301 - click wants the control character
    planned = _planned(path, target, allow_deletes=False)
    print_either(_document(planned), _text(planned), as_json=as_json)
    if not planned.plan.is_empty:
        raise SystemExit(CHANGES)


@click.command()
@config_file
@target
@click.option("--allow-deletes", is_flag=True, help="Lift the guard that withholds many deletions.")
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@json_option
def apply(*, target: Target, path: Path, allow_deletes: bool, dry_run: bool, as_json: bool) -> None:
    """Bring the schedules in line with the file of queries, from here.

    The deployed reconciler does the same every few minutes with its own copy of the file: what differs there comes
    back. So put the file where the reconciler reads it, and use this to see it happen, or to lift the guard.

    \b
    JSON: {"counts": {}, "created": [], "updated": [], "deleted": [],
           "failed": {"name": "why"}, "by_hand": [], "withheld": [], "guard": ""}
    """  # noqa: D301 - click wants the control character
    planned = _planned(path, target, allow_deletes=allow_deletes)
    if dry_run:
        print_either(_document(planned), _text(planned), as_json=as_json)
        return
    from deliverywatch.queries.schedule import apply as flow

    def log(line: str) -> None:
        echo(line, err=as_json)

    ports = flow.Ports(schedules=planned.scheduler, log=log, pause=time.sleep, seconds_left=lambda: float("inf"))
    result = flow.apply(planned.plan, planned.wanted, planned.rules, ports, planned.guard)
    if as_json:
        print_json(result.document())
    if result.failed:
        raise SystemExit(Exit.FAILED)


@click.command("import")
@config_file
@target
@click.option("--group", help="Schedule group to read.  [default: the stack's own]")
@click.option("--prefix", help="What the names there begin with.  [default: the stack's own]")
@click.option(
    "--from",
    "former",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the former scheduler: SQL and alerts are taken from it.",
)
def adopt(*, target: Target, path: Path, group: str | None, prefix: str | None, former: Path | None) -> None:
    """Print the file of queries with the schedules that it lacks.

    A schedule knows its time, zone, state and description; its SQL comes from --from, or is left for you to fill in.
    Nothing is changed: a schedule whose entry is in the file is adopted by the next plan.

    \b
    Example: deliverywatch queries import --group pn-athena-queries \\
               --prefix pn- --from former.json > queries.json
    """  # noqa: D301 - click wants the control character
    from deliverywatch.queries.aws import Scheduler
    from deliverywatch.queries.schedule import adoption
    from deliverywatch.queries.schedule.apply import observe

    settings, client, _ = _settings(target)
    file = adoption.document(path.read_bytes() if path.exists() else b'{"queries": {}}')
    begin = prefix if prefix is not None else settings.wiring.prefix
    observed = observe(Scheduler(client, group or settings.group), begin)
    result = adoption.adopt(file, observed.values(), begin, adoption.document(former.read_bytes()) if former else {})
    print_json(result.document, indent=1)
    echo(f"{len(result.adopted)} adopted, {len(result.incomplete)} of them without SQL.", err=True)
    for query_id in result.incomplete:
        echo(f"  {query_id}: fill in its query", err=True)


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan and what it was made from; `remembered` is what the guard knew before."""

    plan: Plan
    wanted: dict[str, Schedule]
    rules: Rules
    scheduler: Scheduler
    guard: Guard
    remembered: State


def _planned(path: Path, target: Target, *, allow_deletes: bool) -> _Planned:
    from deliverywatch.queries.aws import Scheduler
    from deliverywatch.queries.schedule.apply import observe
    from deliverywatch.queries.schedule.plan import plan as compare
    from deliverywatch.queries.schedule.specification import desired

    settings, client, lake = _settings(target)
    _check_source(settings.url)
    try:
        config = load(path, settings.wiring.project)
    except InputError as error:
        # A refused file is a failure here: 2 says that there are changes.
        raise CloudRefused(str(error), kind=error.kind, next_step=error.next_step) from error
    for problem in config.refused:
        echo(f"wrong  {one_line(problem.path)} {one_line(problem.sentence)}", err=True)
    wanted = desired(config.queries.values(), settings.wiring)
    rules = replace(settings.rules, allow_deletes=allow_deletes)
    scheduler, guard = Scheduler(client, settings.group), _guard(path, settings, lake)
    remembered = guard.read()
    planned = compare(wanted, observe(scheduler, settings.wiring.prefix), rules, remembered)
    return _Planned(planned, wanted, rules, scheduler, guard, remembered)


def _guard(path: Path, settings: Reconciliation, lake: Bucket) -> Guard:
    from deliverywatch.queries.config.source import revision_of
    from deliverywatch.queries.schedule.guard import Guard, request_of, scope_of

    request = request_of(revision_of(path.read_bytes()), datetime.now(UTC))
    return Guard(lake, scope_of(settings.group, settings.wiring.prefix), request)


def _check_source(url: str) -> None:
    """Of a stack that reads its file elsewhere, the packaged file says nothing: it would delete what is there."""
    if url and click.get_current_context().get_parameter_source("path") is ParameterSource.DEFAULT:
        raise CloudRefused(
            f"The stack reads its queries from {url}, and not from {DEFAULT_FILE}.",
            kind="source",
            next_step="Name your copy of that file with --config.",
        )


def _settings(target: Target) -> tuple[Reconciliation, Any, Bucket]:
    from deliverywatch.operate.lake import aws_queries
    from deliverywatch.queries import settings
    from deliverywatch.storage.s3 import Bucket

    cloud, deployment = target.find()
    lake = Bucket(deployment.bucket, cloud.s3_of(deployment.account))
    return settings.reconciliation(aws_queries.environment(cloud, deployment)), cloud.client("scheduler"), lake


def _document(planned: _Planned) -> dict[str, Any]:
    plan = planned.plan
    return {
        "changes": [
            {"action": change.action, "name": change.name, "differences": list(map(asdict, change.differences))}
            for change in plan.changes
        ],
        "counts": plan.counts(),
        "by_hand": plan.by_hand,
        "withheld": plan.withheld,
        "guard": plan.guard,
        "requests": {
            name: asdict(request) for name, request in planned.remembered.withheld.items() if name in plan.withheld
        },
    }


def _text(planned: _Planned) -> str:
    plan, lines = planned.plan, []
    for change in plan.changes:
        lines.append(f"{change.action:6}  {change.name}")
        lines += [f"          {difference}" for difference in change.differences]
    lines += [f"off     {name}: switched off by hand, and left so" for name in plan.by_hand]
    requests = planned.remembered.withheld
    for name in plan.withheld:
        since = f" since {requests[name]}" if name in requests else ""
        lines.append(f"KEPT    {name}: not in the file{since}")
    lines += [f"{plan.guard} Lift this with 'apply --allow-deletes'."] if plan.guard else []
    counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in plan.counts().items() if count)
    return "\n".join([*lines, f"{counts or 'No schedules'}."])

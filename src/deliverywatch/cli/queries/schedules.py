"""`deliverywatch queries plan`, `apply` and `import`: a file of queries and the schedules that there are."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cwalarm.cli.terminal import echo, json_option, one_line, print_json
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.input_files import read_bytes
from deliverywatch.cli.terminal.output import print_either
from deliverywatch.cli.terminal.queries_file import DEFAULT_FILE, config_file, load
from deliverywatch.cli.terminal.target import Target, target, target_and_json
from deliverywatch.errors import CloudRefused, InputError

if TYPE_CHECKING:
    from deliverywatch.queries.aws import Scheduler
    from deliverywatch.queries.schedule.adoption import Adoption
    from deliverywatch.queries.schedule.former import Remaining
    from deliverywatch.queries.schedule.guard import Guard, State
    from deliverywatch.queries.schedule.plan import Plan, Rules
    from deliverywatch.queries.schedule.specification import Schedule
    from deliverywatch.queries.settings import Reconciliation
    from deliverywatch.storage.s3 import Bucket

# As `terraform plan -detailed-exitcode` has it; here a file that is refused ends with 1.
CHANGES = 2
_NAMED = 5


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
           "requests": {"withheld name": {"revision": "", "since": ""}},
           "former": {"group that queries came from": ["name left there"]}}
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

    for sentence in _announced(planned.plan, planned.wanted):
        log(sentence)
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
    help="File of the former scheduler: SQL, alerts, file names and the database are taken from it.",
)
@click.option("--database", default="", help="Where bare tables of the former file are, if it does not say so.")
def adopt(
    *, target: Target, path: Path, group: str | None, prefix: str | None, former: Path | None, database: str
) -> None:
    """Print the file of queries with the schedules that it lacks.

    A schedule knows its time, zone, state and description; the rest comes from --from, or is left for you to fill in.
    Nothing is changed: a schedule of the stack's own group whose entry is in the file is adopted by the next plan, and
    one of another group is shown by every plan until it is gone.

    \b
    Example: deliverywatch queries import --group pn-athena-queries \\
               --prefix pn- --from former.json > queries.json
    """  # noqa: D301 - click wants the control character
    from deliverywatch.queries.aws import Scheduler
    from deliverywatch.queries.config.query import Origin
    from deliverywatch.queries.schedule import adoption
    from deliverywatch.queries.schedule.apply import observe

    settings, client, _ = _settings(target)
    file = adoption.document(path.read_bytes() if path.exists() else b'{"queries": {}}')
    taken = (
        adoption.document(read_bytes(former, "Name the file of the former scheduler.")) if former else {"queries": {}}
    )
    origin = Origin(group or settings.group, prefix if prefix is not None else settings.wiring.prefix)
    observed = observe(Scheduler(client, origin.group), origin.prefix)
    if database:
        taken["global_config"] = {"athena_database": database}
    result = adoption.adopt(file, observed.values(), origin, taken, settings.origin)
    print_json(result.document, indent=1)
    if not observed:
        echo(f"No schedule of the group {origin.group} begins with '{origin.prefix}'.", err=True)
    for line in _to_look_at(result, settings.wiring.project):
        echo(line, err=True)


def _to_look_at(result: Adoption, project: str) -> Iterator[str]:
    """Yield what was done, and what somebody has to do before the file is taken."""
    from deliverywatch.queries.config import file
    from deliverywatch.queries.config.fields import Findings, Section

    yield f"{len(result.adopted)} adopted, {len(result.incomplete)} of them without SQL."
    yield from (f"  {query_id}: fill in its query" for query_id in result.incomplete)
    yield from (f"  {query_id}: left out, it has no schedule there" for query_id in result.unscheduled)
    entries = Section("$.queries", {}, Findings())
    known = {f"{entries.path_of(query_id)}.query" for query_id in result.incomplete}
    try:
        file.read(json.dumps(result.document).encode(), project)
    except file.Refused as error:
        yield from (f"  {problem.path}: {problem.sentence}" for problem in error.problems if problem.path not in known)


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan and what it was made from.

    `remembered` is what the guard knew before, `former` what is left where queries were imported from.
    """

    plan: Plan
    wanted: dict[str, Schedule]
    rules: Rules
    scheduler: Scheduler
    guard: Guard
    remembered: State
    former: Remaining


def _planned(path: Path, target: Target, *, allow_deletes: bool) -> _Planned:
    from deliverywatch.queries.aws import Scheduler, names_in
    from deliverywatch.queries.schedule import former
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
    left = former.remaining(config.imported_from, partial(names_in, client), settings.origin)
    return _Planned(planned, wanted, rules, scheduler, guard, remembered, left)


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
        "former": planned.former,
    }


def _announced(plan: Plan, wanted: Collection[str]) -> list[str]:
    """Return what an emptied file is about to do, where deletions are allowed."""
    gone = [change.name for change in plan.changes if change.action == "delete"]
    if wanted or not gone:
        return []
    more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
    which = "the last schedule is" if len(gone) == 1 else f"all {len(gone)} schedules are"
    sentence = (
        f"The file holds no query, and deletions are allowed: {which} deleted, {', '.join(gone[:_NAMED])}{more}. "
        "No query runs after that, and what one left open is closed."
    )
    return [sentence]


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
    lines += _former_lines(planned.former)
    lines += _announced(plan, planned.wanted)
    lines += [f"{plan.guard} Lift this with 'apply --allow-deletes'."] if plan.guard else []
    counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in plan.counts().items() if count)
    return "\n".join([*lines, f"{counts or 'No schedules'}."])


def _former_lines(left: Remaining) -> Iterator[str]:
    for group, names in left.items():
        if names is None:
            yield f"FORMER  The group {group} cannot be read: what is left in it is not known."
            continue
        yield from (f"FORMER  {name}: still runs in the group {group}, beside ours" for name in names)
        yield f"Once ours are right: aws scheduler delete-schedule --group-name {group} --name NAME"

"""`deliverywatch queries`: scheduled Athena queries: their file checked, their times shown, their schedules kept."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import counted, echo, json_option, one_line, print_json, wrapped
from deliverywatch.cli.queries.runs import history, run
from deliverywatch.cli.queries.schedules import adopt, apply, plan
from deliverywatch.cli.terminal.exits import WORDS
from deliverywatch.cli.terminal.queries_file import DEFAULT_FILE, config_file, load, named
from deliverywatch.cli.terminal.time_options import TimeOrAge

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Config, Problem, Query

_COUNT = 10


@click.group(epilog=WORDS)
def queries() -> None:
    """Athena queries on a schedule: check their file, see when they run, keep schedules in step."""


@queries.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), default=DEFAULT_FILE)
@click.option("--project", default="deliverywatch", show_default=True, help="What the schedules' names begin with.")
@json_option
def validate(*, path: Path, project: str, as_json: bool) -> None:
    """Check the file of queries at PATH  [default: cfn/schedules.json].

    The whole file is refused if an id, an unknown field, or SQL that does not parse as Athena is wrong. A schedule or
    a time zone that AWS refuses stops its own query only, and is a problem here too. Each problem is shown with its
    JSON path. Notices name schedules that never run, and those of which AWS does not say whether it takes them.

    \b
    JSON: {"queries": 2, "notices": [as problems],
           "problems": [{"path": "$.queries.x.cron", "sentence": ""}]}
    """  # noqa: D301 - click wants the control character
    from deliverywatch.queries.config.file import Refused
    from deliverywatch.queries.config.notices import notices as of_schedules

    try:
        config, problems = load(path, project), []
    except Refused as error:
        config, problems = None, error.problems
    problems += config.refused if config else ()
    notices = of_schedules(config, datetime.now(UTC)) if config else []
    if as_json:
        lists = {"problems": list(map(asdict, problems)), "notices": list(map(asdict, notices))}
        print_json({"queries": len(config.queries) if config else 0, **lists})
    else:
        _print_problems(path, config, problems, notices)
    if problems:
        raise SystemExit(2)


@queries.command("next")
@click.argument("query_id", metavar="ID")
@config_file
@click.option("--after", type=TimeOrAge(), help="From when on.  [default: now]")
@json_option
def next_runs(*, query_id: str, path: Path, after: datetime | None, as_json: bool) -> None:
    """Print the next ten runs of the query ID.

    Times are in its zone and in UTC. As EventBridge does it, a local time that the clocks skip in spring is left out,
    and one that comes twice in autumn runs once. A rate counts from when its schedule is made: from now, here.

    JSON: [{"local": "2026-11-21T08:00:00+01:00", "utc": "2026-11-21T07:00:00Z"}]
    """
    from cwalarm.schedules import eventbridge, zones

    query = named(query_id, load(path, "x"))
    begin = after or datetime.now(UTC)
    moments = eventbridge.following(eventbridge.parse(query.expression), query.timezone, begin, begin)
    zone = zones.zone(query.timezone)
    times = [(moment.astimezone(zone), moment) for moment in islice(moments, _COUNT)]
    if as_json:
        print_json([{"local": local.isoformat(), "utc": f"{utc:%Y-%m-%dT%H:%M:%SZ}"} for local, utc in times])
        return
    _print_times(query, times)


def _print_problems(path: Path, config: Config | None, problems: list[Problem], notices: list[Problem]) -> None:
    words = [("notice", notice) for notice in notices] + [("wrong", problem) for problem in problems]
    for word, problem in words:
        echo(f"{word}  {one_line(problem.path)}\n{wrapped(one_line(problem.sentence), ' ' * 8)}")
    if config is None:
        echo(f"{path}: refused, {counted(len(problems), 'problem')}.")
    elif problems:
        echo(f"{path}: {counted(len(problems), 'problem')}: AWS refuses these schedules; the other queries go on.")
    else:
        count = len(config.queries)
        echo(f"{path}: {count} quer{'y' if count == 1 else 'ies'}, all in order.")


def _print_times(query: Query, times: list[tuple[datetime, datetime]]) -> None:
    echo(f"{query.expression}, {query.timezone}{'' if query.enabled else ', switched off'}")
    for local, utc in times:
        offset = local.utcoffset() or timedelta()
        same = "" if not offset else f"   {utc:%Y-%m-%d %H:%M} UTC"
        echo(f"{local:%a %Y-%m-%d %H:%M %Z}{same}")
    if not times:
        echo("It never runs again.")


for _verb in (plan, apply, run, history, adopt):
    queries.add_command(_verb)

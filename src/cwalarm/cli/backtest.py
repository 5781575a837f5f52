"""`cwalarm backtest`: the alarms of a template over a file of datapoints, as a table of what each did, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import (
    Time,
    counted,
    echo,
    json_option,
    pairs,
    print_json,
    settings_option,
    template_option,
    without_option,
    wrapped,
)
from cwalarm.errors import InputError

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Alarm
    from cwalarm.evaluation.series import Series
    from cwalarm.replay.backtest import Change
    from cwalarm.replay.outcome import Outcome, Replayed

_SHOWN_CHANGES = 40
# A datapoint of a minute is evaluated at the minute's end, and once more when it has left the newest slot.
_AFTER_THE_LAST = timedelta(minutes=2)


@click.command()
@template_option
@click.option(
    "--history", required=True, type=click.Path(path_type=Path), help="A .csv or .parquet file of datapoints."
)
@click.option("--from", "start", type=Time(), help="Begin of the replay.  [default: the oldest datapoint]")
@click.option("--to", "end", type=Time(), help="Its end.  [default: the newest datapoint]")
@settings_option
@without_option
@json_option
def backtest(
    *,
    template: Path,
    history: Path,
    start: datetime | None,
    end: datetime | None,
    settings: tuple[str, ...],
    without: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what the alarms of a template would have done over a history.

    Every minute is evaluated as CloudWatch would. Alarms whose metrics are not in the history are left out, by name.

    \b
    HISTORY has a line of names, then a row per datapoint; an empty cell is a
    gap. A column is a metric's name or Namespace/Name, with {orders} behind it
    where that dimension's value tells it from others of the name. With a column
    `published` datapoints are visible to alarms only from then on.
      time,Errors,Invocations
      2026-11-21T12:00:00Z,0,41
      2026-11-21T12:01:00Z,3,40

    \b
    JSON: {"from": "2026-11-21T12:00:00Z", "to": "", "left_out": ["alarm"],
           "alarms": [{"alarm": "", "alarm_count": 0, "first": null,
             "minutes_in_alarm": 0, "longest_minutes": 0, "action_count": 0,
             "last_state": "OK"}],
           "changes": [{"time": "", "alarm": "", "state": "", "previous": ""}],
           "actions": [{"time": "", "alarm": "", "state": "",
             "is_replay": false}],
           "absent": [{"alarm": "", "reason": "", "next_step": ""}]}
    """  # noqa: D301 - click wants the control character
    from cwalarm.definitions import documents, inventory
    from cwalarm.definitions.readings import require_all
    from cwalarm.evaluation import assumptions as assumed
    from cwalarm.evaluation import mute
    from cwalarm.replay import datapoint_files
    from cwalarm.replay.actions import complete
    from cwalarm.replay.outcome import replay
    from cwalarm.replay.parallel import processors

    document, overrides = documents.read(template), pairs(settings)
    alarms = inventory.read(document, overrides, without)
    require_all(alarms.refused)
    alarms.require_some(template.name)
    every, above = alarms.alarms, alarms.composites
    mutes = mute.from_template(document, overrides, without)
    series = datapoint_files.read(history, sorted({stat.metric for one in every for stat in one.metrics}, key=str))
    watching = [one for one in every if {stat.metric for stat in one.metrics} <= set(series.metrics())]
    kept = complete(above, {one.name for one in watching})
    span = _span(series, start, end)
    replayed = replay(_some(watching, history), kept, mutes, series, *span, processes=processors())
    left_out = sorted({one.name for one in [*every, *above]} - {one.name for one in [*watching, *kept]})
    assumptions = [
        *(f"{one.name}: {text}" for one in [*watching, *kept] for text in assumed.of(one, series)),
        *mute.assumptions(mutes),
    ]
    if as_json:
        absent = [{"alarm": one.name, "reason": one.reason, "next_step": one.next_step} for one in alarms.absent]
        print_json({**_document(replayed, left_out, *span), "absent": absent, "assumptions": assumptions})
    else:
        notes = [f"{one.name} is not in the stack, because {one.reason}. {one.next_step}" for one in alarms.absent]
        notes += [f"Assumed of {sentence}" for sentence in assumptions]
        notes += _step_by_step(watching, series, *span)
        echo("\n\n".join([_words(replayed, left_out, *span), *map(wrapped, notes)]))


def _step_by_step(watching: Sequence[Alarm], series: Series, start: datetime, end: datetime) -> list[str]:
    """Return which alarms are evaluated again and again, which takes a minute and more for a year, and why."""
    from cwalarm.replay.method import follows_grid, why_step_by_step
    from cwalarm.replay.minutes import Minutes

    minutes, span = Minutes(series), (int(start.timestamp()) // 60, int(end.timestamp()) // 60)
    reasons = {one.name: why_step_by_step(one, minutes) for one in watching if not follows_grid(one, minutes, *span)}
    return [f"{name} is replayed step by step, which is slow: {why}" for name, why in reasons.items() if why]


def _some(watching: Sequence[Alarm], history: Path) -> Sequence[Alarm]:
    if not watching:
        raise InputError(
            f"No alarm of the template watches only what is in {history.name}.",
            next_step="Name the columns after the metrics, such as Errors or AWS/Lambda/Errors.",
        )
    return watching


def _span(series: Series, start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    extents = [extent for metric in series.metrics() if (extent := series.extent(metric))]
    oldest = datetime.fromtimestamp(min(first for first, _ in extents), UTC)
    newest = datetime.fromtimestamp(max(last for _, last in extents), UTC)
    return start or oldest, end or newest + _AFTER_THE_LAST


def _document(replayed: Replayed, left_out: list[str], start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "from": _iso(start),
        "to": _iso(end),
        "left_out": left_out,
        "alarms": [_outcome(one) for one in replayed.outcomes],
        "changes": [
            {"time": _iso(one.time), "alarm": one.alarm, "state": one.state, "previous": one.previous}
            for one in replayed.changes
        ],
        "actions": [
            {"time": _iso(one.time), "alarm": one.alarm, "state": one.state, "is_replay": one.is_replay}
            for one in replayed.actions
        ],
    }


def _outcome(one: Outcome) -> dict[str, Any]:
    return {
        "alarm": one.alarm,
        "alarm_count": one.alarm_count,
        "first": _iso(one.first) if one.first else None,
        "minutes_in_alarm": _minutes(one.in_alarm),
        "longest_minutes": _minutes(one.longest),
        "action_count": one.action_count,
        "last_state": one.last_state,
    }


def _words(replayed: Replayed, left_out: Sequence[str], start: datetime, end: datetime) -> str:
    head = f"{counted(len(replayed.outcomes), 'alarm')}, every minute from {_stamp(start)} to {_stamp(end)} UTC."
    shown = replayed.changes[:_SHOWN_CHANGES]
    parts = [head, "\n".join(_table(replayed.outcomes)), "\n".join(map(_change, shown))]
    if len(shown) < len(replayed.changes):
        parts.append(f"... and {len(replayed.changes) - len(shown):,} more changes: --json has all of them.")
    if left_out:
        parts.append(wrapped(f"Left out, because the history lacks what they watch: {', '.join(left_out)}."))
    return "\n\n".join(part for part in parts if part)


def _table(outcomes: Sequence[Outcome]) -> list[str]:
    width = max(len(one.alarm) for one in outcomes)
    return [
        f"{'alarm'.ljust(width)}  times in ALARM  minutes  longest  actions  at the end",
        *(_row(one, width) for one in outcomes),
    ]


def _row(one: Outcome, width: int) -> str:
    minutes = f"{_minutes(one.in_alarm):>7,}  {_minutes(one.longest):>7,}"
    return f"{one.alarm.ljust(width)}  {one.alarm_count:>14,}  {minutes}  {one.action_count:>7,}  {one.last_state}"


def _change(change: Change) -> str:
    return f"{_stamp(change.time)}  {change.alarm}: {change.previous} -> {change.state}"


def _minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"

"""How an alarm is replayed: slot by slot for all minutes at once, row by row, or step by step and why.

Step by step is always right; arrays are taken where they come to the same value, to the last bit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from cwalarm.definitions.alarm import Alarm, Query
from cwalarm.evaluation import windows
from cwalarm.metric_math import expression
from cwalarm.metric_math.kinds import Checker
from cwalarm.metric_math.signatures import Kind
from cwalarm.metric_math.syntax import Call, Name
from cwalarm.replay import vector
from cwalarm.replay.folds import FOLDS
from cwalarm.replay.minutes import Minutes

_DAY_SECONDS = 86400

_LINES = {"REPEAT", "LINEAR"}


def can_vectorise(alarm: Alarm, minutes: Minutes) -> bool:
    """Return whether arrays come to the same states as the plain evaluation."""
    return why_step_by_step(alarm, minutes) is None


def why_step_by_step(alarm: Alarm, minutes: Minutes) -> str | None:
    """Return why the alarm has to be evaluated again and again, in one sentence; None if arrays serve."""
    if alarm.wall_clock_zone is not None:
        return "Its window follows the wall clock."
    if alarm.period_seconds % 60:
        return "Its period is shorter than a minute."
    inexact = (minutes.why_inexact(stat) for stat in alarm.metrics)
    return next((why for why in (*inexact, *_unfit(alarm)) if why), None)


def follows_grid(alarm: Alarm, minutes: Minutes, first: int, last: int) -> bool:
    """Return whether a wall-clock window only changes with whole periods since 1970, and is then all there.

    So it is where the zone's offsets are whole periods, and no datapoint is late.
    """
    if alarm.wall_clock_zone is None or alarm.period_seconds > _DAY_SECONDS:
        return False
    if why_step_by_step(replace(alarm, wall_clock_zone=None), minutes):
        return False
    if any(minutes.late_minutes(minutes.source(stat)) for stat in alarm.metrics):
        return False
    zone, begin = windows.zone_of(alarm.wall_clock_zone), first - alarm.evaluation_periods * alarm.period_seconds // 60
    offsets = (datetime.fromtimestamp(minute * 60, zone).utcoffset() for minute in range(begin, last + 60, 60))
    return all(int((offset or timedelta()).total_seconds()) % alarm.period_seconds == 0 for offset in offsets)


@lru_cache(maxsize=1024)
def looks_along(queries: tuple[Query, ...]) -> bool:
    """Return whether the value of a slot depends on the other slots that an evaluation fetches."""
    checker = Checker(queries)
    return any(_looks_along(checker, query, call) for query, call in _calls(queries))


def _looks_along(checker: Checker, query: Query, call: Call) -> bool:
    if call.function == "FILL":
        return isinstance(call.arguments[1], Name) and call.arguments[1].name in _LINES
    if call.function in FOLDS:
        return checker.part(query.expression or "", call.arguments[0]).kind is Kind.SERIES
    return call.function in vector.ALONG


def _unfit(alarm: Alarm) -> Iterator[str]:
    """Yield what arrays do not fit: values whose type depends on data."""
    checker = Checker(alarm.queries)
    for query, call in _calls(alarm.queries):
        kinds = [checker.part(query.expression or "", argument) for argument in call.arguments]
        if call.function == "IF" and len(kinds) == 2 and {kind.kind for kind in kinds} == {Kind.NUMBER}:
            yield f"{query.id} has an IF of numbers only without a third argument."
        is_cut = call.function in ("SLICE", "SORT") and kinds[0].series_count is None
        if is_cut and any((kind.constant or 0) < 0 for kind in kinds[1:]):
            yield f"{query.id} counts from the end of an array whose length depends on data."


def _calls(queries: Sequence[Query]) -> Iterator[tuple[Query, Call]]:
    for query in queries:
        if query.expression and not query.metric:
            yield from ((query, call) for call in expression.calls(expression.parse(query.expression)))

"""An alarm's definition -> what CloudWatch would refuse about it."""

import re
from collections.abc import Iterator

from cwalarm.definitions.alarm import Alarm, Query
from cwalarm.errors import InputError
from cwalarm.evaluation import statistic, windows
from cwalarm.metric_math import expression
from cwalarm.metric_math.kinds import Checker
from cwalarm.metric_math.signatures import Kind, Type

_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_MAXIMUM_METRICS = 10
_DAY_SECONDS = 86400


def problems(alarm: Alarm) -> list[str]:
    """Return a sentence for each thing that CloudWatch would refuse; empty if the definition is sound."""
    return [*_queries(alarm), *_expressions(alarm), *_metrics(alarm), *_window(alarm)]


def require_sound(alarm: Alarm) -> None:
    """Raise InputError with the first problem if an alarm cannot be evaluated."""
    sentences = problems(alarm)
    if sentences:
        raise InputError(
            f"Alarm {alarm.name} cannot be evaluated: {sentences[0]}",
            next_step=f"Correct the definition, or leave it out with --without {alarm.name}.",
        )


def _queries(alarm: Alarm) -> Iterator[str]:
    ids = [query.id for query in alarm.queries]
    metrics = alarm.metrics
    yield from (
        f"The id {query_id} is used twice." for query_id in sorted({name for name in ids if ids.count(name) > 1})
    )
    yield from (f"The id {name} must start with a lower-case letter." for name in ids if not _ID.fullmatch(name))
    if sum(query.return_data for query in alarm.queries) != 1:
        yield "Exactly one entry must have ReturnData."
    if len({metric.period_seconds for metric in metrics}) > 1:
        yield "All metrics must have the same period."
    yield from (
        f"Statistic {metric.statistic} is unknown." for metric in metrics if not statistic.is_known(metric.statistic)
    )


def _expressions(alarm: Alarm) -> Iterator[str]:
    ids, checker = {query.id for query in alarm.queries}, Checker(alarm.queries)
    for query in alarm.queries:
        if (query.expression is None) == (query.metric is None):
            yield f"{query.id} must be either a metric or an expression."
        if query.expression is None or query.metric:
            continue
        try:
            yield from (
                f"{query.id} refers to {name}, which does not exist."
                for name in sorted(expression.names(expression.parse(query.expression)) - ids)
            )
            yield from _result(query, checker.result(query.id))
        except InputError as error:
            yield str(error)


def _result(query: Query, result: Type) -> Iterator[str]:
    """Yield what is wrong with what the alarm compares: CloudWatch wants one time series."""
    if query.return_data and result.kind is not Kind.SERIES and (result.kind, result.size) != (Kind.ARRAY, 1):
        size = f" ({result.size} of them)" if result.size else ""
        yield f"The result of {query.id} is {result.kind}{size}, and an alarm watches exactly one time series."


def _metrics(alarm: Alarm) -> Iterator[str]:
    if not 1 <= len(alarm.metrics) <= _MAXIMUM_METRICS:
        yield f"An alarm needs 1 to {_MAXIMUM_METRICS} metrics, not {len(alarm.metrics)}."


def _window(alarm: Alarm) -> Iterator[str]:
    if not any(query.metric for query in alarm.queries):
        return
    period, periods = alarm.period_seconds, alarm.evaluation_periods
    if period not in (10, 20, 30) and (period <= 0 or period % 60):
        yield f"A period of {period} s is not 10, 20, 30 or a multiple of 60."
    if not 1 <= alarm.m <= periods:
        yield f"DatapointsToAlarm {alarm.m} must lie between 1 and EvaluationPeriods {periods}."
    if problem := windows.unfit_wall_clock(alarm):
        yield problem
    if period * periods > (_DAY_SECONDS if period < 3600 else 7 * _DAY_SECONDS):
        yield f"{periods} periods of {period} s are longer than CloudWatch allows."

"""Queries over a store of datapoints -> values per slot: what alarms evaluate, and what GetMetricData returns.

Queries are those of GetMetricData in the CloudWatch API reference.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cwalarm.definitions.alarm import Query, query_from_description
from cwalarm.errors import InputError
from cwalarm.evaluation.series import Series
from cwalarm.metric_math import expression
from cwalarm.metric_math.values import Frame, Points, Value


class Fetch:
    """Computes the queries of one request over one row of slots, each at most once."""

    def __init__(
        self,
        queries: Sequence[Query],
        series: Series,
        frame: Frame,
        as_of: float = math.inf,
    ) -> None:
        self._queries = {query.id: query for query in queries}
        self._series = series
        self._frame = replace(frame, metrics={query.id: self._fetcher(query.id) for query in queries if query.metric})
        self._as_of = as_of
        self._values: dict[str, Value | None] = {}

    def points(self, query_id: str) -> Points:
        """Return the datapoints of a query, one per slot; raise InputError if it cannot be computed."""
        value = self._value(query_id)
        if isinstance(value, tuple) and len(value) <= 1:
            value = value[0] if value else [None] * len(self._frame.starts)
        if isinstance(value, (int, float)) and not math.isnan(value):
            # CloudWatch wants a time series; a bare number is one only where it is the same in every slot.
            return [float(value)] * len(self._frame.starts)
        if not isinstance(value, list):
            raise InputError(f"The result of {query_id} is not one time series.", kind="expression")
        return value

    def _fetcher(self, query_id: str) -> Callable[[], Points]:
        return lambda: self.points(query_id)

    def _value(self, query_id: str) -> Value:
        if query_id not in self._queries:
            raise InputError(f"An expression refers to {query_id}, and no metric or expression has that id.")
        if query_id not in self._values:
            self._values[query_id] = None
            self._values[query_id] = self._computed(self._queries[query_id])
        value = self._values[query_id]
        if value is None:
            raise InputError(f"Expression {query_id} refers to itself.", kind="expression")
        return value

    def _computed(self, query: Query) -> Value:
        if query.metric is None:
            return expression.evaluate(expression.parse(query.expression or ""), self._value, self._frame)
        window = self._series.window
        return [window(query.metric, start, end, self._as_of) for start, end in self._frame.spans]


def query(
    queries: Sequence[Query | Mapping[str, Any]],
    series: Series,
    start: datetime,
    end: datetime,
    *,
    as_of: datetime | None = None,
) -> dict[str, list[tuple[datetime, float]]]:
    """Return the datapoints of every query from `start` to before `end`, oldest first; slots without one are left out.

    The start is rounded down to the minute (or to a shorter period). An expression has the longest period among its
    metrics. Points published after `as_of` are left out.

    Raises:
        InputError: A query or an expression cannot be read, or refers to something unknown or to itself.
    """
    read = [query if isinstance(query, Query) else query_from_description(query) for query in queries]
    visible = math.inf if as_of is None else as_of.timestamp()
    return {query.id: _points(query, read, series, start, end, visible) for query in read}


def _points(
    wanted: Query, queries: list[Query], series: Series, start: datetime, end: datetime, as_of: float
) -> list[tuple[datetime, float]]:
    period = _period(wanted, {query.id: query for query in queries}, frozenset())
    grain = min(period, 60)
    first = int(start.timestamp()) // grain * grain
    frame = Frame(tuple(range(first, math.ceil(end.timestamp()), period)), period)
    values = Fetch(queries, series, frame, as_of).points(wanted.id)
    return [
        (datetime.fromtimestamp(moment, UTC), value)
        for moment, value in zip(frame.starts, values, strict=True)
        if value is not None
    ]


def _period(wanted: Query, queries: Mapping[str, Query], seen: frozenset[str]) -> int:
    if wanted.metric:
        return wanted.metric.period_seconds
    if wanted.period_seconds:
        return wanted.period_seconds
    if wanted.id in seen:
        raise InputError(f"Expression {wanted.id} refers to itself.", kind="expression")
    named = expression.names(expression.parse(wanted.expression or ""))
    below = [queries[name] for name in named if name in queries] or [
        query for query in queries.values() if query.metric
    ]
    return max((_period(query, queries, seen | {wanted.id}) for query in below), default=60)

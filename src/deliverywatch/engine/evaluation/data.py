"""Queries in the form of GetMetricData (CloudWatch API reference) -> datapoints, over the engine's store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.engine.definitions.alarm import Query, query_from_description
from deliverywatch.engine.evaluation.fetch import Fetch
from deliverywatch.engine.metric_math import expression
from deliverywatch.engine.metric_math.values import Frame
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.engine.evaluation.series import Series


def query(
    queries: Sequence[Query | Mapping[str, Any]],
    series: Series,
    start: datetime,
    end: datetime,
    *,
    as_of: datetime | None = None,
) -> dict[str, list[tuple[datetime, float]]]:
    """Return the datapoints of every query, oldest first; slots without one are left out.

    Args:
        queries: As GetMetricData takes them, in any order. An expression has the longest period among its metrics.
        series: The datapoints.
        start: Rounded down to the minute (or to the period, if that is shorter); slots are counted from there.
        end: Not included.
        as_of: Points published later are left out.

    Raises:
        InputError: A query or an expression cannot be read, or refers to something unknown or to itself.
    """
    read = [each if isinstance(each, Query) else query_from_description(each) for each in queries]
    visible = math.inf if as_of is None else as_of.timestamp()
    return {each.id: _points(each, read, series, start, end, visible) for each in read}


def _points(
    wanted: Query, queries: list[Query], series: Series, start: datetime, end: datetime, as_of: float
) -> list[tuple[datetime, float]]:
    period = _period(wanted, {each.id: each for each in queries}, frozenset())
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
    below = [queries[name] for name in named if name in queries] or [each for each in queries.values() if each.metric]
    return max((_period(each, queries, seen | {wanted.id}) for each in below), default=60)

"""Queries over a store of datapoints -> values per slot: the part that alarms and GetMetricData share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from deliverywatch.engine.metric_math import expression
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.engine.definitions.alarm import Query
    from deliverywatch.engine.evaluation.series import Series
    from deliverywatch.engine.metric_math.values import Frame, Points, Value


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
        self._known: dict[str, Value | None] = {}

    def points(self, query_id: str) -> Points:
        """Return the datapoints of a query, one per slot.

        Raises:
            InputError: It refers to something unknown or to itself, or its result is not one time series.
        """
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
        if query_id not in self._known:
            self._known[query_id] = None
            self._known[query_id] = self._computed(self._queries[query_id])
        found = self._known[query_id]
        if found is None:
            raise InputError(f"Expression {query_id} refers to itself.", kind="expression")
        return found

    def _computed(self, query: Query) -> Value:
        if query.metric is None:
            return expression.evaluate(expression.parse(query.expression or ""), self._value, self._frame)
        window = self._series.window
        return [window(query.metric, start, end, self._as_of) for start, end in self._frame.spans]

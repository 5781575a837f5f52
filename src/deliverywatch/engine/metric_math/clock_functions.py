"""Metric math's functions of time: MINUTE to EPOCH of each slot's start (UTC), and PERIOD."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.engine.metric_math.values import Call, Value

_FIELDS: dict[str, Callable[[datetime], float]] = {
    "MINUTE": lambda moment: moment.minute,
    "HOUR": lambda moment: moment.hour,
    "DAY": lambda moment: moment.isoweekday(),
    "DATE": lambda moment: moment.day,
    "MONTH": lambda moment: moment.month,
    "YEAR": lambda moment: moment.year,
    "EPOCH": lambda moment: moment.timestamp(),
}


def _of_time(name: str) -> Callable[[Call], Value]:
    def applied(call: Call) -> Value:
        call.count(1, 1)
        if len(call.series(0)) != len(call.frame.starts):
            raise InputError(f"{name} needs to know the slots' times.", kind="expression")
        return [float(_FIELDS[name](datetime.fromtimestamp(start, UTC))) for start in call.frame.starts]

    return applied


def _period(call: Call) -> Value:
    call.count(1, 1)
    if call.named[0] not in call.frame.metrics:
        raise call.misfit(0, "a metric, not an expression")
    return float(call.frame.period_seconds)


FUNCTIONS: dict[str, Callable[[Call], Value]] = {**{name: _of_time(name) for name in _FIELDS}, "PERIOD": _period}

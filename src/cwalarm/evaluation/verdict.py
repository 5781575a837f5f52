"""A row of slots -> the state of an alarm: the rule, and nothing else.

Reproduces both tables of "Configuring how CloudWatch alarms treat missing data" in the user guide, and its prose.
"""

import operator
from collections.abc import Callable, Sequence

from cwalarm.definitions.alarm import Alarm, Comparison, State, Treat

_BREACH: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
}

_ALL_MISSING = {
    Treat.MISSING: State.INSUFFICIENT_DATA,
    Treat.IGNORE: None,
    Treat.BREACHING: State.ALARM,
    Treat.NOT_BREACHING: State.OK,
}


def breaches(alarm: Alarm, value: float | None) -> bool | None:
    """Return whether a value breaches the alarm's threshold; None if there is no value."""
    return None if value is None else _BREACH[alarm.comparison](value, alarm.threshold)


def verdict(slots: Sequence[bool | None], m: int, n: int, treat: Treat) -> State | None:
    """Return the state that an evaluation of M out of N comes to; None where the alarm keeps the state it has.

    The slots are oldest first, as many as were fetched: whether the datapoint breaches, None without one.
    """
    real = [slot for slot in slots if slot is not None]
    if not real:
        return _ALL_MISSING[treat]
    if len(real) >= n:
        return State.ALARM if sum(real[-n:]) >= m else State.OK
    filled = n - len(real) if treat == Treat.BREACHING else 0
    if sum(real) + filled >= m:
        return State.ALARM
    if treat in (Treat.MISSING, Treat.IGNORE) and all(real) and _age(slots) >= m:
        # Nothing but breaching datapoints, the oldest of them old enough that M would have come together by now.
        return State.ALARM if treat == Treat.MISSING else None
    return State.OK


def _age(slots: Sequence[bool | None]) -> int:
    """Return how many slots ago the oldest breaching datapoint lies; the newest slot counts 1."""
    return len(slots) - next(index for index, slot in enumerate(slots) if slot)

"""The values of an alarm that compares no counts -> the times in which they left what is usual for them.

Usual is the median of four weeks at the same hour of the day, and scatter their median deviation. The sum that climbs
is that of `change_points`, for a value three deviations beyond the median.
"""

import math

from cwalarm.replay.numeric import Floats, numpy
from deliverywatch.backtest.results.recommendation import Incident
from deliverywatch.backtest.results.result import Span
from deliverywatch.backtest.tuning.change_points import Detected, climbs
from deliverywatch.backtest.tuning.slots import at
from deliverywatch.thresholds import BACKTEST_CHANCE, BACKTEST_USUAL_DAYS

_DAY, _HOUR = 86_400, 3_600
_DEVIATIONS = 3.0
# One value says no more than this, however far out it lies.
_FARTHEST = 8.0
# The standard deviation of a bell in median deviations.
_TO_SIGMA = 1.4826
_APART_SECONDS = 3600


def detect(begins: Floats, values: Floats, period_seconds: int, *, is_above: bool) -> Detected:
    """Return the incidents of an alarm's values, oldest first; `is_above` if high values are bad."""
    if not len(begins):
        return Detected((), 0.0, 1.0, 0.0, (), 0.0)
    height = math.log(len(begins) / BACKTEST_CHANCE)
    deviations = numpy().clip(_deviations(begins, values) * (1 if is_above else -1), -_FARTHEST, _FARTHEST)
    gains = _DEVIATIONS * deviations - _DEVIATIONS**2 / 2
    spans: list[Span] = []
    for first, last, _ in climbs(gains.tolist(), height):
        start, end = at(float(begins[first])), at(float(begins[last]) + period_seconds)
        if spans and (start - spans[-1].end).total_seconds() < _APART_SECONDS:
            start = spans.pop().start
        spans.append(Span(start, end))
    covered = sum(span.minutes for span in spans) * 60 / max(float(begins[-1] - begins[0]), 1.0)
    return Detected(
        tuple(map(Incident, spans)), float(numpy().median(values)), 1.0, height, (), covered, is_of_counts=False
    )


def _deviations(begins: Floats, values: Floats) -> Floats:
    """Return how far each value lies from the median of its hour in its four weeks, in standard deviations."""
    np = numpy()
    result = np.zeros(len(values))
    group = (begins - begins[0]) // (BACKTEST_USUAL_DAYS * _DAY) * 24 + begins // _HOUR % 24
    # Values that never scatter: a tenth of the usual scatter of all is the least.
    least = max(_TO_SIGMA * float(np.median(np.abs(values - np.median(values)))) / 10, float(np.std(values)) / 10, 1e-9)
    for one in np.unique(group):
        inside = group == one
        middle = np.median(values[inside])
        sigma = max(_TO_SIGMA * float(np.median(np.abs(values[inside] - middle))), least)
        result[inside] = (values[inside] - middle) / sigma
    return result

"""The datapoints of one metric as arrays, in order of time."""

from dataclasses import dataclass
from itertools import chain

from cwalarm.definitions.alarm import Metric
from cwalarm.evaluation.series import Series
from cwalarm.replay.numeric import Floats, numpy

# Those of a `Sample`.
_MEMBERS = 5


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one metric as arrays: minute, sum, count, extremes, and the minute from which each can be seen."""

    minute: Floats
    sum: Floats
    count: Floats
    minimum: Floats
    maximum: Floats
    visible: Floats

    @property
    def late_minutes(self) -> int:
        """The longest time from the end of a sample's minute to the minute in which it can be seen."""
        return int(max(0, (self.visible - self.minute - 1).max())) if len(self.minute) else 0

    def ordered(self) -> "Samples":
        """Return the samples in order of their minutes."""
        np = numpy()
        if (self.minute[1:] >= self.minute[:-1]).all():
            return self
        order = np.argsort(self.minute, kind="stable")
        members = (self.minute, self.sum, self.count, self.minimum, self.maximum, self.visible)
        return Samples(*(member[order] for member in members))


def samples_of(series: Series, metric: Metric, unit: str | None = None) -> Samples:
    """Return the datapoints of a metric in a store, or those of one unit."""
    np = numpy()
    starts, samples = series.columns(metric, unit)
    flat = np.fromiter(chain.from_iterable(samples), float, len(samples) * _MEMBERS)
    table = flat.reshape(-1, _MEMBERS).T.copy()
    minute = np.array(starts, np.int64) // 60
    visible = np.maximum(np.ceil(table[4] / 60), minute + 1).astype(np.int64)
    return Samples(minute, table[0], table[1], table[2], table[3], visible)

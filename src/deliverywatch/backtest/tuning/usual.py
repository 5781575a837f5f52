"""Counts of slots -> what share of failures is usual for the account at each of them, and how much it scatters.

Usual is the share of the four weeks around a slot, drawn towards that of its hour of the day, on working days or at the
week-end: an account that fails at five per cent each evening is not failing in the evening. Scatter is measured over
stretches with as many messages as bring five failures: nine of ten accounts scatter more than chance does.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from cwalarm.replay.numeric import Flags, Floats, numpy
from deliverywatch.backtest.tuning.slots import Slots
from deliverywatch.thresholds import BACKTEST_USUAL_DAYS

_DAY = 86_400
# So many messages of an hour weigh as much as the share of all hours: fewer hours' worth say little of their own.
_PRIOR_MESSAGES = 500
_HOURS = 48
# No account fails never, and none always.
_LEAST, _MOST = 0.0005, 0.95

# Stretches with so many expected failures scatter as a bell; of fewer stretches than this scatter says nothing.
_EXPECTED_FAILURES = 5
_LEAST_STRETCHES = 20
# Four of five stretches of pure chance deviate at most so many variances (chi-squared, one degree of freedom). What
# lies beyond them may be incidents.
_SHARE_OF_STRETCHES, _VARIANCES = 0.8, 1.642


def hours_of(slots: Slots, time_zone: str) -> Floats:
    """Return the hour of each slot where the readers are: 0 to 23 on working days, 24 to 47 at the week-end."""
    zone = ZoneInfo(time_zone)
    local = (datetime.fromtimestamp(second, zone) for second in slots.begins.tolist())
    return numpy().asarray([time.hour + 24 * (time.weekday() > 4) for time in local], dtype=int)


def overall_share(slots: Slots, is_left_out: Flags) -> float:
    """Return the share of failures of the whole history without some slots; of all of it if nothing else is left."""
    kept = ~is_left_out
    if not slots.total[kept].sum():
        kept = kept | True
    total = float(slots.total[kept].sum())
    return min(max(float(slots.failed[kept].sum()) / total if total else 0.0, _LEAST), _MOST)


def usual_shares(
    slots: Slots, hours: Floats, is_left_out: Flags, around_days: int | None = BACKTEST_USUAL_DAYS
) -> Floats:
    """Return the usual share of failures, 0 to 1, of each slot; what is left out has no part in it.

    It is that of so many days around the slot, None for all.
    """
    np = numpy()
    days = (slots.begins - slots.begins[0]) // _DAY
    size = int(days[-1]) + 1
    half = size if around_days is None else around_days // 2
    total, failed = (
        _around(_summed(hours, days, size, counts, ~is_left_out), half) for counts in (slots.total, slots.failed)
    )
    all_total, all_failed = total.sum(axis=0), failed.sum(axis=0)
    overall = overall_share(slots, is_left_out)
    # One message of the whole history's share, so that a time without any other has that.
    of_days = (all_failed + overall) / (all_total + 1)
    shares = (failed + _PRIOR_MESSAGES * of_days) / (total + _PRIOR_MESSAGES)
    return np.clip(shares[hours, days], _LEAST, _MOST)


def _summed(hours: Floats, days: Floats, size: int, counts: Floats, kept: Flags) -> Floats:
    sums = numpy().bincount(hours[kept] * size + days[kept], counts[kept], _HOURS * size)
    return sums.reshape(_HOURS, size)


def _around(sums: Floats, half: int) -> Floats:
    """Return for each day the sum of the days around it."""
    np = numpy()
    running = np.concatenate((np.zeros((len(sums), 1)), np.cumsum(sums, axis=1)), axis=1)
    days = np.arange(sums.shape[1])
    return running[:, np.minimum(days + half, len(days) - 1) + 1] - running[:, np.maximum(days - half, 0)]


def scatter(slots: Slots, shares: Floats, is_left_out: Flags) -> float:
    """Return how many times the variance of chance the account's own is; at least 1, as where there is too little."""
    np, kept = numpy(), ~is_left_out & (slots.total > 0)
    expected, chance = (slots.total * shares)[kept], (slots.total * shares * (1 - shares))[kept]
    stretch = np.floor(np.cumsum(expected) / _EXPECTED_FAILURES).astype(int)
    if not len(stretch) or stretch[-1] < _LEAST_STRETCHES:
        return 1.0
    sums = [np.bincount(stretch, counts) for counts in (slots.failed[kept], expected, chance)]
    is_filled = sums[2] > 0
    deviations = (sums[0] - sums[1])[is_filled] ** 2 / sums[2][is_filled]
    return max(1.0, float(np.quantile(deviations, _SHARE_OF_STRETCHES)) / _VARIANCES)

"""The start of each slot, in epoch seconds -> its minute, hour, day and so on, as metric math's functions of time."""

from collections.abc import Callable

from cwalarm.replay.numeric import Floats, numpy

_DAY_SECONDS = 86400


def _dates(seconds: Floats, unit: str) -> Floats:
    """Return how many whole days, months or years since 1970 lie before each time."""
    np = numpy()
    days = (seconds // _DAY_SECONDS).astype("datetime64[D]")
    return days.astype(f"datetime64[{unit}]").astype(np.int64)


def _day_of_month(seconds: Floats) -> Floats:
    np = numpy()
    days = (seconds // _DAY_SECONDS).astype("datetime64[D]")
    return (days - days.astype("datetime64[M]")).astype(np.int64) + 1


FIELDS: dict[str, Callable[[Floats], Floats]] = {
    "MINUTE": lambda seconds: seconds // 60 % 60,
    "HOUR": lambda seconds: seconds // 3600 % 24,
    # 1 January 1970 was a Thursday, the fourth day.
    "DAY": lambda seconds: (seconds // _DAY_SECONDS + 3) % 7 + 1,
    "DATE": _day_of_month,
    "MONTH": lambda seconds: _dates(seconds, "M") % 12 + 1,
    "YEAR": lambda seconds: _dates(seconds, "Y") + 1970,
    "EPOCH": lambda seconds: seconds,
}


def field(name: str, seconds: Floats) -> Floats:
    """Return a field of each time, in UTC."""
    return FIELDS[name](seconds).astype(float)

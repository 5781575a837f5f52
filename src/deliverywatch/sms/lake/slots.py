"""A time of sending -> the slot in which it is counted and the hour whose object holds it; all in UTC."""

from datetime import UTC, datetime, timedelta

from deliverywatch.thresholds import STAMP_DELAY_SECONDS

HOUR = timedelta(hours=1)

# Once it is there, it is the day: the hours beside it are on their way out (see day_objects.py).
DAY_OBJECT = "day.parquet"


def hour_of(time: datetime) -> datetime:
    """Return the begin of the UTC hour."""
    return floor(time, 60)


def floor(time: datetime, minutes: int) -> datetime:
    """Return the start of the slot in which the time lies; its minutes are a divisor of 60."""
    time = time.astimezone(UTC)
    return time.replace(minute=time.minute - time.minute % minutes, second=0, microsecond=0)


def steps(start: datetime, end: datetime, minutes: int) -> list[datetime]:
    """Return start, start + minutes, ... up to before end."""
    step = timedelta(minutes=minutes)
    return [start + index * step for index in range(max(0, -((start - end) // step)))]


def stamp_of(slot: datetime, slot_minutes: int) -> datetime:
    """Return the time of a slot's datapoint in CloudWatch, for the reason at `thresholds.STAMP_DELAY_SECONDS`."""
    return slot + timedelta(minutes=slot_minutes, seconds=STAMP_DELAY_SECONDS)


def key_of(hour: datetime) -> str:
    """Return the key of the lake object that holds what was sent in this UTC hour."""
    return f"sms/dt={hour:%Y-%m-%d}/{hour:%H}.parquet"


def day_of(time: datetime) -> datetime:
    """Return the begin of the UTC day."""
    return hour_of(time).replace(hour=0)


def folder_of(day: datetime) -> str:
    """Return the folder of the lake that holds what was sent on this UTC day."""
    return f"sms/dt={day:%Y-%m-%d}/"


def day_key_of(day: datetime) -> str:
    """Return the key of the lake object that holds a whole UTC day once it is compacted."""
    return f"{folder_of(day)}{DAY_OBJECT}"


def as_text(time: datetime) -> str:
    """Return the time as in `2026-11-21T12:10:00Z`."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def from_milliseconds(value: int) -> datetime:
    """Return the time that is the given milliseconds after 1970."""
    return datetime.fromtimestamp(value / 1000, UTC)

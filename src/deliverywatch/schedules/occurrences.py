"""A schedule's expression and zone -> the moments at which it starts, as EventBridge Scheduler starts it.

A local time that the clocks skip in spring is skipped; one that comes twice in autumn counts once, the first time; a
day of a rate is 24 hours (docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from deliverywatch.schedules.expressions import At, Rate

if TYPE_CHECKING:
    from deliverywatch.schedules.cron import Cron
    from deliverywatch.schedules.expressions import Expression

# No zone is further from UTC than 14 hours, and none jumps by more than a day.
_SLACK = timedelta(hours=3)


def following(expression: Expression, zone: str, after: datetime, anchor: datetime) -> Iterator[datetime]:
    """Yield the moments of a schedule, in UTC and in order.

    Args:
        expression: From `expressions.parse`.
        zone: A name of the IANA database.
        after: Only moments after this one; aware.
        anchor: When the schedule was made: a rate counts from there.
    """
    if isinstance(expression, Rate):
        yield from _of_rate(expression.every, after, anchor)
    elif isinstance(expression, At):
        moment = _in_utc(expression.moment, ZoneInfo(zone))
        yield from [moment] if moment is not None and moment > after else []
    else:
        yield from _of_cron(expression, ZoneInfo(zone), after)


def _of_rate(every: timedelta, after: datetime, anchor: datetime) -> Iterator[datetime]:
    moment = anchor.astimezone(UTC) + every * max(0, (after - anchor) // every)
    while True:
        if moment > after:
            yield moment
        moment += every


def _of_cron(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    begin = after.astimezone(zone).replace(tzinfo=None) - _SLACK
    for day in _days(cron, begin.date()):
        for hour in cron.hours:
            if datetime.combine(day, time(hour, 59)) < begin:
                continue
            for minute in cron.minutes:
                moment = _in_utc(datetime.combine(day, time(hour, minute)), zone)
                if moment is not None and moment > after:
                    yield moment


def _days(cron: Cron, first: date) -> Iterator[date]:
    for year in cron.years:
        for month in cron.months if year >= first.year else ():
            if (year, month) >= (first.year, first.month):
                days = (date(year, month, day) for day in cron.days.of(year, month))
                yield from (day for day in days if day >= first)


def _in_utc(local: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the moment of a local time, the first of two; none where the clocks skip it."""
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None

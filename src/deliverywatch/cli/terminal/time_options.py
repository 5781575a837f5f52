"""Times, lengths of time and time zones on the command line."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from cwalarm.cli.terminal import Time
from cwalarm.schedules import zones

_LENGTH = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?")


def parsed(text: str) -> timedelta | None:
    """Return a length of time, or None for what is none."""
    match = _LENGTH.fullmatch(text.strip().lower())
    if not match or not any(match.groups()):
        return None
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


class Duration(click.ParamType[timedelta]):
    """A length of time: days, hours and minutes."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the length."""
        length = value if isinstance(value, timedelta) else parsed(value)
        if length is None:
            self.fail(f"'{value}' is not a length of time such as 30m, 2h or 1d12h.", param, ctx)
        return length


class Hours(click.ParamType[tuple[int, int]]):
    """Hours of the day, the last one not part of them: `22-6`."""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return the first hour and the one after the last."""
        match = re.fullmatch(r"(\d{1,2})(?::00)?-(\d{1,2})(?::00)?", value.replace(" ", ""))
        if not match or not all(int(hour) <= 24 for hour in match.groups()):
            self.fail(f"'{value}' is not hours of the day such as 22-6.", param, ctx)
        return int(match[1]) % 24, int(match[2]) % 24


class TimeOrAge(Time):
    """A time, or how long ago: 2026-11-21T11:00Z, 24h, 7d."""

    name = "time"
    examples = f"24h, 7d, {Time.examples}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time, aware; an age counts from the full minute."""
        ago = parsed(value) if isinstance(value, str) else None
        return datetime.now(UTC).replace(second=0, microsecond=0) - ago if ago else super().convert(value, param, ctx)


def _checked(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    return zones.zone(name).key


zone_option = click.option(
    "--time-zone", default="UTC", show_default=True, callback=_checked, help="The readers' zone, by its IANA name."
)

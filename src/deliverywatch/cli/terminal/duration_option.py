"""A length of time on the command line, such as 30m, 2h or 1d12h; and a time that may be given as one."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from deliverywatch.cli.terminal.time_option import Time

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
            self.fail(f"'{value}' is no length of time such as 30m, 2h or 1d12h.", param, ctx)
        return length


class TimeOrAge(Time):
    """A time, or how long ago: 2026-11-21T11:00Z, 24h, 7d."""

    name = "time"
    examples = f"24h, 7d, {Time.examples}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time, aware."""
        ago = parsed(value) if isinstance(value, str) else None
        return datetime.now(UTC) - ago if ago else super().convert(value, param, ctx)

"""Numbers and times -> the words of a mail: 31 %, 1,204, 2 h 5 min, 12:04 AEDT.

A no-break space keeps number and unit together; the text part replaces it by a plain space.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_NBSP = "\u00a0"
# From here on digits say less than the power of ten; infinity and what is no number belong here too.
_READABLE = 1e16
_NAME = re.compile(r"\{([^{}]{1,255})\}")


def percent(value: float) -> str:
    """Return 31 %, 2.1 % or 0 %: a decimal only for small values."""
    return f"{percent_bare(value)}{_NBSP}%"


def percent_short(value: float) -> str:
    """Return 31%, for a subject."""
    return f"{percent_bare(value)}%"


def beside(value: float, limit: float, words: Callable[[float], str]) -> str:
    """Return a value in words, with more digits if it would look like the limit that it is beside: 97.98 and 98."""
    if value == limit or words(value) != words(limit):
        return words(value)
    longer = (f"{value:,.{digits}g}" for digits in range(4 if abs(value) < 1000 else 6, 18))
    # Rounded, it may be the limit, or lie on its other side.
    is_below = value < limit
    sides = ((text, float(text.replace(",", ""))) for text in longer)
    fitting = (text for text, shown in sides if shown != limit and (shown < limit) == is_below)
    return next((text for text in fitting if text != exact(limit)), words(value))


def exact(value: float) -> str:
    """Return a limit as somebody set it, with thousands separated and all of its decimals: 3,600 or 99.95."""
    return f"{value:.3g}" if _is_beyond(value) else f"{value:,.12g}"


def percent_bare(value: float) -> str:
    """Return 31, 2.1 or 0: a decimal only for small values."""
    if _is_beyond(value):
        return f"{value:.3g}"
    if abs(value) >= 10 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}".removesuffix(".0")


def amount(value: float) -> str:
    """Return a count or a measured value with thousands separated: 1,204 or 0.35; 1e+20 for what nobody reads."""
    if _is_beyond(value):
        return f"{value:.3g}"
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _is_beyond(value: float) -> bool:
    return not abs(value) < _READABLE


def span(duration: timedelta) -> str:
    """Return 42 min, 2 h 5 min or 3 d 4 h: the two largest units."""
    return _NBSP.join(f"{number}{_NBSP}{unit}" for number, unit in _units(duration))


def span_short(duration: timedelta) -> str:
    """Return 42m, 2h 5m or 3d 4h, for a subject."""
    return " ".join(f"{number}{unit[0]}" for number, unit in _units(duration))


def _units(duration: timedelta) -> list[tuple[int, str]]:
    minutes = max(0, round(duration.total_seconds() / 60))
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        return [(days, "d"), (hours, "h")] if hours else [(days, "d")]
    if hours:
        return [(hours, "h"), (rest, "min")] if rest else [(hours, "h")]
    return [(rest, "min")]


def window(seconds: int) -> str:
    """Return a window as it reads after "in the last": 30 minutes, 6 hours, hour."""
    if seconds % 3600 == 0 and seconds:
        return "hour" if seconds == 3600 else f"{seconds // 3600}{_NBSP}hours"
    minutes = max(1, round(seconds / 60))
    return "minute" if minutes == 1 else f"{minutes}{_NBSP}minutes"


def cut(sentence: str, limit: int, ellipsis: str = "…") -> str:
    """Return the sentence in at most `limit` characters."""
    return sentence if len(sentence) <= limit else sentence[: max(0, limit - len(ellipsis))].rstrip() + ellipsis


@dataclass(frozen=True, slots=True)
class Clock:
    """Writes times in the reader's zone."""

    zone: tzinfo

    def time(self, moment: datetime) -> str:
        """Return 12:04."""
        return moment.astimezone(self.zone).strftime("%H:%M")

    def day_time(self, moment: datetime, today: datetime) -> str:
        """Return 12:04, or 20 Nov 12:04 if it is not today."""
        local = moment.astimezone(self.zone)
        same = local.date() == today.astimezone(self.zone).date()
        return local.strftime("%H:%M") if same else local.strftime("%-d %b %H:%M")

    def full(self, moment: datetime) -> str:
        """Return 21 Nov 2026 12:04 AEDT."""
        return moment.astimezone(self.zone).strftime("%-d %b %Y %H:%M %Z")

    def full_with_utc(self, moment: datetime) -> str:
        """Return 21 Nov 2026 23:04 AEDT (12:04 UTC), for UTC itself without the part in brackets."""
        local = self.full(moment)
        return local if local.endswith(" UTC") else f"{local} ({moment.astimezone(UTC):%H:%M} UTC)"


def clock(name: str) -> Clock:
    """Return the clock of a zone of the IANA database; UTC for an unknown name."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # 10 ms that only a run with a mail pays

    try:
        return Clock(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError):
        return Clock(UTC)


def filled(sentence: str, values: Mapping[str, str]) -> str:
    """Return a sentence with each name in braces replaced by its value; one without a value stays."""
    return _NAME.sub(lambda match: values.get(match[1], match[0]), sentence)

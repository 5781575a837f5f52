"""Mails and the truth -> what an operator compares: mails a month, at night, minutes to the mail, incidents missed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from deliverywatch.backtest.inputs.definitions import counts_of
from deliverywatch.engine.replay.numeric import numpy

if TYPE_CHECKING:
    from deliverywatch.backtest.inputs.history import Past
    from deliverywatch.backtest.simulate import Mail
    from deliverywatch.engine.definitions.alarm import Alarm
    from deliverywatch.engine.replay.minutes import History

# Fewer messages in a window than these are no incident that anybody can have missed.
TRUE_MINIMUM_COUNT = 100

NIGHT_FROM_HOUR, NIGHT_TO_HOUR = 22, 6
DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Span:
    """A time; aware, the end is not part of it."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> float:
        """How long it is."""
        return (self.end - self.start) / timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one set of parameters would have meant.

    Attributes:
        mails_a_month: The mails, for a month of 30.4 days.
        night_mails_a_month: Of these, from 22 to 6 o'clock where the readers are.
        minutes_to_mail: Median from the first bad message of an incident to its mail; None if there is none.
        missed: True incidents during which no incident of any watch was open; None without an alarm on a share.
        open_minutes: How long an incident was open.
    """

    mails_count: int
    incidents_count: int
    mails_a_month: float
    night_mails_a_month: float
    minutes_to_mail: float | None
    missed: tuple[Span, ...] | None
    open_minutes: float


def incidents(mails: Sequence[Mail], span: Span) -> list[tuple[str, Span]]:
    """Return watch and span of each incident that was open within a span, as far as it was.

    Args:
        mails: From before the span on, in order of time.
        span: The replay.
    """
    found: list[tuple[str, Span]] = []
    opened: dict[str, datetime] = {}
    for mail in mails:
        if mail.event == "OPENED":
            opened[mail.watch] = mail.time
        elif mail.event == "RESOLVED" and mail.watch in opened:
            found.append((mail.watch, Span(opened.pop(mail.watch), mail.time)))
    found.extend((watch, Span(start, span.end)) for watch, start in opened.items())
    cut = [(watch, Span(max(each.start, span.start), each.end)) for watch, each in found if each.end > span.start]
    return sorted(cut, key=lambda each: each[1].start)


def truth(history: History, alarm: Alarm, start: datetime, end: datetime) -> list[Span]:
    """Return the spans in which the share of failures truly exceeded the threshold, of at least 100 messages.

    What came out later counts here from the beginning. A span is one of windows, each named by its last minute.
    """
    np = numpy()
    failed, total = counts_of(alarm)
    first, last = (int(each.timestamp()) // 60 for each in (start, end))
    late = max(history.late_minutes(each.metric) for each in (failed, total))
    counts = history.window(total, first, last, late).values
    failures = history.window(failed, first, last, late).values
    bad = (counts >= TRUE_MINIMUM_COUNT) & (100 * failures > alarm.threshold * counts)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], bad.view(np.int8), [0])))).tolist()
    return [
        Span(_moment(first + begin), _moment(first + until)) for begin, until in zip(*[iter(edges)] * 2, strict=True)
    ]


def figures(
    mails: Sequence[Mail],
    spans: Sequence[tuple[str, Span]],
    past: Past,
    truths: Sequence[Span],
    ratio: Alarm | None,
    span: Span,
    time_zone: str,
) -> Figures:
    """Return the figures of one set of parameters.

    Args:
        mails: Those of the span, in order of time.
        spans: What `incidents` returned.
        past: The history that they came of.
        truths: What `truth` returned, of the template as it is.
        ratio: The alarm that says what bad is.
        span: The replay.
        time_zone: The readers' zone, by its IANA name.
    """
    months = span.minutes / 1440 / DAYS_A_MONTH
    zone = ZoneInfo(time_zone)
    night = sum(not NIGHT_TO_HOUR <= mail.time.astimezone(zone).hour < NIGHT_FROM_HOUR for mail in mails)
    waits = list(_waits([each for each in spans if each[1].start > span.start], past, ratio)) if ratio else []
    return Figures(
        mails_count=len(mails),
        incidents_count=len(spans),
        mails_a_month=len(mails) / months,
        night_mails_a_month=night / months,
        minutes_to_mail=median(waits) if waits else None,
        missed=tuple(each for each in truths if not _is_met(each, spans)) if ratio else None,
        open_minutes=sum(each.minutes for each in _joined(spans)),
    )


def _is_met(true: Span, spans: Sequence[tuple[str, Span]]) -> bool:
    return any(each.start < true.end and true.start < each.end for _, each in spans)


def _joined(spans: Sequence[tuple[str, Span]]) -> list[Span]:
    """Return the time in which any incident was open."""
    found: list[Span] = []
    for _, each in spans:
        if found and each.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, each.end))
        else:
            found.append(each)
    return found


def _waits(spans: Sequence[tuple[str, Span]], past: Past, ratio: Alarm) -> Iterator[float]:
    """Yield for each incident the minutes from its first bad message to its mail.

    Bad are the datapoints over the threshold; the first one is that of the last unbroken row of them before the mail.
    """
    failed, total = (past.values(each.metric) for each in counts_of(ratio))
    every = sorted(total)
    bad = [
        second for second in every if total[second] and 100 * failed.get(second, 0) > ratio.threshold * total[second]
    ]
    for _, span in spans:
        opened = span.start.timestamp()
        before = bad[: bisect_left(bad, opened)]
        if before and before[-1] >= opened - ratio.period_seconds - 60:
            first = _row(before, every)
            began = past.first_failures.get(first) or datetime.fromtimestamp(first, UTC)
            yield (span.start - began) / timedelta(minutes=1)


def _row(bad: Sequence[int], every: Sequence[int]) -> int:
    """Return the first of the last row of bad datapoints without a good one between them."""
    position = bisect_left(every, bad[-1])
    for second in reversed(bad):
        if every[position] != second:
            break
        position -= 1
    return every[position + 1]


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)

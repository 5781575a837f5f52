"""One alarm's threshold, turned from low to high -> mails a month, times raised, and where the curve bends.

Times raised come of one order statistic per evaluation (`engine.sweep`), a thousand thresholds at once. Mails come of
the notifier's own code, threshold by threshold, so there are fewer of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from deliverywatch.backtest import mailbox
from deliverywatch.backtest.measure import DAYS_A_MONTH, Span
from deliverywatch.engine.backtest import backtest
from deliverywatch.engine.replay import Replay, can_vectorise
from deliverywatch.engine.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deliverywatch.backtest.definitions import Definitions
    from deliverywatch.engine.alarm import Alarm
    from deliverywatch.engine.backtest import Change
    from deliverywatch.engine.minutes import History

# The curve goes up to so many times the threshold, in so many steps.
_REACH = 4
RAISED_STEPS = 1000
MAIL_STEPS = 24

# A quarter says as much of mails a month as a year, and takes seconds.
_MAXIMUM_SPAN = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class Point:
    """What one threshold would have meant."""

    threshold: float
    mails_a_month: float


@dataclass(frozen=True, slots=True)
class Curve:
    """What every threshold of an alarm would have meant.

    Attributes:
        alarm: Whose threshold was turned.
        span: What was looked at: the end of the replay.
        raised: Threshold and times that the alarm alone would have been raised a month.
        knee: The threshold of `points` above which little is gained; None for a curve that does not bend.
    """

    alarm: Alarm
    span: Span
    points: tuple[Point, ...]
    raised: tuple[tuple[float, float], ...]
    knee: float | None


def curve(
    definitions: Definitions,
    history: History,
    changes: Sequence[Change],
    alarm: Alarm,
    span: Span,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Curve | None:
    """Return the curve of an alarm; None for one that arrays cannot hold.

    All other alarms stay as they are; the alarm's recovery never lies above it.

    Args:
        definitions: Alarms and watches.
        history: The datapoints.
        changes: What `mailbox.replay` returned of them.
        alarm: Whose threshold is turned.
        span: What was replayed.
        on_progress: Called with the number of thresholds done and of all.
    """
    if not can_vectorise(alarm, history):
        return None
    span = Span(max(span.start, span.end - _MAXIMUM_SPAN), span.end)
    changes = [each for each in changes if each.time >= span.start]
    months = span.minutes / 1440 / DAYS_A_MONTH
    points = []
    for done, threshold in enumerate(_steps(alarm, MAIL_STEPS), 1):
        turned = _turned(definitions, alarm, threshold)
        points.append(Point(threshold, _mail_count(definitions, turned, history, changes, span) / months))
        on_progress(done, MAIL_STEPS)
    first, last = (int(each.timestamp()) // 60 for each in (span.start, span.end))
    outcomes = sweep(Replay(history, first, last), alarm, _steps(alarm, RAISED_STEPS))
    raised = tuple((each.threshold, each.raised / months) for each in outcomes)
    bend = knee([each.threshold for each in points], [each.mails_a_month for each in points])
    return Curve(alarm, span, tuple(points), raised, bend)


def knee(thresholds: Sequence[float], mails: Sequence[float]) -> float | None:
    """Return where a falling curve bends most: the point farthest below the line from its highest point to its end.

    Args:
        thresholds: Ascending.
        mails: As many values; before their highest, incidents never end rather than being few.

    Returns:
        The threshold, or None for a curve that does not bend.
    """
    top = max(range(len(mails)), key=mails.__getitem__)
    span, drop = thresholds[-1] - thresholds[top], mails[top] - mails[-1]
    if not span or not drop:
        return None
    gains = [
        1 - (x - thresholds[top]) / span - (y - mails[-1]) / drop
        for x, y in zip(thresholds[top:], mails[top:], strict=True)
    ]
    best = max(range(len(gains)), key=gains.__getitem__)
    return thresholds[top + best] if gains[best] > 0 else None


def _steps(alarm: Alarm, count: int) -> list[float]:
    top = _REACH * abs(alarm.threshold) or 1.0
    return [round(top * step / count, 6) for step in range(1, count + 1)]


def _turned(definitions: Definitions, alarm: Alarm, threshold: float) -> dict[str, Alarm]:
    """Return the alarms that are other ones with this threshold, by name."""
    rungs = [rung for watch in definitions.watches for rung in watch.rungs if rung.alarm == alarm.name]
    held = {rung.recovery for rung in rungs}
    lowered = {
        each.name: replace(each, threshold=threshold)
        for each in definitions.alarms
        if each.name in held and each.threshold > threshold
    }
    return {alarm.name: replace(alarm, threshold=threshold), **lowered}


def _mail_count(
    definitions: Definitions, turned: dict[str, Alarm], history: History, changes: Sequence[Change], span: Span
) -> int:
    other = replace(definitions, alarms=tuple(turned.get(each.name, each) for each in definitions.alarms))
    metric_alarms = {each.name for each in definitions.alarms} - set(turned)
    kept = [each for each in changes if each.alarm in metric_alarms]
    found = backtest(list(turned.values()), history, span.start, span.end)
    return mailbox.count(other, history, mailbox.with_composites(other, [*kept, *found], span), span)

"""One alarm's threshold, turned from low to high -> mails, times raised, and where the curve bends.

Times raised come of one order statistic per evaluation (`engine.sweep`), a thousand thresholds at once. Mails come of
the notifier's own code, threshold by threshold, so there are fewer of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cwalarm.definitions.alarm import Alarm, Comparison
from cwalarm.replay.backtest import Change, backtest
from cwalarm.replay.method import can_vectorise
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.replay import Replay
from cwalarm.replay.sweep import sweep
from deliverywatch.backtest import simulate
from deliverywatch.backtest.inputs.definitions import Definitions
from deliverywatch.backtest.results.result import Curve, Point, Span

# How many times the threshold the curve reaches, and in how many steps.
_REACH = 4
RAISED_STEPS = 1000
MAIL_STEPS = 24

# A quarter says as much of mails a month as a year, and takes seconds.
_MAXIMUM_SPAN = timedelta(days=92)
_LEAD = timedelta(days=1)


def curve(
    definitions: Definitions,
    minutes: Minutes,
    alarm: Alarm,
    span: Span,
    lead: Span,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Curve | None:
    """Return the curve of an alarm; None for one that arrays cannot hold.

    All other alarms stay as they are; the alarm's recovery never lies above it. Mails are counted in `span`, of a
    longer one in the last three months; in `lead` before it alarms come into their state.
    """
    if not can_vectorise(alarm, minutes):
        return None
    span = Span(max(span.start, span.end - _MAXIMUM_SPAN), span.end)
    lead = Span(max(lead.start, span.start - _LEAD), lead.end)
    changes = simulate.replay(definitions, minutes, lead)
    first, last = (int(moment.timestamp()) // 60 for moment in (span.start, span.end))
    replay = Replay(minutes, first, last)
    points = []
    for done, threshold in enumerate(_steps(alarm, replay, MAIL_STEPS), 1):
        turned = with_threshold(definitions, alarm, threshold)
        points.append(Point(threshold, _mail_count(definitions, turned, minutes, changes, lead, span.start)))
        on_progress(done, MAIL_STEPS)
    outcomes = sweep(replay, alarm, _steps(alarm, replay, RAISED_STEPS))
    raised = tuple((outcome.threshold, outcome.raised) for outcome in outcomes)
    return Curve(alarm, span, tuple(points), raised, _bend(alarm, points) if span.is_week else None)


def _bend(alarm: Alarm, points: Sequence[Point]) -> float | None:
    # What calls below its threshold gets quieter the lower that is.
    is_below = alarm.comparison in (Comparison.BELOW, Comparison.AT_MOST)
    ordered = [Point(-point.threshold, point.mails_count) for point in reversed(points)] if is_below else points
    bend = knee([point.threshold for point in ordered], [point.mails_count for point in ordered])
    return -bend if is_below and bend is not None else bend


def knee(thresholds: Sequence[float], mails: Sequence[float]) -> float | None:
    """Return where a falling curve bends most: the point farthest below the line from its highest point to its end.

    The thresholds ascend. Before the most mails, incidents never end rather than being few. None without a bend.
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


def _steps(alarm: Alarm, replay: Replay, count: int) -> list[float]:
    """Return the thresholds, ascending, that of now among them: from nothing to a multiple, or what was ever seen."""
    if alarm.threshold > 0:
        return [round(_REACH * alarm.threshold * step / count, 6) for step in range(1, count + 1)]
    column = replay.columns(alarm)[0]
    seen = column.values[~column.missing] if column.missing is not None else column.values
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (alarm.threshold - 1, alarm.threshold + 1)
    steps = {round(low + (high - low) * step / count, 6) for step in range(count)}
    return sorted(steps | {alarm.threshold})


def with_threshold(definitions: Definitions, alarm: Alarm, threshold: float) -> dict[str, Alarm]:
    """Return the alarms that are other ones with this threshold, by name."""
    levels = [level for watch in definitions.watches for level in watch.severities if level.alarm == alarm.name]
    held = {level.recovery for level in levels}
    lowered = {
        alarm.name: replace(alarm, threshold=threshold)
        for alarm in definitions.alarms
        if alarm.name in held and alarm.threshold > threshold
    }
    return {alarm.name: replace(alarm, threshold=threshold), **lowered}


def _mail_count(
    definitions: Definitions,
    turned: dict[str, Alarm],
    minutes: Minutes,
    changes: Sequence[Change],
    lead: Span,
    since: datetime,
) -> int:
    other = replace(definitions, alarms=tuple(turned.get(alarm.name, alarm) for alarm in definitions.alarms))
    metric_alarms = {alarm.name for alarm in definitions.alarms} - set(turned)
    kept = [change for change in changes if change.alarm in metric_alarms]
    changed = backtest(list(turned.values()), minutes, lead.start, lead.end)
    return simulate.count(other, minutes, simulate.with_composites(other, [*kept, *changed], lead), lead, since)

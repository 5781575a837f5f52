"""Settings of an alarm -> how many incidents it alone would open, and which of the true ones it would see.

An estimate to choose by what is worth a replay through the notifier: a switch that opens where the alarm calls and
closes where its value is down to the recovery, minute by minute in arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from cwalarm.definitions.alarm import State
from cwalarm.replay.method import can_vectorise
from cwalarm.replay.numeric import Floats, numpy
from cwalarm.replay.replay import Replay
from deliverywatch.backtest.inputs.definitions import counts_of

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Alarm
    from cwalarm.replay.minutes import Minutes
    from deliverywatch.backtest.results.recommendation import Incident
    from deliverywatch.backtest.results.result import Span

# An incident is two mails: one when it opens, one when it is over.
_MAILS = 2
_DAY = 86_400
_EVERY_MINUTES = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an alarm alone would do: begin and end of each incident that it would open, in epoch seconds."""

    begins: Floats
    ends: Floats

    def mails_a_week(self, span: Span, truths: Sequence[Incident] = (), grace: timedelta = timedelta()) -> float:
        """Return how many mails that would be in a time, on average, without those about incidents."""
        is_counted = (self.begins >= span.start.timestamp()) & (self.begins < span.end.timestamp())
        for truth in truths:
            low, high = truth.span.start.timestamp(), (truth.span.end + grace).timestamp()
            is_counted &= (self.begins >= high) | (self.ends <= low)
        days = (self.ends - self.begins)[is_counted].sum() / _DAY
        # An open incident is recalled once a day.
        return float((_MAILS * is_counted.sum() + days) * 7 / span.days)

    def open_share(self, span: Span) -> float:
        """Return in which share of a time an incident would be open."""
        low, high = span.start.timestamp(), span.end.timestamp()
        clipped = numpy().clip(self.ends, low, high) - numpy().clip(self.begins, low, high)
        return float(clipped.sum() / (high - low))


def estimate(alarm: Alarm, recovery: float, minutes: Minutes, span: Span) -> Estimate | None:
    """Return the estimate for an alarm and the value at which its incidents end; None if arrays cannot hold it."""
    if not can_vectorise(alarm, minutes):
        return None
    first, last = (int(moment.timestamp()) // 60 for moment in (span.start, span.end))
    replay = Replay(minutes, first, last)
    changes = sorted(
        [(second, name, state) for name, one in (("alarm", alarm), ("recovery", replace(alarm, threshold=recovery)))
         for second, state in replay.changes(one)]
    )  # fmt: skip
    times = [second for second, is_open in _switched(changes)]
    ends = [*times[1::2], *([last * 60] if len(times) % 2 else [])]
    return Estimate(numpy().asarray(times[::2]), numpy().asarray(ends))


def _switched(changes: Sequence[tuple[int, str, State]]) -> Iterator[tuple[int, bool]]:
    """Yield when the switch opens and closes, in turn; changes of one second count together."""
    states, is_open = {"alarm": State.OK, "recovery": State.OK}, False
    for second, group in groupby(changes, key=lambda change: change[0]):
        states |= {name: state for _, name, state in group}
        if is_open != (states["alarm"] is State.ALARM) and (not is_open or states["recovery"] is State.OK):
            is_open = not is_open
            yield second, is_open


def failures_needed(alarm: Alarm, least: tuple[float, float], minutes: Minutes, span: Span) -> float:
    """Return how many failed messages an alarm on a share takes, as a geometric mean over the windows of a time.

    `least` are the failures and the messages that its guard wants.
    """
    np, (_, total) = numpy(), counts_of(alarm)
    first, last = (int(moment.timestamp()) // 60 for moment in (span.start, span.end))
    # A window per slot or so says as much as one per minute.
    sent = minutes.window(total, first, last).values[::_EVERY_MINUTES]
    sent = np.maximum(sent[sent > 0], least[1])
    needed = np.maximum(np.floor(alarm.threshold * sent / 100) + 1, least[0])
    return float(np.exp(np.log(needed).mean())) if len(needed) else 0.0

"""What was seen of the newest slots -> whether messages fail, also where traffic is too thin for the alarms.

With enough messages in the window of the alarms, they open incidents, and the share here says when one may end. Where
traffic is thinner, it walks back slot by slot to the shortest newest stretch that says enough: three messages for an
outage, and as many as the alarms want for everything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch import thresholds
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict

if TYPE_CHECKING:
    from deliverywatch.sms.assessments.slot_counts import SlotCount

# Traffic is quiet when it pauses for so many times its usual pause: an account that sends every two hours is not quiet
# after one.
_PAUSES = 3
# Of some countries no outcome ever comes: so many times the least that is judged say nothing, and older ones neither.
_WITHOUT_OUTCOME = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureLimits:
    """What an operator may choose; parameters of the template by the same names."""

    minimum_total: int = thresholds.MINIMUM_TOTAL_COUNT
    minimum_failed: int = thresholds.MINIMUM_FAILED_COUNT
    warning_recovery_percent: float = thresholds.WARNING_RECOVERY_PERCENT
    critical_recovery_percent: float = thresholds.CRITICAL_RECOVERY_PERCENT
    trickle_percent: float = thresholds.TRICKLE_PERCENT
    outage_percent: float = thresholds.OUTAGE_PERCENT
    outage_minimum_failed: int = thresholds.OUTAGE_MINIMUM_FAILED_COUNT
    quiet_minutes: int = thresholds.QUIET_MINUTES
    window_minutes: int = thresholds.WINDOW_SECONDS // 60

    @property
    def trickle_failed(self) -> int:
        """Return how many failures make a trickle: of ten messages, three fail by chance every few days."""
        return 2 * self.minimum_failed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """The newest slots, added up; repeated tries of one dead number count once."""

    total: int = 0
    failed: int = 0
    good: int = 0
    dead_numbers: frozenset[str] = frozenset()
    start: datetime | None = None
    end: datetime | None = None

    @property
    def known(self) -> int:
        return self.failed + self.good

    @property
    def failed_percent(self) -> float:
        """What is proven: that what has no outcome yet will fail is not."""
        return 100 * self.failed / self.total if self.total else 0.0

    @property
    def worst_percent(self) -> float:
        """Of the messages with an outcome: what an incident ends by, as nobody saw the others arrive."""
        return 100 * self.failed / self.known if self.known else 0.0

    @property
    def usual_pause(self) -> timedelta:
        return (self.end - self.start) / self.total if self.start and self.end and self.total else timedelta()

    def with_older(self, slot: SlotCount) -> _Stretch:
        dead_numbers = self.dead_numbers | set(slot.dead_numbers)
        repeats = len(slot.dead_numbers) - (len(dead_numbers) - len(self.dead_numbers))
        return _Stretch(
            total=self.total + slot.total - repeats,
            failed=self.failed + slot.failed - repeats,
            good=self.good + slot.good,
            dead_numbers=dead_numbers,
            start=slot.start,
            end=self.end or slot.end,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretches:
    """The newest slots as far back as they are needed.

    Attributes:
        all: As far as they were read.
        window: The newest minutes, as many as the alarms look at.
        quiet: The newest minutes after which an incident counts as quiet.
        outage: The shortest with as many messages as an outage takes.
        newest: At least the window, and the shortest with as many messages as the alarms want.
        trickle: As much more as shows whether its share is no chance.
        judged: At least the window, and as much more as a share needs by which an incident may end.
    """

    all: _Stretch = _Stretch()
    window: _Stretch = _Stretch()
    quiet: _Stretch = _Stretch()
    outage: _Stretch = _Stretch()
    newest: _Stretch = _Stretch()
    trickle: _Stretch = _Stretch()
    judged: _Stretch = _Stretch()


def assess(slots: Iterable[SlotCount], now: datetime, end: datetime, limits: FailureLimits) -> Assessment:
    """Return what slots say about `sms-failures`.

    Args:
        slots: The newest first, empty ones too; no more of them are taken than are needed.
        now: When they are judged.
        end: Of the newest slot that was read, whether it holds messages or not.
        limits: Of the stack.
    """
    seen = _walk(slots, end, limits)
    is_thin = seen.window.total < limits.minimum_total
    if is_thin and _is_quiet(seen, end, limits):
        is_newest_worse = _is_outage(seen.outage, limits) and not _is_outage(seen.judged, limits)
        last = seen.outage if is_newest_worse else seen.judged
        return _too_little(seen, last, now, _quiet_sentence(last, end))
    if is_thin and _is_outage(seen.outage, limits):
        return _failing(seen.outage, now, opens=Level.CRITICAL, holds=Level.CRITICAL)
    if is_thin and _is_trickle(seen, limits):
        return _failing(seen.trickle, now, opens=Level.WARNING, holds=_held(limits, seen.judged, seen.trickle))
    if seen.judged.known >= limits.minimum_total and seen.judged.worst_percent <= limits.warning_recovery_percent:
        return _healthy(seen.judged, now)
    if seen.judged.total >= limits.minimum_total and seen.judged.failed_percent > limits.warning_recovery_percent:
        return _failing(seen.judged, now, opens=Level.OK, holds=_held(limits, seen.judged))
    return _too_little(seen, seen.judged, now, _few_sentence(seen.judged, limits))


def _held(limits: FailureLimits, *stretches: _Stretch) -> Level:
    worst = max(stretch.worst_percent for stretch in stretches)
    return Level.CRITICAL if worst > limits.critical_recovery_percent else Level.WARNING


def _walk(slots: Iterable[SlotCount], end: datetime, limits: FailureLimits) -> _Stretches:
    seen, window_start = _Stretches(), end - timedelta(minutes=limits.window_minutes)
    oldest = end - timedelta(hours=thresholds.ASSESSED_HOURS)
    quiet_start = end - timedelta(minutes=limits.quiet_minutes)
    for slot in slots:
        is_beyond = slot.end <= window_start
        is_newest = is_beyond and _is_plenty(seen.newest, limits)
        is_judged, is_decided = is_newest and _is_enough(seen.judged, limits), is_newest and _is_decided(seen, limits)
        if slot.end <= oldest or (is_judged and is_decided):
            break
        stretch = seen.all.with_older(slot) if slot.total else seen.all
        seen = _Stretches(
            all=stretch,
            window=seen.window if is_beyond else stretch,
            quiet=stretch if slot.end > quiet_start else seen.quiet,
            outage=seen.outage if seen.outage.total >= limits.outage_minimum_failed else stretch,
            newest=seen.newest if is_newest else stretch,
            trickle=seen.trickle if is_decided else stretch,
            judged=seen.judged if is_judged else stretch,
        )
    return seen


def _is_plenty(stretch: _Stretch, limits: FailureLimits) -> bool:
    """Return whether there are enough messages with an outcome, or so many without that older ones say no more."""
    return stretch.known >= limits.minimum_total or stretch.total >= _WITHOUT_OUTCOME * limits.minimum_total


def _is_enough(stretch: _Stretch, limits: FailureLimits) -> bool:
    """Return whether a stretch gives a share by which an incident may end: one or two failures may be bad luck."""
    is_bad_luck = 0 < stretch.failed < limits.minimum_failed
    return stretch.worst_percent <= limits.warning_recovery_percent or not is_bad_luck


def _is_decided(seen: _Stretches, limits: FailureLimits) -> bool:
    """Return whether more slots can not make a trickle of it, or of what is none."""
    is_hopeless = limits.trickle_percent * seen.trickle.total >= 100 * limits.trickle_failed
    is_low = seen.newest.failed_percent <= limits.trickle_percent
    return is_low or is_hopeless or seen.trickle.failed >= limits.trickle_failed


def _is_quiet(seen: _Stretches, end: datetime, limits: FailureLimits) -> bool:
    last_seen = seen.judged.end
    patience = max(timedelta(minutes=limits.quiet_minutes), _PAUSES * seen.judged.usual_pause)
    return last_seen is not None and end - last_seen >= patience


def _is_outage(stretch: _Stretch, limits: FailureLimits) -> bool:
    is_enough = stretch.failed >= limits.outage_minimum_failed
    return is_enough and 100 * stretch.failed >= limits.outage_percent * stretch.total


def _is_trickle(seen: _Stretches, limits: FailureLimits) -> bool:
    share = min(seen.newest.failed_percent, seen.trickle.failed_percent)
    return seen.trickle.failed >= limits.trickle_failed and share > limits.trickle_percent


def _failing(stretch: _Stretch, now: datetime, *, opens: Level, holds: Level) -> Assessment:
    return Assessment(
        verdict=Verdict.FAILING,
        as_of=now,
        opens=opens,
        holds=holds,
        sentence=f"{_share(stretch.failed, stretch.total)}.",
        last_seen=stretch.end,
        seen_count=stretch.total,
        value=round(stretch.failed_percent, 1),
    )


def _healthy(stretch: _Stretch, now: datetime) -> Assessment:
    return Assessment(
        verdict=Verdict.HEALTHY,
        as_of=now,
        sentence=f"{_share(stretch.failed, stretch.known)}.",
        last_seen=stretch.end,
        seen_count=stretch.known,
        value=round(stretch.worst_percent, 1),
    )


def _too_little(seen: _Stretches, last: _Stretch, now: datetime, sentence: str) -> Assessment:
    """Return that nothing can be said; it counts what came since the traffic went quiet, and shows the last share."""
    return Assessment(
        verdict=Verdict.TOO_LITTLE,
        as_of=now,
        sentence=sentence,
        last_seen=last.end,
        seen_count=seen.quiet.total,
        value=round(last.worst_percent, 1) if last.known else None,
    )


def _share(failed: int, total: int) -> str:
    if total == 1:
        return "The last SMS failed" if failed else "The last SMS did not fail"
    if failed in (0, total):
        return f"{'All' if failed else 'None'} of the last {total} SMS failed"
    return f"{failed} of the last {total} SMS failed ({round(100 * failed / total, 1):g} %)"


def _quiet_sentence(last: _Stretch, end: datetime) -> str:
    minutes = round((end - last.end) / timedelta(minutes=1)) if last.end else 0
    share = _share(last.failed, last.known) if last.known else ""
    return f"No SMS was sent for {minutes} minutes{f'; before that, {share[0].lower()}{share[1:]}' if share else ''}."


def _few_sentence(judged: _Stretch, limits: FailureLimits) -> str:
    hours = thresholds.ASSESSED_HOURS
    if not judged.total:
        return f"No SMS was sent in the last {hours} hours."
    if judged.total < limits.minimum_total:
        return f"Only {judged.total} SMS were sent in the last {hours} hours, too few to judge."
    return f"Only {judged.known} of the last {judged.total} SMS have an outcome, too few to judge."

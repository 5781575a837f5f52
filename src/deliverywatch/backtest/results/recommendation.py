"""What `--recommend` results in, as values: what could be judged, what went wrong, and what each setting means."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from statistics import median
from zoneinfo import ZoneInfo

from deliverywatch.backtest.results.result import Mail, Night, Span
from deliverywatch.thresholds import (
    BACKTEST_LEAST_COVERAGE_PERCENT,
    BACKTEST_MAILS_A_WEEK,
    BACKTEST_NIGHT_MAILS_A_WEEK,
)

_WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a history has data; gaps are in order of time, at the times that the data are about."""

    slot_minutes: int
    expected_count: int
    present_count: int
    gaps: tuple[Span, ...]

    @property
    def percent(self) -> float:
        """The share of slots with data, which alone can be judged."""
        return 100 * self.present_count / self.expected_count if self.expected_count else 0.0

    @property
    def is_enough(self) -> bool:
        """Whether a setting may be recommended by it."""
        return self.percent >= BACKTEST_LEAST_COVERAGE_PERCENT

    def lacks(self, span: Span) -> bool:
        """Return whether most of a time has no data."""
        missing = sum((_overlap(gap, span) for gap in self.gaps), timedelta())
        return 2 * missing > span.end - span.start


def _overlap(one: Span, other: Span) -> timedelta:
    return max(min(one.end, other.end) - max(one.start, other.start), timedelta())


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which something went wrong, by a person or by the numbers; counts are None where there are none."""

    span: Span
    name: str = ""
    message_count: int | None = None
    failed_count: int | None = None
    usual_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """How many mails people want at most, on average, and what night is to them."""

    mails_a_week: float = BACKTEST_MAILS_A_WEEK
    night_mails_a_week: float = BACKTEST_NIGHT_MAILS_A_WEEK
    night: Night = Night()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Setting:
    """Values of the template's parameters, the most sensitive of each first.

    Attributes:
        ranks: The position of each value among those that are tried.
        values: By parameter.
        threshold: The alarm's own threshold where no parameter chooses it.
    """

    ranks: tuple[int, ...]
    values: tuple[tuple[str, str], ...]
    threshold: float | None = None

    @property
    def label(self) -> str:
        """Such as `WarningThresholdPercent=4, MinimumFailed=5`."""
        return ", ".join(f"{name}={value}" for name, value in self.values)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a setting would have meant.

    Attributes:
        span: In which mails are counted; shorter than the replay where a setting was only tried on its newest days.
        mails: Of the watch, in order of time.
        waits: Minutes from the begin of an incident to its first mail; 0 if one was open already.
        missed: The incidents in which no mail came and none was open.
        true_mails: Those of its mails that are about incidents.
        is_cut: Whether the replay was ended there, because there were too many mails for all of the time already.
    """

    setting: Setting
    span: Span
    mails: tuple[Mail, ...]
    waits: tuple[float, ...]
    missed: tuple[Incident, ...]
    true_mails: tuple[Mail, ...]
    night: Night
    is_cut: bool = False

    @property
    def weeks(self) -> float:
        """How long its mails were counted, in whole hours: a day of data ends with its last datapoint."""
        return math.ceil(self.span.minutes / 60) / 24 / _WEEK_DAYS

    @property
    def mails_a_week(self) -> float:
        """On average."""
        return len(self.mails) / self.weeks

    @property
    def night_mails_count(self) -> int:
        """How many mails came at night."""
        return sum(self.night.holds(mail.time) for mail in self.mails)

    @property
    def night_mails_a_week(self) -> float:
        """On average."""
        return self.night_mails_count / self.weeks

    @property
    def noise_a_week(self) -> float:
        """Mails of what was no incident, on average."""
        return (len(self.mails) - len(self.true_mails)) / self.weeks

    @property
    def true_mails_a_week(self) -> float:
        """Mails about incidents, on average."""
        return len(self.true_mails) / self.weeks

    @property
    def true_night_mails_a_week(self) -> float:
        """Mails about incidents at night, on average."""
        return sum(self.night.holds(mail.time) for mail in self.true_mails) / self.weeks

    @property
    def most_in_a_week(self) -> int:
        """The mails of the worst seven days."""
        times = [mail.time for mail in self.mails]
        since = [time - timedelta(days=_WEEK_DAYS) for time in times]
        return max(
            (sum(begin < time <= end for time in times) for begin, end in zip(since, times, strict=True)), default=0
        )

    @property
    def minutes_to_mail(self) -> float | None:
        """The median of the waits."""
        return median(self.waits) if self.waits else None

    @property
    def by_weekday(self) -> tuple[int, ...]:
        """Mails from Monday to Sunday, where the readers are."""
        return self._counted(7, lambda time: time.weekday())

    @property
    def by_hour(self) -> tuple[int, ...]:
        """Mails of each hour, where the readers are."""
        return self._counted(24, lambda time: time.hour)

    def _counted(self, size: int, of: Callable[[datetime], int]) -> tuple[int, ...]:
        zone = ZoneInfo(self.night.time_zone)
        counts = Counter(of(mail.time.astimezone(zone)) for mail in self.mails)
        return tuple(counts[index] for index in range(size))

    def violations(self, budget: Budget) -> list[str]:
        """Return what speaks against it, a few words each; none if it does all that is wanted."""
        missed = f"misses {len(self.missed)} of {len(self.missed) + len(self.waits)} incidents"
        return [*([missed] if self.missed else []), *self.excesses(budget)]

    def excesses(self, budget: Budget) -> list[str]:
        """Return where it sends more mails than are wanted, a few words each."""
        words = []
        if self.is_cut:
            return [f"{len(self.mails)} mails until {self.span.end:%Y-%m-%d}, too many for the whole time"]
        if self.mails_a_week > budget.mails_a_week:
            words.append(f"{self._words(self.mails_a_week)} mails a week, more than {budget.mails_a_week:g}")
        if self.night_mails_a_week > budget.night_mails_a_week:
            rate = self._words(self.night_mails_a_week)
            words.append(f"{rate} mails a week at night, more than {budget.night_mails_a_week:g}")
        return words

    def _words(self, rate: float) -> str:
        return f"{rate:.2f}" if rate < 10 else f"{rate:.0f}"


@dataclass(frozen=True, slots=True)
class HoldOut:
    """What the setting recommended for the first part of the history did in the rest, which it had not seen."""

    split: datetime
    setting: Setting
    rest: Outcome
    violations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail as it would look, and why it is shown."""

    why: str
    mail: Mail
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The recommendation, or why there is none.

    Attributes:
        alarm: Whose threshold is recommended; None where `refusals` say that there is nothing to recommend for.
        watch: Of the alarm, whose mails are counted.
        incidents: What was marked or detected, and can be judged.
        unjudged: What was marked where the history has no data.
        how: How incidents were detected or read, a sentence each.
        refusals: Why nothing is recommended; empty if `columns` hold a recommendation.
        columns: Role and outcome: today, the recommended one, neighbours; the recommended one is named `recommended`.
        changes: Names and values of parameters to set.
        needed: Failed messages until each of the columns calls, typically; empty for an alarm on no share.
        parameters: Of the template as it is.
        reasons: Why it is not smaller, and what it cannot do, a sentence each.
    """

    span: Span
    budget: Budget
    coverage: Coverage
    alarm: str
    watch: str
    is_marked: bool
    incidents: tuple[Incident, ...] = ()
    unjudged: tuple[Incident, ...] = ()
    how: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    columns: tuple[tuple[str, Outcome], ...] = ()
    needed: tuple[float, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[tuple[str, str], ...] = ()
    reasons: tuple[str, ...] = ()
    hold_out: HoldOut | None = None
    hold_out_note: str = ""
    samples: tuple[Sample, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def recommended(self) -> Outcome | None:
        """The outcome of the recommended setting."""
        return next((outcome for role, outcome in self.columns if role == RECOMMENDED), None)


TODAY, RECOMMENDED, SMALLER, LARGER = "today", "recommended", "smaller", "larger"


def outcome(
    setting: Setting,
    mails: Sequence[Mail],
    open_spans: Sequence[Span],
    truths: Sequence[Incident],
    span: Span,
    night: Night,
    grace: timedelta,
    *,
    is_cut: bool = False,
) -> Outcome:
    """Return what mails mean for incidents; a mail counts until `grace` after one, as its last data come so late."""
    within = [mail for mail in mails if span.start <= mail.time < span.end]
    judged = [truth for truth in truths if truth.span.start >= span.start and truth.span.end <= span.end]
    waits: list[float] = []
    missed: list[Incident] = []
    for truth in judged:
        until = truth.span.end + grace
        met = next((one for one in open_spans if one.start < until and one.end > truth.span.start), None)
        if met is None:
            missed.append(truth)
        else:
            waits.append(max(Span(truth.span.start, met.start).minutes, 0.0))
    about = [sent for sent in _by_incident(within) if any(_concerns(sent, truth.span, grace) for truth in truths)]
    true_mails = tuple(mail for sent in about for mail in sent)
    return Outcome(setting, span, tuple(within), tuple(waits), tuple(missed), true_mails, night, is_cut)


def _by_incident(mails: Sequence[Mail]) -> list[list[Mail]]:
    ordered = sorted(mails, key=lambda mail: (mail.incident, mail.time))
    return [list(sent) for _, sent in groupby(ordered, key=lambda mail: mail.incident)]


def _concerns(sent: Sequence[Mail], truth: Span, grace: timedelta) -> bool:
    return sent[0].time < truth.end + grace and sent[-1].time > truth.start

"""A grid of settings -> the smallest that misses no incident and keeps within the mails that people want.

Smallest is what takes the fewest failed messages until it calls, in this account's own windows: a threshold of one per
cent with a guard of twenty failures is no small one. Settings are tried in that order. Those that the alarm alone shows
to be too noisy are passed by, all others are replayed through the notifier. What is found at the end is held to every
setting one step smaller.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cwalarm.definitions import rule as rules
from deliverywatch.alerting.incidents.severity import watch_of
from deliverywatch.backtest import simulate
from deliverywatch.backtest.curve import with_threshold
from deliverywatch.backtest.inputs.definitions import is_ratio
from deliverywatch.backtest.results.measure import incidents
from deliverywatch.backtest.results.recommendation import Budget, Incident, Outcome, Setting, outcome
from deliverywatch.backtest.results.result import Mail, Span
from deliverywatch.backtest.tuning.estimate import Estimate, estimate, failures_needed
from deliverywatch.backtest.tuning.grid import SettingGrid, is_above
from deliverywatch.environment import limits, parameter_name
from deliverywatch.sms.assessments.failures import FailureLimits

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Alarm
    from cwalarm.replay.minutes import Minutes
    from deliverywatch.backtest.inputs.definitions import Definitions

# A setting that is open for longer, or has so many times the wanted mails, is replayed on its newest weeks, where that
# shows already that it is no good: open incidents are what takes the notifier time.
_OPEN_SHARE = 0.2
_NOISY = 2
_NEWEST = timedelta(days=28)

# An estimate may be wrong by this factor; a setting with more is not replayed.
_SLACK = 1.5
# At most so many settings are replayed in one search.
_MOST = 40


class Rule(StrEnum):
    """What a setting has to keep: all that is wanted; or, where incidents alone take more mails, what is left of it."""

    ALL = "all"
    NO_NOISE = "no noise"


class Depth(StrEnum):
    """How far a setting is replayed: to the end; until it has too many mails; its newest weeks if it has far more."""

    WHOLE = "whole"
    PROOF = "proof"
    NEWEST = "newest"


@dataclass(slots=True)
class Replays:
    """Settings replayed through the notifier, each once as far as it was needed.

    Attributes:
        load: Returns the alarms that can be replayed with values of parameters.
        alarm: Whose settings they are.
        lead: The time that is replayed, from before mails are counted.
    """

    load: Callable[[Mapping[str, str]], Definitions]
    alarm: Alarm
    minutes: Minutes
    lead: Span
    grid: SettingGrid
    on_replay: Callable[[int], None] = lambda _count: None
    _mails: dict[tuple[Setting, datetime], tuple[list[Mail], datetime]] = field(default_factory=dict)
    _estimates: dict[Setting, Estimate | None] = field(default_factory=dict)
    _sizes: dict[Setting, float] = field(default_factory=dict)
    _loaded: dict[tuple[tuple[str, str], ...], Definitions] = field(default_factory=dict)

    def definitions(self, setting: Setting) -> Definitions:
        """Return what decides on the mails of the alarm's watch with a setting."""
        if setting.threshold is None:
            return self._watch(setting.values)
        today = self._watch(setting.values[1:])
        turned = with_threshold(today, self._alarm(today), setting.threshold)
        return replace(today, alarms=tuple(turned.get(alarm.name, alarm) for alarm in today.alarms))

    def _watch(self, values: tuple[tuple[str, str], ...]) -> Definitions:
        if values not in self._loaded:
            self._loaded[values] = of_watch(self.load(dict(values)), self.alarm.name)
        return self._loaded[values]

    def _alarm(self, definitions: Definitions) -> Alarm:
        return next(alarm for alarm in definitions.alarms if alarm.name == self.alarm.name)

    def estimate(self, setting: Setting) -> Estimate | None:
        """Return what the alarm alone would do; None if arrays cannot say it."""
        if setting not in self._estimates:
            # All settings that differ by the threshold alone share their template.
            definitions = self.definitions(self.grid.at((self.grid.axes[0].today, *setting.ranks[1:])))
            alarm = replace(self._alarm(definitions), threshold=float(setting.values[0][1]))
            recovery = _recovery(definitions, alarm, dict(setting.values))
            self._estimates[setting] = estimate(alarm, recovery, self.minutes, self.lead)
        return self._estimates[setting]

    def size(self, setting: Setting) -> tuple[float, tuple[int, ...]]:
        """Return how many failed messages it takes until it calls, as a geometric mean over the account's windows.

        Of alarms that compare no counts it is the position of the threshold. Equal ones are in the order of the grid.
        """
        if setting not in self._sizes:
            self._sizes[setting] = self._size(setting)
        return self._sizes[setting], setting.ranks

    def _size(self, setting: Setting) -> float:
        alarm = self._alarm(self.definitions(self.grid.at((self.grid.axes[0].today, *setting.ranks[1:]))))
        if not is_ratio(alarm):
            return float(setting.ranks[0])
        values = dict(setting.values)
        least = (float(values.get("MinimumFailed", 1)), float(values.get("MinimumTotal", 1)))
        alarm = replace(alarm, threshold=float(setting.values[0][1]))
        return failures_needed(alarm, least, self.minutes, self.lead)

    def mails(self, setting: Setting, start: datetime, limit: float) -> tuple[list[Mail], datetime]:
        """Return the mails of the watch from a lead before `start` on, and until when they are complete.

        After more than the limit no more are counted.
        """
        key = (setting, start)
        held = self._mails.get(key)
        if held is None or (held[1] < self.lead.end and len(held[0]) <= limit):
            self.on_replay(len(self._mails))
            self._mails[key] = self._replayed(setting, start, limit)
        return self._mails[key]

    def _replayed(self, setting: Setting, start: datetime, limit: float) -> tuple[list[Mail], datetime]:
        definitions = self.definitions(setting)
        lead = Span(max(self.lead.start, start - timedelta(days=1)), self.lead.end)
        changes = simulate.replay(definitions, self.minutes, lead)
        names = watch_names(definitions, self.alarm.name)
        sent = simulate.sent(definitions, self.minutes, changes, lead, limit)
        mails = [mail for mail in sent if mail.watch in names]
        return mails, mails[-1].time if len(mails) > limit else lead.end


def of_watch(definitions: Definitions, alarm: str) -> Definitions:
    """Return the definitions without what has no part in the mails about an alarm."""
    if _parents(definitions, alarm):
        return definitions
    watch = watch_of(alarm, definitions.watches)
    kept = {alarm, *watch.alarms}
    return replace(
        definitions,
        alarms=tuple(one for one in definitions.alarms if one.name in kept),
        composites=tuple(one for one in definitions.composites if one.name in kept),
        watches=tuple(one for one in definitions.watches if one.name == watch.name),
    )


def watch_names(definitions: Definitions, alarm: str) -> set[str]:
    """Return the watches whose mails are about an alarm: its own, and those of composites above it."""
    return {watch_of(name, definitions.watches).name for name in (alarm, *_parents(definitions, alarm))}


def _parents(definitions: Definitions, alarm: str) -> set[str]:
    names = {alarm}
    for _ in definitions.composites:
        names |= {one.name for one in definitions.composites if names & set(rules.children(one.rule))}
    return names - {alarm}


def _recovery(definitions: Definitions, alarm: Alarm, values: Mapping[str, str]) -> float:
    """Return the value at which an incident ends: the recovery of the assessment, or of the watch, or the threshold."""
    watch = watch_of(alarm.name, definitions.watches)
    if watch.name == "sms-failures":
        parameters = {**definitions.parameters, **values}
        recovery = limits(FailureLimits, parameters, parameter_name).warning_recovery_percent
        return min(recovery, alarm.threshold)
    names = {severity.recovery for severity in watch.severities if severity.alarm == alarm.name}
    held = [one.threshold for one in definitions.alarms if one.name in names]
    nearest = min if is_above(alarm) else max
    return nearest([alarm.threshold, *held])


@dataclass(slots=True)
class Search:
    """The search for a setting in one time of a history.

    Attributes:
        span: In which mails are counted.
        truths: The incidents that lie in it.
        grace: How much later than its end an incident may be mailed.
    """

    replays: Replays
    span: Span
    truths: Sequence[Incident]
    budget: Budget
    grace: timedelta
    _tried: set[Setting] = field(default_factory=set)
    _outcomes: dict[tuple[Setting, Depth], Outcome] = field(default_factory=dict)

    @property
    def grid(self) -> SettingGrid:
        """The settings."""
        return self.replays.grid

    def outcome(self, setting: Setting, depth: Depth = Depth.WHOLE) -> Outcome:
        """Return what a setting means, as far as it is needed."""
        key = (setting, depth)
        if key not in self._outcomes:
            self._outcomes[key] = self._measured(setting, depth)
        return self._outcomes[key]

    def _measured(self, setting: Setting, depth: Depth) -> Outcome:
        since = max(self.span.start, self.span.end - _NEWEST)
        if since > self.span.start and self._takes_long(setting, depth):
            newest = self._counted(setting, Span(since, self.span.end), math.inf)
            if any(newest.excesses(self.budget)):
                return newest
        most = self.budget.mails_a_week * math.ceil(self.span.minutes / 60) / 168
        return self._counted(setting, self.span, most if depth is Depth.PROOF else math.inf)

    def _takes_long(self, setting: Setting, depth: Depth) -> bool:
        """Return whether an incident would be open for so long, or so often, that the newest weeks have to do."""
        guess = self.replays.estimate(setting)
        if guess is None:
            return False
        is_noisy = guess.mails_a_week(self.span) > _NOISY * self.budget.mails_a_week
        return guess.open_share(self.span) > _OPEN_SHARE or (is_noisy and depth is Depth.NEWEST)

    def _counted(self, setting: Setting, span: Span, limit: float) -> Outcome:
        mails, until = self.replays.mails(setting, span.start, limit)
        is_cut = until < span.end
        span = Span(span.start, until + timedelta(minutes=1)) if is_cut else span
        open_spans = [one for _, one in incidents(mails, span)]
        night = self.budget.night
        return outcome(setting, mails, open_spans, self.truths, span, night, self.grace, is_cut=is_cut)

    def holds(self, setting: Setting, rule: Rule) -> bool:
        """Return whether a setting can be deployed and, replayed, keeps a rule."""
        if self.contradictions(setting):
            return False
        self._tried.add(setting)
        measured = self.outcome(setting, Depth.PROOF if rule is Rule.ALL else Depth.WHOLE)
        return not measured.missed and not self._is_too_much(measured, rule)

    def contradictions(self, setting: Setting) -> tuple[str, ...]:
        """Return what the template's rules say against a setting that is not today's, a sentence each."""
        return () if setting == self.grid.today else self.replays.definitions(setting).contradictions

    def _is_too_much(self, measured: Outcome, rule: Rule) -> bool:
        if rule is Rule.ALL:
            return any(measured.excesses(self.budget))
        budget, true_at_night = self.budget, measured.true_night_mails_a_week
        return exceeds(measured.mails_a_week, measured.true_mails_a_week, budget.mails_a_week) or exceeds(
            measured.night_mails_a_week, true_at_night, budget.night_mails_a_week
        )

    def smallest(self, rule: Rule) -> Setting | None:
        """Return the smallest setting that keeps a rule: the one that takes the fewest failures; None if none does."""
        self._tried.clear()
        noisy: list[Setting] = []
        deaf: list[Setting] = []
        for setting in sorted(self.grid.all(), key=self.replays.size):
            if self._is_hopeless(setting, rule, noisy, deaf):
                continue
            if self.holds(setting, rule):
                return self._descended(setting, rule)
            if setting not in self._tried:
                continue
            measured = self.outcome(setting, Depth.PROOF if rule is Rule.ALL else Depth.WHOLE)
            if self._is_too_much(measured, rule):
                noisy.append(setting)
            if measured.missed:
                deaf.append(setting)
            if len(self._tried) >= _MOST or (rule is Rule.ALL and self._is_taken_by_incidents(measured)):
                return None
        return None

    def _is_hopeless(self, setting: Setting, rule: Rule, noisy: Sequence[Setting], deaf: Sequence[Setting]) -> bool:
        """Return whether a setting is smaller than one that is too noisy, or larger than one that misses something."""
        if any(_is_within(setting, one) for one in noisy) or any(_is_within(one, setting) for one in deaf):
            return True
        guess = self.replays.estimate(setting)
        if guess is None:
            return False
        truths = self.truths if rule is Rule.NO_NOISE else ()
        return guess.mails_a_week(self.span, truths, self.grace) > _SLACK * self.budget.mails_a_week

    def _is_taken_by_incidents(self, measured: Outcome) -> bool:
        """Return whether incidents alone take more mails than are wanted."""
        return len(measured.true_mails) > self.budget.mails_a_week * self.span.days / 7

    def fewest_missed(self) -> Setting:
        """Return the setting that misses fewest incidents and then mails least, of those tried and some larger."""
        largest = self.grid.at(tuple(len(axis.values) - 1 for axis in self.grid.axes))
        ends = (self.grid.today, largest, *self._largest_without_misses())
        self._tried |= {one for one in ends if not self.contradictions(one)}

        def cost(setting: Setting) -> tuple[int, float, tuple[int, ...]]:
            measured = self.outcome(setting)
            return len(measured.missed), measured.mails_a_week, setting.ranks

        return min(self._tried, key=cost)

    def _largest_without_misses(self) -> list[Setting]:
        """Return about the largest setting that misses nothing: of two settings the larger one misses more, mostly."""
        if not self.truths:
            return []
        ordered = sorted(self.grid.all(), key=self.replays.size)
        at = bisect_left(ordered, 1, key=lambda one: bool(self.contradictions(one) or self.outcome(one).missed))
        return ordered[at - 1 : at] if at else []

    def _descended(self, setting: Setting, rule: Rule) -> Setting:
        """Return a setting of which no value can be one step smaller."""
        for axis in range(len(self.grid.axes)):
            smaller = self.grid.step(setting, axis, -1)
            if smaller and self.holds(smaller, rule):
                return self._descended(smaller, rule)
        return setting


def exceeds(rate: float, true_rate: float, limit: float) -> bool:
    """Return whether mails are too many; where incidents alone take more than the limit, all others are held to it."""
    return rate - true_rate > limit if true_rate > limit else rate > limit


def _is_within(smaller: Setting, larger: Setting) -> bool:
    """Return whether no value of a setting is larger than that of another."""
    return all(one <= other for one, other in zip(smaller.ranks, larger.ranks, strict=True))

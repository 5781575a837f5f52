"""A template and a history -> the smallest setting that misses no incident and keeps within a number of mails a week.

Coverage comes first, then what went wrong, then the search, then a hold-out: what the setting recommended by the first
two thirds of the history would have done in the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cwalarm.definitions.template import fits
from cwalarm.replay.method import can_vectorise
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.numeric import numpy
from cwalarm.replay.replay import Replay
from deliverywatch.backtest import explain, simulate
from deliverywatch.backtest.inputs.definitions import counts_of, is_ratio
from deliverywatch.backtest.inputs.history import bounds, replayable
from deliverywatch.backtest.results.recommendation import (
    LARGER,
    RECOMMENDED,
    SMALLER,
    TODAY,
    Budget,
    Coverage,
    HoldOut,
    Incident,
    Outcome,
    Recommendation,
    Sample,
    Setting,
)
from deliverywatch.backtest.results.result import Mail, Span
from deliverywatch.backtest.search import Depth, Replays, Rule, Search, of_watch, watch_names
from deliverywatch.backtest.tuning import change_points, levels, marked, slots
from deliverywatch.backtest.tuning.grid import grid_of, is_above
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Alarm
    from deliverywatch.backtest.compare import Request
    from deliverywatch.backtest.inputs.definitions import Definitions
    from deliverywatch.backtest.inputs.history import History
    from deliverywatch.backtest.tuning.change_points import Detected

_LEAD = timedelta(days=1)
# From the end of a slot until an alarm has seen it, at the latest.
_SEEN_WITHIN = timedelta(minutes=5)
_FIRST_PART = 2 / 3
_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be recommended.

    Attributes:
        replay: Template, history and time; settings with several values say which to try.
        budget: How many mails people want at most.
        alarm: A pattern of the alarm's name; empty for the one on a share of failures, or the only one.
        marked: The incidents that a person marked; None to detect them.
        notes: What to know about these, a sentence each.
    """

    replay: Request
    budget: Budget = field(default_factory=Budget)
    alarm: str = ""
    marked: Sequence[Incident] | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What the history holds about the alarm; `is_empty` if it compares counts, and nothing was sent."""

    coverage: Coverage
    incidents: tuple[Incident, ...]
    unjudged: tuple[Incident, ...]
    detected: Detected | None
    grid: slots.Grid
    is_empty: bool


def recommend(wish: Wish, on_progress: Callable[[float, str], None] = lambda _part, _what: None) -> Recommendation:
    """Return the recommendation, or why there is none.

    Raises:
        InputError: The template, a parameter, the history or the span cannot be used, or no alarm can be chosen.
    """
    request = wish.replay
    on_progress(0.0, "Reading")
    overrides = request.source.variants(request.settings)
    definitions = request.source.load(overrides[0])
    history = request.history_for(definitions)
    today, _ = replayable(definitions, history)
    alarm = _subject(today, wish.alarm)
    span = Span(*bounds(history, today, request.start, request.end))
    oldest, newest = bounds(history, today, None, None)
    lead = Span(max(oldest, span.start - _LEAD), min(newest, span.end))
    evidence = _evidence(wish, today, alarm, history, span)

    def load(values: Mapping[str, str]) -> Definitions:
        return replayable(request.source.load({**overrides[0], **values}), history)[0]

    settings = grid_of(alarm, today, load, _wanted(overrides))
    replays = Replays(load, alarm, Minutes(history.series), lead, settings)
    replays.on_replay = lambda count: on_progress(min(count / 60, 0.9), "Replaying settings")
    grace = timedelta(minutes=evidence.grid.minutes) + _SEEN_WITHIN
    search = Search(replays, span, evidence.incidents, wish.budget, grace)
    result = _judged(wish, search, evidence, alarm, today)
    on_progress(0.95, "Writing mails")
    shown = result.recommended or result.columns[0][1]
    return replace(
        result,
        samples=tuple(_samples(search, shown, history)),
        notes=(
            *wish.notes,
            *today.notes,
            *history.notes,
            *explain.cautions(evidence.detected, alarm, shown, result, is_silent=_is_silent(search, shown)),
            *_others(search, today, alarm),
        ),
    )


def _subject(definitions: Definitions, pattern: str) -> Alarm:
    """Return the alarm whose threshold is to be chosen."""
    if pattern:
        named = [alarm for alarm in definitions.alarms if fits(alarm.name, [pattern])]
    else:
        named = [definitions.ratio] if definitions.ratio else list(definitions.alarms)
    if len(named) != 1:
        names = ", ".join(alarm.name for alarm in named or definitions.alarms)
        raise InputError(
            f"{len(named) or 'None'} of the alarms fit{'' if len(named) > 1 else 's'} --alarm {pattern or '(none)'}.",
            next_step=f"Name one with --alarm. There is: {names}.",
        )
    return named[0]


def _wanted(overrides: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return the values to try by parameter, where several were named."""
    names = dict.fromkeys(name for one in overrides for name in one)
    values = {name: list(dict.fromkeys(one[name] for one in overrides if name in one)) for name in names}
    return {name: several for name, several in values.items() if len(several) > 1 or name not in overrides[0]}


def _evidence(wish: Wish, today: Definitions, alarm: Alarm, history: History, span: Span) -> _Evidence:
    grid = slots.grid_of(alarm, history, today.parameters)
    coverage, is_empty = slots.coverage(alarm, history, grid, span), _is_empty(alarm, history, grid, span)
    if wish.marked is None:
        detected = _detected(wish, alarm, history, grid, span)
        return _Evidence(coverage, detected.incidents, (), detected, grid, is_empty)
    known = marked.apart(wish.marked)
    inside = [one for one in known if one.span.start < span.end and one.span.end > span.start]
    judged = [one for one in inside if not coverage.lacks(one.span)]
    clipped = (replace(one, span=Span(max(one.span.start, span.start), min(one.span.end, span.end))) for one in judged)
    unjudged = tuple(one for one in known if one not in judged)
    return _Evidence(coverage, tuple(clipped), unjudged, None, grid, is_empty)


def _is_empty(alarm: Alarm, history: History, grid: slots.Grid, span: Span) -> bool:
    if not is_ratio(alarm):
        return False
    failed, total = counts_of(alarm)
    return not slots.counts(total.metric, failed.metric, history, grid, span).total.any()


def _detected(wish: Wish, alarm: Alarm, history: History, grid: slots.Grid, span: Span) -> Detected:
    zone = wish.budget.night.time_zone
    if is_ratio(alarm):
        failed, total = counts_of(alarm)
        return change_points.detect(slots.counts(total.metric, failed.metric, history, grid, span), zone)
    np = numpy()
    minutes = Minutes(history.series)
    first, last = (int(moment.timestamp()) // 60 for moment in (span.start, span.end))
    if not can_vectorise(alarm, minutes):
        empty = np.zeros(0)
        return levels.detect(empty, empty, alarm.period_seconds, is_above=True)
    column, width = Replay(minutes, first, last).columns(alarm)[0], alarm.period_seconds // 60
    seen = np.ones(len(column.values), bool) if column.missing is None else ~column.missing
    at = np.arange(0, len(column.values), width)
    at = at[seen[at]]
    return levels.detect(60 * (first + at - width), column.values[at], alarm.period_seconds, is_above=is_above(alarm))


def _judged(wish: Wish, search: Search, evidence: _Evidence, alarm: Alarm, today: Definitions) -> Recommendation:
    grid = search.grid
    result = Recommendation(
        span=search.span,
        budget=wish.budget,
        coverage=evidence.coverage,
        alarm=alarm.name,
        watch=", ".join(sorted(watch_names(today, alarm.name))),
        is_marked=wish.marked is not None,
        incidents=evidence.incidents,
        unjudged=evidence.unjudged,
        how=tuple(explain.how(evidence.detected, evidence.grid.minutes, alarm)),
        refusals=tuple(explain.refusals(evidence.coverage, search.span, evidence.detected, is_empty=evidence.is_empty)),
        columns=((TODAY, search.outcome(grid.today)),),
        parameters=grid.parameters,
    )
    if result.refusals:
        return result
    setting, rule = _chosen(search)
    columns = tuple(_columns(search, setting))
    today_values = {**grid.parameters, **dict(grid.today.values)}
    hold_out, note = _hold_out(search)
    return replace(
        result,
        columns=columns,
        needed=tuple(search.replays.size(one.setting)[0] for _, one in columns) if is_ratio(alarm) else (),
        changes=tuple(pair for pair in setting.values if today_values.get(pair[0]) != pair[1]),
        reasons=tuple(explain.reasons(search, setting, rule)),
        hold_out=hold_out,
        hold_out_note=note,
    )


def _chosen(search: Search) -> tuple[Setting, Rule | None]:
    """Return the setting to recommend, and the rule that it keeps; None if no setting keeps any."""
    for rule in Rule:
        setting = search.smallest(rule)
        if setting:
            return setting, rule
    return search.fewest_missed(), None


def _columns(search: Search, setting: Setting) -> list[tuple[str, Outcome]]:
    """Return today's setting, the next smaller one, the recommended and the next larger one, without repetitions."""
    smaller = next(filter(None, (search.grid.step(setting, axis, -1) for axis in range(len(search.grid.axes)))), None)
    larger = next(filter(None, (search.grid.step(setting, axis, 1) for axis in range(len(search.grid.axes)))), None)
    roles = ((TODAY, search.grid.today), (SMALLER, smaller), (RECOMMENDED, setting), (LARGER, larger))
    return [(role, search.outcome(one, Depth.NEWEST if role == SMALLER else Depth.WHOLE)) for role, one in roles if one]


def _hold_out(search: Search) -> tuple[HoldOut | None, str]:
    """Return what the setting recommended by the first part does in the rest; or why that cannot be said."""
    middle = search.span.start + _FIRST_PART * (search.span.end - search.span.start)
    split = middle.replace(hour=0, minute=0, second=0, microsecond=0)
    first, rest = Span(search.span.start, split), Span(split, search.span.end)
    if not rest.is_week:
        return None, (
            f"No hold-out: a third of {search.span.days:.0f} days is less than a week, too short to check the "
            "recommendation by."
        )
    before = [one for one in search.truths if one.span.end <= split]
    after = [one for one in search.truths if one.span.start >= split]
    learned = Search(search.replays, first, before, search.budget, search.grace)
    setting, _ = _chosen(learned)
    measured = Search(search.replays, rest, after, search.budget, search.grace).outcome(setting)
    return HoldOut(split, setting, measured, tuple(measured.violations(search.budget))), ""


def _samples(search: Search, shown: Outcome, history: History) -> list[Sample]:
    """Return three mails as they would look: a true one, its end, and one that is about no incident."""
    replays = search.replays
    definitions = replays.definitions(shown.setting)
    chosen = explain.chosen_mails(shown, search.truths, search.grace)[:_SAMPLES]
    written: dict[tuple[object, ...], Mail] = {}
    for _, mail in chosen:
        if _key(mail) not in written:
            written |= {_key(one): one for one in _written(search, definitions, shown, mail, history)}
    return [explain.sample(why, written[_key(mail)]) for why, mail in chosen if _key(mail) in written]


def _is_silent(search: Search, shown: Outcome) -> bool:
    """Return whether the alarm has no value at all with a setting, as where no window reaches its guard."""
    replays, name = search.replays, search.replays.alarm.name
    alarm = next(one for one in replays.definitions(shown.setting).alarms if one.name == name)
    if not can_vectorise(alarm, replays.minutes):
        return False
    first, last = (int(moment.timestamp()) // 60 for moment in (search.span.start, search.span.end))
    missing = Replay(replays.minutes, first, last).columns(alarm)[0].missing
    return missing is not None and bool(missing.all())


def _key(mail: Mail) -> tuple[object, ...]:
    return mail.time, mail.watch, mail.event


def _written(search: Search, definitions: Definitions, shown: Outcome, mail: Mail, history: History) -> list[Mail]:
    """Return the mails of an incident as they would have been sent, replayed from a day before it."""
    sent = [one.time for one in shown.mails if one.incident == mail.incident]
    lead = search.replays.lead
    span = Span(max(lead.start, min(sent) - _LEAD), min(lead.end, max(sent) + timedelta(minutes=1)))
    changes = simulate.replay(definitions, search.replays.minutes, span)
    zone = search.budget.night.time_zone
    return simulate.deliver(definitions, search.replays.minutes, changes, span, zone, history.contexts)


def _others(search: Search, today: Definitions, alarm: Alarm) -> list[str]:
    """Return a sentence on the mails of other watches, which come whatever is set here."""
    own = of_watch(today, alarm.name)
    names = {one.name for one in own.alarms} | {one.name for one in own.watches}
    others = replace(
        today,
        alarms=tuple(one for one in today.alarms if one.name not in names),
        watches=tuple(one for one in today.watches if one.name not in names),
        composites=(),
    )
    if not others.alarms:
        return []
    changes = simulate.replay(others, search.replays.minutes, search.replays.lead)
    mails = simulate.sent(others, search.replays.minutes, changes, search.replays.lead)
    seen = [mail for mail in mails if mail.time >= search.span.start]
    if not seen:
        return []
    watches = ", ".join(sorted({mail.watch for mail in seen}))
    return [f"Other watches ({watches}) sent {len(seen)} mails in this time; they do not depend on these settings."]

"""How an alarm behaves, as it was measured -> sentences: when it fires, when it recovers, what missing data does."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from cwalarm.definitions.alarm import Alarm, Comparison, State
from cwalarm.describe.behaviour import Behaviour, Burst, Stop, reads_clock
from cwalarm.describe.probe import MAXIMUM_SLOTS
from cwalarm.evaluation import windows
from cwalarm.evaluation.verdict import breaches

_COMPARED = {
    Comparison.ABOVE: "above",
    Comparison.AT_LEAST: "at or above",
    Comparison.BELOW: "below",
    Comparison.AT_MOST: "at or below",
}


def condition(alarm: Alarm) -> str:
    """Return when a value breaches, in words: `above 3`."""
    return f"{_COMPARED[alarm.comparison]} {alarm.threshold:.12g}"


def duration(seconds: int) -> str:
    """Write a duration in the largest unit that divides it: `90 seconds`, `30 minutes`, `6 hours`, `1 day`."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    raise AssertionError("every whole number of seconds is a number of seconds")


def listed(parts: list[str]) -> str:
    """Join parts as words are joined: `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def quality(alarm: Alarm, value: float) -> str:
    """Return what a value would mean."""
    return "which is bad" if breaches(alarm, value) else "which is good"


def sentences(measured: Behaviour) -> Iterator[str]:
    """Yield what the plays showed, and what they did not decide."""
    probe, alarm = measured.probe, measured.probe.alarm
    if probe.slots > MAXIMUM_SLOTS:
        yield f"It goes into ALARM when the value is {condition(alarm)} in {_counted(alarm)}."
        yield f"What follows is not decided: it has {probe.slots:,} periods, and {MAXIMUM_SLOTS:,} can be played."
        return
    yield _fires(measured)
    yield _recovers(measured)
    yield _in_view(measured)
    yield _data_stops(measured)
    yield from _late(measured)
    if probe.budget.is_spent():
        yield "Its expressions are long, so not everything was played: what is not said here is not decided."
    if reads_clock(alarm):
        moment = datetime.fromtimestamp(probe.begin, UTC)
        yield f"Its expression reads the clock: this was played from a {moment:%A, %H:%M} UTC on only."


def _fires(measured: Behaviour) -> str:
    alarm = measured.probe.alarm
    begin = f"It goes into ALARM when the value is {condition(alarm)}"
    if alarm.evaluation_periods > 1:
        begin += f" in {_counted(alarm)}"
    if measured.bad is None:
        return f"{begin}; no data that was played raised it, so whether it can fire is not decided here."
    if not measured.among_good:
        return f"{begin}."
    soonest = min(burst.fires_seconds for burst in measured.among_good)
    if not soonest:
        return f"{begin}, at the earliest {duration(windows.cadence_seconds(alarm))} after the data shows it."
    return f"{begin}, at the earliest {duration(soonest)} after the first bad one is seen."


def _counted(alarm: Alarm) -> str:
    every = alarm.evaluation_periods
    return f"all {every} periods" if alarm.m == every else f"{alarm.m} of the last {every} periods"


def _recovers(measured: Behaviour) -> str:
    if measured.good is None:
        return "No data that was played made it OK, so whether it can recover is not decided here."
    seconds, period = measured.recovery_seconds, measured.probe.alarm.period_seconds
    if measured.bad and not measured.is_lasting:
        return "It recovers by itself though values stay bad: its expression compares them with the periods before."
    if seconds is None:
        return (
            "How long it takes to recover is not decided: no play ended an ALARM by good data." if measured.bad else ""
        )
    if seconds == period:
        return "It recovers as soon as one period is good again."
    if seconds % period:
        return f"It recovers {duration(seconds)} after the last bad value."
    return f"It recovers when {seconds // period} periods in a row are good."


def _in_view(measured: Behaviour) -> str:
    """Say how long a burst keeps it in ALARM: among good values, and where nothing else is published."""
    good, gaps = measured.among_good, measured.among_gaps
    if not good:
        return ""
    size = good[0].periods
    burst = "A short burst" if size == 1 else f"The shortest burst that fires it, {size} periods,"
    if not gaps or _held(gaps) == _held(good):
        return f"{burst} stays in view for {_held(good)}."
    shorter = f" (there {_periods(gaps[0].periods)} can fire it)" if gaps[0].periods != size else ""
    alone = f"{_for(gaps)} where nothing else is published{shorter}"
    return f"{burst} stays in view for {_held(good)} among good values, {alone}."


def _periods(count: int) -> str:
    return "1 period" if count == 1 else f"{count} periods"


def _for(bursts: Sequence[Burst]) -> str:
    held = _held(bursts)
    return held if held.startswith("until") else f"for {held}"


def _held(bursts: Sequence[Burst]) -> str:
    spans = [burst.holds_seconds for burst in bursts if burst.holds_seconds is not None]
    if len(spans) < len(bursts):
        return "until other data comes"
    return _between(spans)


def _between(seconds: Sequence[int]) -> str:
    shortest, longest = min(seconds), max(seconds)
    if shortest == longest:
        return duration(shortest)
    return f"{duration(shortest)} to {duration(longest)} (by how large the values are)"


def _data_stops(measured: Behaviour) -> str:
    calm, loud = measured.stops_from_ok, measured.stops_from_alarm
    if not calm and not loud:
        return "What becomes of it when data stops is not decided: no play had a steady state to stop from."
    begin = "When data stops, it"
    if (empty := measured.empty_value) is not None:
        begin = (
            f"A period without data counts as {empty:.12g}, {quality(measured.probe.alarm, empty)}: when data stops, it"
        )
    parts = [_path(measured, State.OK, calm), _path(measured, State.ALARM, loud)]
    if calm and loud and calm[0] == loud[0] and calm[0].steps:
        parts = [_path(measured, None, calm)]
    moved = ", ".join(part for part in parts if part) or "keeps the state it has"
    return f"{begin} {moved}.{_sooner(State.OK, calm) or _sooner(State.ALARM, loud)}"


def _path(measured: Behaviour, state: State | None, stops: Sequence[Stop]) -> str:
    """Say the way that it takes from a state on, in the ranges of all plays that took the same way."""
    if not stops or not stops[0].steps:
        return ""
    way = _way(stops[0])
    alike = [stop.steps for stop in stops if stop.times == 1 and _way(stop) == way]
    parts = [f"to {name} after {_between([steps[index].seconds for steps in alike])}" for index, name in enumerate(way)]
    alarm = measured.probe.alarm
    spare = measured.probe.slots - alarm.evaluation_periods
    is_longer = stops[0].steps[-1].seconds > alarm.evaluation_periods * alarm.period_seconds
    looked = f" ({spare} older periods are looked at too)" if spare and is_longer else ""
    return f"goes {f'from {state} ' if state else ''}{' and '.join(parts)} without any{looked}"


def _way(stop: Stop) -> list[State]:
    return [step.state for step in stop.steps]


def _sooner(state: State, stops: Sequence[Stop]) -> str:
    """Say that it may change sooner where what came before added up to the value of a period."""
    dense = [stop.steps[0] for stop in stops if stop.times > 1 and stop.steps and stop.steps != stops[0].steps]
    if not dense:
        return ""
    first = min(dense)
    changed = f"it may go from {state} to {first.state} after {duration(first.seconds)} already"
    return f" If several values add up in a period, {changed}."


def _late(measured: Behaviour) -> Iterator[str]:
    if (seconds := measured.late_alarm_seconds) is not None:
        late = duration(seconds - measured.probe.grain_seconds)
        much = f"more than {late} late" if seconds > measured.probe.grain_seconds else f"{duration(seconds)} late"
        yield f"Good data that comes {much} can put it into ALARM though all is well."
    elif (seconds := measured.late_fires_seconds) is not None:
        limit = ", later data does not" if measured.is_late_limit else ""
        yield (
            f"Bad data that comes up to {duration(seconds)} late still raises it{limit}."
            if seconds
            else "Bad data that comes late does not raise it."
        )

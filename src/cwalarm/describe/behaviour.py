"""An alarm -> how it behaves, measured by playing data to its evaluator: what `explain` says and `lint` judges.

Nothing here is computed from the period and N alone. What the plays cannot decide is None, and is said to be so.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product, takewhile
from typing import NamedTuple

from cwalarm.definitions.alarm import Alarm, State
from cwalarm.describe.levels import Search, search
from cwalarm.describe.probe import MAXIMUM_SLOTS, MAXIMUM_WORK, NOTHING, Budget, Levels, Moment, Probe, Reading, Stage
from cwalarm.evaluation import windows
from cwalarm.metric_math import expression

_CLOCK = frozenset({"MINUTE", "HOUR", "DAY", "DATE", "MONTH", "YEAR", "EPOCH"})

_ALONG = frozenset(
    ("AVG", "DATAPOINT_COUNT", "DIFF", "DIFF_TIME", "MAX", "MIN", "RATE", "REMOVE_EMPTY", "RUNNING_SUM", "STDDEV")
) | {"SUM"}

# How many assignments a burst is searched with where no steady data raises the alarm, as none does with RATE.
_BURSTS_TRIED = 60

# Shares of what may be computed: up to the first data is searched, up to the second the data that fires soonest.
_SEARCHED, _CHOSEN = 0.4, 0.7

_HOURS = (12, *range(24), 120)


class Burst(NamedTuple):
    """The shortest run of bad periods that raises the alarm.

    Attributes:
        periods: How many bad periods in a row it takes.
        fires_seconds: From the first evaluation that sees a bad value to ALARM.
        holds_seconds: How long it is in ALARM; None where it stays until other data comes.
    """

    periods: int
    fires_seconds: int
    holds_seconds: int | None


class Step(NamedTuple):
    """A change of state, and how many seconds without data led to it."""

    seconds: int
    state: State


class Stop(NamedTuple):
    """What follows when data stops that came so many times a period."""

    times: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How an alarm behaves.

    Attributes:
        probe: What its data was played with.
        good: Steady data under which it is OK; `bad` data under which it goes into ALARM. None where none was hit on.
        is_lasting: Whether bad data that stays bad keeps it in ALARM.
        among_good: The shortest burst among good data; `among_gaps` where nothing else is published. One for each size
            of the bad value, where its size matters.
        recovery_seconds: From the last bad value to the end of an ALARM that lasted long, while all is good.
        stops_from_ok: What becomes of it when data stops while it is OK, for each kind of data that came before, the
            plainest first; `stops_from_alarm` while it is in ALARM. Empty where that is not decided.
        late_alarm_seconds: From which delay on good data puts it into ALARM though all is well.
        late_fires_seconds: How late bad data may be and still raises it; `is_late_limit` if later data does not.
        empty_value: What it makes of a period without data, where that is always the same number.
    """

    probe: Probe
    good: Levels | None = None
    bad: Levels | None = None
    is_lasting: bool = False
    among_good: tuple[Burst, ...] = ()
    among_gaps: tuple[Burst, ...] = ()
    recovery_seconds: int | None = None
    stops_from_ok: tuple[Stop, ...] = ()
    stops_from_alarm: tuple[Stop, ...] = ()
    late_alarm_seconds: int | None = None
    late_fires_seconds: int | None = None
    is_late_limit: bool = True
    empty_value: float | None = None


def functions(alarm: Alarm) -> frozenset[str]:
    """Return the names of the functions that the alarm's expressions call."""
    nodes = (expression.parse(query.expression) for query in alarm.queries if query.expression)
    return frozenset(call.function for node in nodes for call in expression.calls(node))


def is_along(alarm: Alarm) -> bool:
    """Return whether a slot's value depends on other slots, so that the size of a value decides how long it is seen."""
    return bool(functions(alarm) & _ALONG)


def reads_clock(alarm: Alarm) -> bool:
    """Return whether the value depends on the time of day or on the date."""
    return bool(functions(alarm) & _CLOCK)


def behaviour(
    alarm: Alarm, extra_points: Callable[[int], int] = windows.extra_points, work: int = MAXIMUM_WORK
) -> Behaviour:
    """Return how a sound alarm behaves; only its data is where it has more periods than can be played.

    `work` bounds what is computed, see `Budget`; what is left out for want of it stays undecided.
    """
    probe = Probe(alarm, extra_points, _HOURS[0], Budget(work))
    probe, hits = _searched(probe)
    if probe.slots > MAXIMUM_SLOTS:
        return Behaviour(probe, next(iter(hits.good), None), next(iter(hits.bad), None), is_lasting=bool(hits.bad))
    good, bad = _chosen(probe, hits)
    measured = Behaviour(probe, good, bad, is_lasting=bad in hits.bad)
    bursts = replace(measured, among_good=_burst_of(measured, good), among_gaps=_burst_of(measured, NOTHING))
    return _late(_stopped(_recovered(bursts)))


def _searched(probe: Probe) -> tuple[Probe, Search]:
    """Search data for the hour of the first play at which the alarm can be both OK and in ALARM."""
    results = []
    for hour in _HOURS if reads_clock(probe.alarm) else _HOURS[:1]:
        at = replace(probe, hour=hour)
        results.append((at, search(at)))
        if (results[-1][1].good and results[-1][1].bad) or probe.budget.is_spent(_SEARCHED):
            break
    return max(results, key=lambda result: bool(result[1].good) + 2 * bool(result[1].bad))


def _chosen(probe: Probe, hits: Search) -> tuple[Levels | None, Levels | None]:
    """Choose good and bad data: those whose burst raises the alarm with the fewest periods."""
    good, bad = (next(iter(levels), None) for levels in (hits.good, hits.bad))
    if good is None or not is_along(probe.alarm):
        return good, bad
    pairs = product(hits.good, hits.bad) if hits.bad else _unsteady(hits)
    affordable = takewhile(lambda _: not probe.budget.is_spent(_CHOSEN), pairs)
    bursts = [(burst, *pair) for pair in affordable if (burst := shortest_burst(probe, *pair))]
    _, good, bad = min(bursts, key=_plainness, default=(None, good, bad))
    return good, bad


def _plainness(choice: tuple[Burst, Levels, Levels]) -> tuple[bool, int, int]:
    """Prefer values that a count can have, then the fewest periods, then the soonest ALARM."""
    burst, good, bad = choice
    return any(reading.value < 0 for reading in (*good.values(), *bad.values())), burst.periods, burst.fires_seconds


def _unsteady(hits: Search) -> Iterator[tuple[Levels, Levels]]:
    """Yield pairs whose second is bad only when it comes, as with a value that is compared with its own past."""
    others = [levels for levels in hits.tried if levels not in hits.good[:1]]
    yield from ((hits.good[0], levels) for levels in others[:: max(1, len(others) // _BURSTS_TRIED)])


def _scaled(probe: Probe, levels: Levels) -> list[Levels]:
    """Return levels and, where the size of a value decides how long it is seen, the same many times larger."""
    factors = (1, 10, 1000) if is_along(probe.alarm) and not probe.budget.is_spent(_CHOSEN) else (1,)
    return [{metric: Reading(value * factor, count) for metric, (value, count) in levels.items()} for factor in factors]


def shortest_burst(probe: Probe, around: Levels, bad: Levels) -> Burst | None:
    """Return the shortest run of bad periods that raises the alarm while `around` is published otherwise."""
    if probe.budget.is_spent():
        return None
    if (shortest := burst(probe, around, bad, 1)) is not None:
        return shortest
    if (longest := burst(probe, around, bad, probe.slots)) is None:
        return None
    low, high = 1, longest
    while high.periods - low > 1:
        middle = (low + high.periods) // 2
        between = burst(probe, around, bad, middle)
        low, high = (middle, high) if between is None else (low, between)
    return high


def burst(probe: Probe, around: Levels, bad: Levels, periods: int) -> Burst | None:
    """Return what a burst of so many periods does; None where it does not raise the alarm, or that is up before."""
    before = probe.slots + 1
    stages = (Stage(around, before), Stage(bad, periods), Stage(around, before))
    moments = list(probe.play(*stages, from_period=before))
    alarmed = [index for index, moment in enumerate(moments) if moment.state is State.ALARM]
    if not alarmed or alarmed[0] == 0:
        return None
    first, after = moments[alarmed[0]].second, moments[alarmed[-1] + 1 :]
    seen = next(moment.second for moment in moments[1:] if moment.second >= (before + 1) * probe.alarm.period_seconds)
    return Burst(periods, first - seen, after[0].second - first if after else None)


def _burst_of(measured: Behaviour, around: Levels | None) -> tuple[Burst, ...]:
    if around is None or measured.bad is None:
        return ()
    bursts = (shortest_burst(measured.probe, around, bad) for bad in _scaled(measured.probe, measured.bad))
    return tuple(dict.fromkeys(filter(None, bursts)))


def _recovered(measured: Behaviour) -> Behaviour:
    """Measure what follows once good data comes after a long ALARM."""
    probe, length = measured.probe, measured.probe.slots + 1
    if measured.good is None or measured.bad is None or not measured.is_lasting or probe.budget.is_spent():
        return measured
    stages = (Stage(measured.bad, length), Stage(measured.good, length + probe.slots))
    moments = list(probe.play(*stages, from_period=length))
    ended = [later for sooner, later in pairwise(moments) if sooner.state is State.ALARM != later.state]
    seconds = ended[-1].second - length * probe.alarm.period_seconds if ended else None
    return replace(measured, recovery_seconds=seconds)


def _stopped(measured: Behaviour) -> Behaviour:
    """Let data stop while the alarm is OK, and while it is in ALARM."""
    probe = measured.probe
    calm = _stops(probe, measured.good, State.OK)
    loud = _stops(probe, measured.bad if measured.is_lasting else None, State.ALARM)
    values = {moments[-1].slots[-1].value for _, moments in (*calm, *loud)}
    return replace(
        measured,
        stops_from_ok=_steps(probe, calm),
        stops_from_alarm=_steps(probe, loud),
        empty_value=values.pop() if len(values) == 1 else None,
    )


def _stops(probe: Probe, before: Levels | None, state: State) -> list[tuple[int, list[Moment]]]:
    """Return a play for each kind of data that came before: once a period, larger, and several times a period."""
    if before is None or probe.budget.is_spent():
        return []
    length, times = probe.slots + 1, probe.times_a_period
    shared = {metric: Reading(value / times, count) for metric, (value, count) in before.items()}
    dense = [(before, times), (shared, times)] if times > 1 and not probe.is_sampled else []
    plays = [
        (some, list(probe.play(Stage(levels, length, some), Stage(NOTHING, length + 1), from_period=length)))
        for levels, some in [*((levels, 1) for levels in _scaled(probe, before)), *dense]
    ]
    return [(some, moments) for some, moments in plays if moments[0].state is state]


def _steps(probe: Probe, plays: Sequence[tuple[int, Sequence[Moment]]]) -> tuple[Stop, ...]:
    stop = (probe.slots + 1) * probe.alarm.period_seconds
    stops = (
        Stop(
            times,
            tuple(
                Step(later.second - stop, later.state)
                for sooner, later in pairwise(moments)
                if sooner.state is not later.state
            ),
        )
        for times, moments in plays
    )
    return tuple(dict.fromkeys(stops))


def _late(measured: Behaviour) -> Behaviour:
    """Let data come late: `count` of the newest periods are then empty whenever their end is looked at."""
    probe, period = measured.probe, measured.probe.alarm.period_seconds
    counts = [count for count in range(probe.slots + 1) if not probe.is_sampled or count <= 1]
    alarming = _states(probe, measured.good, counts)
    first = next((count for count, state in enumerate(alarming) if state is State.ALARM), None)
    raised = [state is State.ALARM for state in _states(probe, measured.bad if measured.is_lasting else None, counts)]
    lasting = raised.index(False) if False in raised else 0
    cadence = windows.cadence_seconds(probe.alarm)
    return replace(
        measured,
        late_alarm_seconds=None if first is None else (first - 1) * period + probe.grain_seconds,
        late_fires_seconds=lasting * period - cadence if lasting and not probe.is_sampled else None,
        is_late_limit=not any(raised[lasting:]),
    )


def _states(probe: Probe, levels: Levels | None, counts: Iterable[int]) -> list[State | None]:
    if levels is None or probe.budget.is_spent():
        return []
    return [probe.steady(levels, count * probe.alarm.period_seconds) for count in counts]

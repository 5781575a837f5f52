"""Alarms and the series of a case -> their states over time, and the first that is not as expected, explained.

An alarm takes part if every metric that it watches is among the case's series: what a case does not speak of does not
disturb it. A metric that is missing on purpose is a series of gaps, such as `_x60`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cwalarm.definitions.alarm import Alarm, Metric, State
from cwalarm.definitions.composites import Composite
from cwalarm.definitions.inventory import named
from cwalarm.describe.soundness import require_sound
from cwalarm.describe.words import condition
from cwalarm.errors import InputError
from cwalarm.evaluation import assumptions as assumed
from cwalarm.evaluation.evaluate import evaluate, returned
from cwalarm.evaluation.fetch import Fetch
from cwalarm.evaluation.series import Series
from cwalarm.metric_math.values import Frame
from cwalarm.replay import metric_names
from cwalarm.replay.actions import combine, complete
from cwalarm.replay.backtest import Change, changes_of, plain
from cwalarm.unit_tests import notation
from cwalarm.unit_tests.cases import MINUTE, Case, ExpectedState

_SHOWN_PERIODS = 5


@dataclass(frozen=True, slots=True)
class CaseRun:
    """A case, replayed: the alarms that took part, the composites all of whose alarms did, and the changes of both.

    `end` is the first minute that was not evaluated.
    """

    case: Case
    alarms: tuple[Alarm, ...]
    composites: tuple[Composite, ...]
    series: Series
    changes: tuple[Change, ...]
    end: datetime

    def state(self, alarm: str, moment: datetime) -> State:
        """Return the state of an alarm after the evaluation of a moment."""
        before = [change.state for change in self.changes if change.alarm == alarm and change.time <= moment]
        return before[-1] if before else State.INSUFFICIENT_DATA


def replay_case(case: Case, alarms: Sequence[Alarm], composites: Sequence[Composite] = ()) -> CaseRun:
    """Replay a case, from its start to its last value or expectation; alarms that watch something else are left out.

    Raises:
        InputError: A series fits no alarm or several metrics, or an alarm cannot be evaluated.
    """
    series, fed = _series(case, {stat.metric for alarm in alarms for stat in alarm.metrics})
    partakers = [alarm for alarm in alarms if all(stat.metric in fed for stat in alarm.metrics)]
    end = _end(case)
    changes = [change for alarm in partakers for change in _changes(alarm, case, series, end)]
    changes.sort(key=lambda change: (change.time, change.alarm))
    above = complete(composites, {alarm.name for alarm in partakers})
    combined = combine(changes, above, case.start)
    both = sorted((*changes, *combined), key=lambda change: change.time)
    return CaseRun(case, tuple(partakers), tuple(above), series, tuple(both), end)


def assumptions(case: Case, alarms: Sequence[Alarm], composites: Sequence[Composite] = ()) -> list[str]:
    """Return what the results of a case rest on that neither it nor the template says, each with its alarm's name."""
    series, fed = _series(case, {stat.metric for alarm in alarms for stat in alarm.metrics})
    partakers = [alarm for alarm in alarms if all(stat.metric in fed for stat in alarm.metrics)]
    above = complete(composites, {alarm.name for alarm in partakers})
    is_created = case.created is not None
    return [
        f"{alarm.name}: {sentence}"
        for alarm in (*partakers, *above)
        for sentence in assumed.of(alarm, series, is_created=is_created)
    ]


def difference(run: CaseRun) -> str | None:
    """Return what was expected and what was, for the first state that is not as expected; None if all are.

    Raises InputError if a state is expected of an alarm that does not take part.
    """
    for expected in sorted(run.case.states, key=lambda state: state.at):
        names = [*(alarm.name for alarm in run.alarms), *(composite.name for composite in run.composites)]
        name = named(expected.alarm, names, " that the case's series feed; give the alarm's metrics, _x60 for none")
        state = run.state(name, run.case.start + expected.at)
        if state is not expected.state:
            return f"{expected.alarm} at {clock(expected.at)}: expected {expected.state}, was {state}" + _why(
                run, name, expected
            )
    return None


def clock(span: timedelta) -> str:
    """Write a time of a case: `35m`, `1h30m`, `1m10s`."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{seconds}s" if seconds else "")
    return "".join(parts) or "0m"


def _series(case: Case, metrics: Iterable[Metric]) -> tuple[Series, set[Metric]]:
    series, fed = Series(), set()
    for name, line in case.series.items():
        metric = _metric(name, metrics)
        fed.add(metric)
        notation.add(series, metric, line, case.start, case.interval, case.delay, case.units.get(name))
    return series, fed


def _metric(name: str, metrics: Iterable[Metric]) -> Metric:
    possible = metric_names.meant(name, metrics)
    if len(possible) == 1:
        return possible[0]
    if possible:
        raise InputError(
            f"Series {name} may mean {len(possible)} metrics.",
            next_step=f"Write one of: {'; '.join(metric_names.distinct(possible))}.",
        )
    watched = "; ".join(metric_names.distinct(metrics)) or "nothing"
    raise InputError(f"Series {name} is watched by no alarm.", next_step=f"The alarms watch: {watched}.")


def _end(case: Case) -> datetime:
    moments = [*(state.at for state in case.states), *(mail.at for mail in case.mails or ())]
    expected = [at + MINUTE for at in moments if at is not None]
    try:
        lengths = [len(notation.values(line)) * case.interval for line in case.series.values()]
        longest = max([MINUTE, case.until, *lengths, *expected])
        return case.start + -(-longest // MINUTE) * MINUTE
    except OverflowError as error:
        raise InputError(
            f'The series of case "{case.name}" reach beyond the calendar.', next_step="Write a shorter series."
        ) from error


def _changes(alarm: Alarm, case: Case, series: Series, end: datetime) -> Iterable[Change]:
    require_sound(alarm)
    created = None if case.created is None else case.start + case.created
    first, last = (int(moment.timestamp()) // 60 for moment in (case.start, end))
    return changes_of(alarm, plain(alarm, series, first, last, created=created))


def _why(run: CaseRun, name: str, expected: ExpectedState) -> str:
    """Return the values of the periods that the evaluation looked at; a composite has none."""
    alarm = next((alarm for alarm in run.alarms if alarm.name == name), None)
    if alarm is None:
        return "."
    now = run.case.start + expected.at
    slots = evaluate(alarm, run.series, now).slots[-_SHOWN_PERIODS:]
    width = alarm.period_seconds
    periods = [
        f"{_moment(run, slot.start)} to {_moment(run, slot.end or slot.start + width)}: {_number(slot.value)}"
        for slot in slots
    ]
    newest = Frame((slots[-1].start,), width, end=slots[-1].end)
    fetch = Fetch(alarm.queries, run.series, newest, now.timestamp())
    parts = [f"{q.id} {_number(fetch.points(q.id)[0])}" for q in alarm.queries if q.metric and q.id != returned(alarm)]
    made = f" ({', '.join(parts)})" if parts else ""
    calls = condition(alarm) + (f" in {alarm.m} of {alarm.evaluation_periods}" if alarm.evaluation_periods > 1 else "")
    return f". It calls {calls}, and its periods were {'; '.join(periods)}{made}."


def _moment(run: CaseRun, second: int) -> str:
    seconds = second - int(run.case.start.timestamp())
    return ("-" if seconds < 0 else "") + clock(timedelta(seconds=abs(seconds)))


def _number(value: float | None) -> str:
    return "no data" if value is None else f"{value:g}"

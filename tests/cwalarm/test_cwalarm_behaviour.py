"""What explain says of an alarm is what the evaluator does: claims are held to series of the test's own."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from engine_alarms import entry, plain, ratio
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cwalarm.definitions.alarm import Alarm, State, from_description
from cwalarm.describe.behaviour import Behaviour, Burst, Step, behaviour
from cwalarm.describe.explain import explain, explain_measured
from cwalarm.describe.probe import Levels, Reading
from cwalarm.describe.soundness import problems
from cwalarm.evaluation.evaluate import evaluate
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.windows import cadence_seconds

NOTHING: Levels = {}

EXPRESSIONS = (
    "a",
    "a + b",
    "100 * a / b",
    "IF(b >= 10, 100 * a / b, 0)",
    "IF(b > 1, a)",
    "IF(b >= 10 AND a >= 3, 100 * a / b)",
    "FILL(a, 0)",
    "FILL(a, 7) - FILL(b, 1)",
    "FILL(a, REPEAT)",
    "FILL(a, LINEAR)",
    "MAX([FILL(a, 0), FILL(b, 0)])",
    "RUNNING_SUM(a)",
    "TIME_SERIES(SUM(a))",
    "a / AVG(a)",
    "a - MIN(a)",
    "RATE(a)",
    "DIFF(FILL(a, 0))",
    "ABS(a - b)",
    "a > 5",
    "IF(HOUR(a) >= 8 AND HOUR(a) < 20, a)",
)


def math(expression: str, **changes: Any) -> Alarm:
    """An alarm over 2 on an expression of the sum of a per minute."""
    metrics = [{"Id": "x", "Expression": expression}, entry("a", "Failed", 60)]
    return ratio(**{"Metrics": metrics, "Threshold": 2, "TreatMissingData": "missing", **changes})


COMPARISONS = (
    "GreaterThanThreshold",
    "GreaterThanOrEqualToThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
)
STATISTICS = ("Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50", "p99", "tm90", "PR(:3)")


@st.composite
def alarms(draw: st.DrawFn) -> Alarm:
    periods = draw(st.integers(1, 5))
    period = draw(st.sampled_from((10, 30, 60, 60, 120, 300, 900, 3600, 86400)))
    description: dict[str, Any] = {
        "AlarmName": "drawn",
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": draw(st.integers(1, periods)),
        "Threshold": draw(st.sampled_from((0, 1, 2, 5, 25, 0.5))),
        "ComparisonOperator": draw(st.sampled_from(COMPARISONS)),
        "TreatMissingData": draw(st.sampled_from(("missing", "ignore", "breaching", "notBreaching"))),
        "EvaluateLowSampleCountPercentile": draw(st.sampled_from(("evaluate", "ignore"))),
    }
    stats = draw(st.tuples(*[st.sampled_from(STATISTICS)] * 2))
    metrics = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "N", "MetricName": name}, "Period": period, "Stat": stat},
        }
        for name, stat in zip("ab", stats, strict=True)
    ]
    expression = draw(st.sampled_from(EXPRESSIONS))
    alarm = from_description({**description, "Metrics": [{"Id": "x", "Expression": expression}, *metrics]})
    # What reads the clock may change between the moments that are played; explain says so.
    assume(not problems(alarm) and (period <= 3600 or "HOUR" not in expression))
    return alarm


def published(measured: Behaviour, rows: Sequence[Levels], late: int = 0, times: int = 1) -> Series:
    """Row i is published `times` evenly in period i, which ends i + 1 periods after the play begins."""
    series, period = Series(), measured.probe.alarm.period_seconds
    cell = min(60, cadence_seconds(measured.probe.alarm))
    for index, levels in enumerate(rows):
        for part in range(1, times + 1):
            end = measured.probe.begin + index * period + part * period // times
            for metric, (value, count) in levels.items():
                start, seen = (datetime.fromtimestamp(second, UTC) for second in (end - cell, end + late))
                series.add(metric, start, value, count=count, published=seen, resolution_seconds=cell)
    return series


def states(measured: Behaviour, series: Series, first: int, last: int, extra: Sequence[int] = ()) -> dict[int, State]:
    """The states at every evaluation between two seconds of a play; if these are very many, around `extra` only."""
    alarm, begin = measured.probe.alarm, measured.probe.begin
    step, state = cadence_seconds(alarm), State.OK
    every = range(first // step * step, last + 1, step)
    near = {second + step * count for second in (first, *extra, last) for count in (-1, 0, 1)}
    chosen = every if len(every) <= 200 else sorted(near & set(every) | set(every[:: len(every) // 25]))
    result = {}
    for second in chosen:
        now = datetime.fromtimestamp(begin + second, UTC)
        state = evaluate(alarm, series, now, state, extra_points=measured.probe.extra_points).state
        result[second] = state
    return result


def holds_burst(measured: Behaviour, around: Levels, burst: Burst) -> None:
    period, before = measured.probe.alarm.period_seconds, measured.probe.slots + 1
    rows = [around] * before + [measured.bad or {}] * burst.periods + [around] * (2 * measured.probe.slots)
    fires = (before + 1) * period + burst.fires_seconds
    ends = len(rows) * period if burst.holds_seconds is None else fires + burst.holds_seconds
    played = states(measured, published(measured, rows), before * period, len(rows) * period, (fires, ends))
    alarmed = [second for second, state in played.items() if state is State.ALARM]
    assert (alarmed[0], alarmed[-1] < ends or burst.holds_seconds is None) == (fires, True)
    assert max(second for second in played if second <= alarmed[-1]) == alarmed[-1]
    assert ends - alarmed[-1] <= cadence_seconds(measured.probe.alarm)


def holds_stop(measured: Behaviour, before: Levels, steps: Sequence[Step], times: int) -> None:
    period, length = measured.probe.alarm.period_seconds, measured.probe.slots + 1
    rows, stop = [before] * length, length * period
    changes = [stop + seconds for seconds, _ in steps]
    played = states(measured, published(measured, rows, 0, times), stop, stop + (length + 1) * period, changes)
    expected = played[stop]
    for second, state in played.items():
        expected = next((step.state for step in reversed(steps) if stop + step.seconds <= second), expected)
        assert (second - stop, state) == (second - stop, expected)


def holds_dense_stop(measured: Behaviour, before: Levels, steps: Sequence[Step], times: int) -> None:
    """Values that come several times a period are as large as one, or share it: one of both takes these steps."""
    shared = {metric: Reading(value / times, count) for metric, (value, count) in before.items()}
    failures = []
    for levels in (before, shared):
        try:
            holds_stop(measured, levels, steps, times)
        except AssertionError as error:
            failures.append(error)
    assert len(failures) < 2, failures


def with_late(measured: Behaviour, levels: Levels, late: int) -> set[State]:
    """The states over a whole period in which data has long come late."""
    alarm = measured.probe.alarm
    length = 2 * measured.probe.slots + 2
    first = length * alarm.period_seconds
    rows = [levels] * (length + 2)
    return set(states(measured, published(measured, rows, late), first, first + alarm.period_seconds, (late,)).values())


@settings(max_examples=15, deadline=None)
@given(alarms())
def test_what_explain_claims_is_what_the_evaluator_does(alarm: Alarm) -> None:
    measured = behaviour(alarm)
    assert explain_measured(measured)
    good, bad = measured.good or {}, measured.bad or {}
    for bursts, around in ((measured.among_good, good), (measured.among_gaps, NOTHING)):
        for burst in bursts[:1]:
            holds_burst(measured, around, burst)
    for stops, before in ((measured.stops_from_ok, good), (measured.stops_from_alarm, bad)):
        for stop in stops[:1]:
            holds_stop(measured, before, stop.steps, 1)
        for stop in stops:
            if stop.times > 1:
                holds_dense_stop(measured, before, stop.steps, stop.times)


@settings(max_examples=15, deadline=None)
@given(alarms(), st.integers(1, 12))
def test_what_explain_claims_of_late_data_is_what_the_evaluator_does(alarm: Alarm, count: int) -> None:
    assume(alarm.period_seconds <= 3600 and "HOUR" not in str(alarm.queries))
    measured, cadence = behaviour(alarm), cadence_seconds(alarm)
    late = count * cadence
    if measured.good and measured.late_alarm_seconds is not None:
        assert State.ALARM in with_late(measured, measured.good, measured.late_alarm_seconds)
        if late < measured.late_alarm_seconds:
            assert State.ALARM not in with_late(measured, measured.good, late)
    if measured.bad and (limit := measured.late_fires_seconds) is not None:
        assert State.ALARM in with_late(measured, measured.bad, min(late, limit))
        assert not measured.is_late_limit or State.ALARM not in with_late(measured, measured.bad, limit + late)


@pytest.mark.parametrize(
    ("alarm", "words"),
    [
        (
            plain(Period=60, TreatMissingData="notBreaching"),
            "for 1 minute among good values, for 6 minutes where nothing",
        ),
        (plain(Period=60, TreatMissingData="ignore"), "among good values, until other data comes where nothing else"),
        (
            plain(Period=10, EvaluationPeriods=3),
            "for 1 minute where nothing else is published (there 1 period can",
        ),
        (plain(Period=60, EvaluationPeriods=1600), "is not decided: it has 1,605 periods, and 300 can be played"),
        (plain(Period=60, EvaluationPeriods=240), "The shortest burst that fires it, 240 periods,"),
        (math("RUNNING_SUM(a)"), "A short burst stays in view for 6 minutes."),
        (math("TIME_SERIES(SUM(a))", ComparisonOperator="LessThanThreshold"), "from OK to ALARM after"),
        (math("a / AVG(a)"), "It recovers by itself though values stay bad"),
        (math("RATE(a)"), "It recovers by itself though values stay bad"),
        (math("FILL(a, 0)", ComparisonOperator="LessThanThreshold"), "Good data that comes 1 minute late can put it"),
        (math("a > 5"), "no data that was played raised it, so whether it can fire is not decided here"),
        (math("ABS(a)", Threshold=-1), "No data that was played made it OK, so whether it can recover is not decided"),
        (
            math("IF(HOUR(a) > 7, a)"),
            "Its expression reads the clock: this was played from a Monday, 12:00 UTC on",
        ),
    ],
)
def test_an_alarm_is_described_as_it_behaves(alarm: Alarm, words: str) -> None:
    assert words in explain(alarm)


def test_how_long_it_takes_depends_on_how_large_the_values_are() -> None:
    below = math("TIME_SERIES(SUM(a))", ComparisonOperator="LessThanThreshold")
    assert "from OK to ALARM after 3 minutes to 6 minutes (by how large the values are) without any" in explain(below)

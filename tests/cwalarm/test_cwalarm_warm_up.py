"""A new alarm waits before it judges: from its creation, where that is known, and by name where it is not."""

import pytest
from engine_alarms import ERRORS, NOON, minutes, plain

from cwalarm.definitions.alarm import Alarm, State
from cwalarm.errors import InputError
from cwalarm.evaluation.evaluate import evaluate
from cwalarm.evaluation.reason import WARMING_UP
from cwalarm.evaluation.series import Series
from cwalarm.lint.definition_rules import findings
from cwalarm.replay.backtest import backtest
from cwalarm.replay.backtest import plain as step_by_step
from cwalarm.unit_tests.notation import add


def warming(**changes: object) -> Alarm:
    waits = {"WarmUpPeriodDurationInMinutes": "10", "OnlyStartEvaluatingAfterWarmUpPeriodEnds": "true"}
    return plain(Period=60, WarmUpConfiguration={**waits, **changes}, TreatMissingData="breaching")


def failing(text: str = "9x60") -> Series:
    series = Series()
    add(series, ERRORS, text, NOON, minutes(1))
    return series


def first_change(alarm: Alarm, series: Series, created: int | None) -> tuple[float, State]:
    moment = None if created is None else NOON + minutes(created)
    start = int(NOON.timestamp()) // 60
    second, state = next(step_by_step(alarm, series, start, start + 60, created=moment))
    return (second - NOON.timestamp()) / 60, state


@pytest.mark.parametrize(("created", "minute"), [(0, 10), (5, 15), (-30, 0), (None, 0)])
def test_an_alarm_that_waits_for_the_whole_warm_up_judges_from_its_end_on(created: int | None, minute: int) -> None:
    assert first_change(warming(), failing(), created) == (minute, State.ALARM)


def test_an_alarm_that_may_begin_early_does_so_once_its_periods_are_full() -> None:
    alarm = warming(OnlyStartEvaluatingAfterWarmUpPeriodEnds=False)
    assert first_change(alarm, failing("_x4 9x50"), 0) == (5, State.ALARM)


def test_an_alarm_that_began_early_does_not_go_back_to_waiting() -> None:
    alarm = warming(OnlyStartEvaluatingAfterWarmUpPeriodEnds=False)
    now = NOON + minutes(9)
    assert evaluate(alarm, Series(), now, State.OK, created=NOON).state is State.ALARM
    assert evaluate(alarm, Series(), now, created=NOON).state is State.INSUFFICIENT_DATA


def test_an_evaluation_says_that_the_alarm_warms_up() -> None:
    assert evaluate(warming(), failing(), NOON + minutes(5), created=NOON).reason == WARMING_UP
    assert evaluate(warming(), failing(), NOON + minutes(15), created=NOON).reason != WARMING_UP


@pytest.mark.parametrize("created", [None, -30, 0, 7, 55])
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_backtest_waits_as_long_as_the_alarm_does(created: int | None, is_whole: bool) -> None:
    pytest.importorskip("numpy", reason="the replay over arrays needs NumPy")
    alarm, series = warming(OnlyStartEvaluatingAfterWarmUpPeriodEnds=is_whole), failing("1x3 9x20 _x15 1x20")
    moment, start = None if created is None else NOON + minutes(created), int(NOON.timestamp()) // 60
    changes = backtest([alarm], series, NOON, NOON + minutes(60), created=moment)
    expected = list(step_by_step(alarm, series, start, start + 60, created=moment))
    assert [(int(change.time.timestamp()), change.state) for change in changes] == expected


def test_a_replay_that_knows_no_creation_says_so() -> None:
    assert [one.why for one in findings(warming())] == [
        "It warms up for 10 minutes once it is created: a replay takes it as created long before."
    ]
    assert list(findings(plain())) == []


def test_a_warm_up_without_a_length_is_refused() -> None:
    with pytest.raises(InputError, match="Alarm errors cannot be read: it lacks 'WarmUpPeriodDurationInMinutes'"):
        plain(WarmUpConfiguration={"OnlyStartEvaluatingAfterWarmUpPeriodEnds": True})

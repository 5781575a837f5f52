"""A new stack waits for its first data, and no update hides that they have stopped: with WarmUp and without."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cfn_values import GIVEN
from test_cfn_evidence import NOON, SYSTEMS

import stacks
from blocks.alarms import Alarm as Declared
from blocks.extras import Extra
from cwalarm.definitions import alarm as alarms
from cwalarm.definitions.alarm import Alarm, State
from cwalarm.evaluation.evaluate import evaluate
from cwalarm.evaluation.series import Series
from deliverywatch.backtest.cases import check

BUILDS = {"with": [*Extra], "without": [Extra.EXAMPLE_PIPELINE]}
WAITING = sorted(
    (alarm.name, alarm.warm_up_minutes)
    for stack in stacks.chosen(SYSTEMS, [*Extra])
    for watch in stack.watches
    for alarm in watch.alarms
    if alarm.warm_up_minutes
)
LOOKING_BACK = {
    alarm.name: alarm.looks_back_minutes
    for stack in stacks.chosen(SYSTEMS)
    for watch in stack.watches
    for alarm in watch.alarms
    if isinstance(alarm, Declared) and alarm.looks_back_minutes
}


def deployed(build: str, name: str) -> Alarm:
    extras = BUILDS[build]
    template = stacks.template(stacks.chosen(SYSTEMS, extras), "arm64", "0", extras).to_dict()
    return next(one for one in alarms.from_template(template, GIVEN) if one.name.endswith(f"-prod-{name}"))


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def runs(alarm: Alarm, first: float, last: float) -> Series:
    """Return one run every ten minutes, both ends included, in minutes from noon."""
    series = Series()
    for minute in range(int(first), int(last) + 1, 10):
        series.add(alarm.metrics[0].metric, at(minute), 1)
    return series


def test_the_alarms_that_wait_are_those_that_missing_data_would_raise() -> None:
    assert [name for name, _ in WAITING] == [
        "pipeline-sf_user-missed",
        "pipeline-sf_user-no-success",
        "pipeline-unmeasured",
        "queries-reconcile-stale",
        "sms-blind",
    ]


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(("name", "minutes"), WAITING)
def test_an_update_hides_nothing_from_an_alarm_that_is_at_work(name: str, minutes: int, build: str) -> None:
    alarm = deployed(build, name)
    window = alarm.period_seconds * alarm.evaluation_periods / 60
    stopped = runs(alarm, -2 * window, -5)
    for before in (State.OK, State.INSUFFICIENT_DATA):
        state, raised = before, None
        for minute in range(1, 2 * minutes + 61):
            state = evaluate(alarm, stopped, at(minute), state, created=NOON).state
            raised = raised or (minute if state is State.ALARM else None)
        assert raised is not None, before
        assert raised <= window + alarm.period_seconds / 60 + 1, before


@pytest.mark.parametrize("wired", [True, False], ids=["wired", "leads nowhere"])
@pytest.mark.parametrize("name", sorted(LOOKING_BACK))
def test_an_alarm_that_goes_by_a_time_before_it_calls_at_once_and_is_right_when_that_time_is_over(
    name: str, *, wired: bool
) -> None:
    alarm, series, until = deployed("without", name), Series(), LOOKING_BACK[name]
    metrics = {one.metric.name: one.metric for one in alarm.metrics}
    for minute in range(-1440, until + 20, 5):
        series.add(metrics["Send"], at(minute), 3)
        if wired and minute >= 0:
            series.add(metrics["Sends"], at(minute), 3)
    # Within the five minutes in which the notifier takes it for nothing: `alerting.inputs.alarm.Alarm.waits`.
    assert evaluate(alarm, series, at(2)).state is State.ALARM
    after = evaluate(alarm, series, at(until), State.ALARM).state
    assert after is (State.OK if wired else State.ALARM)


def test_the_notifier_knows_how_long_an_alarm_goes_by_a_time_before_it() -> None:
    watches = [watch for stack in stacks.chosen(SYSTEMS) for watch in stack.watches]
    severities = [severity for watch in watches for severity in watch.document()["rungs"]]
    assert (
        LOOKING_BACK.items() <= {severity["alarm"]: severity.get("warm_up_minutes") for severity in severities}.items()
    )


def test_with_warm_up_a_new_stack_mails_no_more_and_no_less(tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    chosen = stacks.chosen(["sms"], BUILDS["with"])
    template.write_text(stacks.template(chosen, "arm64", "0", BUILDS["with"]).to_json())
    template.with_name("watches.json").write_text(json.dumps(stacks.watches(chosen)))
    results = check(Path(__file__).parents[1] / "backtests/sight.toml", template)
    assert results
    assert [one for one in results if one.difference] == []


def test_without_being_asked_for_no_template_holds_what_some_regions_do_not_know() -> None:
    assert deployed("with", "sms-blind").warm_up
    assert deployed("without", "sms-blind").warm_up is None

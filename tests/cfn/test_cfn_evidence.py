"""No data is no evidence: an alarm that is raised stays raised when its metrics fall silent, in every system."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

import stacks
from blocks.extras import Extra
from cwalarm.definitions import alarm as alarms
from cwalarm.definitions.alarm import Alarm, MetricStat, State, Treat
from cwalarm.evaluation.evaluate import evaluate
from cwalarm.evaluation.series import Series

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACCOUNT = {
    "SenderAddress": "alerts@example.com",
    "AlertRecipients": "support@example.com",
    "FallbackAddress": "oncall@example.com",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
}
SYSTEMS = [name for name in stacks.SYSTEMS if name != "files-pusher"]
# The last is that of a day of few mails, fewer than one in each period.
VALUES = (None, 0.0, 900.0, 1_000_000.0, 0.25)
PREFIX = "deliverywatch-prod-"
# The alarms that end without data, and why that is no false all-clear, or where it still is one.
ENDS_WITHOUT_DATA = {
    "email-refused": "each refused event is counted, and it waits under the error prefix whatever the alarm says",
    "files-errors": "each failed attempt is counted; what fails for good is a dead letter, with its alarm",
    "files-throttles": "each refused start is counted; what was not started waits in the queue, whose age has an alarm",
    "files-unprocessed-growing": "it counts new dead letters; files-unprocessed stays raised while one lies there",
    "files-stalled": "SQS reports an age whenever a message waits in a queue that is polled",
}


@cache
def deployed() -> dict[str, Alarm]:
    template = stacks.template(stacks.chosen(SYSTEMS, [*Extra]), "arm64", "0").to_dict()
    return {alarm.name.removeprefix(PREFIX): alarm for alarm in alarms.from_template(template, ACCOUNT)}


def metrics_of(alarm: Alarm) -> list[MetricStat]:
    return list(dict.fromkeys(alarm.metrics))


def raised(alarm: Alarm) -> Series:
    """Return a series that puts the alarm into ALARM at noon and ends there."""
    metrics = metrics_of(alarm)
    candidates = (ending_at_noon(alarm, values) for values in itertools.product(VALUES, repeat=len(metrics)))
    return next(series for series in candidates if evaluate(alarm, series, NOON).state is State.ALARM)


def ending_at_noon(alarm: Alarm, values: Sequence[float | None]) -> Series:
    period = timedelta(seconds=alarm.period_seconds)
    first, step = NOON - (alarm.evaluation_periods + 1) * period, min(period, timedelta(minutes=10))
    times = [first + number * step for number in range((NOON - first) // step)]
    series = Series()
    for (stat, value), time in itertools.product(zip(metrics_of(alarm), values, strict=True), times):
        if value is not None:
            # It doubles in the last period: one alarm looks at the difference of two.
            series.add(stat.metric, time, value if time < NOON - period else 2 * value)
    return series


@pytest.mark.parametrize("name", sorted(deployed().keys() - ENDS_WITHOUT_DATA))
def test_without_a_single_datapoint_a_raised_alarm_stays_raised(name: str) -> None:
    alarm = deployed()[name]
    state = evaluate(alarm, Series(), NOON, State.ALARM).state
    assert state is (State.OK if alarm.treat_missing_data is Treat.NOT_BREACHING else State.ALARM)


@pytest.mark.parametrize("name", sorted(deployed().keys() - ENDS_WITHOUT_DATA))
def test_a_raised_alarm_whose_metrics_fall_silent_is_not_over_by_that(name: str) -> None:
    alarm = deployed()[name]
    series, state = raised(alarm), State.ALARM
    for minutes in range(0, 24 * 60, 10):
        state = evaluate(alarm, series, NOON + timedelta(minutes=minutes), state).state
    assert state is (State.OK if alarm.treat_missing_data is Treat.NOT_BREACHING else State.ALARM)


def test_every_exception_is_an_alarm_that_exists() -> None:
    assert ENDS_WITHOUT_DATA.keys() <= deployed().keys()


def test_absence_ends_only_alarms_that_open_no_incident() -> None:
    severities = {
        severity["alarm"]: severity["level"]
        for watch in stacks.watches(stacks.chosen(SYSTEMS, [*Extra]))["watches"]
        for severity in watch["rungs"]
    }
    by_absence = {name for name, alarm in deployed().items() if alarm.treat_missing_data is Treat.NOT_BREACHING}
    assert by_absence
    assert {severities[name] for name in by_absence} == {"ok"}

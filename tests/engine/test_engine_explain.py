"""An alarm in plain words, computed from its definition."""

import pytest
from engine_alarms import entry, plain, ratio

from deliverywatch.engine.explain import duration, explain


def test_a_ratio_alarm_in_plain_words() -> None:
    assert explain(ratio()) == (
        "ratio: Watches IF(total >= 10 AND failed >= 3, 100 * failed / total, 0), where failed is the sum of App "
        "Failed (Environment=test) and total is the sum of App Total (Environment=test). "
        "Unless total >= 10 AND failed >= 3, the value is 0, which is good. "
        "CloudWatch looks every minute at the 30 minutes before, so the window slides and is not tied to the clock. "
        "It goes into ALARM when the value is above 25, at the earliest 1 minute after the data shows it. "
        "Without any data it keeps the state it has, and only once 90 minutes are empty, because 2 older periods are "
        "looked at too. It recovers as soon as one period is good again; a short burst stays in view for 30 minutes. "
        "It acts when it changes to ALARM and OK."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"EvaluationPeriods": 3, "DatapointsToAlarm": 2},
            "above 3 in 2 of the last 3 periods, at the earliest 5 minutes",
        ),
        ({"EvaluationPeriods": 3}, "in all 3 periods, at the earliest 10 minutes"),
        ({"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, "It recovers when 2 of the last 3 periods are good."),
        ({"TreatMissingData": "breaching"}, "Without any data it goes into ALARM, and only once 15 minutes are empty"),
        ({"Period": 60}, "only once 6 minutes are empty, because 5 older periods are looked at too."),
        ({"Period": 86400, "EvaluationPeriods": 2}, "CloudWatch looks once an hour"),
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "the last completed 5 minutes by the clock of UTC."),
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "and only once 5 minutes are empty."),
        ({"ActionsEnabled": False}, "Its actions are switched off."),
        ({}, "It acts on nothing by itself."),
        (
            {"WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": "40"}},
            "Once created it waits 40 minutes before it judges, unless its periods are full before.",
        ),
        ({"ComparisonOperator": "LessThanOrEqualToThreshold"}, "when the value is at or below 3"),
    ],
)
def test_what_a_definition_changes_changes_the_words(changes: dict[str, object], words: str) -> None:
    assert words in explain(plain(**changes))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(90, "90 seconds"), (60, "1 minute"), (5400, "90 minutes"), (21600, "6 hours"), (86400, "1 day")],
)
def test_a_duration_is_in_its_largest_unit(seconds: int, words: str) -> None:
    assert duration(seconds) == words


def test_a_guard_that_calls_is_told_as_bad() -> None:
    assert "Unless total >= 10 AND failed >= 3, the value is 0, which is bad." in explain(ratio(Threshold=-1))


def test_a_filled_metric_is_silent_at_once() -> None:
    filled = [{"Id": "x", "Expression": "FILL(total, 0)"}, entry("total", "Total")]
    told = explain(ratio(Metrics=filled, TreatMissingData="breaching"))
    assert "only once 90 minutes are empty, because 2 older periods are looked at too. FILL gives an empty" in told

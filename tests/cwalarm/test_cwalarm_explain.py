"""An alarm in plain words, computed from its definition."""

import pytest
from engine_alarms import entry, plain, ratio

from cwalarm.definitions.composites import from_description
from cwalarm.describe.explain import duration, explain, explain_composite


def test_a_ratio_alarm_in_plain_words() -> None:
    assert explain(ratio()) == (
        "ratio: Watches IF(total >= 10 AND failed >= 3, 100 * failed / total, 0), where failed is the sum of App "
        "Failed (Environment=test) and total is the sum of App Total (Environment=test). "
        "Unless total >= 10 AND failed >= 3, the value is 0, which is good. "
        "CloudWatch looks every minute at the 30 minutes before, so the window slides and is not tied to the clock. "
        "It goes into ALARM when the value is above 25, at the earliest 1 minute after the data shows it. "
        "It recovers as soon as one period is good again. "
        "A short burst stays in view for 30 minutes among good values, "
        "until other data comes where nothing else is published. When data stops, it keeps the state it has. "
        "If several values add up in a period, it may go from ALARM to OK after 6 minutes already. "
        "Bad data that comes up to 89 minutes late still raises it, later data does not. "
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
        ({"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, "It recovers when 2 periods in a row are good."),
        ({"TreatMissingData": "breaching"}, "it goes from OK to ALARM after 15 minutes without any (2 older periods"),
        ({"Period": 60}, "INSUFFICIENT_DATA after 6 minutes without any (5 older periods"),
        ({"Period": 86400, "EvaluationPeriods": 2}, "CloudWatch looks once an hour"),
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "the last completed 5 minutes by the clock of UTC."),
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "INSUFFICIENT_DATA after 5 minutes without any."),
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


def test_a_guard_that_calls_is_described_as_bad() -> None:
    assert "Unless total >= 10 AND failed >= 3, the value is 0, which is bad." in explain(ratio(Threshold=-1))


@pytest.mark.parametrize(
    ("m", "treat", "words"),
    [
        (1, "breaching", "it goes from OK to ALARM after 15 minutes without any."),
        (2, "breaching", "it goes from OK to ALARM after 20 minutes without any (2 older periods"),
        (2, "notBreaching", "it goes from ALARM to OK after 20 minutes without any (2 older periods"),
        (3, "missing", "it goes to INSUFFICIENT_DATA after 25 minutes without any (2 older periods"),
    ],
)
def test_when_data_stops_the_time_is_that_of_the_rule(m: int, treat: str, words: str) -> None:
    assert words in explain(plain(EvaluationPeriods=3, DatapointsToAlarm=m, TreatMissingData=treat))


def filled(expression: str, treat: str = "breaching", **changes: object) -> str:
    metrics = [{"Id": "x", "Expression": expression}, entry("total", "Total")]
    return explain(ratio(Metrics=metrics, TreatMissingData=treat, **changes))


def test_a_filled_period_counts_at_once() -> None:
    below = {"ComparisonOperator": "LessThanThreshold", "Threshold": 1}
    assert "counts as 0, which is bad: when data stops, it goes from OK to ALARM after 30 minutes" in filled(
        "FILL(total, 0)", **below
    )
    assert "Once" not in filled("FILL(total, 0)", "notBreaching", **below)


def test_a_period_filled_with_what_was_before_is_described() -> None:
    words = filled("FILL(total, REPEAT)")
    assert "it goes from OK to ALARM after 90 minutes without any (2 older periods" in words


def test_a_value_that_needs_the_one_before_is_gone_earlier() -> None:
    assert "it goes from OK to ALARM after 1 hour without any" in filled("RATE(total)")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("IF(total < 20, 0, total)", "While total < 20, the value is 0, which is good."),
        ("IF(total >= 20, total)", "Unless total >= 20, there is no value."),
        ("IF(MAX([total, total]) > 2, total, 0)", "Unless MAX([total, total]) > 2, the value is 0, which is good."),
    ],
)
def test_a_guard_is_described_in_every_form(expression: str, words: str) -> None:
    assert words in filled(expression)


def test_two_guards_in_a_row_are_not_taken_for_one() -> None:
    assert "Unless" not in filled("IF(total > 1, total, 0) + IF(total > 2, 1, 0)")


def test_a_threshold_is_written_in_full() -> None:
    assert "above 1234567.5" in explain(plain(Threshold=1234567.5))


def test_a_percentile_of_few_values_is_described() -> None:
    low = {"Statistic": None, "ExtendedStatistic": "p99", "EvaluateLowSampleCountPercentile": "ignore"}
    assert "too few values for the percentile, it keeps the state" in explain(plain(**low))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("ALARM(a) OR OK(b)", "It is in ALARM while a is in ALARM or b is in OK, and OK otherwise."),
        ("ALARM(a) AND NOT ALARM(b)", "while a is in ALARM and b is not in ALARM,"),
        ("ALARM(a) AND (ALARM(b) OR ALARM(c))", "a is in ALARM and (b is in ALARM or c is in ALARM),"),
        ("AT_LEAST(2, ALARM, (a, b, c))", "at least 2 of a, b and c are in ALARM,"),
        ("NOT (ALARM(a) AND ALARM(b))", "it is not so that (a is in ALARM and b is in ALARM),"),
    ],
)
def test_a_composite_in_plain_words(rule: str, words: str) -> None:
    composite = from_description({"AlarmName": "any", "AlarmRule": rule})
    assert words in explain_composite(composite)


def test_what_holds_a_composite_back_is_described() -> None:
    suppressed = {"ActionsSuppressor": "a", "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 120}
    composite = from_description({"AlarmName": "any", "AlarmRule": "ALARM(b)", "AlarmActions": ["x"], **suppressed})
    words = explain_composite(composite)
    assert "held back while a is in ALARM, for 2 minutes after that, and for 1 minute after each change" in words
    assert words.endswith("It acts when it changes to ALARM.")

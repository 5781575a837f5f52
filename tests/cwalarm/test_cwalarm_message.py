"""The SNS message of a change, field for field as CloudWatch sends it."""

import json
from pathlib import Path
from typing import Any

import pytest
from engine_alarms import NOON, TOPIC, plain, ratio

from cwalarm.definitions import composites
from cwalarm.definitions.alarm import Alarm
from cwalarm.evaluation.message import Outcome, composite_reason, sns_message, sns_subject


def sent(alarm: Alarm) -> dict[str, Any]:
    change = Outcome("ALARM", "Threshold Crossed: because.")
    return sns_message(alarm, change, "OK", "123456789012", "us-east-1", NOON)


def test_a_plain_alarm_names_its_metric() -> None:
    alarm = plain(Dimensions=[{"Name": "Host", "Value": "a"}], DatapointsToAlarm=1, TreatMissingData="notBreaching")
    assert sent(alarm)["Trigger"] == {
        "MetricName": "Errors",
        "Namespace": "App",
        "StatisticType": "Statistic",
        "Statistic": "SUM",
        "Unit": None,
        "Dimensions": [{"value": "a", "name": "Host"}],
        "Period": 300,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 3.0,
        "TreatMissingData": "notBreaching",
        "EvaluateLowSampleCountPercentile": "",
    }


def test_a_percentile_is_an_extended_statistic() -> None:
    alarm = plain(Statistic=None, ExtendedStatistic="p99", EvaluateLowSampleCountPercentile="ignore")
    trigger = sent(alarm)["Trigger"]
    assert (trigger["StatisticType"], trigger["ExtendedStatistic"]) == ("ExtendedStatistic", "p99")
    assert trigger["EvaluateLowSampleCountPercentile"] == "ignore"
    assert "Statistic" not in trigger


def test_a_math_alarm_lists_its_metrics() -> None:
    trigger = sent(ratio())["Trigger"]
    assert "MetricName" not in trigger
    assert trigger["Metrics"][0] == {
        "Expression": "IF(total >= 10 AND failed >= 3, 100 * failed / total, 0)",
        "Id": "rate",
        "Label": "Failed share",
        "ReturnData": True,
    }
    assert trigger["Metrics"][1]["MetricStat"] == {
        "Metric": {
            "Dimensions": [{"value": "test", "name": "Environment"}],
            "MetricName": "Failed",
            "Namespace": "App",
        },
        "Period": 1800,
        "Stat": "Sum",
    }


def test_a_message_does_not_make_up_when_its_alarm_was_configured() -> None:
    assert "AlarmConfigurationUpdatedTimestamp" not in sent(ratio())


def test_the_rest_of_the_message_says_what_changed() -> None:
    message = sent(ratio(AlarmConfigurationUpdatedTimestamp="2026-11-01T08:00:00Z"))
    del message["Trigger"]
    assert message == {
        "AlarmName": "ratio",
        "AlarmDescription": "too many failures",
        "AWSAccountId": "123456789012",
        "AlarmConfigurationUpdatedTimestamp": "2026-11-01T08:00:00.000+0000",
        "NewStateValue": "ALARM",
        "NewStateReason": "Threshold Crossed: because.",
        "StateChangeTime": "2026-11-21T12:00:00.000+0000",
        "Region": "US East (N. Virginia)",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:ratio",
        "OldStateValue": "OK",
        "ActionExecutedAfterMuteWindow": False,
        "OKActions": [TOPIC],
        "AlarmActions": [TOPIC],
        "InsufficientDataActions": [],
    }


def test_the_message_can_be_written_as_json() -> None:
    assert json.loads(json.dumps(sent(ratio()))) == sent(ratio())


def test_the_subject_is_cloudwatchs() -> None:
    assert sns_subject("ratio", "ALARM", "eu-west-1") == 'ALARM: "ratio" in EU (Ireland)'


@pytest.mark.parametrize("shape", ["plain", "math"])
def test_a_message_has_the_fields_of_a_recorded_one(shape: str) -> None:
    fields = json.loads((Path(__file__).parent / "data/message_fields.json").read_text())[shape]
    message = sent(plain() if shape == "plain" else ratio())
    assert set(message) >= set(fields["message"])
    assert set(message["Trigger"]) >= set(fields["trigger"])


def test_a_composite_has_a_rule_and_children_and_no_trigger() -> None:
    definition = composites.from_description({"AlarmName": "all", "AlarmRule": "ALARM(ratio)", "AlarmActions": [TOPIC]})
    reason = composite_reason("ratio", "ALARM", NOON, "123456789012", "us-east-1")
    change = Outcome("ALARM", reason)
    children = [("ratio", "ALARM", NOON)]
    message = sns_message(definition, change, "OK", "123456789012", "us-east-1", NOON, children)
    assert "Trigger" not in message
    assert message["AlarmRule"] == "ALARM(ratio)"
    assert message["NewStateReason"] == (
        "arn:aws:cloudwatch:us-east-1:123456789012:alarm:ratio transitioned to ALARM at "
        "Saturday 21 November, 2026 12:00:00 UTC"
    )
    assert message["TriggeringChildren"] == [
        {
            "Arn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:ratio",
            "State": {"Value": "ALARM", "Timestamp": "2026-11-21T12:00:00.000+0000"},
        }
    ]


def test_a_message_that_a_mute_window_held_back_says_so_and_what_may_suppress_a_composite_is_named() -> None:
    held = {"ActionsSuppressor": "deploys", "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 120}
    definition = composites.from_description({"AlarmName": "all", "AlarmRule": "ALARM(ratio)", **held})
    change = Outcome("ALARM", "because")
    message = sns_message(definition, change, "OK", "123456789012", "us-east-1", NOON, was_muted=True)
    assert message["ActionExecutedAfterMuteWindow"] is True
    assert {name: message[name] for name in held} == held

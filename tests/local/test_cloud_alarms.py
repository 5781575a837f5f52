"""Alarms in simulated time: our engine evaluates what is deployed, and SNS carries the full message."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from cwalarm.definitions import alarm as definitions
from deliverywatch.local.cloud.cloud import LocalCloud

MINUTE = timedelta(minutes=1)


def put(cloud: LocalCloud, stamp: datetime, total: float, failed: float, environment: str = "test") -> None:
    dimensions = [{"Name": "Environment", "Value": environment}]
    data = [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": stamp, "Value": value}
        for name, value in (("Total", total), ("Failed", failed))
    ]
    cloud.client("cloudwatch").put_metric_data(Namespace="Probe", MetricData=data)


def state(cloud: LocalCloud, name: str) -> dict[str, Any]:
    described = cloud.client("cloudwatch").describe_alarms(
        AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    return dict((described["MetricAlarms"] + described["CompositeAlarms"])[0])


@pytest.fixture
def minute(cloud: LocalCloud, remembered: Any) -> datetime:
    """A quiet minute, an hour after whatever the tests before did; the ratio alarm is OK."""
    begin = cloud.clock.now.replace(minute=0, second=0) + timedelta(hours=1)
    put(cloud, begin, 100, 0)
    cloud.tick(begin + MINUTE)
    for message in remembered():
        assert message
    assert state(cloud, "probe-ratio")["StateValue"] == "OK"
    return begin + 2 * MINUTE


def test_an_alarm_on_metric_math_goes_off_and_its_message_reaches_the_function(
    cloud: LocalCloud, minute: datetime, remembered: Any
) -> None:
    before = len(remembered())
    put(cloud, minute, 100, 50)
    change, composite = cloud.tick(minute + MINUTE)
    assert (change.alarm, change.old, change.new) == ("probe-ratio", "OK", "ALARM")
    assert (composite.alarm, composite.new, composite.at) == ("probe-any", "ALARM", change.at)
    assert minute + MINUTE <= change.at < minute + 2 * MINUTE
    message = json.loads(remembered()[before]["Records"][0]["Sns"]["Message"])
    assert message["AlarmName"] == "probe-ratio"
    assert (message["OldStateValue"], message["NewStateValue"]) == ("OK", "ALARM")
    assert message["StateChangeTime"].startswith(f"{change.at:%Y-%m-%dT%H:%M:%S}")
    assert message["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:111122223333:alarm:probe-ratio"
    assert message["Region"] == "US East (N. Virginia)"
    assert [each["Id"] for each in message["Trigger"]["Metrics"]] == ["share", "failed", "total"]
    assert remembered()[before]["Records"][0]["Sns"]["Subject"] == 'ALARM: "probe-ratio" in US East (N. Virginia)'


def test_a_described_alarm_has_its_state_with_the_simulated_time_and_the_reason(
    cloud: LocalCloud, minute: datetime
) -> None:
    put(cloud, minute, 100, 50)
    change = cloud.tick(minute + MINUTE)[0]
    described = state(cloud, "probe-ratio")
    assert described["StateValue"] == "ALARM"
    assert described["StateUpdatedTimestamp"] == described["StateTransitionedTimestamp"] == change.at
    assert described["StateReason"].startswith("Threshold Crossed: 1 ")
    assert json.loads(described["StateReasonData"])["threshold"] == 3.0
    history = cloud.client("cloudwatch").describe_alarm_history(AlarmName="probe-ratio", HistoryItemType="StateUpdate")
    newest = max(history["AlarmHistoryItems"], key=lambda each: each["Timestamp"])
    assert (newest["HistorySummary"], newest["Timestamp"]) == ("Alarm updated from OK to ALARM", change.at)


def test_points_of_other_dimensions_do_not_move_an_alarm(cloud: LocalCloud, minute: datetime) -> None:
    put(cloud, minute, 100, 100, environment="other")
    put(cloud, minute, 100, 0)
    assert cloud.tick(minute + MINUTE) == []


def test_an_alarm_is_not_evaluated_because_somebody_puts_data_or_the_alarm_itself(
    cloud: LocalCloud, minute: datetime
) -> None:
    """MiniStack would, and would take the points of every other dimension for the alarm's own."""
    client, threshold = cloud.client("cloudwatch"), {"Threshold": 3, "ComparisonOperator": "GreaterThanThreshold"}
    plain = {"Namespace": "Probe", "MetricName": "Failed", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
    put(cloud, minute, 100, 100, environment="other")
    client.put_metric_alarm(
        AlarmName="plain", Dimensions=[{"Name": "Environment", "Value": "none"}], **plain, **threshold
    )
    put(cloud, minute, 100, 100, environment="other")
    assert state(cloud, "plain")["StateValue"] == "INSUFFICIENT_DATA"
    client.delete_alarms(AlarmNames=["plain"])


def test_putting_data_evaluates_nothing_before_its_time(cloud: LocalCloud, minute: datetime) -> None:
    put(cloud, minute, 100, 100)
    assert state(cloud, "probe-ratio")["StateValue"] == "OK"


def test_a_composite_alarm_follows_its_children(cloud: LocalCloud, minute: datetime) -> None:
    put(cloud, minute, 100, 50)
    cloud.tick(minute + MINUTE)
    assert state(cloud, "probe-any")["StateValue"] == "ALARM"
    assert state(cloud, "probe-any")["StateTransitionedTimestamp"] == cloud.transitions[-1].at


def test_an_alarm_on_errors_sees_a_function_fail_in_the_minute_after(cloud: LocalCloud, minute: datetime) -> None:
    cloud.clock.advance_to(minute)
    cloud.invoke("probe-probe", {"fail": "no"})
    changes = [each for number in range(3) for each in cloud.tick(minute + number * MINUTE)]
    assert next(each.new for each in changes if each.alarm == "probe-errors") == "ALARM"


def test_a_queue_reports_how_many_messages_wait(cloud: LocalCloud, minute: datetime) -> None:
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="probe-dead-letters")["QueueUrl"]
    sqs.purge_queue(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    cloud.tick(minute)
    answer = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS", MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "probe-dead-letters"}],
        StartTime=minute, EndTime=minute + MINUTE, Period=60, Statistics=["Maximum"],
    )  # fmt: skip
    assert [each["Maximum"] for each in answer["Datapoints"]] == [1.0]


def test_an_alarm_that_is_put_keeps_its_metrics(cloud: LocalCloud) -> None:
    client = cloud.client("cloudwatch")
    like = state(cloud, "probe-ratio")
    fields = ("Metrics", "EvaluationPeriods", "Threshold", "ComparisonOperator", "TreatMissingData")
    client.put_metric_alarm(AlarmName="put-by-hand", **{name: like[name] for name in fields})
    assert (
        definitions.from_description(state(cloud, "put-by-hand")).queries == definitions.from_description(like).queries
    )
    client.delete_alarms(AlarmNames=["put-by-hand"])


def test_a_topic_whose_policy_does_not_let_cloudwatch_in_gets_nothing(
    cloud: LocalCloud, minute: datetime, remembered: Any
) -> None:
    sns, before = cloud.client("sns"), len(remembered())
    topic = "arn:aws:sns:us-east-1:111122223333:probe"
    own = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    nobody = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic}],
    }
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(nobody))
    put(cloud, minute, 100, 50)
    assert cloud.tick(minute + MINUTE)[0].new == "ALARM"
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=own)
    assert len(remembered()) == before

"""Functions in simulated time: what they print, what becomes of it, and how asynchronous events are retried."""

import json
import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from deliverywatch import emf
from deliverywatch.local.cloud.cloud import LocalCloud

GROUP = "/aws/lambda/probe-probe"
DIMENSIONS = [{"Name": "Environment", "Value": "test"}]


def sums(cloud: LocalCloud, namespace: str, name: str, dimensions: list[dict[str, str]]) -> dict[datetime, float]:
    answer = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=name, Dimensions=dimensions, Period=60, Statistics=["Sum"],
        StartTime=cloud.clock.now - timedelta(days=1), EndTime=cloud.clock.now + timedelta(hours=1),
    )  # fmt: skip
    return {each["Timestamp"]: each["Sum"] for each in answer["Datapoints"]}


def log_of(cloud: LocalCloud) -> list[dict[str, Any]]:
    return list(cloud.client("logs").filter_log_events(logGroupName=GROUP)["events"])


def test_every_line_is_in_the_log_of_its_own_invocation_at_the_simulated_time(cloud: LocalCloud) -> None:
    lines = [f"line {number} {'x' * 300}" for number in range(200)]
    cloud.invoke("probe-probe", {"print": lines})
    cloud.invoke("probe-probe", {"print": ["the next invocation"]})
    events = log_of(cloud)
    of_first = [each["message"] for each in events if each["logStreamName"] == events[0]["logStreamName"]]
    assert of_first[1:-2] == lines
    assert {each["timestamp"] for each in events} == {int(cloud.clock.now.timestamp() * 1000)}


def test_an_emf_line_is_a_metric_once_its_time_has_come(cloud: LocalCloud, noon: datetime) -> None:
    stamp = noon - timedelta(minutes=3)
    cloud.invoke(
        "probe-probe", {"print": [emf.document("Probe", {"Environment": "test"}, {"Sent": (7, "Count")}, stamp)]}
    )
    cloud.settle()
    assert sums(cloud, "Probe", "Sent", DIMENSIONS) == {}
    cloud.clock.advance_to(cloud.clock.now + timedelta(seconds=41))
    cloud.settle()
    assert sums(cloud, "Probe", "Sent", DIMENSIONS) == {stamp: 7.0}


def test_a_metric_filter_counts_the_lines_that_match(cloud: LocalCloud) -> None:
    cloud.client("logs").put_metric_filter(
        logGroupName=GROUP, filterName="refusals", filterPattern='{ $.level = "ERROR" }',
        metricTransformations=[{"metricName": "Refusals", "metricNamespace": "Probe", "metricValue": "1"}],
    )  # fmt: skip
    cloud.invoke("probe-probe", {"print": ['{"level": "ERROR"}', '{"level": "INFO"}', '{"level": "ERROR"}']})
    cloud.clock.advance_to(cloud.clock.now + timedelta(minutes=1))
    cloud.settle()
    assert sum(sums(cloud, "Probe", "Refusals", []).values()) == 2


def test_invocations_and_errors_are_counted_at_the_simulated_time(cloud: LocalCloud) -> None:
    name = [{"Name": "FunctionName", "Value": "probe-probe"}]
    cloud.clock.advance_to(cloud.clock.now.replace(second=0) + timedelta(minutes=5))
    minute = cloud.clock.now
    assert cloud.invoke("probe-probe", {"fail": "no"}).error == "no"
    assert cloud.invoke("probe-probe", {}).error is None
    cloud.clock.advance_to(minute + timedelta(minutes=1))
    cloud.settle()
    assert sums(cloud, "AWS/Lambda", "Invocations", name)[minute] == 2
    assert sums(cloud, "AWS/Lambda", "Errors", name)[minute] == 1


def test_an_event_that_fails_is_retried_after_one_and_two_minutes_and_then_set_aside(cloud: LocalCloud) -> None:
    before = len([each for each in log_of(cloud) if each["message"].startswith("START")])
    cloud.client("lambda").invoke(FunctionName="probe-probe", InvocationType="Event", Payload=b'{"fail": "always"}')
    attempts, minute = [], cloud.clock.now.replace(second=0) + timedelta(minutes=1)
    for number in range(5):
        cloud.tick(minute + timedelta(minutes=number))
        attempts.append(len([each for each in log_of(cloud) if each["message"].startswith("START")]) - before)
    assert attempts == [2, 2, 3, 3, 3]
    url = cloud.client("sqs").get_queue_url(QueueName="probe-dead-letters")["QueueUrl"]
    (message,) = cloud.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"fail": "always"}


@pytest.mark.parametrize(
    ("event", "minutes", "condition", "count", "answer"),
    [
        ({}, 1, "Success", 1, None),
        ({"fail": "always"}, 3, "RetriesExhausted", 2, "errorMessage"),
    ],
)
def test_what_became_of_a_run_goes_to_its_destination_after_as_many_tries_as_were_set(
    cloud: LocalCloud, event: Any, minutes: int, condition: str, count: int, answer: str | None
) -> None:
    ends = cloud.client("sqs").create_queue(QueueName=f"probe-ends-{count}")["QueueUrl"]
    target = {"Destination": f"arn:aws:sqs:us-east-1:111122223333:probe-ends-{count}"}
    cloud.client("lambda").put_function_event_invoke_config(
        FunctionName="probe-probe",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnSuccess": target, "OnFailure": target},
    )
    cloud.client("lambda").invoke(FunctionName="probe-probe", InvocationType="Event", Payload=json.dumps(event))
    first = cloud.clock.now.replace(second=0) + timedelta(minutes=1)
    for number in range(minutes):
        cloud.tick(first + timedelta(minutes=number))
    (message,) = cloud.client("sqs").receive_message(QueueUrl=ends)["Messages"]
    cloud.client("sqs").delete_queue(QueueUrl=ends)
    cloud.client("lambda").delete_function_event_invoke_config(FunctionName="probe-probe")
    record = json.loads(message["Body"])
    assert (record["requestContext"]["condition"], record["requestPayload"]) == (condition, event)
    assert record["requestContext"]["approximateInvokeCount"] == count
    assert answer is None or answer in record["responsePayload"]


def test_sns_hands_a_function_its_events_in_order_and_stamps_them_with_the_simulated_time(
    cloud: LocalCloud, remembered: Any
) -> None:
    for number in range(5):
        cloud.client("sns").publish(TopicArn="arn:aws:sns:us-east-1:111122223333:probe", Message=str(number))
    cloud.settle()
    messages = [event["Records"][0]["Sns"] for event in remembered()]
    assert [each["Message"] for each in messages] == ["0", "1", "2", "3", "4"]
    assert messages[0]["Timestamp"] == f"{cloud.clock.now:%Y-%m-%dT%H:%M:%S}.000Z"


def test_sns_has_handed_over_the_event_when_publish_returns(
    cloud: LocalCloud, remembered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def late(thread: Any) -> None:
        is_delivery = getattr(thread._args[0] if thread._args else None, "__name__", "") == "_deliver"
        threading.Timer(1, start, [thread]).run() if is_delivery else start(thread)

    monkeypatch.setattr(threading.Thread, "start", late)
    before = time.monotonic()
    cloud.client("sns").publish(TopicArn="arn:aws:sns:us-east-1:111122223333:probe", Message="now")
    assert time.monotonic() - before < 1
    cloud.settle()
    assert [event["Records"][0]["Sns"]["Message"] for event in remembered()] == ["now"]


def test_a_function_that_prints_nothing_answers_at_once(cloud: LocalCloud) -> None:
    cloud.invoke("probe-probe", {})
    before = time.monotonic()
    cloud.invoke("probe-probe", {})
    assert time.monotonic() - before < 2

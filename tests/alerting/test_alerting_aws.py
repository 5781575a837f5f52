"""The adapters over real boto3, against moto: what AWS answers, and what it refuses as an error of our own."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from alerting_fakes import PREFIX, WATCHES, WATCHES_DOCUMENT, message, sns
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from deliverywatch.alerting import aws as adapters
from deliverywatch.alerting import handle_notify
from deliverywatch.alerting.aws import CloudWatch, Ses, Stack, Topic, lake
from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.errors import MailUnavailable, MetricsUnavailable, StoreUnavailable
from deliverywatch.messages.untrusted import text

BUCKET = "lake"
REGION = "ap-southeast-2"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    # One attempt: how long botocore waits between several is its own business.
    monkeypatch.setattr(adapters, "_CONFIG", Config(retries={"total_max_attempts": 1}))
    monkeypatch.setattr(adapters, "_SEND_PAUSES_SECONDS", (0, 0))
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield


@pytest.fixture
def topic() -> str:
    return str(boto3.client("sns").create_topic(Name="fallback")["TopicArn"])


def failing(client: Any, operation: str, error: Exception) -> None:
    """Make a client raise before it sends."""

    def refuse(**_: Any) -> None:
        raise error

    client.meta.events.register(f"before-send.*.{operation}", refuse)


def refusal(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def put_alarms(*names: str, state: str = "ALARM") -> None:
    cloudwatch = boto3.client("cloudwatch")
    metric = {
        "Namespace": "DeliveryWatch/Sms",
        "MetricName": "Failed",
        "Dimensions": [{"Name": "Environment", "Value": "prod"}],
    }
    stat = {"Metric": metric, "Period": 1800, "Stat": "Sum"}
    for name in names or [f"{PREFIX}-sms-critical"]:
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Threshold=25,
            Metrics=[
                {"Id": "share", "Expression": "failed", "ReturnData": True},
                {"Id": "failed", "MetricStat": stat, "ReturnData": False},
            ],
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="Threshold Crossed")


def test_alarms_are_described_with_their_queries() -> None:
    put_alarms()
    (critical,) = CloudWatch().describe([f"{PREFIX}-sms-critical", "absent"])
    assert (critical.state, critical.threshold, critical.period_seconds) == (State.ALARM, 25, 1800)
    assert critical.updated_at is not None
    assert critical.arn.endswith(f":alarm:{PREFIX}-sms-critical")


def test_composite_alarms_are_described_too() -> None:
    cloudwatch = CloudWatch()
    asked: list[dict[str, Any]] = []
    answer = {"CompositeAlarms": [{"AlarmName": "all", "AlarmRule": "ALARM(a)", "StateValue": "OK"}]}

    class Client:  # moto has no composite alarms
        def describe_alarms(self, **request: Any) -> dict[str, Any]:
            asked.append(request)
            return answer

    cloudwatch.__dict__["_client"] = Client()
    (alarm,) = cloudwatch.describe(["all"])
    assert (alarm.rule, alarm.state) == ("ALARM(a)", State.OK)
    assert "CompositeAlarm" in asked[0]["AlarmTypes"]


def test_values_and_sums_come_from_the_alarms_own_metrics() -> None:
    put_alarms()
    now = datetime.now(UTC)
    dimensions = [{"Name": "Environment", "Value": "prod"}]
    for minutes, value in ((3, 40), (5, 9), (90, 500)):
        point = {
            "MetricName": "Failed",
            "Dimensions": dimensions,
            "Value": value,
            "Timestamp": now - timedelta(minutes=minutes),
        }
        boto3.client("cloudwatch").put_metric_data(Namespace="DeliveryWatch/Sms", MetricData=[point])
    cloudwatch = CloudWatch()
    (alarm,) = cloudwatch.describe([f"{PREFIX}-sms-critical"])
    assert cloudwatch.newest([alarm], now)[alarm.name]["failed"] == 49
    assert cloudwatch.sums(alarm, now - timedelta(hours=1), now) == {"failed": 49.0}
    assert cloudwatch.sums(alarm, now - timedelta(hours=2), now) == {"failed": 549.0}


@pytest.mark.parametrize("operation", ["DescribeAlarms", "GetMetricData", "GetMetricWidgetImage"])
def test_a_cloudwatch_that_cannot_be_read_is_an_error_of_ours(operation: str) -> None:
    put_alarms()
    cloudwatch = CloudWatch()
    (alarm,) = cloudwatch.describe([f"{PREFIX}-sms-critical"])
    failing(cloudwatch._client, operation, refusal("InternalServiceError", operation))
    calls = {
        "DescribeAlarms": lambda: cloudwatch.describe(["x"]),
        "GetMetricData": lambda: cloudwatch.newest([alarm], datetime.now(UTC)),
        "GetMetricWidgetImage": lambda: cloudwatch.png("{}"),
    }
    with pytest.raises(MetricsUnavailable, match="CloudWatch"):
        calls[operation]()


RAW = b"From: alerts@example.com\r\nTo: a@example.com\r\nSubject: x\r\n\r\nhello\r\n"


def test_a_mail_is_handed_to_ses_as_it_is() -> None:
    boto3.client("sesv2").create_email_identity(EmailIdentity="alerts@example.com")
    assert Ses().send(RAW, "alerts@example.com", ["a@example.com"])


def test_a_sender_that_is_not_verified_is_refused_as_mail_unavailable() -> None:
    with pytest.raises(MailUnavailable, match=r"not verified|MessageRejected"):
        Ses().send(RAW, "alerts@example.com", ["a@example.com"])


def test_the_fallback_text_has_an_ascii_subject_of_at_most_100_characters(topic: str) -> None:
    assert Topic(topic).publish("[ALARM] " + "ü" * 200, "text")


def test_a_topic_that_is_not_there_is_the_end(topic: str) -> None:
    with pytest.raises(MailUnavailable, match="Neither SES nor the fallback topic took the mail"):
        Topic(f"{topic}-gone").publish("[ALARM] x", "text")


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, topic: str) -> None:
    """The environment of the deployed function."""
    variables = {
        "ENVIRONMENT": "prod",
        "PREFIX": PREFIX,
        "BUCKET": BUCKET,
        "SENDER": "alerts@example.com",
        "RECIPIENTS": "a@example.com, b@example.com",
        "FALLBACK_TOPIC": topic,
        "TIME_ZONE": "Europe/Berlin",
        "DASHBOARD": f"{PREFIX}-sms",
        "WORKGROUP": PREFIX,
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"DELIVERYWATCH_{name}", value)
    watches = tmp_path / "watches.json"
    watches.write_text(json.dumps(WATCHES_DOCUMENT))
    monkeypatch.setattr(handle_notify, "WATCHES", watches)
    for cached in (handle_notify._ports, handle_notify._watches):
        cached.cache_clear()
    charts = handle_notify._ports().charts
    assert isinstance(charts, CloudWatch)
    # moto draws no pictures, nor does CloudWatch in every partition.
    failing(charts._client, "GetMetricWidgetImage", refusal("InvalidAction", "GetMetricWidgetImage"))


def lines(prefix: str) -> list[str]:
    bucket = lake(BUCKET)
    found = [bucket.read(key) for key in bucket.keys(prefix)]
    return [one.body.decode() for one in found if one]


@pytest.mark.usefixtures("function")
def test_the_function_turns_an_alarm_message_into_a_mail(capsys: pytest.CaptureFixture[str]) -> None:
    boto3.client("sesv2").create_email_identity(EmailIdentity="alerts@example.com")
    put_alarms()
    result = handle_notify.handler(sns(message("sms-critical", "ALARM", "12:04")), None)
    (outcome,) = result["outcomes"]
    assert outcome["watch"] == "sms-failures"
    assert outcome["sent"][0].startswith("[CRITICAL] SMS failures")
    assert '"channel": "ses"' in lines("mails/")[0]
    assert "To: a@example.com, b@example.com" in lines("mail-bodies/")[0]
    assert outcome["incident"] in capsys.readouterr().out


@pytest.mark.usefixtures("function")
def test_the_function_shows_the_fallback_topic_when_ses_refuses() -> None:
    put_alarms()
    handle_notify.handler(sns(message("sms-critical", "ALARM", "12:04")), None)
    assert '"channel": "fallback"' in lines("mails/")[0]


@pytest.mark.usefixtures("function")
def test_the_function_logs_what_to_do_before_it_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(handle_notify._ports().store, "_name", "gone")
    with pytest.raises(StoreUnavailable):
        handle_notify.handler(sns(message("sms-critical", "ALARM", "12:04")), None)
    logged = json.loads(capsys.readouterr().out)
    assert (logged["event"], logged["error"]) == ("alerting_notify", "store")
    assert logged["next_step"].startswith("If it persists, check the right to read and write the bucket")


@pytest.mark.usefixtures("function")
def test_the_sweep_of_an_empty_lake_and_quiet_alarms_does_nothing() -> None:
    put_alarms(*[name for watch in WATCHES for name in watch.alarms], state="OK")
    outcomes = handle_notify.handler({"sweep": "2026-11-21T12:10:00Z"}, None)["outcomes"]
    assert [(outcome["level"], outcome["sent"]) for outcome in outcomes] == [("ok", ())] * len(WATCHES)


@pytest.mark.parametrize(
    ("status", "is_changing"),
    [("UPDATE_IN_PROGRESS", True), ("DELETE_FAILED", True), ("UPDATE_COMPLETE", False), ("ROLLBACK_COMPLETE", False)],
)
def test_a_stack_that_is_updated_or_deleted_is_changing(
    status: str, monkeypatch: pytest.MonkeyPatch, *, is_changing: bool
) -> None:
    client = boto3.client("cloudformation")
    stack = {"StackStatus": status, "CreationTime": datetime(2026, 11, 21, tzinfo=UTC)}
    monkeypatch.setattr(client, "describe_stacks", lambda **_: {"Stacks": [stack]})
    monkeypatch.setattr(adapters.boto3, "client", lambda *_, **__: client)
    assert Stack("deliverywatch-prod").is_changing() is is_changing
    assert (Stack("deliverywatch-prod").deleted_at() is not None) is status.startswith("DELETE_")


def test_more_alarms_than_one_answer_holds_are_all_described() -> None:
    names = [f"alarm-{number:03}" for number in range(130)]
    put_alarms(*names)
    cloudwatch, requests = CloudWatch(), []
    cloudwatch._client.meta.events.register(
        "provide-client-params.cloudwatch.DescribeAlarms",
        lambda params, **_: requests.append((len(params["AlarmNames"]), params["MaxRecords"])),
    )
    assert [alarm.name for alarm in cloudwatch.describe(names)] == names
    assert requests == [(100, 100), (30, 100)]


def test_a_stack_that_cannot_be_read_is_not_changing(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("cloudformation")
    failing(client, "DescribeStacks", refusal("ValidationError", "DescribeStacks"))
    monkeypatch.setattr(adapters.boto3, "client", lambda *_, **__: client)
    assert not Stack("absent").is_changing()


@pytest.mark.parametrize("name", ["disk full ", "disk\u00a0full\u202e", "disk\x9bfull"])
def test_an_alarm_whose_name_is_cleaned_is_described_by_its_clean_name(name: str) -> None:
    put_alarms(name)
    [alarm] = CloudWatch().describe([text(name, 255)])
    assert (alarm.name, alarm.state) == (text(name, 255), State.ALARM)

"""The Lambda, end to end: S3 and SSM as moto has them, and a ClickSend server on loopback."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from deliverywatch.errors import ConfigurationError, InputError, SourceRefused
from deliverywatch.local.clicksend.faults import Fault
from deliverywatch.local.clicksend.history import DELIVERED, Message, Messages, failure
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.sms import aws
from deliverywatch.sms.handle_ingest import handler

BUCKET, PATH = "deliverywatch-test", "/deliverywatch/test/clicksend"
HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
EVENT = {"scheduled_time": NOW.isoformat()}
LOST = failure("14", "Network error")
PERSONAL = {
    "to": "+61400000123",
    "body": "Your code is 98765",
    "first_name": "Josephine",
    "last_name": "Doering",
    "from_email": "jo@example.com",
    "_api_username": "jo-the-user",
    "custom_string": "patient 4711",
}


@dataclass
class Context:
    """As much of Lambda's context as the handler reads."""

    seconds: float = 600

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@pytest.fixture
def clicksend() -> Iterator[ClickSendServer]:
    sent_at = NOW - timedelta(minutes=5)
    known = [
        Message(f"M{number:03}", sent_at, [(sent_at, LOST if number < 20 else DELIVERED)], PERSONAL)
        for number in range(150)
    ]
    with ClickSendServer(Messages(known), now=NOW) as clicksend:
        yield clicksend


@pytest.fixture
def s3(clicksend: ClickSendServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    aws.account.cache_clear()
    values = {
        "DELIVERYWATCH_ENVIRONMENT": "test",
        "DELIVERYWATCH_BUCKET": BUCKET,
        "DELIVERYWATCH_CREDENTIALS": PATH,
        "DELIVERYWATCH_CLICKSEND_URL": clicksend.url,
        "DELIVERYWATCH_SLOT_MINUTES": "10",
        "DELIVERYWATCH_COUNT_RECIPIENT_FAULTS": "true",
        "DELIVERYWATCH_RECIPIENT_NUMBERS": "hashed",
        "DELIVERYWATCH_ALERTS_TOPIC": "arn:aws:sns:us-east-1:123456789012:alerts",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        ssm = boto3.client("ssm")
        for name, value in (("username", clicksend.username), ("api_key", clicksend.api_key)):
            ssm.put_parameter(Name=f"{PATH}/{name}", Value=value, Type="SecureString")
        yield client


def stored(s3: Any) -> dict[str, bytes]:
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def problem(s3: Any) -> str:
    return str(json.loads(stored(s3)["state/sms.json"])["problem"]["kind"])


def test_a_run_keeps_the_lake_and_prints_its_counts(s3: Any, capfd: pytest.CaptureFixture[str]) -> None:
    summary = handler(EVENT, Context())
    printed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    counted = [(each["Total"], each["Failed"]) for each in printed if each.get("Total")]
    assert (summary["new_count"], counted) == (150, [(150, 20)])
    assert printed[-2]["Runs"] == 1
    assert sorted(stored(s3)) == [
        f"sms/dt={NOW - HOUR:%Y-%m-%d}/{NOW - HOUR:%H}.parquet",
        "state/sms-volumes.json",
        "state/sms-watermark.json",
        "state/sms.json",
    ]


def test_nothing_personal_leaves_the_run(
    s3: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, clicksend: ClickSendServer
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    handler(EVENT, Context())
    texts = [capfd.readouterr().out, caplog.text]
    for key, body in stored(s3).items():
        is_lake = key.endswith(".parquet")
        texts.append(repr(pq.read_table(pa.BufferReader(body)).to_pylist()) if is_lake else body.decode())
    assert "M001" in texts[2]
    for secret in [*PERSONAL.values(), clicksend.api_key]:
        assert not [text for text in texts if re.search(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", text)]


def test_a_page_that_shifts_while_it_is_read_loses_nothing(s3: Any, clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.APPEARS, page=2)
    handler(EVENT, Context())
    (lake,) = [body for key, body in stored(s3).items() if key.endswith(".parquet")]
    from deliverywatch.sms.lake.merge import rows

    assert {name for (name,) in rows(lake, ("message_id",))} >= {f"M{number:03}" for number in range(150)}


def test_a_refused_key_raises_and_says_so_to_the_mails(s3: Any, clicksend: ClickSendServer) -> None:
    clicksend.api_key = "another"
    with pytest.raises(SourceRefused):
        handler(EVENT, Context())
    assert [*stored(s3)] == ["state/sms.json"]
    assert problem(s3) == "unauthorized"
    boto3.client("ssm").put_parameter(Name=f"{PATH}/api_key", Value="another", Type="SecureString", Overwrite=True)
    assert handler(EVENT, Context())["new_count"] == 150


def test_missing_parameters_are_named(s3: Any) -> None:
    boto3.client("ssm").delete_parameter(Name=f"{PATH}/api_key")
    with pytest.raises(ConfigurationError, match=f"missing in SSM: {PATH}/api_key"):
        handler(EVENT, Context())
    assert problem(s3) == "configuration"


def test_clicksend_does_not_get_the_time_that_the_run_needs_to_fail(s3: Any, clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.THROTTLED, times=None, retry_after="45")
    with pytest.raises(Exception, match="429 and asks to wait"):
        handler(EVENT, Context(60))
    assert problem(s3) == "throttled"


def test_an_event_of_the_future_is_refused(s3: Any) -> None:
    with pytest.raises(InputError, match="lies in the future"):
        handler({"scheduled_time": (datetime.now(UTC) + HOUR).isoformat()}, Context())
    assert stored(s3) == {}

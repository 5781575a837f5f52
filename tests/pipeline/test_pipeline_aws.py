"""The adapters: what S3, Athena and Step Functions answer and refuse becomes a value or an error of our own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from deliverywatch.errors import CloudRefused, CloudUnavailable, StoreUnavailable
from deliverywatch.pipeline import aws


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="lake")
        yield client


def test_an_object_is_fetched_by_its_address_and_one_that_is_not_there_is_none(s3: Any) -> None:
    s3.put_object(Bucket="lake", Key="key", Body=b"one")
    assert aws.Artifacts().fetch("s3://lake/key") == b"one"
    assert aws.Artifacts(s3).fetch("s3://lake/none") is None
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        aws.Artifacts().fetch("s3://other/key")


@pytest.mark.parametrize("code", ["AccessDenied", "PermanentRedirect", "KMS.DisabledException", "SlowDown"])
def test_whatever_s3_refuses_with_is_an_error_of_ours(s3: Any, code: str) -> None:
    def refuse(**_: str) -> None:
        raise ClientError({"Error": {"Code": code}}, "GetObject")

    s3.get_object = refuse
    with pytest.raises(StoreUnavailable, match=code):
        aws.Artifacts(s3).fetch("s3://lake/key")


@pytest.mark.parametrize("address", ["s3://x/key", "s3://not a bucket/key", "s3://lake/"])
def test_an_address_that_is_none_is_an_error_of_ours(s3: Any, address: str) -> None:
    with pytest.raises((StoreUnavailable, CloudRefused)):
        aws.Artifacts(s3).fetch(address)


def test_what_is_too_large_or_comes_too_late_is_refused(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket="lake", Key="key", Body=b"[" + b" " * 1_000_000 + b"]")
    monkeypatch.setattr(aws, "PIPELINE_RESULTS_MEGABYTES", 1)
    with pytest.raises(StoreUnavailable, match="too large"):
        aws.Artifacts(s3).fetch("s3://lake/key")
    with pytest.raises(CloudUnavailable, match="no time left"):
        aws.Artifacts(s3, seconds_left=lambda: 3).fetch("s3://lake/key")


class Athena:
    """Athena with the states that a query goes through."""

    def __init__(self, *statuses: dict[str, Any]) -> None:
        self.statuses, self.stopped = list(statuses), list[str]()

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        assert request["WorkGroup"] == "checks"
        return {"QueryExecutionId": "q1"}

    def get_query_execution(self, **_: str) -> dict[str, Any]:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"QueryExecution": {"Status": status}}

    def get_paginator(self, operation: str) -> Athena:
        assert operation == "get_query_results"
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        names = ["processed", "newest"]
        cells = [[{"VarCharValue": name} for name in names], [{"VarCharValue": "7"}, {}]]
        columns = {"ColumnInfo": [{"Name": name, "Type": "varchar"} for name in names]}
        return [{"ResultSet": {"ResultSetMetadata": columns, "Rows": [{"Data": row} for row in cells]}}]

    def stop_query_execution(self, **query: str) -> None:
        self.stopped += query.values()


def rows(client: Athena, seconds_left: float = 60) -> list[dict[str, Any]]:
    return aws.Athena("checks", lambda: seconds_left, client).rows("SELECT 1", "sf_user")


def test_a_query_is_waited_for_and_null_is_none() -> None:
    assert rows(Athena({"State": "RUNNING"}, {"State": "SUCCEEDED"})) == [{"processed": "7", "newest": None}]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ({"State": "FAILED", "StateChangeReason": "TABLE_NOT_FOUND"}, CloudRefused),
        ({"State": "FAILED", "AthenaError": {"Retryable": True}}, CloudUnavailable),
        ({"State": "CANCELLED"}, CloudRefused),
    ],
)
def test_a_query_that_fails_raises(status: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind, match="Athena could not do a check"):
        rows(Athena(status))


def test_a_query_that_takes_too_long_is_stopped() -> None:
    client = Athena({"State": "RUNNING"})
    with pytest.raises(CloudUnavailable, match="was stopped"):
        rows(client, seconds_left=10)
    assert client.stopped == ["q1"]


class Refusing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def describe_execution(self, **_: str) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution"), CloudRefused),
        (ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeExecution"), CloudUnavailable),
        (EndpointConnectionError(endpoint_url="https://states"), CloudUnavailable),
    ],
)
def test_what_step_functions_refuses_is_an_error_of_ours(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="Step Functions could not be asked"):
        aws.StepFunctions(Refusing(error)).describe("arn")


class Machines:
    def describe_state_machine_for_execution(self, **_: str) -> dict[str, str]:
        return {"definition": '{"StartAt": "Load"}'}

    def describe_map_run(self, **_: str) -> dict[str, Any]:
        return {"itemCounts": {"total": 3, "succeeded": 2}}


def test_the_definition_is_decoded_and_items_are_counted() -> None:
    steps = aws.StepFunctions(Machines())
    assert steps.definition("arn") == {"StartAt": "Load"}
    assert steps.map_run("arn")["itemCounts"] == {"total": 3, "succeeded": 2}
    with pytest.raises(CloudUnavailable, match="no time left"):
        aws.StepFunctions(Machines(), seconds_left=lambda: 1).definition("arn")


def test_a_history_of_several_pages_is_read_to_its_end_as_long_as_there_is_time() -> None:
    """The failure that was caught may stand on the last page."""

    def pages(seconds_left: Iterator[float]) -> Iterator[Any]:
        client = boto3.client("stepfunctions", region_name="eu-west-1")
        with Stubber(client) as stubber:
            for number in range(3):
                asked = {"executionArn": "arn", "maxResults": 1000} | ({"nextToken": str(number)} if number else {})
                events = [{"timestamp": 0, "type": "PassStateEntered", "id": number + 1}]
                token = {"nextToken": str(number + 1)} if number < 2 else {}
                stubber.add_response("get_execution_history", {"events": events} | token, asked)
            yield from aws.StepFunctions(client, lambda: next(seconds_left)).history("arn")

    assert [one["id"] for one in pages(itertools.repeat(60))] == [1, 2, 3]
    with pytest.raises(CloudUnavailable, match="rest of the history"):
        list(pages(iter([60, 1])))

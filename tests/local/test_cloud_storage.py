"""What the product relies on in S3, SSM and Athena, with real boto3 against the local cloud."""

import io
import time
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play

TABLE = pa.table(
    {
        "status": ["ok", "failed", "ok"],
        "extra": ['{"code": 7}', '{"code": 9}', "{}"],
        "sent_at": pa.array([datetime(2026, 11, 20, 12, 30, tzinfo=UTC)] * 3, pa.timestamp("us", "UTC")),
    }
)


def status_of(error: pytest.ExceptionInfo[ClientError]) -> int:
    return int(error.value.response["ResponseMetadata"]["HTTPStatusCode"])


def test_conditional_writes_hold_on_a_bucket_with_versions(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    tag = s3.put_object(Bucket=bucket, Key="state", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as exists:
        s3.put_object(Bucket=bucket, Key="state", Body=b"2", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="state", Body=b"2", IfMatch=tag)
    with pytest.raises(ClientError) as changed:
        s3.put_object(Bucket=bucket, Key="state", Body=b"3", IfMatch=tag)
    assert (status_of(exists), status_of(changed)) == (412, 412)
    assert s3.get_object(Bucket=bucket, Key="state")["Body"].read() == b"2"


def test_a_copy_meets_the_conditions_of_a_write(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    tag = s3.put_object(Bucket=bucket, Key="result", Body=b"1")["ETag"]
    about = {"Bucket": bucket, "Key": "export", "CopySource": {"Bucket": bucket, "Key": "result"}}
    s3.copy_object(**about, IfNoneMatch="*")
    with pytest.raises(ClientError, match="At least one of the pre-conditions you specified did not hold") as exists:
        s3.copy_object(**about, IfNoneMatch="*")
    with pytest.raises(ClientError) as changed:
        s3.copy_object(**about, IfMatch=tag[::-1])
    s3.copy_object(**about, IfMatch=tag)
    assert (status_of(exists), status_of(changed)) == (412, 412)


STRANGER = "999999999999"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("head_bucket", {}),
        ("list_objects_v2", {}),
        ("get_object", {"Key": "state"}),
        ("put_object", {"Key": "state", "Body": b"2"}),
        ("delete_object", {"Key": "state"}),
        ("get_bucket_policy", {}),
        ("delete_bucket", {}),
    ],
)
def test_a_bucket_with_another_owner_than_the_expected_one_is_refused_as_s3_does(
    cloud: LocalCloud, bucket: str, operation: str, request_: dict[str, Any]
) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="state", Body=b"1", ExpectedBucketOwner="111122223333")
    with pytest.raises(ClientError, match=r"Access Denied|Forbidden") as refused:
        getattr(s3, operation)(Bucket=bucket, **request_, ExpectedBucketOwner=STRANGER)
    assert status_of(refused) == 403
    assert s3.get_object(Bucket=bucket, Key="state")["Body"].read() == b"1"


def test_a_copy_names_both_owners_and_an_owner_is_the_number_of_an_account(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="state", Body=b"1")
    about = {"Bucket": bucket, "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "state"}}
    for owners in ({"ExpectedBucketOwner": STRANGER}, {"ExpectedSourceBucketOwner": STRANGER}):
        with pytest.raises(ClientError, match="Access Denied"):
            s3.copy_object(**about, **owners)
    with pytest.raises(ClientError, match="must be an AWS Account ID") as refused:
        s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner="support@example.com")
    assert status_of(refused) == 400
    with pytest.raises(ClientError, match="The specified bucket does not exist"):
        s3.list_objects_v2(Bucket="nowhere-at-all", ExpectedBucketOwner=STRANGER)


def test_an_object_keeps_its_metadata(cloud: LocalCloud, bucket: str) -> None:
    cloud.client("s3").put_object(Bucket=bucket, Key="hour", Body=b"", Metadata={"unsettled": "3"})
    assert cloud.client("s3").head_object(Bucket=bucket, Key="hour")["Metadata"] == {"unsettled": "3"}


def test_a_secure_parameter_is_readable_only_decrypted(cloud: LocalCloud) -> None:
    ssm = cloud.client("ssm")
    ssm.put_parameter(Name="/probe/api_key", Value="secret", Type="SecureString")
    assert ssm.get_parameter(Name="/probe/api_key", WithDecryption=True)["Parameter"]["Value"] == "secret"
    assert ssm.get_parameter(Name="/probe/api_key")["Parameter"]["Value"] != "secret"


def query(cloud: LocalCloud, bucket: str, sql: str) -> list[list[Any]]:
    athena = cloud.client("athena")
    started = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": "probe"},
        ResultConfiguration={"OutputLocation": f"s3://{bucket}/results"},
    )["QueryExecutionId"]
    for _ in range(100):
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.05)
    assert status["State"] == "SUCCEEDED", status
    rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows[1:]]


def table(cloud: LocalCloud, location: str, kind: str, columns: dict[str, str]) -> None:
    glue = cloud.client("glue")
    if "probe" not in {each["Name"] for each in glue.get_databases()["DatabaseList"]}:
        glue.create_database(DatabaseInput={"Name": "probe"})
    play.create_table(cloud, "probe", location, kind, columns, "dt")


def test_athena_runs_athenas_sql_over_a_partitioned_lake(cloud: LocalCloud, bucket: str) -> None:
    buffer = io.BytesIO()
    pq.write_table(TABLE, buffer)
    cloud.client("s3").put_object(Bucket=bucket, Key="messages/dt=2026-11-20/12.parquet", Body=buffer.getvalue())
    kinds = {"status": "string", "extra": "string", "sent_at": "timestamp"}
    table(cloud, f"s3://{bucket}/messages/", "parquet", kinds)
    rows = query(
        cloud,
        bucket,
        "SELECT dt, approx_distinct(status), count_if(status = 'ok'), max(json_extract_scalar(extra, '$.code')), "
        "max(sent_at) FROM messages WHERE dt >= '2026-11-01' GROUP BY dt",
    )
    assert rows == [["2026-11-20", "2", "2", "9", "2026-11-20 12:30:00"]]


def test_athena_reads_json_with_the_types_of_the_table(cloud: LocalCloud, bucket: str) -> None:
    line = b'{"time": "2026-11-20T12:30:00+00:00", "seq": 1, "value": null}\n'
    cloud.client("s3").put_object(Bucket=bucket, Key="mails/dt=2026-11-20/1.json", Body=line)
    kinds = {"time": "string", "seq": "int", "value": "double"}
    table(cloud, f"s3://{bucket}/mails/", "json", kinds)
    assert query(cloud, bucket, "SELECT time, seq + 1, value FROM mails") == [["2026-11-20T12:30:00+00:00", "2", None]]

"""What the product relies on in S3, SSM and Athena, with real boto3 against the local cloud."""

import io
import time
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from deliverywatch.local.cloud import LocalCloud


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


def test_athena_runs_athenas_sql_over_a_partitioned_lake(cloud: LocalCloud, bucket: str) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"status": ["ok", "failed", "ok"], "extra": ['{"code": 7}', '{"code": 9}', "{}"]}), buffer)
    cloud.client("s3").put_object(Bucket=bucket, Key="lake/dt=2026-11-20/12.parquet", Body=buffer.getvalue())
    glue = cloud.client("glue")
    glue.create_database(DatabaseInput={"Name": "probe"})
    columns = [{"Name": "status", "Type": "string"}, {"Name": "extra", "Type": "string"}]
    glue.create_table(
        DatabaseName="probe",
        TableInput={
            "Name": "messages",
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "StorageDescriptor": {
                "Columns": columns,
                "Location": f"s3://{bucket}/lake/",
                "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
            },
        },
    )
    rows = query(
        cloud,
        bucket,
        "SELECT dt, approx_distinct(status), count_if(status = 'ok'), max(json_extract_scalar(extra, '$.code')) "
        "FROM messages WHERE dt >= '2026-11-01' GROUP BY dt",
    )
    assert rows == [["2026-11-20", "2", "2", "9"]]

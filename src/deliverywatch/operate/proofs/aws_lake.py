"""Proofs in the stack's own bucket and workgroup: conditional writes under a prefix of their own, and every view."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from botocore.exceptions import ClientError

from deliverywatch.athena import Statement, Status, TimeBudget, run
from deliverywatch.errors import error_code
from deliverywatch.operate.account.aws import listed, translated
from deliverywatch.operate.lake.aws_query import workgroup
from deliverywatch.operate.proofs.trial import Outcome, Trial, Verdict, judged

_REFUSED = {"PreconditionFailed", "412"}
_STALE = '"00000000000000000000000000000000"'
_QUERY_SECONDS = 120.0


def conditional_writes(trial: Trial) -> Generator[Outcome]:
    """Yield whether S3 refuses each kind of write whose condition does not hold, and takes one whose condition does."""
    s3, bucket = trial.cloud.client("s3"), trial.stack.bucket
    about = {"Bucket": bucket, "Key": f"smoke/{trial.id}/a"}
    with trial.tidied() as undo, translated(f"The bucket {bucket}"):
        trial.made(undo, f"s3://{bucket}/smoke/{trial.id}/", lambda: _emptied(s3, bucket, f"smoke/{trial.id}/"))
        etag = s3.put_object(**about, Body=b"1", IfNoneMatch="*")["ETag"]
        s3.put_object(**about, Body=b"2", IfMatch=etag)
        source = {"Bucket": bucket, "Key": about["Key"]}
        yield _refused("s3-put-if-none-match", s3.put_object, **about, Body=b"2", IfNoneMatch="*")
        yield _refused("s3-copy-if-none-match", s3.copy_object, **about, CopySource=source, IfNoneMatch="*",
                       MetadataDirective="REPLACE")  # fmt: skip
        yield _refused("s3-put-if-match", s3.put_object, **about, Body=b"2", IfMatch=_STALE)
        yield _refused("s3-delete-if-match", s3.delete_object, **about, IfMatch=_STALE)


def _emptied(s3: Any, bucket: str, prefix: str) -> None:
    """Delete what a trial wrote, with its versions: nothing of it is worth a week of storage."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for kind in ("Versions", "DeleteMarkers"):
            for one in page.get(kind, ()):
                s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


def _refused(behaviour: str, write: Callable[..., Any], **request: Any) -> Outcome:
    try:
        write(**request)
    except ClientError as error:
        if error_code(error) not in _REFUSED:
            raise
        return judged(behaviour, "S3 refused it with 412.", is_so=True)
    return judged(behaviour, "S3 took it although its condition does not hold.", is_so=False)


def views(trial: Trial) -> Generator[Outcome]:
    """Yield whether Athena reads every view of the stack's database."""
    athena = workgroup(trial.cloud, trial.stack)
    database = f"deliverywatch_{trial.stack.environment}"
    with translated(f"The database {database}"):
        tables = listed(trial.cloud.client("glue"), "get_tables", "TableList", DatabaseName=database)
    names = sorted(table["Name"] for table in tables if table.get("TableType") == "VIRTUAL_VIEW")
    end = TimeBudget(trial.pause, lambda: _QUERY_SECONDS)
    problems = []
    for name in names:
        # Of the stack's own catalog; Athena bills its least, 10 MB.
        statement = Statement(f'SELECT * FROM "{name}" LIMIT 1')  # noqa: S608
        execution = run(statement, athena, end, f"{trial.name}-{name}")
        if execution.status is not Status.SUCCEEDED:
            problems.append(f"{name}: {execution.reason or execution.status}")
    if not names:
        yield Outcome("athena-view", Verdict.OPEN, f"The database {database} has no view.")
        return
    yield judged("athena-view", "; ".join(problems) or f"Athena read {', '.join(names)}.", is_so=not problems)

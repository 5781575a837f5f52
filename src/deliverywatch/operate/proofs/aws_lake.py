"""Proofs in the stack's own bucket and workgroup: conditional writes under a prefix of their own, and every view."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from deliverywatch.athena import Execution, Statement, Status, TimeBudget, run
from deliverywatch.errors import error_code
from deliverywatch.operate.account.aws import listed, translated
from deliverywatch.operate.lake.aws_query import workgroup
from deliverywatch.operate.proofs.session import Outcome, Session, Verdict, judged

_REFUSED = {"PreconditionFailed", "412"}
_STALE = '"00000000000000000000000000000000"'
_QUERY_TIME = timedelta(minutes=2)
# Athena starts a query for whoever may start queries, and ends it with the refusal of Glue, S3 or Lake Formation.
_DENIED = re.compile("not authorized|access ?denied|permission", re.IGNORECASE)


def conditional_writes(session: Session) -> Generator[Outcome]:
    """Yield whether S3 refuses each kind of write whose condition does not hold, and takes one whose condition does."""
    s3, bucket = session.cloud.client("s3"), session.stack.bucket
    about = {"Bucket": bucket, "Key": f"smoke/{session.id}/a"}
    with session.tidied() as undo, translated(f"The bucket {bucket}"):
        folder = f"smoke/{session.id}/"
        with session.making(undo, f"s3://{bucket}/{folder}", lambda: _emptied(s3, bucket, folder)):
            etag = s3.put_object(**about, Body=b"1", IfNoneMatch="*")["ETag"]
        s3.put_object(**about, Body=b"2", IfMatch=etag)
        source = {"Bucket": bucket, "Key": about["Key"]}
        yield _refused("s3-put-if-none-match", s3.put_object, **about, Body=b"2", IfNoneMatch="*")
        yield _refused("s3-copy-if-none-match", s3.copy_object, **about, CopySource=source, IfNoneMatch="*",
                       MetadataDirective="REPLACE")  # fmt: skip
        yield _refused("s3-put-if-match", s3.put_object, **about, Body=b"2", IfMatch=_STALE)
        yield _refused("s3-delete-if-match", s3.delete_object, **about, IfMatch=_STALE)


def _emptied(s3: Any, bucket: str, prefix: str) -> None:
    """Delete what a run wrote, with its versions: nothing of it is worth a week of storage."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for kind in ("Versions", "DeleteMarkers"):
            for one in page.get(kind, ()):
                s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


def _refused(behaviour: str, write: Callable[..., Any], **request: Any) -> Outcome:
    try:
        write(**request)
    except ClientError as error:
        if error_code(error) == "NotImplemented":
            return judged(behaviour, "S3 does not know this condition here: it answered with 501.", is_so=False)
        if error_code(error) not in _REFUSED:
            raise
        return judged(behaviour, "S3 refused it with 412.", is_so=True)
    return judged(behaviour, "S3 took it although its condition does not hold.", is_so=False)


def views(session: Session) -> Generator[Outcome]:
    """Yield whether Athena reads every view of the stack's database."""
    athena = workgroup(session.cloud, session.stack)
    database = f"deliverywatch_{session.stack.environment}"
    with translated(f"The database {database}"):
        tables = listed(session.cloud.client("glue"), "get_tables", "TableList", DatabaseName=database)
    names = sorted(table["Name"] for table in tables if table.get("TableType") == "VIRTUAL_VIEW")
    budget = TimeBudget(session.pause, partial(session.seconds_until, session.now() + _QUERY_TIME))
    if not names:
        yield Outcome("athena-view", Verdict.OPEN, f"The database {database} has no view.")
        return
    # Of the stack's own catalog; Athena bills its least, 10 MB.
    executions = {name: run(Statement(f'SELECT * FROM "{name}" LIMIT 1'), athena, budget) for name in names}  # noqa: S608
    yield _read(executions)


def _read(executions: Mapping[str, Execution]) -> Outcome:
    """Return what reading the views proves: one that took too long, or that the caller may not read, proves nothing."""
    failed = {name: one for name, one in executions.items() if one.status is not Status.SUCCEEDED}
    problems = "; ".join(f"{name}: {one.reason or one.status}" for name, one in failed.items())
    if failed and all(one.status is not Status.FAILED or _DENIED.search(one.reason) for one in failed.values()):
        return Outcome("athena-view", Verdict.OPEN, problems)
    return judged("athena-view", problems or f"Athena read {', '.join(executions)}.", is_so=not failed)

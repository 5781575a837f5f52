"""A run -> URLs of the AWS console: they ask the reader to sign in, so that they outlive every session.

A presigned URL would not: it ends with the credentials of the role that signed it, after hours at most.
"""

from urllib.parse import quote


def of_run(region: str, execution_id: str, exported: str) -> list[tuple[str, str]]:
    """Return titles and URLs of what a run left; `exported` is `s3://bucket/key`, or empty if nothing was."""
    # Athena keeps its history for 45 days.
    athena = f"https://{region}.console.aws.amazon.com/athena/home?region={region}#/query-editor/history/{execution_id}"
    bucket, _, key = exported.removeprefix("s3://").partition("/")
    file = f"https://{region}.console.aws.amazon.com/s3/object/{bucket}?region={region}&prefix={quote(key)}"
    return [*([("Result file", file)] if exported else []), *([("Query in Athena", athena)] if execution_id else [])]

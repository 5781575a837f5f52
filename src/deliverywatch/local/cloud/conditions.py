"""What a request may demand of S3 before it is carried out, and MiniStack ignores: an owner, and conditions of a copy.

Formats: bucket-owner-condition.html and conditional-writes.html of docs.aws.amazon.com/AmazonS3/latest/userguide.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from deliverywatch.local.cloud.emulator import hooks

_S3 = "services.s3"
_OWNER, _SOURCE_OWNER = "x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"


def install(placed: hooks.Hooks) -> None:
    """Let a bucket have the owner that is expected, and a copy meet the conditions that a write does."""
    placed.replace(_S3, "_copy_object", _conditional)
    placed.replace(_S3, "_dispatch", _owned)


def _owned(original: Callable[..., Any]) -> Callable[..., Any]:
    def dispatch(method: str, bucket: str, key: str, headers: Mapping[str, str], *more: Any) -> Any:
        source = unquote(headers.get("x-amz-copy-source", "")).lstrip("/").partition("/")[0]
        demands = ((bucket, headers.get(_OWNER)), (source, headers.get(_SOURCE_OWNER)))
        refusals = (_refusal(name, account) for name, account in demands if name and account)
        return next(filter(None, refusals), None) or original(method, bucket, key, headers, *more)

    return dispatch


def _refusal(bucket: str, account: str) -> Any:
    """Return S3's refusal of a bucket that is not this account's; of one that does not exist S3 says only that."""
    owner, refuse = hooks.inside(_S3, "_bucket_owner_account")(bucket), hooks.inside(_S3, "_error")
    if len(account) != 12 or not account.isdecimal():
        sentence = "The value of the expected bucket owner parameter must be an AWS Account ID..."
        return refuse("InvalidBucketOwnerAWSAccountID", sentence, 400, f"/{bucket}")
    return refuse("AccessDenied", "Access Denied", 403, f"/{bucket}") if owner not in (None, account) else None


def _conditional(original: Callable[..., Any]) -> Callable[..., Any]:
    def copied(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
        objects = (hooks.inside(_S3, "_ensure_bucket")(bucket) or {}).get("objects", {})
        return hooks.inside(_S3, "_check_put_preconditions")(headers, objects.get(key)) or original(
            bucket, key, headers
        )

    return copied

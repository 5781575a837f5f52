"""Conditional copies: MiniStack checks the conditions of PutObject and DeleteObject, and ignores those of CopyObject.

Format: docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html.
"""

from collections.abc import Callable, Mapping
from typing import Any

from deliverywatch.local.cloud.emulator import hooks

_S3 = "services.s3"


def install(placed: hooks.Hooks) -> None:
    """Let a copy meet the conditions that a write does."""
    placed.replace(_S3, "_copy_object", _conditional)


def _conditional(original: Callable[..., Any]) -> Callable[..., Any]:
    def copied(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
        objects = (hooks.inside(_S3, "_ensure_bucket")(bucket) or {}).get("objects", {})
        return hooks.inside(_S3, "_check_put_preconditions")(headers, objects.get(key)) or original(
            bucket, key, headers
        )

    return copied

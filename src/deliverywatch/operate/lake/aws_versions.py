"""The old versions of the lake's objects, over boto3: what was replaced or deleted and is not gone yet."""

from __future__ import annotations

from typing import Any

from deliverywatch.operate.account.aws import delete_versions, listed, translated


class OldVersions:
    """Those of one bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def count(self, prefix: str) -> int:
        """Return how many old versions there are under a prefix."""
        return len(self._old(prefix))

    def purge(self, prefix: str) -> int:
        """Delete the old versions under a prefix, and return how many."""
        old = self._old(prefix)
        with translated(f"The old versions under {prefix}"):
            return sum(delete_versions(self._s3, self._bucket, old))

    def _old(self, prefix: str) -> list[dict[str, Any]]:
        with translated(f"The old versions under {prefix}"):
            versions = listed(self._s3, "list_object_versions", "Versions", Bucket=self._bucket, Prefix=prefix)
            return [version for version in versions if not version["IsLatest"]]

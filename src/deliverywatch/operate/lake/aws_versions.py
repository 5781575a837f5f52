"""The old versions of the lake's objects, over boto3: what was replaced or deleted and is not gone yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deliverywatch.operate.account.aws import listed, translated

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud

_BATCH_COUNT = 1000


class OldVersions:
    """Those of one bucket."""

    def __init__(self, cloud: Cloud, bucket: str) -> None:
        self._s3, self._bucket = cloud.client("s3"), bucket

    def count(self, prefix: str) -> int:
        """Return how many old versions there are under a prefix."""
        return len(self._old(prefix))

    def purge(self, prefix: str) -> int:
        """Delete the old versions under a prefix, and return how many."""
        old = self._old(prefix)
        with translated(f"The old versions under {prefix}"):
            for first in range(0, len(old), _BATCH_COUNT):
                batch = {"Objects": old[first : first + _BATCH_COUNT], "Quiet": True}
                self._s3.delete_objects(Bucket=self._bucket, Delete=batch)
        return len(old)

    def _old(self, prefix: str) -> list[dict[str, Any]]:
        with translated(f"The old versions under {prefix}"):
            versions = listed(self._s3, "list_object_versions", "Versions", Bucket=self._bucket, Prefix=prefix)
        return [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in versions
            if not version["IsLatest"]
        ]

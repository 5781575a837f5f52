"""The buckets and SSM parameters that outlive a stack, over boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.deploy.destroy import Held

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud

# DeleteObjects takes at most so many.
_BATCH_COUNT = 1000


class Buckets:
    """The buckets of one account; every call names the account that must own them."""

    def __init__(self, cloud: Cloud, account: str) -> None:
        self._s3 = cloud.client("s3")
        self._owner = {"ExpectedBucketOwner": account}

    def held(self, bucket: str) -> Held | None:
        """Return what a bucket holds, or none if there is no such bucket."""
        sizes: list[int] = []
        with translated(f"The bucket {bucket}"):
            try:
                pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **self._owner)
                sizes += [each["Size"] for page in pages for each in page.get("Contents", ())]
            except ClientError as error:
                if error.response["Error"]["Code"] in ("NoSuchBucket", "404"):
                    return None
                raise
        return Held(bucket, len(sizes), sum(sizes))

    def remove(self, bucket: str, told: Callable[[int], None]) -> None:
        """Delete a bucket with every version of every object, and tell how many more are gone."""
        with translated(f"The bucket {bucket}"):
            pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, **self._owner)
            for page in pages:
                found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                for first in range(0, len(keys), _BATCH_COUNT):
                    batch = keys[first : first + _BATCH_COUNT]
                    self._s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True}, **self._owner)
                    told(len(batch))
            self._s3.delete_bucket(Bucket=bucket, **self._owner)


def parameters_under(cloud: Cloud, path: str) -> list[str]:
    """Return the names of the SSM parameters under a path; their values are not read."""
    with translated("The SSM parameters"):
        pages = (
            cloud.client("ssm")
            .get_paginator("describe_parameters")
            .paginate(ParameterFilters=[{"Key": "Path", "Option": "OneLevel", "Values": [path]}])
        )
        return sorted(each["Name"] for page in pages for each in page["Parameters"])

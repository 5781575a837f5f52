"""The buckets and SSM parameters that outlive a stack, over boto3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deliverywatch.operate.account.aws import delete_versions, existing, listed, translated

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud


@dataclass(frozen=True, slots=True)
class Held:
    """What a bucket holds: its objects, without the older versions of them."""

    bucket: str
    object_count: int
    size_bytes: int


class KeptBuckets:
    """The buckets of one account; every call names the account that must own them."""

    def __init__(self, cloud: Cloud, account: str) -> None:
        self._s3 = cloud.client("s3")
        self._owner = {"ExpectedBucketOwner": account}

    def held(self, bucket: str) -> Held | None:
        """Return what a bucket holds, or none if there is no such bucket."""
        request = {"Bucket": bucket, **self._owner}
        with translated(f"The bucket {bucket}"):
            objects = existing(
                lambda: listed(self._s3, "list_objects_v2", "Contents", **request), "NoSuchBucket", "404"
            )
        return None if objects is None else Held(bucket, len(objects), sum(stored["Size"] for stored in objects))

    def remove(self, bucket: str, deleted: Callable[[int], None]) -> None:
        """Delete a bucket with every version of every object, and report how many more are gone."""
        with translated(f"The bucket {bucket}"):
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, **self._owner):
                versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                for count in delete_versions(self._s3, bucket, versions, **self._owner):
                    deleted(count)
            self._s3.delete_bucket(Bucket=bucket, **self._owner)


def parameters_under(cloud: Cloud, path: str) -> list[str]:
    """Return the names of the SSM parameters under a path; their values are not read."""
    only_there = {"Key": "Path", "Option": "OneLevel", "Values": [path]}
    with translated("The SSM parameters"):
        parameters = listed(cloud.client("ssm"), "describe_parameters", "Parameters", ParameterFilters=[only_there])
    return sorted(parameter["Name"] for parameter in parameters)

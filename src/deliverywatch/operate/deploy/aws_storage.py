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
    """The buckets of one account."""

    def __init__(self, cloud: Cloud, account: str) -> None:
        self._s3 = cloud.s3_of(account)

    def held(self, bucket: str) -> Held | None:
        """Return what a bucket holds, or none if there is no such bucket."""
        with translated(f"The bucket {bucket}"):
            objects = existing(
                lambda: listed(self._s3, "list_objects_v2", "Contents", Bucket=bucket), "NoSuchBucket", "404"
            )
            return None if objects is None else Held(bucket, len(objects), sum(stored["Size"] for stored in objects))

    def remove(self, bucket: str, deleted: Callable[[int], None]) -> None:
        """Delete a bucket with every version of every object, and report how many more are gone."""
        with translated(f"The bucket {bucket}"):
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                for count in delete_versions(self._s3, bucket, versions):
                    deleted(count)
            self._s3.delete_bucket(Bucket=bucket)


def parameters_under(cloud: Cloud, path: str) -> list[str]:
    """Return the names of the SSM parameters under a path; their values are not read."""
    only_there = {"Key": "Path", "Option": "OneLevel", "Values": [path]}
    with translated("The SSM parameters"):
        parameters = listed(cloud.client("ssm"), "describe_parameters", "Parameters", ParameterFilters=[only_there])
        return sorted(parameter["Name"] for parameter in parameters)

"""The bucket that code and templates are deployed from: private, encrypted, by TLS only, named for its account."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from deliverywatch.errors import CloudRefused, DeliveryWatchError
from deliverywatch.operate.account.aws import existing, translated

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud

_MISSING = ("404", "NoSuchBucket", "NoSuchKey", "NotFound")


def account_of(cloud: Cloud) -> str:
    """Return the number of the account."""
    return identity_of(cloud)[0]


def identity_of(cloud: Cloud) -> tuple[str, str]:
    """Return the number of the account, and the ARN of who asks.

    Raises:
        CloudRefused: The credentials are not known, or not in this region, which an account may have to enable first.
    """
    try:
        return _identity(cloud, cloud.region)
    except CloudRefused as error:
        if error.kind != "unknown-credentials" or not _is_known_elsewhere(cloud):
            raise
        raise CloudRefused(
            f"The region {cloud.region} is not enabled for this account.",
            kind="region-disabled",
            next_step=f"Run 'aws account enable-region --region-name {cloud.region}' and wait some minutes, or name "
            "another with --region.",
        ) from error


def _identity(cloud: Cloud, region: str) -> tuple[str, str]:
    with translated("The account"):
        caller = cloud.client("sts", region).get_caller_identity()
        return str(caller["Account"]), str(caller["Arn"])


def _is_known_elsewhere(cloud: Cloud) -> bool:
    try:
        _identity(cloud, "us-east-1")
    except DeliveryWatchError:
        return False
    return cloud.region != "us-east-1"


class Artifacts:
    """One bucket of the account: nobody else's is ever written to."""

    def __init__(self, cloud: Cloud, account: str, name: str | None = None) -> None:
        self.name = name or f"deliverywatch-artifacts-{account}-{cloud.region}"
        self._region = cloud.region
        self._s3 = cloud.s3_of(account)

    def exists(self) -> bool:
        """Return whether the bucket is there, and ours."""
        with translated(f"The bucket {self.name}"):
            return bool(existing(lambda: self._s3.head_bucket(Bucket=self.name), *_MISSING))

    def make(self) -> None:
        """Make the bucket; a part that an interrupted run left out is made up for."""
        s3, bucket = self._s3, {"Bucket": self.name}
        elsewhere = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
        with translated(f"The bucket {self.name}"):
            if not self.exists():
                request = {**bucket, **({"CreateBucketConfiguration": elsewhere} if elsewhere else {})}
                # Another deployment can have made it meanwhile.
                existing(lambda: s3.create_bucket(**request), "BucketAlreadyOwnedByYou")
            s3.put_public_access_block(**bucket, PublicAccessBlockConfiguration=_PRIVATE)
            s3.put_bucket_encryption(**bucket, ServerSideEncryptionConfiguration=_ENCRYPTED)
            s3.put_bucket_ownership_controls(**bucket, OwnershipControls=_OWNED)
            s3.put_bucket_policy(**bucket, Policy=self._tls_only())

    def has(self, key: str) -> bool:
        """Return whether an object is there; its key is the hash of what it holds."""
        with translated(f"The bucket {self.name}"):
            return bool(existing(lambda: self._s3.head_object(Bucket=self.name, Key=key), *_MISSING))

    def put(self, key: str, content: bytes, uploaded: Callable[[int], None]) -> None:
        """Upload an object, and report how many more bytes of it are there now."""
        with translated(f"The upload to {self.name}"):
            self._s3.upload_fileobj(io.BytesIO(content), self.name, key, Callback=uploaded)

    def url(self, key: str) -> str:
        """Return where CloudFormation reads an object."""
        return f"{self._s3.meta.endpoint_url}/{self.name}/{key}"

    def _tls_only(self) -> str:
        arn = f"arn:{self._s3.meta.partition}:s3:::{self.name}"
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


_PRIVATE = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)
_ENCRYPTED = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
_OWNED = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}

"""The watched bucket's objects over boto3, by HeadObject."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import StoreUnavailable, error_code
from deliverywatch.files.admission import REFUSED, Current
from deliverywatch.files.records.events import NO_VERSION, Details, State
from deliverywatch.sdk import sendable

# S3's answer for a version that is a delete marker.
_IS_MARKER = "405"
# HeadObject has no body to say more: 400 is its answer for an object under a key that only its owner has (SSE-C).
_REFUSALS = {"403", "AccessDenied", "400"}
_ABSENT = {"404", "NoSuchKey", "NoSuchVersion", _IS_MARKER}


class Objects:
    """Objects of S3; threads may share it.

    Without `everything` it reads no metadata, which may say anything of anybody, and no checksums, which S3 shows of an
    object under a key of KMS only to who may use the key.
    """

    def __init__(self, s3: Any, *, everything: bool = True) -> None:
        self._s3 = s3
        self._everything = everything

    def details(self, bucket: str, key: str, version: str) -> Details | None:
        """Return the details of a version of an object; None if it is gone already."""
        state, head = self._head(bucket, key, VersionId=version)
        return self._details(head) if state is State.PRESENT else None

    def state(self, bucket: str, key: str, version: str) -> tuple[State, str]:
        """Return the state of a version, and the etag of one that is present."""
        # `null` is S3's own word too, for the object without a version.
        state, head = self._head(bucket, key, VersionId=version)
        return state, _etag(head)

    def current(self, bucket: str, key: str, version: str = "") -> Current:
        """Return what is there now under a key, or as a version of it."""
        state, head = self._head(bucket, key, **({"VersionId": version} if version else {}))
        if state is not State.PRESENT:
            return Current(state, head.get("VersionId", ""))
        version, size_bytes = head.get("VersionId", NO_VERSION), head["ContentLength"]
        return Current(state, version, _etag(head), size_bytes, self._details(head))

    def _details(self, head: Mapping[str, Any]) -> Details:
        if not self._everything:
            return Details(head.get("ContentType", ""))
        checksums = {
            name.removeprefix("Checksum"): str(value)
            for name, value in head.items()
            if name.startswith("Checksum") and name != "ChecksumType"
        }
        return Details(head.get("ContentType", ""), head.get("Metadata", {}), checksums)

    def _head(self, bucket: str, key: str, **version: str) -> tuple[State, Mapping[str, Any]]:
        checksums = {"ChecksumMode": "ENABLED"} if self._everything else {}
        try:
            with sendable(StoreUnavailable):
                return State.PRESENT, self._s3.head_object(Bucket=bucket, Key=key, **version, **checksums)
        except ClientError as error:
            if (code := error_code(error)) in _ABSENT:
                return _absent(error)
            raise _unavailable(bucket, code) from error
        except BotoCoreError as error:
            raise _unavailable(bucket, error_code(error)) from error


def _absent(error: ClientError) -> tuple[State, Mapping[str, Any]]:
    """Of a key whose newest version is a delete marker S3 says that it is not found, and shows the marker."""
    headers = error.response["ResponseMetadata"].get("HTTPHeaders", {})
    if error_code(error) != _IS_MARKER and headers.get("x-amz-delete-marker") != "true":
        return State.REMOVED, {}
    return State.DELETE_MARKER, {"VersionId": headers.get("x-amz-version-id", "")}


def _etag(head: Mapping[str, Any]) -> str:
    return str(head.get("ETag", "")).strip('"')


def _unavailable(bucket: str, code: str) -> StoreUnavailable:
    sentence = f"S3 did not give the details of an object of {bucket}: {code}."
    return StoreUnavailable(sentence, kind=REFUSED if code in _REFUSALS else None)

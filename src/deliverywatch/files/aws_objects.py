"""The watched bucket's objects over boto3, by HeadObject."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import StoreUnavailable, error_code
from deliverywatch.files.admission import REFUSED
from deliverywatch.files.records.events import Details, State
from deliverywatch.sdk import sendable

# S3's answer for a version that is a delete marker.
_IS_MARKER = "405"
_REFUSALS = {"403", "AccessDenied"}
_IS_GONE = {"404", "NoSuchKey", "NoSuchVersion"}


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
        state, head = self._head(bucket, key, version)
        if state is not State.PRESENT:
            return None
        if not self._everything:
            return Details(head.get("ContentType", ""))
        checksums = {
            name.removeprefix("Checksum"): str(value)
            for name, value in head.items()
            if name.startswith("Checksum") and name != "ChecksumType"
        }
        return Details(head.get("ContentType", ""), head.get("Metadata", {}), checksums)

    def state(self, bucket: str, key: str, version: str) -> tuple[State, str]:
        """Return the state of a version, and the etag of one that is present."""
        state, head = self._head(bucket, key, version)
        return state, str(head.get("ETag", "")).strip('"')

    def _head(self, bucket: str, key: str, version: str) -> tuple[State, dict[str, Any]]:
        try:
            with sendable(StoreUnavailable):
                # `null` is S3's own word too, for the object without a version.
                wanted = {"ChecksumMode": "ENABLED"} if self._everything else {}
                return State.PRESENT, self._s3.head_object(Bucket=bucket, Key=key, VersionId=version, **wanted)
        except (BotoCoreError, ClientError) as error:
            if (code := error_code(error)) in _IS_GONE:
                return State.REMOVED, {}
            if code == _IS_MARKER:
                return State.DELETE_MARKER, {}
            sentence = f"S3 did not give the details of an object of {bucket}: {code}."
            raise StoreUnavailable(sentence, kind=REFUSED if code in _REFUSALS else None) from error

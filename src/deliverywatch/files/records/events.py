"""What happened to one object of S3, in one shape for all ways in which S3 reports it.

Events on a key are ordered by their sequencers: hexadecimal words of differing length that compare as text once the
shorter is padded with zeros on the right
(docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from deliverywatch.errors import MessageMalformed

# S3's own word for the version of an object in a bucket without versions.
NO_VERSION = "null"

# S3 sends 16 to 18 digits and promises no length.
SEQUENCER_DIGITS = 64
_SEQUENCER = re.compile(rf"[0-9A-F]{{1,{SEQUENCER_DIGITS}}}")

KEY_LIMIT_BYTES = 1024
# Names from before 2018 may have 255 characters, capital letters and underscores.
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
# AWS's sample events are of 1970; a time far outside leaves no room for its expiry, or does not compare as text.
_YEARS = range(1970, 3000)


# The place of such an upload among the versions is that of its beginning, though its event and sequencer are of its end
# (docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#distributedmpupload).
_IN_PARTS = "CompleteMultipartUpload"


class State(StrEnum):
    """The state of a version of an object after an event."""

    PRESENT = "present"
    DELETE_MARKER = "delete_marker"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Details:
    """What only the object itself shows, fetched by the pusher; checksums by algorithm, such as `CRC64NVME`."""

    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """One event on one version of one object.

    Attributes:
        key: Decoded.
        name: S3's word for what happened, such as `ObjectCreated:Put`.
        time: When it happened, or when an object of a listing was last modified; aware.
        sequencer: Padded to `SEQUENCER_DIGITS`; empty for an object of a listing, and for an event that has none.
        listed_at: When the object's listing was made, or the time of an event without a sequencer; else None.
        is_latest: Whether its listing calls it the latest version of its key; None for an event that S3 sent.
    """

    bucket: str
    key: str
    version: str
    state: State
    name: str
    time: datetime
    sequencer: str
    size_bytes: int | None = None
    etag: str | None = None
    details: Details | None = None
    listed_at: datetime | None = None
    is_latest: bool | None = None

    def just_after(self) -> ObjectEvent:
        """Return the event with the next place in the order of its key, which S3 gives to none."""
        if self.listed_at:
            return replace(self, listed_at=self.listed_at + timedelta(milliseconds=1))
        return replace(self, sequencer=self.sequencer[:-1] + "1")


def is_in_parts(name: str) -> bool:
    """Return whether an event of this name ends an upload in parts, which may have begun before the newest version."""
    return name.endswith(_IN_PARTS)


def object_of(bucket: str, key: str) -> str:
    """Return the partition key of an object; no bucket's name holds a slash."""
    return f"{bucket}/{key}"


# The functions below raise MessageMalformed for a value that S3 would not send.


def padded(sequencer: object) -> str:
    """Return a sequencer padded so that those of one key compare as text; empty if it is none.

    S3 gives each upload and each removal one; samples and copies of S3 may not.
    """
    word = sequencer.upper() if isinstance(sequencer, str) else ""
    return word.ljust(SEQUENCER_DIGITS, "0") if _SEQUENCER.fullmatch(word) else ""


def checked_key(key: object) -> str:
    """Return a decoded key if it is one that S3 allows."""
    if not isinstance(key, str) or not key:
        raise MessageMalformed("The event names no key.")
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise MessageMalformed("The event's key is not valid Unicode.") from error
    if length > KEY_LIMIT_BYTES:
        raise MessageMalformed(f"The event's key has {length} bytes; S3 allows {KEY_LIMIT_BYTES}.")
    return key


def checked_bucket(name: object) -> str:
    """Return the name of a bucket if it is one that S3 allows."""
    if not isinstance(name, str) or not name:
        raise MessageMalformed("The event names no bucket.")
    if not _BUCKET.fullmatch(name):
        raise MessageMalformed(f"No bucket can be called {name[:40]!a}.")
    return name


def checked_word(word: object, name: str) -> str | None:
    """Return an opaque word of S3, such as a version or an etag, of the length that S3 and DynamoDB allow, or None."""
    if not word:
        return None
    if not isinstance(word, str) or not word.isprintable() or len(word.encode()) > KEY_LIMIT_BYTES:
        raise MessageMalformed(f"The event's {name} is none that S3 gives.")
    return word


def as_time(text: object) -> datetime:
    """Return the time of a notification; one without a zone is UTC."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise MessageMalformed("The event does not say when it happened.") from error
    if time.year not in _YEARS:
        raise MessageMalformed(f"The event says that it happened in the year {time.year}.")
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def as_text(time: datetime) -> str:
    """Return a time in UTC with milliseconds, which compares as text: 2026-11-21T12:04:00.000Z."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"

"""The items of one key -> which of them S3 would return now: by S3's own word, or where it gives none by the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from deliverywatch.errors import StoreUnavailable
from deliverywatch.files.records import items
from deliverywatch.files.records.events import State
from deliverywatch.files.verify import Listed


class Bucket(Protocol):
    """The bucket that holds the key."""

    def latest(self, key: str) -> Listed | None:
        """Return the version that S3 calls the latest of a key; None without any. May raise StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """What is known of a key.

    Attributes:
        current: The item of the version that S3 would return; None if there is no object, or no item of it.
        undecided: Versions of which any may be the newest, if S3 cannot be asked and the table does not tell.
        unknown_version: What S3 would return, if the table has no such item.
    """

    versions: Sequence[Mapping[str, Any]]
    current: Mapping[str, Any] | None
    decided_by: str
    undecided: tuple[str, ...] = ()
    unknown_version: str = ""

    @property
    def is_uncertain(self) -> bool:
        """Whether there may or may not be an object now."""
        states = {item["state"] for item in self.versions if item["version"] in self.undecided}
        return len(states) > 1

    def sentence(self, name: str) -> str:
        """Return what is known, in a sentence."""
        if self.unknown_version:
            return (
                f"{name} is there in version {self.unknown_version}, which the table does not have: "
                "'deliverywatch files verify' says whether it is missing."
            )
        if self.undecided:
            versions = " and ".join(self.undecided)
            return f"{name}: the newest version is undecided: nothing tells {versions} apart, and S3 cannot be asked."
        state = "is there" if self.current else "is not there now" if self.versions else "is not known"
        return f"{name} {state}."


def find(key: str, versions: Sequence[Mapping[str, Any]], bucket: Bucket) -> KeyState:
    """Return what the items of a key and the bucket say of it."""
    try:
        latest = bucket.latest(key)
    except StoreUnavailable:
        undecided = tuple(str(item["version"]) for item in items.undecided(versions))
        return KeyState(versions, items.current(versions), "table", undecided)
    if latest is None or latest.state is not State.PRESENT:
        return KeyState(versions, None, "s3")
    is_known = (item for item in versions if item["version"] == latest.version and item["state"] == State.PRESENT)
    current = next(is_known, None)
    return KeyState(versions, current, "s3", unknown_version="" if current else latest.version)

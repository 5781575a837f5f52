"""A bucket's listing and the table -> what the table misses, has wrong, or has too much; and the messages that fix it.

A listing has each version's state at one time. What is younger than a few minutes may still be on its way and is
left out. The messages go the way of all others, through the queue: the table's own rule decides which state is newer.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from deliverywatch.files.records.events import State, as_text

# S3 delivers within seconds as a rule, "on occasion" in a minute or longer.
ON_THE_WAY = timedelta(minutes=5)

# Some 500 bytes each, so that a message stays far below what SQS takes, and one that fails holds up few.
_PER_MESSAGE = 25


@dataclass(frozen=True, slots=True)
class Listed:
    """One version in a bucket's listing.

    Attributes:
        listed_at: When S3 made this part of the listing.
    """

    key: str
    version: str
    state: State
    etag: str | None
    size_bytes: int | None
    last_modified: datetime
    listed_at: datetime


class Listing(Protocol):
    """The watched bucket."""

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every version of every key that begins so, delete markers included."""


class Items(Protocol):
    """The table."""

    def of_bucket(self, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
        """Yield the items of all keys of a bucket that begin so."""


@dataclass(slots=True)
class Differences:
    """What is not as it should be.

    Attributes:
        missing: Versions that the bucket has and the table does not have, or takes for removed.
        stale: Versions of which the table has another content or state.
        extra: Items of versions that the bucket does not have.
        same_count: Versions that are as they should be.
        on_the_way_count: Versions too young to judge.
    """

    missing: list[Listed] = field(default_factory=list)
    stale: list[Listed] = field(default_factory=list)
    extra: list[Mapping[str, Any]] = field(default_factory=list)
    same_count: int = 0
    on_the_way_count: int = 0

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.missing or self.stale or self.extra)

    def as_fields(self, limit: int) -> dict[str, Any]:
        """Return it as JSON has it, with the first of each kind."""
        return {
            "same_count": self.same_count,
            "on_the_way_count": self.on_the_way_count,
            "missing_count": len(self.missing),
            "stale_count": len(self.stale),
            "extra_count": len(self.extra),
            "missing": [{"key": each.key, "version": each.version} for each in self.missing[:limit]],
            "stale": [{"key": each.key, "version": each.version} for each in self.stale[:limit]],
            "extra": [{"key": each["key"], "version": each["version"]} for each in self.extra[:limit]],
        }


def compare(
    bucket: Listing, table: Items, name: str, prefix: str, now: datetime, kept_since: datetime | None = None
) -> Differences:
    """Return how the table differs from the bucket; what is older than `kept_since` may have expired from the table."""
    # The table first: what is uploaded meanwhile is young, and what is removed meanwhile is so too.
    items = {(item["key"], item["version"]): item for item in table.of_bucket(name, prefix)}
    differences = Differences()
    for listed in bucket.listing(prefix):
        item = items.pop((listed.key, listed.version), None)
        has_expired = item is None and kept_since is not None and listed.last_modified < kept_since
        if not has_expired:
            _judge(differences, listed, item, now)
    since = as_text(now - ON_THE_WAY)
    left = [item for item in items.values() if item["state"] != State.REMOVED]
    differences.extra = [item for item in left if item["event_time"] < since]
    differences.on_the_way_count += len(left) - len(differences.extra)
    return differences


def _judge(differences: Differences, listed: Listed, item: Mapping[str, Any] | None, now: datetime) -> None:
    if item and item["state"] == listed.state and item.get("etag") in (None, listed.etag):
        differences.same_count += 1
    elif now - listed.last_modified < ON_THE_WAY:
        differences.on_the_way_count += 1
    elif item is None or item["state"] == State.REMOVED:
        differences.missing.append(listed)
    else:
        differences.stale.append(listed)


def bodies(bucket: str, listing: Iterable[Listed]) -> Iterator[str]:
    """Yield messages that report to the processor what was listed, in the order of the listing."""
    chunk: list[Listed] = []
    for each in listing:
        if chunk and (len(chunk) == _PER_MESSAGE or each.listed_at != chunk[0].listed_at):
            yield _body(bucket, chunk)
            chunk = []
        chunk.append(each)
    if chunk:
        yield _body(bucket, chunk)


def repairs(bucket: str, differences: Differences, now: datetime) -> list[str]:
    """Return the messages that bring the table to what the bucket held at `now`, when its listing was complete."""
    gone = [
        Listed(each["key"], each["version"], State.REMOVED, None, None, now - ON_THE_WAY, now)
        for each in differences.extra
    ]
    return [*bodies(bucket, [*differences.missing, *differences.stale]), *bodies(bucket, gone)]


def _body(bucket: str, chunk: Sequence[Listed]) -> str:
    objects = [
        {
            "key": each.key,
            "version": each.version,
            "state": each.state.value,
            "etag": each.etag,
            "size": each.size_bytes,
            "last_modified": as_text(each.last_modified),
        }
        for each in chunk
    ]
    listing = {"bucket": bucket, "listed_at": as_text(chunk[0].listed_at), "objects": objects}
    return json.dumps({"deliverywatch": 1, "listing": listing}, ensure_ascii=False)

"""A bucket's listing and the table -> what is missing, stale or extra in the table, and the messages that fix it.

A listing has each version's state at one time. What is younger than a few minutes may still be on its way and is
left out, and so is what the filters of the intake leave out. The messages go through the queue like all others: the
table's own rule decides which state is newer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.files.records.events import State, as_text
from deliverywatch.files.records.layout import Layout

if TYPE_CHECKING:
    from deliverywatch.files.admission import Filters, Objects

# S3 delivers within seconds as a rule, "on occasion" in a minute or longer.
ON_THE_WAY = timedelta(minutes=5)

# Some 500 bytes each, so that a message stays far below the limit of SQS, and one that fails affects few.
_PER_MESSAGE = 25


@dataclass(frozen=True, slots=True)
class Listed:
    """One version in a bucket's listing; `listed_at` is when S3 made this part of the listing.

    `is_latest` is S3's word on which version of its key it would return; None where it did not say so.
    """

    key: str
    version: str
    state: State
    etag: str | None
    size_bytes: int | None
    last_modified: datetime
    listed_at: datetime
    is_latest: bool | None = None


class Listing(Protocol):
    """The watched bucket."""

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every version of every key with a prefix, delete markers included."""


class Items(Protocol):
    """The table."""

    def of_bucket(self, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
        """Yield the items of a bucket's keys with a prefix."""


@dataclass(slots=True)
class Differences:
    """How the table differs from the bucket.

    Attributes:
        missing: Versions in the bucket that the table does not have, or has as removed.
        stale: Versions that the table has with another content or state.
        extra: Items of versions that the bucket does not have, or with a content that the filters leave out.
        on_the_way_count: Versions too young to judge.
        left_out_count: Versions in the bucket that the filters leave out.
    """

    missing: list[Listed] = field(default_factory=list)
    stale: list[Listed] = field(default_factory=list)
    extra: list[Mapping[str, Any]] = field(default_factory=list)
    same_count: int = 0
    on_the_way_count: int = 0
    left_out_count: int = 0

    @property
    def is_right(self) -> bool:
        """Whether nothing is missing, stale or extra."""
        return not (self.missing or self.stale or self.extra)

    def as_fields(self, limit: int) -> dict[str, Any]:
        """Return the fields of the JSON document, with the first of each kind."""
        return {
            "same_count": self.same_count,
            "on_the_way_count": self.on_the_way_count,
            "left_out_count": self.left_out_count,
            "missing_count": len(self.missing),
            "stale_count": len(self.stale),
            "extra_count": len(self.extra),
            "missing": [{"key": listed.key, "version": listed.version} for listed in self.missing[:limit]],
            "stale": [{"key": listed.key, "version": listed.version} for listed in self.stale[:limit]],
            "extra": [{"key": item["key"], "version": item["version"]} for item in self.extra[:limit]],
        }


@dataclass(frozen=True, slots=True)
class Watched:
    """The watched part of a bucket.

    Attributes:
        kept_since: Items older than this may have expired; None if none does.
    """

    bucket: str
    filters: Filters
    objects: Objects
    kept_since: datetime | None = None
    layout: Layout = Layout.VERSIONS

    def takes(self, listed: Listed) -> bool:
        """Return whether the intake keeps a version; its type only S3 itself tells. May raise StoreUnavailable."""
        if not self.filters.takes(listed) or not self.filters.content_types or listed.state is not State.PRESENT:
            return self.filters.takes(listed)
        return self.filters.takes_type(self.objects.details(self.bucket, listed.key, listed.version))

    def may_have_expired(self, listed: Listed) -> bool:
        """Return whether the item of a version may have been deleted by its age."""
        return self.kept_since is not None and listed.last_modified < self.kept_since


def compare(bucket: Listing, table: Items, prefix: str, now: datetime, watched: Watched) -> Differences:
    """Return how the table differs from the watched part of the bucket, of which the keys have a prefix."""
    takes_key = watched.filters.takes_key
    # The table first: whatever is uploaded or removed meanwhile is young, and left out.
    items = {
        _place(watched.layout, item["key"], item["version"]): item
        for item in table.of_bucket(watched.bucket, prefix)
        if takes_key(str(item["key"]))
    }
    differences = Differences()
    for listed in watched.layout.shown(bucket.listing(prefix)):
        if takes_key(listed.key):
            item = items.pop(_place(watched.layout, listed.key, listed.version), None)
            _judge(differences, listed, item, now, watched)
        else:
            differences.left_out_count += 1
    for item in items.values():
        if item["state"] != State.REMOVED:
            _add_extra(differences, item, now)
    return differences


def _place(layout: Layout, key: str, version: str) -> tuple[str, str]:
    return key, version if layout is Layout.VERSIONS else ""


def _judge(
    differences: Differences, listed: Listed, item: Mapping[str, Any] | None, now: datetime, watched: Watched
) -> None:
    is_absent = item is None or item["state"] == State.REMOVED
    is_right = item is not None and (item["state"], item["version"]) == (listed.state, listed.version)
    if item and is_right and item.get("etag") in (None, listed.etag):
        differences.same_count += 1
    elif now - listed.last_modified < ON_THE_WAY:
        differences.on_the_way_count += 1
    elif item is None and watched.may_have_expired(listed):
        return
    elif not watched.takes(listed):
        differences.left_out_count += 1
        if item and not is_absent:
            # A key without versions whose new object is left out: the one that the item shows is gone.
            _add_extra(differences, item, now)
    else:
        (differences.missing if is_absent else differences.stale).append(listed)


def _add_extra(differences: Differences, item: Mapping[str, Any], now: datetime) -> None:
    if item["event_time"] < as_text(now - ON_THE_WAY):
        differences.extra.append(item)
    else:
        differences.on_the_way_count += 1


def bodies(bucket: str, listing: Iterable[Listed]) -> Iterator[str]:
    """Yield messages that report a listing to the processor, in its order."""
    chunk: list[Listed] = []
    for listed in listing:
        if chunk and (len(chunk) == _PER_MESSAGE or listed.listed_at != chunk[0].listed_at):
            yield _body(bucket, chunk)
            chunk = []
        chunk.append(listed)
    if chunk:
        yield _body(bucket, chunk)


def repairs(bucket: str, differences: Differences, now: datetime) -> list[str]:
    """Return the messages that bring the table to what the bucket held at `now`, when its listing was complete."""
    gone = [
        Listed(item["key"], item["version"], State.REMOVED, None, None, now - ON_THE_WAY, now)
        for item in differences.extra
    ]
    return [*bodies(bucket, [*differences.missing, *differences.stale]), *bodies(bucket, gone)]


def _body(bucket: str, chunk: Sequence[Listed]) -> str:
    objects = [
        {
            "key": listed.key,
            "version": listed.version,
            "state": listed.state.value,
            "etag": listed.etag,
            "size": listed.size_bytes,
            "last_modified": as_text(listed.last_modified),
            "is_latest": listed.is_latest,
        }
        for listed in chunk
    ]
    listing = {"bucket": bucket, "listed_at": as_text(chunk[0].listed_at), "objects": objects}
    return json.dumps({"deliverywatch": 1, "listing": listing}, ensure_ascii=False)

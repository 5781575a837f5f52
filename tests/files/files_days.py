"""Days of a file intake, made by chance: changes in one second, filters, loss, repetition, kills and redrives.

A bucket of S3, whose versions may be switched on or suspended, notifies the queue, itself or through the pusher. SQS
delivers in any order and more than once, and puts aside what fails; somebody redrives it days or weeks later,
reprocesses the bucket or repairs what `verify` finds. At the end everything is delivered, and `wrong` says in what the
table differs from the bucket.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import quote_plus

from files_world import BUCKET, NOON, MemoryFailures, MemoryLake, MemoryTable, body

from deliverywatch.errors import DeliveryWatchError, QueueUnavailable, TableUnavailable
from deliverywatch.files import process, verify
from deliverywatch.files.admission import Current, Filters
from deliverywatch.files.push import push
from deliverywatch.files.records.events import NO_VERSION, Details, State, is_in_parts
from deliverywatch.files.records.items import Item, Retention, current, undecided
from deliverywatch.files.records.layout import Layout
from deliverywatch.files.records.sqs import messages_of
from deliverywatch.files.records.versions import is_by_event

KEYS = ("in/a.csv", "in/ä=1 +@,.csv", "in/a.txt", "out/a.csv")
SMALL, BIG = 1_000, 2_000_000
FILTERS = (
    Filters(),
    Filters(prefix="in/", suffix=".csv"),
    Filters("in/", "", ("text/*",), 1),
    Filters("in/", "", ("text/*",), 1),
)
RECEIVES = 5
LONGEST_UPLOAD = timedelta(minutes=1)


class Killed(BaseException):
    """The process ends between two steps."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version in the bucket, as S3 knows it."""

    key: str
    version: str
    state: State
    at: datetime
    etag: str = ""
    content_type: str = ""
    size: int = 0
    begun: datetime | None = None


@dataclass
class Clock:
    now: datetime = NOON


@dataclass
class Bucket:
    """A bucket of S3: of each key its versions, newest last; what came without versions is one at most, `null`."""

    clock: Clock
    has_versions: bool
    was_versioned: bool = field(init=False)
    keys: dict[str, list[Version]] = field(default_factory=lambda: {key: [] for key in KEYS})
    events: int = 0

    def __post_init__(self) -> None:
        self.was_versioned = self.has_versions

    def put(self, key: str, content_type: str, size: int, *, in_parts: bool = False) -> dict[str, Any]:
        held = self._writable(key)
        etag = f"e{self.events}"
        held.append(Version(key, self._next(), State.PRESENT, self.clock.now, etag, content_type, size))
        if not in_parts or self.clock.now - held[-2:][0].at > LONGEST_UPLOAD:
            return self._record(held[-1], "ObjectCreated:Put")
        record = self._record(held[-1], "ObjectCreated:CompleteMultipartUpload")
        # It had begun before the one that was the newest until now, and is listed with that time.
        held[-2:] = [replace(held[-1], begun=held[-2:][0].at), *held[-2:-1]]
        return record

    def delete(self, key: str) -> dict[str, Any]:
        held = self._writable(key)
        if not self.was_versioned:
            return self._record(Version(key, NO_VERSION, State.REMOVED, self.clock.now), "ObjectRemoved:Delete")
        held.append(Version(key, self._next(), State.DELETE_MARKER, self.clock.now))
        return self._record(held[-1], "ObjectRemoved:DeleteMarkerCreated")

    def remove(self, key: str, which: int) -> dict[str, Any]:
        """Remove a version for good."""
        held = self.keys[key]
        return self._record(held.pop(which % len(held)), "ObjectRemoved:Delete") if held else self.delete(key)

    def switch(self) -> None:
        """Begin to keep versions, or suspend that; a bucket that ever kept them has delete markers, too."""
        self.has_versions, self.was_versioned = not self.has_versions, True

    def _next(self) -> str:
        return f"v{self.events}" if self.has_versions else NO_VERSION

    def _writable(self, key: str) -> list[Version]:
        if not self.has_versions:
            self.keys[key] = [held for held in self.keys[key] if held.version != NO_VERSION]
        return self.keys[key]

    def _record(self, version: Version, name: str) -> dict[str, Any]:
        self.events += 1
        entry: dict[str, Any] = {
            "key": quote_plus(version.key, safe="/"),
            "sequencer": f"{0x55AED6DC + self.events:010X}" + "A" * (self.events % 3),
        }
        if name.startswith("ObjectCreated"):
            entry |= {"size": version.size, "eTag": version.etag}
        if self.was_versioned:
            entry["versionId"] = version.version
        now = self.clock.now
        return {
            "eventVersion": "2.6",
            "eventSource": "aws:s3",
            "eventTime": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z",
            "eventName": name,
            "s3": {"bucket": {"name": BUCKET}, "object": entry},
        }

    def _version(self, key: str, version: str) -> Version | None:
        return next((each for each in self.keys[key] if each.version == version), None)

    def details(self, bucket: str, key: str, version: str) -> Details | None:
        held = self._version(key, version) if bucket == BUCKET else None
        return Details(held.content_type) if held and held.state is State.PRESENT else None

    def state(self, bucket: str, key: str, version: str) -> tuple[State, str]:
        held = self._version(key, version) if bucket == BUCKET else None
        return (held.state, held.etag) if held else (State.REMOVED, "")

    def current(self, bucket: str, key: str, version: str = "") -> Current:
        assert bucket == BUCKET
        held = self._version(key, version) if version else self.keys[key][-1] if self.keys[key] else None
        if held is None or held.state is not State.PRESENT:
            return Current(held.state, held.version) if held else Current(State.REMOVED)
        return Current(held.state, held.version, held.etag, held.size, Details(held.content_type))

    def listing(self, prefix: str) -> Iterator[verify.Listed]:
        """Yield every version, times rounded down to the second, as S3 does."""
        listed_at = self.clock.now.replace(microsecond=0)
        for key in sorted(self.keys):
            for held in reversed(self.keys[key] if key.startswith(prefix) else []):
                etag, size = (held.etag, held.size) if held.state is State.PRESENT else (None, None)
                at, is_latest = (held.begun or held.at).replace(microsecond=0), held is self.keys[key][-1]
                yield verify.Listed(key, held.version, held.state, etag, size, at, listed_at, is_latest=is_latest)


class Table(MemoryTable):
    """The table in memory, whose user is killed at times, and which deletes what has expired."""

    def __init__(self, random: Random, clock: Clock, layout: Layout) -> None:
        super().__init__()
        self.random, self.clock, self.layout = random, clock, layout
        self.is_calm = False
        self.problems: list[str] = []

    def place(self, item: Item) -> tuple[str, str]:
        return super().place(item) if self.layout is Layout.VERSIONS else (item["object"], "")

    def keep(self, item: Item) -> bool:
        if item.get("expires_at", 1e12) <= self.clock.now.timestamp():
            self.problems.append(f"written after its time: {item}")
        trouble = "" if self.is_calm else self.random.choice(["", "", "", "", "", "killed", "refused", "lost"])
        if trouble == "refused":
            raise TableUnavailable("DynamoDB could not be used for items: ThrottlingException.")
        kept = super().keep(item)
        if trouble == "killed":
            raise Killed
        if trouble == "lost":
            raise TableUnavailable("DynamoDB could not be used for items: ReadTimeoutError.")
        return kept

    def expire(self, now: datetime) -> None:
        self.items = {key: item for key, item in self.items.items() if item.get("expires_at", 1e12) > now.timestamp()}

    def of_bucket(self, bucket: str, prefix: str) -> Iterator[Item]:
        return (item for item in list(self.items.values()) if item["object"].startswith(f"{bucket}/{prefix}"))


@dataclass
class Sent:
    """What the pusher sent."""

    bodies: list[str] = field(default_factory=list)

    def send(self, bodies: Any) -> None:
        self.bodies += bodies


class Days:
    """One intake and its days; the same random gives the same."""

    def __init__(self, random: Random, layout: Layout = Layout.VERSIONS) -> None:
        self.random, self.clock = random, Clock()
        self.bucket = Bucket(self.clock, has_versions=random.random() < 0.6)
        self.layout = layout
        self.table = Table(random, self.clock, self.layout)
        self.filters = random.choice(FILTERS)
        self.has_pusher = bool(self.filters.content_types) or random.random() < 0.3
        # Few keys have much to do with each other, many show that they have not.
        self.keys = KEYS[: random.choice([1, 2, len(KEYS)])]
        self.lives = random.choice([1, 1, 4])
        self.is_lossy = random.random() < 0.3
        self.has_parts = random.random() < 0.3
        # Of a lost `null` that equals the one before it no listing shows that its place is another.
        self.is_switched = not self.is_lossy and random.random() < 0.3
        # By key an item counts its days from what uncovered its version.
        item_days = random.choice([0, 0, 0, 7]) if layout is Layout.VERSIONS else 0
        self.retention = Retention(item_days, tombstone_days=30)
        # Bodies with the number of their deliveries; of the pusher the events that it was not started with yet.
        self.queue: list[tuple[str, int]] = []
        self.dead: list[str] = []
        self.for_pusher: list[dict[str, Any]] = []

    def live(self, steps: int = 14) -> list[str]:
        """Live, deliver everything, and return what is wrong with the table."""
        for _ in range(steps):
            self.random.choices(
                [self.change, self.deliver, self.redrive, self.reprocess, self.repair, self.wait],
                [8, 5, 1.5, 0.5, 0.5, 0.8],
            )[0]()
        self.table.is_calm = True
        self.drain()
        if self.is_lossy:
            self.clock.now += timedelta(minutes=10)
            self.repair()
            self.drain()
        self.table.expire(self.clock.now)
        return self.wrong()

    def change(self) -> None:
        """Upload or remove one to three times, mostly within a second."""
        if self.is_switched and self.random.random() < 0.3:
            self.bucket.switch()
        for _ in range(self.random.randint(1, 3)):
            key, kind = self.random.choice(self.keys), self.random.random()
            if kind < 0.6:
                content_type = self.random.choice(["text/csv", "text/csv", "image/png"])
                size, in_parts = self.random.choice([SMALL, BIG]), self.has_parts and self.random.random() < 0.3
                record = self.bucket.put(key, content_type, size, in_parts=in_parts)
            else:
                which = self.random.randint(0, 9)
                record = self.bucket.delete(key) if kind < 0.8 else self.bucket.remove(key, which)
            self.clock.now += timedelta(milliseconds=self.random.choice([1, 40, 300, 1100]))
            if not (self.is_lossy and self.random.random() < 0.3):
                self.notify(record)

    def notify(self, record: dict[str, Any]) -> None:
        """Send an event once or twice; some fail in whatever is tried, and wait among the dead letters for days."""
        for _ in range(self.random.choice([1, 1, 1, 2])):
            if self.random.random() < 0.2:
                self.dead.append(body(record))
            elif self.has_pusher:
                self.for_pusher.append(record)
            else:
                self.queue.append((body(record), 0))

    def push(self) -> None:
        """Start the pusher with what waits for it; what it drops becomes a dead letter."""
        self.random.shuffle(self.for_pusher)
        while self.for_pusher:
            event, sent = {"Records": [self.for_pusher.pop()]}, Sent()
            if self.random.random() < 0.2 and not self.table.is_calm:
                error = QueueUnavailable("SQS took no message.")
                self.dead.append(json.dumps({"requestPayload": event, "responsePayload": {"errorMessage": str(error)}}))
                continue
            push(event, self.filters, self.bucket, sent, self.layout)
            self.queue += [(text, 0) for text in sent.bodies]

    def deliver(self) -> None:
        """Deliver some messages in a batch, some of them twice."""
        if self.random.random() < 0.7:
            self.push()
        self.random.shuffle(self.queue)
        batch = self.queue[: self.random.randint(1, 5)]
        self.queue = self.queue[len(batch) :]
        names = [*range(len(batch)), *range(self.random.randint(0, min(1, len(batch))))]
        records = [{"messageId": str(number), "body": batch[number][0]} for number in names]
        try:
            failed = self.processed({"Records": records})
        except Killed:
            failed = {str(number) for number in names}
        for number, (text, count) in enumerate(batch):
            if str(number) in failed:
                self.dead.append(text) if count + 1 >= RECEIVES else self.queue.append((text, count + 1))

    def processed(self, event: dict[str, Any]) -> set[str]:
        ports = process.Ports(
            table=self.table, failures=MemoryFailures(), lake=MemoryLake(), objects=self.bucket
        )  # fmt: skip
        settings = process.Settings(self.retention, RECEIVES, self.filters, self.has_pusher, BUCKET, self.layout)
        report = process.process(messages_of(event), self.clock.now, ports, settings)
        return {each["itemIdentifier"] for each in report.answer["batchItemFailures"]}

    def redrive(self) -> None:
        """Some time later, begin the lives of dead letters anew, maybe after some that ended like the first."""
        self.clock.now += timedelta(days=self.random.uniform(0, 13.9) * self.lives)
        self.table.expire(self.clock.now)
        self.random.shuffle(self.dead)
        count = len(self.dead) if self.table.is_calm else self.random.randint(0, len(self.dead))
        self.queue += [(text, 0) for text in self.dead[:count]]
        self.dead = self.dead[count:]

    def reprocess(self) -> None:
        listed = [each for each in self.layout.shown(self.bucket.listing("")) if self.filters.takes_key(each.key)]
        self.queue += [(text, 0) for text in verify.bodies(BUCKET, listed)]

    def repair(self) -> None:
        days = self.retention.item_days
        kept_since = self.clock.now - timedelta(days=days) if days else None
        watched = verify.Watched(BUCKET, self.filters, self.bucket, kept_since, self.layout)
        differences = verify.compare(self.bucket, self.table, "", self.clock.now, watched)
        self.queue += [(text, 0) for text in verify.repairs(BUCKET, differences, self.clock.now)]

    def wait(self) -> None:
        """Put everything aside for days, so that it comes back later."""
        self.dead += [text for text, _ in self.queue]
        self.queue.clear()
        self.clock.now += timedelta(days=self.random.choice([0.01, 3, 9, 13.5]))
        self.table.expire(self.clock.now)

    def drain(self) -> None:
        """Redrive and deliver until nothing is left."""
        while self.dead or self.queue or self.for_pusher:
            if self.dead:
                self.redrive()
            self.deliver()

    def wrong(self) -> list[str]:
        """Return in what the table differs from the bucket."""
        items = [item for item in self.table.items.values() if item["state"] != State.REMOVED]
        has = {(item["key"], item["version"], item["state"], item.get("etag") or "") for item in items}
        wanted = {
            (held.key, held.version, held.state.value, held.etag)
            for versions in self.bucket.keys.values()
            for held in (versions if self.layout is Layout.VERSIONS else versions[-1:])
            if self.is_wanted(held)
        }
        problems = [f"too much: {each}" for each in has - wanted] + [f"missing: {each}" for each in wanted - has]
        problems += self.table.problems
        return problems or [problem for key in KEYS for problem in self.wrong_current(key)]

    def is_wanted(self, held: Version) -> bool:
        days = self.retention.item_days
        if not self.filters.takes_key(held.key) or (days and held.at + timedelta(days=days) <= self.clock.now):
            return False
        if held.state is not State.PRESENT or not self.filters.content_types:
            return True
        return held.content_type == "text/csv" and held.size == SMALL

    def wrong_current(self, key: str) -> list[str]:
        wanted = [held for held in self.bucket.keys[key] if self.is_wanted(held)]
        if self.layout is Layout.S3_KEY:
            return []
        truth = wanted[-1].version if wanted and wanted[-1].state is State.PRESENT else None
        items = self.table.versions(key)
        if possible := undecided(items):
            # What is true is among them, and only a listing knows it: from before it was the latest, or of one second.
            true = next((item for item in possible if wanted and item["version"] == wanted[-1].version), None)
            return [] if true and is_fair(true, possible) else [f"undecided: {key} {possible}"]
        found = current(items)
        is_right = (found["version"] if found else None) == truth
        return [] if is_right else [f"current: {key} is {truth}, not {found}"]


def is_fair(true: Item, possible: list[Any]) -> bool:
    """Return whether nothing tells the newest version apart from the others."""
    seconds = {item["event_time"][:19] for item in possible if is_by_event(item)}
    has_last_word = true.get("is_latest") and true["listed_at"][:19] not in seconds
    in_parts = any(is_in_parts(item["event"]) for item in possible)
    return in_parts or (not has_last_word and not all(map(is_by_event, possible)))


def problems_of(seed: int) -> list[str]:
    """Return what is wrong with the table of the days of this seed; every fourth table has one item per key."""
    layout = Layout.VERSIONS if seed % 4 else Layout.S3_KEY
    try:
        return Days(Random(seed), layout).live()
    except DeliveryWatchError as error:
        return [f"{type(error).__name__}: {error}"]

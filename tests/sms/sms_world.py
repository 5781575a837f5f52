"""A small world for the room's tests: a ClickSend account, a store in memory that can fail, and a run in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import SourceUnavailable
from deliverywatch.messages.context import NOT_READ
from deliverywatch.sms import ingest
from deliverywatch.sms.clicksend.pages import Page
from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.clicksend.records import Recorder
from deliverywatch.sms.lake import merge as lake
from deliverywatch.sms.lake.columns import COLUMNS
from deliverywatch.sms.lake.slots import floor, from_milliseconds, key_of
from deliverywatch.sms.lake.watermark import WATERMARK
from deliverywatch.sms.ports import Ports, Settings, Source, Summary
from deliverywatch.storage import memory

if TYPE_CHECKING:
    from deliverywatch.messages.notice import SystemNotice
    from deliverywatch.sms.clicksend.credit import Credit
    from deliverywatch.sms.counts import Datapoint
    from deliverywatch.sms.plan import Plan
    from deliverywatch.storage.store import Stored

NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)
KEY = b"k" * 32

STATUS = {
    "delivered": {"status": "Sent", "status_code": "201", "error_code": "4"},
    "failed": {"status": "Failed", "status_code": "301", "error_code": "14"},
    "dead": {"status": "Failed", "status_code": "301", "error_code": "12"},
    "pending": {"status": "Sent", "status_code": "200"},
    "temporary": {"status": "Failed", "status_code": "300", "error_code": "16"},
    "excluded": {"status": "Cancelled", "status_code": "301", "error_code": "5"},
    "scheduled": {"status": "Scheduled", "status_code": "200"},
    "unknown": {"status": "Completed", "status_code": None},
}


def at(text: str) -> datetime:
    """A time of the day of `NOW`, such as `11:55`, or a full one, such as `2026-11-20T11:55`."""
    return datetime.fromisoformat(text if "T" in text else f"{NOW:%Y-%m-%d}T{text}").replace(tzinfo=UTC)


def row(message_id: str, sent_at: datetime, outcome: str = "delivered", **fields: Any) -> dict[str, Any]:
    """A row of history as ClickSend documents it."""
    seconds = int(sent_at.timestamp())
    return {
        "direction": "out",
        "date": seconds,
        "to": "+61400000001",
        "body": "Your code is 1234",
        "from": "+61400000099",
        "schedule": str(seconds),
        "status_text": "words",
        "error_text": None,
        "message_id": message_id,
        "message_parts": 1,
        "message_price": "0.0792",
        "from_email": None,
        "list_id": None,
        "custom_string": "x",
        "contact_id": None,
        "user_id": 1,
        "subaccount_id": 2,
        "country": "AU",
        "carrier": "Telstra",
        "first_name": "Jo",
        "last_name": "Doe",
        "_api_username": "someone",
        "error_code": None,
        **STATUS[outcome],
        **fields,
    }


@dataclass
class History:
    """An account's history: what is in `rows` when it is asked, in pages; `strays` have no date."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 100
    error: Exception | None = None
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    strays: list[dict[str, Any]] = field(default_factory=list)
    broken_hours: set[datetime] = field(default_factory=set)
    before: Callable[[str, str], None] = lambda _port, _key: None
    breaks_after_pages: int | None = None
    gaps: dict[datetime, Page] = field(default_factory=dict)
    strays_at: datetime = NOW - timedelta(minutes=5)

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        self.asked.append((start, end))
        self.before("pages", key_of(start))
        if floor(start, 60) in self.broken_hours:
            raise SourceUnavailable("Pages shifted.", kind="incomplete")
        if self.error:
            raise self.error
        first, last = start.timestamp() - 1, end.timestamp() + 1
        found = sorted(
            (row for row in self.rows if first <= int(row["date"]) <= last), key=lambda row: int(row["date"])
        )
        if start <= self.strays_at < end:
            found = found + self.strays
        parts = [found[index : index + self.page_size] for index in range(0, len(found), self.page_size)] or [[]]
        for number, part in enumerate(parts, 1):
            if number - 1 == self.breaks_after_pages:
                raise SourceUnavailable("5xx")
            yield Page(number, len(found), len(parts) if found else 0, part)
        if floor(start, 60) in self.gaps:
            yield self.gaps[floor(start, 60)]


class Killed(BaseException):
    """The process was killed here: nothing may catch it."""


@dataclass
class Memory(memory.Memory):
    """A store in memory; `before` is called with each operation and key, and may raise or write something else."""

    before: Any = None
    after: Any = None
    writes: list[str] = field(default_factory=list)

    def read(self, key: str) -> Stored | None:
        self._step(self.before, "read", key)
        return super().read(key)

    def metadata(self, key: str) -> Mapping[str, str] | None:
        self._step(self.before, "metadata", key)
        return super().metadata(key)

    def write(self, key: str, body: bytes) -> None:
        self._step(self.before, "write", key)
        super().write(key, body)

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        self._step(self.before, "replace", key)
        super().write_if_unchanged(key, body, etag, metadata)

    def keys(self, prefix: str) -> list[str]:
        self._step(self.before, "keys", prefix)
        return super().keys(prefix)

    def delete_if_unchanged(self, key: str, etag: str) -> None:
        self._step(self.before, "delete", key)
        super().delete_if_unchanged(key, etag)
        self._step(self.after, "deleted", key)

    def _put(self, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        super()._put(key, body, metadata)
        self.writes.append(key)
        self._step(self.after, "put", key)

    @staticmethod
    def _step(hook: Any, operation: str, key: str) -> None:
        if hook:
            hook(operation, key)


@dataclass
class World:
    """An account, a store, and what was emitted."""

    history: History = field(default_factory=History)
    store: Memory = field(default_factory=Memory)
    settings: Settings = field(default_factory=Settings)
    points: list[Datapoint] = field(default_factory=list)
    seconds_left: float = 1000.0
    runs: int = 0
    clock: datetime = NOW
    emissions: list[list[Datapoint]] = field(default_factory=list)
    steps: Callable[[str, str], None] = lambda _port, _key: None
    notices: list[SystemNotice] = field(default_factory=list)
    notify_error: Exception | None = None
    credit: Callable[[], Credit] | None = None

    def step_by(self, steps: Callable[[str, str], None]) -> None:
        """Let this be called before each thing that a run does outside of itself, and after each that it changed."""
        self.steps = self.store.before = self.store.after = self.history.before = steps

    def _emit(self, points: Sequence[Datapoint]) -> None:
        self.steps("emit", "")
        self.emissions.append(list(points))
        self.points.extend(points)
        self.steps("emitted", "")

    def _notify(self, notice: SystemNotice) -> None:
        self.steps("notify", notice.watch)
        if self.notify_error:
            raise self.notify_error
        self.notices.append(notice)

    def ports(self) -> Ports:
        source = Source(self.history, Recipients(KEY), self.credit)
        return Ports(
            connect=lambda: source,
            store=self.store,
            emit=self._emit,
            seconds_left=lambda: self.seconds_left,
            notify=self._notify,
        )

    def run(self, now: datetime = NOW, by_hand: Plan | None = None) -> Summary:
        self.runs += 1
        self.clock = max(self.clock, now)
        token = f"run {self.runs}"
        return ingest.run(now, self.settings, self.ports(), token=token, clock=self.clock, by_hand=by_hand)

    def context(self) -> dict[str, Any]:
        """What is left for the mails."""
        return json.loads(self.store.objects["state/sms.json"])  # type: ignore[no-any-return]

    def not_read(self) -> str:
        """What the mails say could not be read."""
        facts = {fact["name"]: fact["value"] for fact in self.context().get("facts", ())}
        return facts.get(NOT_READ, "")

    def watermark(self) -> datetime:
        """Until when messages were read."""
        return datetime.fromisoformat(json.loads(self.store.objects[WATERMARK])["covered_until"])

    def lake(self) -> dict[str, bytes]:
        """The objects of the lake."""
        return {key: body for key, body in self.store.objects.items() if key.startswith("sms/")}

    def outcomes(self) -> dict[str, str]:
        """The outcome of each message of the lake."""
        return {
            name: known for body in self.lake().values() for name, known in lake.rows(body, ("message_id", "outcome"))
        }

    def emitted_slots(self) -> list[datetime]:
        """The slots of all datapoints, in order of emission."""
        delay = timedelta(minutes=self.settings.slot_minutes, seconds=120)
        return [point.stamp - delay for point in self.points if "Total" in point.metrics]

    def run_count(self) -> int:
        """How often `Runs` was emitted."""
        return sum("Runs" in point.metrics for point in self.points)

    def rows_of(self, hour: datetime) -> list[dict[str, Any]]:
        stored = self.store.objects.get(key_of(hour))
        if stored is None:
            return []
        names = [column.name for column in COLUMNS]
        return [dict(zip(names, values, strict=True)) for values in lake.rows(stored, names)]

    def emitted(self) -> dict[datetime, tuple[float, float]]:
        """Sums of Total and Failed per slot, as CloudWatch would show them."""
        totals: Counter[datetime] = Counter()
        failed: Counter[datetime] = Counter()
        for point in self.points:
            if "Total" in point.metrics:
                slot = point.stamp - timedelta(minutes=self.settings.slot_minutes, seconds=120)
                totals[slot] += int(point.metrics["Total"][0])
                failed[slot] += int(point.metrics["Failed"][0])
        return {slot: (totals[slot], failed[slot]) for slot in totals}

    def counted(self) -> dict[datetime, tuple[int, int]]:
        """Total and Failed per slot, as the lake has them."""
        totals: Counter[datetime] = Counter()
        failed: Counter[datetime] = Counter()
        for key, body in self.store.objects.items():
            if key.startswith("sms/"):
                for sent_at, outcome in lake.rows(body, ("sent_at", "outcome")):
                    slot = floor(from_milliseconds(sent_at), self.settings.slot_minutes)
                    totals[slot] += outcome != "excluded"
                    failed[slot] += outcome == "failed"
        return {slot: (totals[slot], failed[slot]) for slot in totals}


def stored(
    rows: list[dict[str, Any]],
    *,
    now: datetime = NOW,
    hours: int = 1,
    plain: bool = False,
    recorder: Recorder | None = None,
) -> list[dict[str, Any]]:
    """The rows as the lake would keep them, read in one page, that were sent in the last hours."""
    recorder = recorder or Recorder(now, Recipients(KEY, plain=plain))
    return [record._asdict() for record in recorder.records([rows], now - timedelta(hours=hours), now)]

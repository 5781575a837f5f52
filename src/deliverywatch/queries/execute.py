"""One run of one query: asked, its result exported, its alerts told, and all of it written down.

A run is known by its query and the time at which it was due, so that an event that comes twice, or a run that was
killed half-way and is started again, does everything once: Athena gives the same execution, an export that is there is
left, a notice that was given is not given again, and the record at the end says that all is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from deliverywatch.athena import Status as Ended
from deliverywatch.athena import TimeBudget, run_once
from deliverywatch.errors import InputError, StoreConflict
from deliverywatch.queries.config import file, source, statement
from deliverywatch.queries.run import export, links, notices, record, result, state
from deliverywatch.queries.run.record import Record, Status
from deliverywatch.thresholds import QUERIES_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from deliverywatch.athena import Athena, Execution
    from deliverywatch.queries.config.lake import Lake
    from deliverywatch.queries.config.query import Query
    from deliverywatch.queries.run.notices import Notice
    from deliverywatch.queries.run.result import Result
    from deliverywatch.queries.run.state import State

# What a run keeps for itself to write down how it ended.
RESERVE_SECONDS = 30.0
_MOST_RUNS = 100
_ENDINGS = {Ended.SUCCEEDED: Status.SUCCEEDED, Ended.STOPPED: Status.STOPPED}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the stack says.

    Attributes:
        bucket: The lake's.
        region: For the links in mails.
        timeout_seconds: After this a query is stopped.
    """

    bucket: str
    region: str
    timeout_seconds: float = QUERIES_TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True)
class Ports:
    """What a run touches.

    Attributes:
        publish: Hands a message to the alerts topic.
        emit: Publishes metrics with properties.
        pause: Sleeps so many seconds.
        seconds_left: How long the function may still take.
        ticks: Seconds of a clock that only goes forward.
    """

    athena: Athena
    lake: Lake
    publish: Callable[[Mapping[str, Any]], None]
    emit: Callable[[Mapping[str, tuple[float, str]], datetime, Mapping[str, Any]], None]
    pause: Callable[[float], None]
    seconds_left: Callable[[], float]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ticks: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of the executor.

    Attributes:
        due: The time that the run is for; aware, UTC.
        is_again: Whether somebody wants a run that was done to be done anew.
        is_by_hand: Whether somebody asked for it, at another time than the one it is for.
    """

    query_id: str
    due: datetime
    is_again: bool = False
    is_by_hand: bool = False


def order(event: Mapping[str, Any], now: datetime) -> Order:
    """Return what an event asks for: `{"query_id": "daily", "scheduled_time": "2026-11-21T02:00:00Z"}`.

    Args:
        event: From a schedule or from the command line.
        now: The time for an event that tells none.

    Raises:
        InputError: It names no query, or a time that is none.
    """
    query_id, text = event.get("query_id"), event.get("scheduled_time")
    if not isinstance(query_id, str) or not query_id:
        raise InputError("The event names no query: it has no 'query_id'.")
    try:
        due = datetime.fromisoformat(text) if text else now
    except (ValueError, TypeError) as error:
        raise InputError(f"'{text}' is no time such as 2026-11-21T02:00:00Z.") from error
    due = due if due.tzinfo else due.replace(tzinfo=UTC)
    is_again, is_by_hand = event.get("again") is True, event.get("by_hand") is True
    return Order(query_id, due.astimezone(UTC).replace(microsecond=0), is_again=is_again, is_by_hand=is_by_hand)


def run(asked: Order, settings: Settings, ports: Ports) -> Record | None:
    """Do a run and return its record; None for a query that is not in the file any more.

    A query that fails is a run that is done: it is told and written down. Only what may work later raises.

    Raises:
        DeliveryWatchError: Athena, S3 or SNS could not be used; started again, the run goes on.
    """
    copy = source.last_copy(ports.lake)
    query = file.one(copy.body, asked.query_id) if copy else None
    if copy is None or query is None:
        return None
    number, done = _number(asked, ports.lake)
    return done or _Run(asked, number, query, copy.revision, settings, ports).go()


def _number(asked: Order, lake: Lake) -> tuple[int, Record | None]:
    """Return which run for its time it is, and its record if it is done."""
    for number in range(1, _MOST_RUNS):
        stored = lake.read(record.key_of(asked.query_id, asked.due, number))
        if stored is None:
            return number, None
        if not asked.is_again:
            return number, record.read(stored.body)
    raise InputError(f"The query {asked.query_id} was run {_MOST_RUNS} times for {asked.due:%Y-%m-%d %H:%M}.")


@dataclass(frozen=True, slots=True)
class _Run:
    asked: Order
    number: int
    query: Query
    revision: str
    settings: Settings
    ports: Ports

    def go(self) -> Record:
        begin = self.ports.ticks()
        name = f"{self.query.id} {self.asked.due.isoformat()} {self.number}"
        budget = TimeBudget(self.ports.pause, lambda: self._seconds_left(begin))
        execution = run_once(name, statement.filled(self.query, self._local), self.ports.athena, budget)
        found, reason = self._found(execution)
        exported = self._exported(execution, found) if found else ""
        seconds = round(self.ports.ticks() - begin, 3)
        now = self._as_of(seconds)
        self._tell(self._notices(execution, found, reason, exported), now, is_success=found is not None)
        made = replace(self._record(execution, found, reason), export=exported, seconds=seconds)
        return self._written(replace(made, finished_at=now.isoformat()), now)

    def _as_of(self, seconds: float) -> datetime:
        """Return the time of what is told and counted: that of the schedule, however late it was delivered."""
        return self.ports.clock() if self.asked.is_by_hand else self.asked.due + timedelta(seconds=seconds)

    @property
    def _local(self) -> datetime:
        return self.asked.due.astimezone(ZoneInfo(self.query.timezone))

    def _seconds_left(self, begin: float) -> float:
        of_query = self.settings.timeout_seconds - (self.ports.ticks() - begin)
        return min(of_query, self.ports.seconds_left() - RESERVE_SECONDS)

    def _found(self, execution: Execution) -> tuple[Result | None, str]:
        """Return what is in the result, or why there is nothing to look at."""
        if execution.status is not Ended.SUCCEEDED:
            return None, execution.reason or f"Athena says {execution.status}."
        try:
            return result.read(self.ports.lake.lines(execution.location), self.query.alerts), ""
        except InputError as error:
            return None, f"{error} {error.next_step}"

    def _exported(self, execution: Execution, found: Result) -> str:
        about = {"query-id": self.query.id, "due": self.asked.due.isoformat(), "rows": str(found.row_count)}
        wanted = export.keys(self.query, self._local, found)
        kept = [export.keep(self.ports.lake, execution, key, about) for key in wanted]
        return f"s3://{self.settings.bucket}/{kept[0]}" if kept else ""

    def _notices(self, execution: Execution, found: Result | None, reason: str, exported: str) -> list[Notice]:
        facts = {"Due": f"{self._local:%Y-%m-%d %H:%M %Z}", "Read": f"{execution.scanned_bytes / 1e6:,.1f} MB"}
        pointers = links.of_run(self.settings.region, execution.id, exported)
        if found is None:
            return [notices.of_failure(self.query, reason, self.asked.due, facts, pointers)]
        over = [notices.of_failure(self.query, "", self.asked.due, facts, ()), notices.of_silence(self.query, None, 0)]
        return [*notices.of_alerts(self.query, found, facts | {"Rows": f"{found.row_count:,}"}, pointers), *over]

    def _tell(self, found: list[Notice], now: datetime, *, is_success: bool) -> None:
        """Publish what is news, then remember it: killed between the two, it is published twice, and mailed once."""
        before = state.read(self.ports.lake, self.query.id)
        if before.judged and self.asked.due < before.judged:
            return  # a later run has spoken already
        topics = {each.topic for each in found} | {notices.FAILED, notices.STALE}
        gone = [topic for topic in before.open if is_success and topic not in topics]
        news = before.news([*found, *notices.of_removal(self.query.id, gone)])
        notices.publish(news, self.ports.lake, self.ports.publish, now)

        def told(present: State) -> State:
            succeeded = self.asked.due if is_success else present.succeeded
            return replace(present.told(news), judged=self.asked.due, succeeded=succeeded)

        state.change(self.ports.lake, self.query.id, told)

    def _record(self, execution: Execution, found: Result | None, reason: str) -> Record:
        status = _ENDINGS.get(execution.status, Status.FAILED)
        holding = [each.alert.name for each in found.readings if each.holds] if found else []
        return Record(
            query_id=self.query.id,
            due=self.asked.due.isoformat(),
            status=Status.FAILED if reason and status is Status.SUCCEEDED else status,
            scanned_bytes=execution.scanned_bytes,
            cost_usd=record.cost_usd(execution.scanned_bytes),
            rows=found.row_count if found else 0,
            execution_id=execution.id,
            revision=self.revision,
            reason=reason,
            alerts=", ".join(holding),
        )

    def _written(self, made: Record, now: datetime) -> Record:
        """Write the record and emit the metrics, unless another invocation finished the same run meanwhile."""
        key = record.key_of(self.query.id, self.asked.due, self.number)
        try:
            self.ports.lake.create(key, made.line())
        except StoreConflict:
            return made
        self.ports.emit(made.metrics(), now, made.properties())
        return made

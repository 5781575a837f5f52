"""One run of one query: run by Athena, its result exported, its alerts published, and all of it recorded.

A run is identified by its query and the time at which it was due, so that an event that comes twice, or a run that was
killed half-way and is started again, does everything once: Athena gives the same execution, an export that exists is
kept, a notice that was published is not published again, and the record at the end says that all is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cwalarm.schedules import zones
from deliverywatch.athena import Execution, TimeBudget, run_once
from deliverywatch.athena import Status as Ended
from deliverywatch.errors import InputError
from deliverywatch.messages.untrusted import mapping
from deliverywatch.queries.config import source, statement
from deliverywatch.queries.run import export, notices, record, state
from deliverywatch.queries.run.record import Record, Status
from deliverywatch.queries.run.result import read as read_result
from deliverywatch.storage.records import readable
from deliverywatch.storage.store import Change, update
from deliverywatch.thresholds import QUERIES_TIMEOUT_SECONDS, QUERIES_UNMEASURED_RUNS

if TYPE_CHECKING:
    from deliverywatch.athena import Athena
    from deliverywatch.queries.config.query import Query
    from deliverywatch.queries.run.export import Lake
    from deliverywatch.queries.run.notices import Notice
    from deliverywatch.queries.run.result import Result
    from deliverywatch.queries.run.state import State

# What a run keeps to record how it ended.
RESERVE_SECONDS = 30.0
_MOST_RUNS = 100
# More than the zone of a query and its `days_back` move a time.
_ROOM = timedelta(days=400)
_ENDINGS = {Ended.SUCCEEDED: Status.SUCCEEDED, Ended.STOPPED: Status.STOPPED}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the stack says.

    Attributes:
        region: For the links in mails.
        timeout_seconds: A query is stopped after it.
        unmeasured_runs: In so many runs in a row an alert may not be measured before that is an incident of its own.
    """

    bucket: str
    region: str
    timeout_seconds: float = QUERIES_TIMEOUT_SECONDS
    unmeasured_runs: int = QUERIES_UNMEASURED_RUNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a run touches: `publish` hands a message to the alerts topic, `seconds_left` is what the function has."""

    athena: Athena
    lake: Lake
    publish: Callable[[Mapping[str, Any]], None]
    emit: record.Emit
    pause: Callable[[float], None]
    seconds_left: Callable[[], float]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ticks: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Order:
    """Which run is wanted.

    `due` is aware, in UTC; `is_again` repeats a run that was done; `is_by_hand` starts one at another time than due.
    """

    query_id: str
    due: datetime
    is_again: bool = False
    is_by_hand: bool = False


def order_of(event: Mapping[str, Any], now: datetime) -> Order:
    """Return the order in an event: `{"query_id": "daily", "scheduled_time": "2026-11-21T02:00:00Z"}`, or due `now`.

    Raises InputError if it names no query, or a time that is none.
    """
    event = mapping(event)
    query_id, text = event.get("query_id"), event.get("scheduled_time")
    if not isinstance(query_id, str) or not query_id:
        raise InputError("The event names no query: it has no 'query_id'.")
    try:
        due = datetime.fromisoformat(text) if text else now
        due = (due if due.tzinfo else due.replace(tzinfo=UTC)).astimezone(UTC)
        # At the ends of the calendar it would be no time in another zone.
        _ = due - _ROOM, due + _ROOM
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"'{text}' is not a time such as 2026-11-21T02:00:00Z.") from error
    is_again, is_by_hand = event.get("again") is True, event.get("by_hand") is True
    return Order(query_id, due.replace(microsecond=0), is_again=is_again, is_by_hand=is_by_hand)


def run(order: Order, settings: Settings, ports: Ports) -> Record | None:
    """Do a run and return its record; None for a query that is not in the file any more.

    A query that fails is a run that is done: it is published and recorded. What raises, because Athena, S3 or SNS could
    not be used, goes on where it was when it is started again.
    """
    copy = source.last_copy(ports.lake)
    query = copy.query(order.query_id) if copy else None
    if copy is None or query is None:
        return None
    number, done = _number(order, ports.lake)
    return done or _Run(order, number, query, copy.revision, settings, ports).go()


def _number(order: Order, lake: Lake) -> tuple[int, Record | None]:
    """Return which run for its time it is, and its record if it is done."""
    for number in range(1, _MOST_RUNS):
        stored = lake.read(record.key_of(order.query_id, order.due, number))
        if stored is None:
            return number, None
        # A run whose record cannot be read is one that was done: the next number is free for another.
        done = None if order.is_again else readable(record.read, stored.body)
        if done is not None:
            return number, done
    raise InputError(f"The query {order.query_id} was run {_MOST_RUNS} times for {order.due:%Y-%m-%d %H:%M}.")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a query: its result if it has one, and why the run failed if it did."""

    execution: Execution
    result: Result | None
    reason: str
    exported: str

    @property
    def is_success(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class _Run:
    order: Order
    number: int
    query: Query
    revision: str
    settings: Settings
    ports: Ports

    def go(self) -> Record:
        begin = self.ports.ticks()
        name = f"{self.query.id} {self.order.due.isoformat()} {self.number}"
        budget = TimeBudget(self.ports.pause, lambda: self._seconds_left(begin))
        execution = self._execution(name, budget)
        result, reason = self._result(execution)
        exported, unsafe = self._exported(execution, result) if result else ("", "")
        reason = reason or unsafe
        seconds = round(self.ports.ticks() - begin, 3)
        # Published and counted at the time of the schedule, however late the run was started.
        now = self.ports.clock() if self.order.is_by_hand else self.order.due + timedelta(seconds=seconds)
        self._publish(_Outcome(execution, result, reason, exported), now)
        unfinished = self._record(execution, result, reason)
        return self._written(replace(unfinished, export=exported, seconds=seconds, finished_at=now.isoformat()), now)

    def _execution(self, name: str, budget: TimeBudget) -> Execution:
        if self.query.timezone not in zones.names():
            # Its schedule is still the one from before: nobody can say which day is meant.
            return Execution("", Ended.FAILED, reason=f"There is no time zone '{self.query.timezone}'.")
        return run_once(name, statement.filled(self.query, self._local), self.ports.athena, budget)

    @property
    def _local(self) -> datetime:
        is_zone = self.query.timezone in zones.names()
        return self.order.due.astimezone(zones.zone(self.query.timezone) if is_zone else UTC)

    def _seconds_left(self, begin: float) -> float:
        of_query = self.settings.timeout_seconds - (self.ports.ticks() - begin)
        return min(of_query, self.ports.seconds_left() - RESERVE_SECONDS)

    def _result(self, execution: Execution) -> tuple[Result | None, str]:
        """Return what is in the result, or why there is none."""
        if execution.status is not Ended.SUCCEEDED:
            return None, execution.reason or f"Athena says {execution.status}."
        try:
            result = read_result(self.ports.lake.lines(execution.location), self.query.alerts)
        except InputError as error:
            return None, f"{error} {error.next_step}"
        return result, result.problem

    def _exported(self, execution: Execution, result: Result) -> tuple[str, str]:
        """Return where the result is exported to, if it is, or why it could not be."""
        about = {"query-id": self.query.id, "due": self.order.due.isoformat(), "rows": str(result.row_count)}
        wanted = export.keys(self.query, self._local, result)
        lake, would_run = self.ports.lake, result.would_run
        try:
            kept = [export.keep(lake, execution, key, about, would_run=would_run) for key in wanted]
        except InputError as error:
            return "", f"{error} {error.next_step}"
        return f"s3://{self.settings.bucket}/{kept[0]}" if kept else "", ""

    def _publish(self, outcome: _Outcome, now: datetime) -> None:
        """Publish what is news, then remember it: killed between the two, it is published twice, and mailed once."""
        before = state.read(self.ports.lake, self.query.id)
        if before.judged and self.order.due < before.judged:
            return  # a later run was published already
        alerts = self._of_alerts(outcome, before)
        unmeasured = self._unmeasured(outcome, alerts, before)
        current = [*alerts, *self._of_run(outcome, unmeasured, alerts)]
        topics = {notice.topic for notice in current} | {notices.FAILED, notices.STALE}
        removed = [topic for topic in before.open if outcome.is_success and topic not in topics]
        news = before.news([*current, *notices.of_removal(self.query.id, removed)])
        notices.annotate(before.to_annotate(alerts), self.ports.lake, now)
        notices.publish(news, self.ports.lake, self.ports.publish, now)

        # A run by hand may be for a time to come: those due until then are judged and missed all the same.
        due = min(self.order.due, now)

        def with_news(present: State) -> State:
            succeeded = due if outcome.is_success else present.succeeded
            published = present.with_published(news)
            return replace(published, judged=due, succeeded=succeeded, unmeasured=unmeasured)

        state.change(self.ports.lake, self.query.id, with_news)

    def _of_alerts(self, outcome: _Outcome, before: State) -> list[Notice]:
        if outcome.result is None:
            return []
        facts = self._facts(outcome) | {"Rows": f"{outcome.result.row_count:,}"}
        return notices.of_alerts(self.query, outcome.result, before.level_of, facts, self._links(outcome))

    def _unmeasured(self, outcome: _Outcome, alerts: list[Notice], before: State) -> Mapping[str, int]:
        """Return the runs in a row in which each topic could not be measured; a run that failed says nothing of it."""
        if not outcome.is_success:
            return before.unmeasured
        return before.unmeasured_after([notice.topic for notice in alerts if notice.unmeasured], self.order.due)

    def _of_run(self, outcome: _Outcome, unmeasured: Mapping[str, int], alerts: list[Notice]) -> list[Notice]:
        if not outcome.is_success:
            facts, links = self._facts(outcome), self._links(outcome)
            return [notices.of_failure(self.query, outcome.reason, self.order.due, facts, links)]
        unseen = [one for one in alerts if unmeasured.get(one.topic, 0) >= self.settings.unmeasured_runs]
        return [
            notices.of_failure(self.query, "", self.order.due, self._facts(outcome), ()),
            notices.of_silence(self.query, None, 0),
            notices.of_unmeasured(
                self.query, unseen, self.settings.unmeasured_runs, self._facts(outcome), self._links(outcome)
            ),
        ]

    def _facts(self, outcome: _Outcome) -> dict[str, str]:
        read = f"{outcome.execution.scanned_bytes / 1e6:,.1f} MB"
        return {"Due": f"{self._local:%Y-%m-%d %H:%M %Z}", "Read": read}

    def _links(self, outcome: _Outcome) -> list[notices.Link]:
        return notices.links_of(self.settings.region, outcome.execution.id, outcome.exported)

    def _record(self, execution: Execution, result: Result | None, reason: str) -> Record:
        status = _ENDINGS.get(execution.status, Status.FAILED)
        readings = result.readings if result else ()
        return Record(
            query_id=self.query.id,
            due=self.order.due.isoformat(),
            status=Status.FAILED if reason and status is Status.SUCCEEDED else status,
            scanned_bytes=execution.scanned_bytes,
            cost_usd=record.cost_usd(execution.scanned_bytes),
            rows=result.row_count if result else 0,
            execution_id=execution.id,
            revision=self.revision,
            reason=reason,
            alerts=", ".join(reading.alert.name for reading in readings if reading.holds),
            unmeasured="; ".join(f"{reading.alert.name}: {reading.problem}" for reading in readings if reading.problem),
        )

    def _written(self, done: Record, now: datetime) -> Record:
        """Write the record and emit the metrics, unless another invocation finished the same run meanwhile."""
        key = record.key_of(self.query.id, self.order.due, self.number)

        def once(present: bytes | None) -> Change[bool]:
            return Change(done.line() if present is None else None, present is None)

        if update(self.ports.lake, key, once):
            self.ports.emit(done.metrics(), now, {"event": "queries_execute", **asdict(done)})
        return done

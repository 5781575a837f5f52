"""Queries and what is remembered of them -> those that no longer succeed, published once, and once more when they do.

A query that fails says so at once; one that is never started says nothing. So, once an hour, it is looked up when each
last succeeded: silent is one of which two runs have been due since (of a single one, that one), with time to finish.
Each is looked up by itself: what goes wrong with one, or a schedule that is none, hides the silence of no other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from cwalarm.schedules import eventbridge
from cwalarm.schedules.eventbridge import At
from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level
from deliverywatch.queries.run import notices, state
from deliverywatch.queries.run.state import State

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Query
    from deliverywatch.storage.store import Store

# An hour for which Scheduler tries to start a run, and 15 minutes that it may take.
GRACE = timedelta(minutes=75)
_ENOUGH = 2
_OFF = "off"
# Reading a small object takes 15 ms.
_READERS = 8


@dataclass(slots=True)
class Watched:
    """What the watchdog saw: ids of silent queries, and by id why nobody can say whether a query is silent."""

    silent: list[str] = field(default_factory=list)
    unwatched: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as it is logged."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Watchdog:
    """The flow with what it needs; `log` takes a line for each query that could not be watched."""

    lake: Store
    publish: Callable[[Mapping[str, Any]], None]
    log: Callable[[str], None]

    def run(self, queries: Collection[Query], off: Collection[str], now: datetime) -> Watched:
        """Publish each query whose silence begins or ends, and return what was seen.

        Those that somebody switched `off` by hand are not missed, as those that the file switches off. What goes wrong
        with one is raised when all were looked at.
        """
        watched, failures = Watched(), list[Exception]()
        with ThreadPoolExecutor(_READERS) as readers:
            states = [(query, readers.submit(state.read, self.lake, query.id)) for query in queries]
        for query, remembered in states:
            try:
                if self._is_silent(query, remembered.result(), _times(query, off), now):
                    watched.silent.append(query.id)
            except InputError as error:  # its schedule is none: the reconciler says so with every round
                watched.unwatched[query.id] = str(error)
                self.log(f"UNWATCHED {query.id} {error}")
            except Exception as error:
                failures.append(error)
        for failure in failures:
            raise failure
        return watched

    def _is_silent(self, query: Query, remembered: State, times: str, now: datetime) -> bool:
        if remembered.seen_as != times:
            # It is new, or runs at other times from now on: what was due before does not count.
            remembered = state.change(self.lake, query.id, lambda present: replace(present, seen=now, seen_as=times))
        missed_count = 0 if times == _OFF else missed(query, _since(remembered), now)
        enough = 1 if isinstance(eventbridge.parse(query.expression), At) else _ENOUGH
        notice = notices.of_silence(query, remembered.succeeded, missed_count if missed_count >= enough else 0)
        if remembered.news([notice]):
            notices.publish([notice], self.lake, self.publish, now)
            state.change(self.lake, query.id, lambda present: present.with_published([notice]))
        return notice.level is not Level.OK

    def forgotten(self, query_ids: Collection[str]) -> list[str]:
        """Return the ids of queries of which something is remembered and that are not among these any more."""
        keys = self.lake.keys(state.FOLDER)
        remembered = [key.removeprefix(state.FOLDER).removesuffix(".json") for key in keys]
        return [query_id for query_id in remembered if query_id not in query_ids]

    def close(self, removed: Iterable[str], now: datetime) -> None:
        """End whatever queries left open that were removed, so that no incident waits for them for ever."""
        for query_id in removed:
            remembered = state.read(self.lake, query_id)
            notices.publish(notices.of_removal(query_id, remembered.open), self.lake, self.publish, now)
            if remembered != State():
                state.change(self.lake, query_id, lambda _: State())


def missed(query: Query, since: datetime, now: datetime) -> int:
    """Return how many runs have been due since a time and had time to finish, counted up to two."""
    due = eventbridge.following(eventbridge.parse(query.expression), query.timezone, since, since)
    return sum(start <= now - GRACE for start in islice(due, _ENOUGH))


def _since(remembered: State) -> datetime:
    """Return when the last run was due that succeeded, or from when on runs count."""
    return max(time for time in (remembered.seen, remembered.succeeded) if time is not None)


def _times(query: Query, off: Collection[str]) -> str:
    return f"{query.expression} {query.timezone}" if query.enabled and query.id not in off else _OFF

"""Queries and what is remembered of them -> those that no longer succeed, told once, and once more when they do again.

A query that fails says so at once; one that is never started says nothing. So, once an hour, each is asked when it last
succeeded: silent is one of which two runs have been due since (of a single one, that one), with time to finish.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from deliverywatch.queries.run import notices, state
from deliverywatch.queries.run.state import State
from deliverywatch.schedules import eventbridge
from deliverywatch.schedules.eventbridge import At

if TYPE_CHECKING:
    from deliverywatch.queries.config.lake import Lake
    from deliverywatch.queries.config.query import Query
    from deliverywatch.queries.run.notices import Notice

# An hour for which Scheduler tries to start a run, and 15 minutes that it may take.
GRACE = timedelta(minutes=75)
_ENOUGH = 2
_OFF = "off"
# Reading a small object takes 15 ms.
_READERS = 8


@dataclass(frozen=True, slots=True)
class Watchdog:
    """The flow with what it needs."""

    lake: Lake
    publish: Callable[[Mapping[str, Any]], None]

    def run(self, queries: Iterable[Query], off: Collection[str], now: datetime) -> list[str]:
        """Tell of each query whose silence begins or ends, and return the ids of the silent ones.

        Args:
            queries: All of the file.
            off: Ids of those that somebody switched off by hand: as those that the file does, they are not missed.
            now: Aware.
        """
        asked = list(queries)
        with ThreadPoolExecutor(_READERS) as readers:
            states = list(readers.map(lambda query: state.read(self.lake, query.id), asked))
        found = [
            self._look(query, known, _running(query, off), now) for query, known in zip(asked, states, strict=True)
        ]
        return [query.id for query, is_silent in zip(asked, found, strict=True) if is_silent]

    def _look(self, query: Query, known: State, running: str, now: datetime) -> bool:
        if known.seen_as != running:
            # It is new, or runs at other times from now on: what was due before does not count.
            known = state.change(self.lake, query.id, lambda each: replace(each, seen=now, seen_as=running))
        notice = _notice(query, known, running, now)
        if known.news([notice]):
            notices.publish([notice], self.lake, self.publish, now)
            state.change(self.lake, query.id, lambda present: present.told([notice]))
        return notice.level != notices.OK

    def forgotten(self, known: Collection[str]) -> list[str]:
        """Return the ids of queries of which something is remembered and that are not known any more."""
        keys = self.lake.keys(state.FOLDER)
        found = [key.removeprefix(state.FOLDER).removesuffix(".json") for key in keys]
        return [query_id for query_id in found if query_id not in known]

    def close(self, removed: Iterable[str], now: datetime) -> None:
        """End whatever queries left open that were removed, so that no incident waits for them for ever."""
        for query_id in removed:
            known = state.read(self.lake, query_id)
            notices.publish(notices.of_removal(query_id, known.open), self.lake, self.publish, now)
            if known != State():
                state.change(self.lake, query_id, lambda _: State())


def missed(query: Query, since: datetime, now: datetime) -> int:
    """Return how many runs have been due since a time, counted up to two; they had time to finish.

    Args:
        query: The query.
        since: When the last run was due that succeeded, or from when on they count; aware.
        now: Aware.
    """
    due = eventbridge.following(eventbridge.parse(query.expression), query.timezone, since, since)
    return sum(moment <= now - GRACE for moment in islice(due, _ENOUGH))


def _running(query: Query, off: Collection[str]) -> str:
    return f"{query.expression} {query.timezone}" if query.enabled and query.id not in off else _OFF


def _notice(query: Query, known: State, running: str, now: datetime) -> Notice:
    since = max(each for each in (known.seen, known.succeeded) if each is not None)
    count = missed(query, since, now) if running != _OFF else 0
    enough = 1 if isinstance(eventbridge.parse(query.expression), At) else _ENOUGH
    return notices.of_silence(query, known.succeeded, count if count >= enough else 0)

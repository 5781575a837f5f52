"""What the deletion guard remembers from round to round: which schedules there were, and which it withholds.

A round alone cannot judge: what a wrong file created in one round would count as a schedule that stays in the next.
So the percentage is of the schedules as they were when they were last as a file said, and a deletion that was withheld
waits until somebody allows it or the file has the query again, however many rounds and revisions come between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.untrusted import other_members
from deliverywatch.storage.records import document_of, read_record, update_record
from deliverywatch.storage.store import Change

if TYPE_CHECKING:
    from deliverywatch.storage.store import Store

KEY = "queries/config/guard.json"
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Request:
    """The revision of the file that first left a schedule out, and when that was, as ISO 8601."""

    revision: str
    since: str

    def __str__(self) -> str:
        return f"revision {self.revision[:_SHORT]} ({self.since[:16].replace('T', ' ')} UTC)"


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of the schedules of one group and prefix.

    Attributes:
        settled: Their names when they were last as a file said; None if that is not known.
        withheld: Names that are not deleted -> who asked for it.
        others: What a later version stored.
    """

    scope: str = ""
    settled: frozenset[str] | None = None
    withheld: Mapping[str, Request] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def withholding(self, names: Collection[str], request: Request) -> State:
        """Return it with just these names withheld; those that were already keep the request that they had."""
        return replace(self, withheld={name: self.withheld.get(name, request) for name in sorted(names)})

    def settling(self, names: Collection[str]) -> State:
        """Return it after the schedules became these."""
        return replace(self, settled=frozenset(names))

    def origin(self) -> str:
        """Return who asked first for what is withheld, in words."""
        return str(min(self.withheld.values(), key=lambda request: request.since))


@dataclass(frozen=True, slots=True)
class Guard:
    """The record in the lake, of the schedules of one group and prefix, for a round with one revision of the file."""

    lake: Store
    scope: str
    request: Request

    def read(self) -> State:
        """Return what is remembered; nothing, if that is of other schedules or cannot be read."""
        return self._ours(read_record(self.lake, KEY, _state))

    def withhold(self, state: State, names: Collection[str]) -> State:
        """Remember that just these deletions are withheld."""
        return self._change(state, lambda present: present.withholding(names, self.request))

    def settle(self, state: State, names: Collection[str]) -> State:
        """Remember that the schedules are these, as the file says."""
        return self._change(state, lambda present: present.settling(names))

    def _change(self, state: State, changed: Callable[[State], State]) -> State:
        if changed(state) == state:
            return state

        def changed_record(present: State | None) -> Change[State]:
            after = changed(self._ours(present))
            return Change(_body(after), after)

        return update_record(self.lake, KEY, _state, changed_record)

    def _ours(self, present: State | None) -> State:
        return present if present and present.scope == self.scope else State(self.scope)


def request_of(revision: str, now: datetime) -> Request:
    """Return what is remembered of a deletion that this revision asks for now."""
    return Request(revision, now.isoformat())


def scope_of(group: str, prefix: str) -> str:
    """Return which schedules a record is of: names of another group or prefix say nothing about these."""
    return f"{group}/{prefix}"


def _body(state: State) -> bytes:
    settled = None if state.settled is None else sorted(state.settled)
    withheld = {name: asdict(request) for name, request in state.withheld.items()}
    return json.dumps({**state.others, "scope": state.scope, "settled": settled, "withheld": withheld}).encode()


def _state(body: bytes) -> State:
    content = document_of(body)
    settled = content.get("settled")
    withheld = content.get("withheld") or {}
    return State(
        scope=str(content.get("scope") or ""),
        settled=None if settled is None else frozenset(map(str, settled)),
        withheld={name: Request(str(of["revision"]), str(of["since"])) for name, of in withheld.items()},
        others=other_members(content, ("scope", "settled", "withheld")),
    )

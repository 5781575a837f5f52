"""What is remembered of one query between its runs: what it has open, and when it last succeeded.

It lies in the lake under `queries/state/<id>.json`, written on condition, so that of two runs at once neither loses
what the other wrote.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import other_members
from deliverywatch.storage.records import document_of, read_record, update_record
from deliverywatch.storage.store import Change

if TYPE_CHECKING:
    from deliverywatch.queries.run.notices import Notice
    from deliverywatch.storage.store import Store

FOLDER = "queries/state/"


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of a query.

    Attributes:
        open: Topic -> level of what was published and is not over.
        unmeasured: Topic -> runs in a row in which it could not be measured.
        judged: When the newest run was due whose result was judged; an older one has no say any more.
        succeeded: When the newest run was due that succeeded.
        seen: Since when the query runs at the times at which it does.
        seen_as: What these times are.
        others: What a later version stored.
    """

    open: Mapping[str, str] = field(default_factory=dict)
    unmeasured: Mapping[str, int] = field(default_factory=dict, hash=False)
    judged: datetime | None = None
    succeeded: datetime | None = None
    seen: datetime | None = None
    seen_as: str = ""
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def news(self, notices: Iterable[Notice]) -> list[Notice]:
        """Return those that say something else than what was published last."""
        return [notice for notice in notices if self.open.get(notice.topic, Level.OK) != notice.level]

    def to_annotate(self, notices: Iterable[Notice]) -> list[Notice]:
        """Return those about what is open that cannot be measured any more, or can be again."""
        return [one for one in notices if one.topic in self.open and (one.unmeasured or one.topic in self.unmeasured)]

    def level_of(self, topic: str) -> Level:
        """Return the level of what is open about a topic."""
        level = self.open.get(topic, Level.OK)
        # A level that only a later version knows is one that is open.
        return Level(level) if level in list(Level) else Level.WARNING

    def unmeasured_after(self, topics: Iterable[str], due: datetime) -> dict[str, int]:
        """Return in how many runs in a row each topic could not be measured, after a run in which these could not.

        A run that is judged a second time counts once.
        """
        more = 0 if self.judged == due else 1
        return {topic: max(1, self.unmeasured.get(topic, 0) + more) for topic in topics}

    def with_published(self, notices: Iterable[Notice]) -> State:
        """Return it after these were published."""
        levels = {**self.open, **{notice.topic: notice.level for notice in notices}}
        return replace(self, open={topic: level for topic, level in levels.items() if level != Level.OK})


def read(store: Store, query_id: str) -> State:
    """Return what is remembered of a query; nothing, if there is nothing or it cannot be read."""
    return read_record(store, key_of(query_id), _state) or State()


def change(store: Store, query_id: str, changed: Callable[[State], State]) -> State:
    """Change what is remembered of a query, and return it; `changed` is called again when another writer was faster.

    Raises StoreConflict if other writers were faster every time.
    """

    def changed_object(present: State | None) -> Change[State]:
        # What could not be read is still so and published again, and the notifier knows what it mailed.
        before = present or State()
        after = changed(before)
        return Change(None if after == before else _body(after), after)

    return update_record(store, key_of(query_id), _state, changed_object)


def key_of(query_id: str) -> str:
    """Return where a query's state lies."""
    return f"{FOLDER}{query_id}.json"


def _body(state: State) -> bytes:
    known = asdict(state)
    others = known.pop("others")
    return json.dumps({**others, **known}, default=str).encode()


def _state(body: bytes) -> State:
    content = document_of(body)
    times = {name: _time(content.get(name)) for name in ("judged", "succeeded", "seen")}
    others = other_members(content, ("open", "unmeasured", "seen_as", *times))
    return State(
        open=dict(content.get("open") or {}),
        unmeasured={topic: int(count) for topic, count in dict(content.get("unmeasured") or {}).items()},
        seen_as=str(content.get("seen_as") or ""),
        **times,
        others=others,
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

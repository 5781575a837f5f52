"""What is remembered of one query between its runs: what it has open, and when it last succeeded.

It lies in the lake under `queries/state/<id>.json`, written on condition, so that of two runs at once neither loses
what the other wrote.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from deliverywatch.messages.level import Level
from deliverywatch.storage.store import Change, update

if TYPE_CHECKING:
    from deliverywatch.queries.run.notices import Notice
    from deliverywatch.storage.store import Store

FOLDER = "queries/state/"


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of a query.

    Attributes:
        open: Topic -> level of what was published and is not over.
        judged: When the newest run was due whose result was judged; an older one has no say any more.
        succeeded: When the newest run was due that succeeded.
        seen: Since when the query runs at the times at which it does.
        seen_as: What these times are.
    """

    open: Mapping[str, str] = field(default_factory=dict)
    judged: datetime | None = None
    succeeded: datetime | None = None
    seen: datetime | None = None
    seen_as: str = ""

    def news(self, notices: Iterable[Notice]) -> list[Notice]:
        """Return those that say something else than what was published last."""
        return [notice for notice in notices if self.open.get(notice.topic, Level.OK) != notice.level]

    def with_published(self, notices: Iterable[Notice]) -> State:
        """Return it after these were published."""
        levels = {**self.open, **{notice.topic: notice.level for notice in notices}}
        return replace(self, open={topic: level for topic, level in levels.items() if level != Level.OK})


def read(store: Store, query_id: str) -> State:
    """Return what is remembered of a query; nothing, if there is nothing or it cannot be read."""
    stored = store.read(key_of(query_id))
    return _state(stored.body if stored else None)


def change(store: Store, query_id: str, changed: Callable[[State], State]) -> State:
    """Change what is remembered of a query, and return it; `changed` is called again when another writer was faster.

    Raises StoreConflict if other writers were faster every time.
    """

    def changed_object(body: bytes | None) -> Change[State]:
        before = _state(body)
        after = changed(before)
        return Change(None if after == before else json.dumps(asdict(after), default=str).encode(), after)

    return update(store, key_of(query_id), changed_object)


def key_of(query_id: str) -> str:
    """Return where a query's state lies."""
    return f"{FOLDER}{query_id}.json"


def _state(body: bytes | None) -> State:
    try:
        content = json.loads(body) if body is not None else {}
        times = {name: _time(content.get(name)) for name in ("judged", "succeeded", "seen")}
        return State(open=dict(content.get("open", {})), seen_as=str(content.get("seen_as", "")), **times)
    except (ValueError, AttributeError, TypeError):
        # Damaged: what is still so is published again, and the notifier knows what it mailed.
        return State()


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

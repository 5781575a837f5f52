"""The newest hour objects of the lake, each read once in a run, whoever needs its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.sms.lake.slots import key_of

if TYPE_CHECKING:
    from deliverywatch.storage.store import Store


@dataclass(slots=True)
class RecentHours:
    """Hours that have objects of their own: their day becomes one only after days."""

    store: Store
    _bodies: dict[datetime, bytes | None] = field(default_factory=dict)

    def rows(self, hour: datetime, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield some columns of what was sent in a UTC hour, times in milliseconds; nothing if nothing was."""
        if hour not in self._bodies:
            stored = self.store.read(key_of(hour))
            self._bodies[hour] = stored.body if stored else None
        body = self._bodies[hour]
        if body is not None:
            from deliverywatch.sms.lake import merge  # brings pyarrow

            yield from merge.rows(body, names)

"""The newest hour objects of the lake, each read once in a run, whoever needs its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.sms.lake.day_objects import ARROW_ERRORS
from deliverywatch.sms.lake.slots import key_of

if TYPE_CHECKING:
    from deliverywatch.storage.store import Store


@dataclass(slots=True)
class RecentHours:
    """Hours that have objects of their own: their day becomes one only after days.

    Of one that cannot be read to its end the rows before count, after `on_damage` was called with it.
    """

    store: Store
    on_damage: Callable[[datetime], None]
    _bodies: dict[datetime, bytes | None] = field(default_factory=dict)

    def rows(self, hour: datetime, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield some columns of what was sent in a UTC hour, times in milliseconds; nothing if nothing was."""
        if hour not in self._bodies:
            stored = self.store.read(key_of(hour))
            self._bodies[hour] = stored.body if stored else None
        body = self._bodies[hour]
        if body is not None:
            from deliverywatch.sms.lake import merge  # brings pyarrow

            try:
                yield from merge.rows(body, names)
            except ARROW_ERRORS:
                self._bodies[hour] = None
                self.on_damage(hour)

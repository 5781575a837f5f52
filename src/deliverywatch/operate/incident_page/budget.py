"""How many requests a minute one incident's links are answered with: what is beyond it costs no call of AWS.

It is counted in the process, free of charge; how many processes there are is limited by the function's concurrency.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

# More incidents than are open at a time; the one that was asked for longest ago is forgotten first.
_INCIDENT_LIMIT = 200
_MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Budget:
    """Requests left, by incident: each minute brings `per_minute` of them, and no more than these can be left."""

    per_minute: int
    _left: dict[str, tuple[float, datetime]] = field(default_factory=dict)

    def take(self, incident: str, now: datetime) -> bool:
        """Take one request of an incident, and return whether there was one left."""
        before, at = self._left.pop(incident, (float(self.per_minute), now))
        left = min(self.per_minute, before + max(timedelta(0), now - at) / _MINUTE * self.per_minute)
        if len(self._left) >= _INCIDENT_LIMIT:
            self._left.pop(next(iter(self._left)))
        self._left[incident] = (left - 1 if left >= 1 else left, max(at, now))
        return left >= 1

"""What is known of a watch at one time, and which of its alarms a mail is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.severity import Reading, Watch
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.messages.level import Level


@dataclass(frozen=True, slots=True)
class WatchState:
    """What is known of a watch at one time.

    Attributes:
        now: The newest time of the message and the alarms.
        alarms: By name; those that exist, and the message's own.
        readings: By name; in a state that is not live also the alarms of which nothing is known.
        is_live: Whether the states are CloudWatch's own.
    """

    watch: Watch
    now: datetime
    alarms: Mapping[str, Alarm]
    readings: Mapping[str, Reading]
    is_live: bool

    @property
    def is_declared(self) -> bool:
        """Whether the stack declared the watch: only such a watch has both alarms and a context."""
        return bool(self.watch.context and self.watch.severities)

    @property
    def thresholds(self) -> tuple[tuple[Level, float], ...]:
        """The levels with the thresholds of their alarms, the worst first."""
        alarms = [(severity.level, self.alarms.get(severity.alarm)) for severity in self.watch.by_severity]
        return tuple((level, alarm.threshold) for level, alarm in alarms if alarm and alarm.threshold is not None)

    def alarm_of(self, level: Level, named: str = "") -> Alarm | None:
        """Return the alarm that a mail about a level is about.

        Args:
            level: An alarm that calls at it comes first, then one of that level, then the one named, then the worst.
            named: The alarm that a message named.
        """
        severities = [severity for severity in self.watch.by_severity if severity.alarm in self.alarms]
        equal = [severity.alarm for severity in severities if severity.level is level]
        calling = [name for name in equal if self.readings[name].is_raised]
        every = [severity.alarm for severity in severities]
        names = [*calling, *equal, *(name for name in every if name == named), *every]
        return self.alarms[names[0]] if names else None

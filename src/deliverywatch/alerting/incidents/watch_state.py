"""The state of a watch at one time, and which of its alarms a mail is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.severity import Reading, Watch
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.messages.level import Level
    from deliverywatch.messages.verdict import Assessment


@dataclass(frozen=True, slots=True)
class WatchState:
    """The state of a watch at one time.

    Attributes:
        now: The newest time of the message and the alarms.
        seen_at: When it was observed, by the real clock.
        alarms: By name; those that exist, and the message's own.
        readings: By name; if the state is not live, also for alarms about which nothing is known.
        is_live: Whether the states come from CloudWatch itself.
        missing: The watch's alarms that CloudWatch does not have.
        unconfirmed: The message's own alarm if CloudWatch does not have it.
        is_changing: Whether the stack is being updated or deleted, so that alarms are missing on purpose.
        assessment: What the system's data say about the watch; None if it has none, or none that is fresh.
    """

    watch: Watch
    now: datetime
    seen_at: datetime
    alarms: Mapping[str, Alarm]
    readings: Mapping[str, Reading]
    is_live: bool
    missing: frozenset[str] = frozenset()
    unconfirmed: frozenset[str] = frozenset()
    is_changing: bool = False
    assessment: Assessment | None = None

    @property
    def is_declared(self) -> bool:
        """Whether the stack declared the watch: only then does it have a context and something that opens it."""
        return bool(self.watch.context and (self.watch.severities or self.watch.is_assessed))

    @property
    def thresholds(self) -> tuple[tuple[Level, float], ...]:
        """The levels with the thresholds of their alarms, worst first."""
        alarms = [(severity.level, self.alarms.get(severity.alarm)) for severity in self.watch.by_severity]
        return tuple((level, alarm.threshold) for level, alarm in alarms if alarm and alarm.threshold is not None)

    def alarm_of(self, level: Level, named: str = "") -> Alarm | None:
        """Return the alarm that a mail about a level is about.

        It is one that is raised at the level, else one of the level, else the one that a message named, else the worst.
        A watch without alarms may have a message's own.
        """
        severities = [severity for severity in self.watch.by_severity if severity.alarm in self.alarms]
        equal = [severity.alarm for severity in severities if severity.level is level]
        raised = [name for name in equal if self.readings[name].is_raised]
        every = [severity.alarm for severity in severities]
        names = [*raised, *equal, *(name for name in every if name == named), *every]
        return self.alarms[names[0]] if names else self.alarms.get(named)

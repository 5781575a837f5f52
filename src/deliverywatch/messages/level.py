"""Levels of a watch: how bad it is, one order for systems, notifier and command line."""

from enum import StrEnum


class Level(StrEnum):
    """How bad it is; compare by `rank`, not by the word."""

    OK = "ok"
    BLIND = "blind"
    WARNING = "warning"
    ALARM = "alarm"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Higher is worse; blind and warning weigh the same."""
        return _RANKS[self]


_RANKS = {Level.OK: 0, Level.BLIND: 1, Level.WARNING: 1, Level.ALARM: 2, Level.CRITICAL: 3}

"""What a back-test says of one incident under other settings; the back-test itself stands above this room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Alternative:
    """One set of settings, replayed.

    Attributes:
        label: The parameters that differ, such as `WarningThresholdPercent=1`; empty for those of the stack.
        mailed_at: When the first mail of the incident would have come; None if none would.
        mails_count: All mails of the replay, whatever they are about.
    """

    label: str
    mailed_at: datetime | None
    mails_count: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """The settings of the stack first, then the others; `days` is how much was replayed."""

    alternatives: Sequence[Alternative] = ()
    days: float = 0.0
    problem: str = ""

"""`cases.json` -> the cases: an alarm, the datapoints that an evaluation saw, and the state that CloudWatch gave it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("cases.json")

# The state that the alarm had stays.
KEEP = "KEEP"


class Certainty(StrEnum):
    """How one knows what CloudWatch does."""

    # CloudWatch did so in an account, and somebody published it.
    RECORDED = "recorded"
    # AWS says so.
    DOCUMENTED = "documented"
    # It follows from what AWS says.
    DERIVED = "derived"
    # AWS says two things; this is the one that agrees with what was observed.
    DISPUTED = "disputed"
    # It follows from what AWS says, if what AWS leaves open is as most observations suggest.
    LIKELY = "likely"


@dataclass(frozen=True, slots=True)
class ConformanceCase:
    """One evaluation of one alarm.

    Attributes:
        alarm: Members of PutMetricAlarm; the metric is whatever the datapoints are of.
        datapoints: One value per period, oldest first, None where there is none. What lies before them has none, too.
        at: The time of the evaluation, or where the newest period had ended before, its end.
        previous: The state before.
        expected: The state after, or KEEP.
        reason: StateReason as it was recorded; empty where the source has none.
        assumed: Members of the alarm, `at` or `previous`, which the source does not say; another that fits would do.
    """

    id: str
    certainty: Certainty
    source: str
    alarm: Mapping[str, Any]
    datapoints: tuple[float | None, ...]
    at: datetime
    previous: str
    expected: str
    reason: str = ""
    assumed: tuple[str, ...] = ()


def load() -> list[ConformanceCase]:
    """Return the set, in the order of the file."""
    return [_case(entry) for entry in json.loads(FILE.read_bytes())]


def _case(entry: Mapping[str, Any]) -> ConformanceCase:
    read = {"certainty": Certainty(entry["certainty"]), "at": datetime.fromisoformat(entry["at"])}
    lists = {name: tuple(entry.get(name, ())) for name in ("datapoints", "assumed")}
    return ConformanceCase(**{**entry, **read, **lists})

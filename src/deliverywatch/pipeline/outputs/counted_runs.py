"""What was emitted for each execution, so that it is counted once: an event that comes twice adds nothing.

A redrive keeps the ARN of its execution and ends it a second time. Counters are then emitted as the difference, with
the stamp of the first time, so that sums over the old period are right; readings get the stamp of the new end.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.messages.untrusted import mapping, other_members
from deliverywatch.pipeline.declaration.values import moment, number
from deliverywatch.pipeline.diagnosis.runs import Execution
from deliverywatch.pipeline.outputs.metrics import Point, difference, key_of
from deliverywatch.storage.records import document_of

# CloudWatch takes no stamp that is older than two weeks; an hour is left for the way there.
_OLDEST = timedelta(days=14) - timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One execution as counted: up to which redrive, what was emitted in all, and when each counter first was.

    `others` is what a later version stored.
    """

    redrive_count: int
    sums: Mapping[str, float] = field(default_factory=dict)
    stamps: Mapping[str, datetime] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Stamped:
    """Points that are emitted with one timestamp."""

    stamp: datetime
    points: tuple[Point, ...]


def key_for(execution: Execution, pipeline: str) -> str:
    """Return the key of an execution's entry in the lake."""
    return f"state/pipeline/{pipeline}/executions/{execution.name}.json"


def count(
    execution: Execution, points: Sequence[Point], before: Entry | None, stamp: datetime
) -> tuple[Entry, list[Stamped]] | None:
    """Return the new entry of an execution that has ended, with what is to be emitted; None if this end was counted."""
    if before is not None and execution.redrive_count <= before.redrive_count:
        return None
    earlier = before or Entry(0)
    due = difference(points, earlier.sums)
    stamps = {key_of(point): stamp for point in due if point.is_counter} | dict(earlier.stamps)
    added = {key_of(point): earlier.sums.get(key_of(point), 0) + point.value for point in due if point.is_counter}
    entry = Entry(execution.redrive_count, {**earlier.sums, **added}, stamps, earlier.others)
    groups: dict[datetime, list[Point]] = {}
    for point in due:
        at = max(stamps.get(key_of(point), stamp), stamp - _OLDEST)
        groups.setdefault(at, []).append(point)
    return entry, [Stamped(at, tuple(group)) for at, group in sorted(groups.items())]


def body_of(entry: Entry) -> bytes:
    """Return the object that holds an entry."""
    stamps = {name: stamp.isoformat() for name, stamp in entry.stamps.items()}
    known = {"redrive_count": entry.redrive_count, "sums": dict(entry.sums), "stamps": stamps}
    return json.dumps({**entry.others, **known}).encode()


def entry_of(body: bytes) -> Entry:
    """Return the entry that an object holds.

    Raises:
        ValueError: It cannot be read; it counts as one of which nothing was emitted.
    """
    document = document_of(body)
    sums = {name: read for name, sum_ in mapping(document.get("sums")).items() if (read := number(sum_)) is not None}
    stamps = {name: at for name, stamp in mapping(document.get("stamps")).items() if (at := moment(stamp)) is not None}
    others = other_members(document, ("redrive_count", "sums", "stamps"))
    return Entry(int(number(document.get("redrive_count")) or 0) if document else -1, sums, stamps, others)

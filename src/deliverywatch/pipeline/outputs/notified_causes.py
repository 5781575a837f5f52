"""What was published about a pipeline: open causes, and the executions reported. One object in the lake."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from deliverywatch.messages.untrusted import mapping, other_members
from deliverywatch.pipeline.declaration.values import moment, text
from deliverywatch.pipeline.diagnosis.runs import Execution
from deliverywatch.storage.records import document_of

# More executions than this do not end between two events of the same one.
_REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class Memory:
    """What was published.

    Attributes:
        open: The watches that are open, each with the title of its incident.
        executions: Executions that were reported, by `key_of`, the oldest first, with the watch.
        well_at: The end of the last run that was well.
        others: What a later version stored.
    """

    open: Mapping[str, str] = field(default_factory=dict)
    executions: Mapping[str, str] = field(default_factory=dict)
    well_at: datetime | None = None
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def with_failure(self, execution: str, watch: str, title: str) -> Self:
        """Return it with one more failure."""
        kept = {**self.executions, execution: watch}
        return replace(self, open={**self.open, watch: title}, executions=dict(list(kept.items())[-_REMEMBERED:]))

    def when_well(self, at: datetime, closed: Mapping[str, str]) -> Self:
        """Return it after a run that was well: what was closed is no longer open."""
        left = {watch: title for watch, title in self.open.items() if watch not in closed}
        return replace(self, open=left, well_at=max(at, self.well_at or at))


def key_for(pipeline: str) -> str:
    """Return the key of a pipeline's memory in the lake."""
    return f"state/pipeline/{pipeline}/told.json"


def key_of(execution: Execution) -> str:
    """Return what distinguishes one end of an execution from another."""
    return f"{execution.arn}#{execution.redrive_count}"


def body_of(memory: Memory) -> bytes:
    """Return the object that holds a memory."""
    at = memory.well_at.isoformat() if memory.well_at else None
    known = {"open": dict(memory.open), "executions": dict(memory.executions), "well_at": at}
    return json.dumps({**memory.others, **known}).encode()


def memory_of(body: bytes) -> Memory:
    """Return the memory that an object holds.

    Raises:
        ValueError: It cannot be read. Then it is begun anew: an incident that is open adds no second mail.
    """
    document = document_of(body)
    return Memory(
        open={watch: text(title) for watch, title in mapping(document.get("open")).items()},
        executions={key: text(watch) for key, watch in mapping(document.get("executions")).items()},
        well_at=moment(document.get("well_at")),
        others=other_members(document, ("open", "executions", "well_at")),
    )

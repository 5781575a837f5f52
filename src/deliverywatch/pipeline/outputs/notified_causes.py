"""What was published about a pipeline: open causes, and the executions reported. One object in the lake."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from deliverywatch.messages.untrusted import mapping, other_members
from deliverywatch.pipeline.declaration.values import moment, number, text
from deliverywatch.pipeline.diagnosis.runs import Execution
from deliverywatch.storage.records import document_of

# More executions than this do not end between two events of the same one.
_REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class GoodRun:
    """A run that was well, for the mail of the next one that is not; `record_count` is None where none was counted."""

    name: str
    started_at: datetime
    stopped_at: datetime
    record_count: float | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What a watch was opened, or kept open, by: when, and the step that failed; empty where none is known."""

    at: datetime
    step: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """What was published.

    Attributes:
        open: The watches that are open, each with the title of its incident.
        opened: By what each of them was opened last.
        executions: Executions that were reported, by `key_of`, the oldest first, with the watch.
        well_at: The end of the last run that was well.
        last_good: That run.
        others: What a later version stored.
    """

    open: Mapping[str, str] = field(default_factory=dict)
    executions: Mapping[str, str] = field(default_factory=dict)
    well_at: datetime | None = None
    last_good: GoodRun | None = None
    opened: Mapping[str, Opened] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def with_failure(self, execution: str, watch: str, title: str, by: Opened) -> Self:
        """Return it with one more failure."""
        kept = {**self.executions, execution: watch}
        return replace(
            self,
            open={**self.open, watch: title},
            executions=dict(list(kept.items())[-_REMEMBERED:]),
            opened={**self.opened, watch: max(by, self.opened.get(watch, by), key=lambda one: one.at)},
        )

    def when_well(self, run: GoodRun, closed: Mapping[str, str]) -> Self:
        """Return it after a run that was well: what was closed is no longer open."""
        left = {watch: title for watch, title in self.open.items() if watch not in closed}
        opened = {watch: by for watch, by in self.opened.items() if watch in left}
        at = self.well_at or run.stopped_at
        is_newer = run.stopped_at >= at
        last_good = run if is_newer else self.last_good
        return replace(self, open=left, opened=opened, well_at=max(run.stopped_at, at), last_good=last_good)


def key_for(pipeline: str) -> str:
    """Return the key of a pipeline's memory in the lake."""
    return f"state/pipeline/{pipeline}/told.json"


def key_of(execution: Execution) -> str:
    """Return what distinguishes one end of an execution from another."""
    return f"{execution.arn}#{execution.redrive_count}"


def body_of(memory: Memory) -> bytes:
    """Return the object that holds a memory."""
    at = memory.well_at.isoformat() if memory.well_at else None
    known = {
        "open": dict(memory.open),
        "executions": dict(memory.executions),
        "well_at": at,
        "last_good": _document(memory.last_good) if memory.last_good else None,
        "opened": {watch: {"at": by.at.isoformat(), "step": by.step} for watch, by in memory.opened.items()},
    }
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
        last_good=_good_run(mapping(document.get("last_good"))),
        opened={watch: by for watch, item in mapping(document.get("opened")).items() if (by := _opened(mapping(item)))},
        others=other_members(document, ("open", "executions", "well_at", "last_good", "opened")),
    )


def _opened(document: Mapping[str, Any]) -> Opened | None:
    at = moment(document.get("at"))
    return Opened(at, text(document.get("step"))) if at else None


def _document(run: GoodRun) -> dict[str, Any]:
    times = {"started_at": run.started_at.isoformat(), "stopped_at": run.stopped_at.isoformat()}
    return {"name": run.name, **times, "record_count": run.record_count}


def _good_run(document: Mapping[str, Any]) -> GoodRun | None:
    started_at, stopped_at = moment(document.get("started_at")), moment(document.get("stopped_at"))
    if started_at is None or stopped_at is None:
        return None
    return GoodRun(text(document.get("name")), started_at, stopped_at, number(document.get("record_count")))

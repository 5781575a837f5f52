"""What happens in a deployment -> a bar with its newest line in a terminal, or a line per step in a log; on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cwalarm.cli.terminal import echo, harmless
from deliverywatch.operate.account.resources import kind_words
from deliverywatch.operate.deploy.cloudformation import Following

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from deliverywatch.operate.deploy.cloudformation import Event

# CloudFormation needs seconds for a step, and answers DescribeStacks ten times a second at most.
PAUSE_SECONDS = 2.0
_WORDS = {"CREATE": "made", "UPDATE": "changed", "DELETE": "removed"}


@dataclass(slots=True)
class Steps:
    """Prints what happens, in the way that suits where it is read."""

    bar: Progress | None
    task: TaskID | None = None
    done: set[str] = field(default_factory=set)
    uploaded_bytes: int = 0
    deleted_count: int = 0

    def begin(self, text: str, total: int | None = None) -> None:
        """Begin a step with this number of parts, or None if it is unknown."""
        self.done.clear()
        if self.bar is None or self.task is None:
            echo(text, err=True)
        else:
            self.bar.reset(self.task, total=total, description=harmless(text))

    def event(self, event: Event) -> None:
        """Show one step of the stack."""
        if event.is_failure:
            self._line(f"{event.at:%H:%M:%S}  FAILED   {event.resource}: {event.reason}")
        elif event.status.endswith("_COMPLETE") and event.kind != "AWS::CloudFormation::Stack":
            self.done.add(event.resource)
            word = _WORDS.get(event.status.partition("_")[0], event.status.lower())
            if not self._update(completed=len(self.done), description=f"{word} {event.resource}"):
                self._line(f"{event.at:%H:%M:%S}  {word:8} {event.resource} ({kind_words(event.kind)})")

    def upload(self, count_bytes: int, size_bytes: int) -> None:
        """Show that this many more bytes are uploaded."""
        self.uploaded_bytes += count_bytes
        text = f"Uploading code, {size_bytes / 2**20:.1f} MB"
        self._update(description=text, total=size_bytes, completed=self.uploaded_bytes)

    def emptied(self, count: int) -> None:
        """Show that this many more objects are deleted."""
        self.deleted_count += count
        self._update(description=f"{self.deleted_count:,} objects deleted")

    def _update(self, **changes: Any) -> bool:
        """Change the bar, and return whether one is shown."""
        if self.bar is None or self.task is None:
            return False
        self.bar.update(self.task, **changes)
        return True

    def _line(self, text: str) -> None:
        if self.bar:
            self.bar.console.print(harmless(text), soft_wrap=True, markup=False)
        else:
            echo(text, err=True)

    def following(self) -> Following:
        """Return how the flows follow a stack."""
        return Following(self.event, lambda: time.sleep(PAUSE_SECONDS), self._line, lambda: datetime.now(UTC))


@contextmanager
def shown() -> Iterator[Steps]:
    """Show the steps of what is done meanwhile."""
    if not sys.stderr.isatty():
        yield Steps(None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=16), TimeElapsedColumn(), TextColumn("{task.description:.50}", markup=False))
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as bar:
        yield Steps(bar, bar.add_task("", total=None))

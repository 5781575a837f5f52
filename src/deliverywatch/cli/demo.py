"""`deliverywatch demo`: plays a day on this machine and shows what support would have got."""

from __future__ import annotations

import os
import time
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from deliverywatch.local.demo import Outcome

_STYLES = {"CRITICAL": "bold red", "WARNING": "bold yellow", "RESOLVED": "bold green", "ALARM": "red", "OK": "green"}


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="demo",
    show_default=True,
    help="The folder of the result; an earlier demo there is replaced.",
)
@click.option("--fast", is_flag=True, help="Play only the four hours around the incident.")
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser at the end.")
def demo(*, out: Path, fast: bool, open_page: bool) -> None:
    """Play one day of SMS with a carrier incident through the whole stack, on this machine.

    The template is built and deployed into a local cloud, where it lives through yesterday in simulated time. No AWS
    account and no internet are needed. With DELIVERYWATCH_CLICKSEND_URL, CLICKSEND_USERNAME and CLICKSEND_API_KEY in
    the environment it reads the last 24 hours of that ClickSend account instead.
    """
    # Imported here: the local cloud brings the emulator, which no other verb needs.
    from rich.console import Console

    console = Console(highlight=False)
    began = time.monotonic()
    outcome = _played(out, console, fast=fast)
    _show(outcome, console)
    seconds = time.monotonic() - began
    console.print(f"Played in {seconds:.0f} s. Mails, lake and timeline: {outcome.page}", soft_wrap=True)
    if open_page:
        webbrowser.open(outcome.page.resolve().as_uri())


def _played(out: Path, console: Console, *, fast: bool) -> Outcome:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from deliverywatch.local.demo import plan, play

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=40),
        TextColumn("{task.fields[clock]}"),
        TimeElapsedColumn(),
    )
    bar = Progress(*columns, console=console, transient=True)
    with bar, plan(os.environ, datetime.now(UTC), fast=fast) as (source, start, end):
        return play(source, start, end, out, _Shown(bar))


class _Shown:
    """The demo's progress as a bar: one line for the steps before, then the simulated day."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID = bar.add_task("", total=None, clock="")

    def step(self, text: str) -> None:
        """Begin a step of unknown length."""
        self._bar.update(self._task, description=text, clock="")

    def day(self, minutes: int) -> None:
        """Begin to play that many minutes."""
        self._bar.reset(self._task, total=minutes, description="Playing the day", clock="")

    def minute(self, text: str) -> None:
        """One more minute is played."""
        self._bar.update(self._task, advance=1, clock=text)


def _show(outcome: Outcome, console: Console) -> None:
    from rich.text import Text

    story = outcome.story
    console.print(
        f"{story.start:%d %B %Y} UTC: {story.total:,} messages, {story.failed:,} failed, "
        f"worst half hour {story.peak_percent:.1f} %"
    )
    for each in story.happenings:
        style = _STYLES.get(each.mark.split(" ")[0], "dim italic" if each.kind == "sending" else "")
        console.print(Text(f"{each.at:%H:%M:%S}  {each.text}", style=style), soft_wrap=True)

"""`deliverywatch demo`: plays a day on this machine and shows what support would have got."""

from __future__ import annotations

import importlib
import os
import time
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import harmless
from deliverywatch.cli.terminal.output import plain_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from deliverywatch.local.demo.report import Outcome

# Mails stand out from the states of alarms.
_BOLD = {"CRITICAL", "WARNING", "RESOLVED"}

# System -> module of its play, imported when it is played: it brings the emulator.
_PLAYS = {
    "sms": "deliverywatch.local.demo.sms_day",
    "files": "deliverywatch.local.demo.files_day",
    "email": "deliverywatch.local.demo.email_day",
    "queries": "deliverywatch.local.demo.queries_day",
    "pipeline": "deliverywatch.local.demo.pipeline_day",
}

# Of `deliverywatch.local.demo.sms_stories`, which is imported only when it is played.
_STORIES = ("silence", "small", "slow", "credit")


@click.command()
@click.option("--system", type=click.Choice(list(_PLAYS)), default="sms", show_default=True, help="What to play.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="demo",
    show_default=True,
    help="The folder of the result; an earlier demo there is replaced.",
)
@click.option("--play", "story", type=click.Choice(_STORIES), help="Play this story of SMS instead of a day.")
@click.option("--fast", is_flag=True, help="Play only the hours around the incident.")
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser at the end.")
def demo(*, system: str, story: str | None, out: Path, fast: bool, open_page: bool) -> None:
    """Play a day with an incident through the whole stack, on this machine.

    The template is built and deployed into a local cloud, where it lives through yesterday in simulated time. No AWS
    account and no internet are needed.

    \b
    sms       a carrier incident; with DELIVERYWATCH_CLICKSEND_URL,
              CLICKSEND_USERNAME and CLICKSEND_API_KEY in the environment, the
              last 24 hours of that account
    files     an hour of uploads, one of which fails, its mail, and the redrive
    email     a morning of two streams of e-mail
    queries   the life of a query: added, alerting, changed, resolved, removed
    pipeline  one fault after the other in Step Functions, Glue and dbt

    \b
    --play silence  nothing is sent any more, and so nothing fails
    --play small    an account of five SMS in half an hour, all of which fail
    --play slow     every second SMS takes 40 minutes, and all arrive
    --play credit   the credit runs out, slowly and then fast
    """  # noqa: D301 - click wants the control character
    console = plain_console()
    began = time.monotonic()
    if story and (system != "sms" or fast):
        raise click.UsageError("--play is a story of SMS of its own: leave --system and --fast out.")
    outcome = _played(story or system, out, console, fast=fast)
    _show(outcome, console)
    seconds = time.monotonic() - began
    console.print(f"Played in {seconds:.0f} s. Mails, files and timeline: {outcome.page}", soft_wrap=True)
    if open_page:
        webbrowser.open(outcome.page.resolve().as_uri())


def _played(what: str, out: Path, console: Console, *, fast: bool) -> Outcome:
    from rich.progress import BarColumn, Progress, TimeElapsedColumn

    columns = ("{task.description}", BarColumn(bar_width=40), "{task.fields[clock]}", TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        now = datetime.now(UTC)
        if what in _STORIES:
            from deliverywatch.local.demo import sms_stories  # brings the emulator

            return sms_stories.perform(what, out, _Shown(bar), now)
        play: Any = importlib.import_module(_PLAYS[what])
        outcome: Outcome = play.perform(out, _Shown(bar), os.environ, now, fast=fast)
        return outcome


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

    from deliverywatch.messages.palette import TONES

    console.print(outcome.summary)
    for entry in outcome.entries:
        word = entry.mark.split(" ")[0]
        colour = TONES[word.lower()].terminal if word.lower() in TONES else "dim italic" if entry.kind == "act" else ""
        style = f"bold {colour}" if word in _BOLD else colour
        console.print(Text(f"{entry.at:%H:%M:%S}  {harmless(entry.text)}", style=style), soft_wrap=True)

"""`deliverywatch <verb>`: the command line, a module per group of verbs.

Read `main` first, and `exits` for what a verb ends with. Data goes to stdout, everything else to stderr. Verbs that
work on a deployed stack name it with the options of `target`.
"""

import importlib
import logging
import os

import click

from cwalarm.cli.terminal import HarmlessGroup, echo
from deliverywatch.cli.terminal.exits import WORDS
from deliverywatch.cli.terminal.interrupt import kept_of
from deliverywatch.errors import DeliveryWatchError, InputError

# Heading of the help -> verbs.
_SECTIONS = {
    "Try it without an account": ("demo", "ingest", "render"),
    "Decide on thresholds": ("backtest", "alarms"),
    "Run it": ("deploy", "doctor", "smoke", "destroy", "cost"),
    "When a mail came": (
        *("status", "explain", "mails", "recipients", "ack", "mute", "unmute", "review", "route", "test-fire"),
    ),
    "The lake": ("lake", "query", "backfill", "compact", "reconcile", "forget"),
    "The other systems": ("email", "pipeline", "files", "queries"),
}
_VERBS = [verb for verbs in _SECTIONS.values() for verb in verbs]

# They read files and ask nothing of AWS: whatever goes wrong is the caller's to change, a package that is missing too.
_OFFLINE = ("render", "alarms")

# No sentence is cut: those that are longer than a line go on in the next.
_HELP_WIDTH = 200


class _Verbs(HarmlessGroup):
    """A group that finds its verbs in modules of their own."""

    program = "deliverywatch"

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return _VERBS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a verb; its module is imported only now, as what it needs may take seconds to import."""
        if cmd_name not in _VERBS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"deliverywatch.cli.{'mute' if name == 'unmute' else name}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, verbs in _SECTIONS.items():
            commands = {verb: self.get_command(ctx, verb) for verb in verbs}
            rows = [(verb, command.get_short_help_str(_HELP_WIDTH)) for verb, command in commands.items() if command]
            with formatter.section(heading):
                formatter.write_dl(rows)

    def kept(self, ctx: click.Context) -> str:
        return kept_of(ctx.invoked_subcommand)

    def is_unusable(self, ctx: click.Context, error: Exception) -> bool:
        return isinstance(error, DeliveryWatchError if ctx.invoked_subcommand in _OFFLINE else InputError)


class _Log(logging.Handler):
    """What the flows log goes to stderr; like everything else, it gives the terminal no orders."""

    def emit(self, record: logging.LogRecord) -> None:
        echo(self.format(record), err=True)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]}, epilog=WORDS)
@click.version_option(package_name="deliverywatch", prog_name="deliverywatch")
@click.option("--verbose", is_flag=True, help="Show the traceback of a failure.")
def main(*, verbose: bool) -> None:  # noqa: ARG001 - `invoke` reads it
    """Tell support before customers do when messages stop arriving.

    \b
    Try it without an account:  deliverywatch demo
    Read a ClickSend account:   deliverywatch ingest --once --lake lake
    See what was read:          deliverywatch lake show lake
    Is something wrong now:     deliverywatch status

    Data goes to stdout, everything else to stderr.
    """  # noqa: D301 - click wants the control character
    logging.lastResort = _Log(logging.WARNING)
    if os.environ.get("NO_COLOR"):  # no-color.org; click itself does not know it
        click.get_current_context().color = False

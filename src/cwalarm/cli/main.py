"""`cwalarm`: its verbs, found when they are called, and every failure as one sentence."""

from __future__ import annotations

import importlib

import click

from cwalarm.cli.terminal import HarmlessGroup

VERBS = ("explain", "lint", "check", "backtest", "conformance")


class _Verbs(HarmlessGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a verb; its module is imported only now, as what it needs takes a moment to import."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(importlib.import_module(f"cwalarm.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="deliverywatch", prog_name="cwalarm")
@click.option("--verbose", is_flag=True, help="Show the traceback of a failure.")
def main(*, verbose: bool) -> None:
    """Evaluate CloudWatch alarms on this machine, from their CloudFormation template.

    \b
    What does it mean:     cwalarm explain --template template.yaml
    What is wrong with it: cwalarm lint template.yaml
    Does it do as I say:   cwalarm check cases.toml --template template.yaml
    What would it do:      cwalarm backtest --template template.yaml \\
                             --history datapoints.csv

    No AWS account is needed. Data goes to stdout, everything else to stderr.

    \b
    Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 a check failed,
    130 stopped.
    """  # noqa: D301 - click wants the control character

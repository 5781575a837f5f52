"""Asking before something changes: only where somebody can answer."""

import sys

import click

from cwalarm.cli.terminal import harmless


def able_to_ask(*, answered: bool) -> None:
    """Make sure that somebody can be asked, before anything is looked up for nothing."""
    if not (answered or sys.stdin.isatty()):
        raise click.UsageError("There is no terminal to ask in: add --yes to go on, or --dry-run to only look.")


def confirmed(question: str, *, yes: bool) -> bool:
    """Return whether the person agrees, or has agreed with `--yes`."""
    return yes or click.confirm(harmless(question), err=True)

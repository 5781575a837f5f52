"""`deliverywatch alarms check` and `explain`: unit tests for the alarms of a template, and what they mean in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.input_files import write_bytes
from deliverywatch.cli.terminal.name_value import pairs
from deliverywatch.cli.terminal.output import json_option, print_json
from deliverywatch.cli.terminal.prose import counted, wrapped

if TYPE_CHECKING:
    from deliverywatch.backtest.cases import Result

_TEMPLATE = click.option(
    "--template",
    required=True,
    type=click.Path(path_type=Path),
    help="The CloudFormation template, JSON or YAML, such as build/template.json.",
)
_SETTINGS = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the template; can be repeated."
)
_WITHOUT = click.option("--without", multiple=True, metavar="PATTERN", help="Leave out alarms, such as '*-anomaly'.")


@click.group()
def alarms() -> None:
    """Test the alarms of any CloudFormation template, or read what they mean."""


@alarms.command()
@click.argument("cases", type=click.Path(path_type=Path))
@_TEMPLATE
@_SETTINGS
@_WITHOUT
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write JUnit XML, for CI.")
@json_option
def check(
    *,
    cases: Path,
    template: Path,
    settings: tuple[str, ...],
    without: tuple[str, ...],
    junit: Path | None,
    as_json: bool,
) -> None:
    """Check the cases in CASES against a template.

    Do its alarms and mails do what was written down?

    \b
    CASES is TOML. A series has one value per interval; times count from its
    start.
      [[case]]
      name = "Half of everything fails"
      interval = "10m"
      series = { Total = "100x6", Failed = "0x2 50x3" }
      states = [{ at = "31m", alarm = "sms-warning", state = "ALARM" }]
      mails = [
        { at = "31m", event = "OPENED", level = "warning" },
        { at = "41m", event = "ESCALATED", level = "critical" },
      ]

    \b
    0x2 50x3 is 0 0 0 50 50 50 50, 0+10x3 is 0 10 20 30, _ is a gap.
    With delay = "2m" each value is visible to alarms so much later.
    An alarm takes part if all metrics that it watches are given. The mails are
    all that go out, in order, by watches.json beside the template; leave
    `mails` out to check states only.

    \b
    What the ingest of SMS sees beside alarms is judged of Total and Failed,
    of OverduePercent, of Unknown (messages with a status that no rule covers)
    and of Balance (the credit, hour by hour). Without Expected the account
    has always sent what the case sends in its first hour; _x60 is no history.

    \b
    JSON: {"cases": [{"name": "", "difference": null, "seconds": 0.1}],
           "passed": 1, "failed": 0}
    Exit codes: 0 all as expected, 2 wrong usage or input, 3 not as expected.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.backtest import cases as flow

    results = flow.check(cases, template, pairs(settings), without)
    if junit:
        write_bytes(junit, flow.junit(results, cases.name))
    failed = sum(result.difference is not None for result in results)
    if as_json:
        cases_passed = {"passed": len(results) - failed, "failed": failed}
        print_json({"cases": [asdict(result) for result in results], **cases_passed})
    else:
        _print(results, failed)
    if failed:
        raise SystemExit(Exit.CHECK_FAILED)


@alarms.command()
@click.argument("name", required=False)
@_TEMPLATE
@_SETTINGS
@_WITHOUT
@json_option
def explain(
    *, name: str | None, template: Path, settings: tuple[str, ...], without: tuple[str, ...], as_json: bool
) -> None:
    """Say what the alarm NAME means.

    What it watches, how fast it fires and recovers, and what missing data does. NAME may be the end of the full name,
    such as sms-warning. Without it all alarms are explained.

    JSON: [{"alarm": "full name", "text": "one paragraph", "warnings": [""]}]
    """
    from cwalarm.unit_tests.case_run import named

    explained = _explained(template, pairs(settings), without)
    chosen = sorted(explained) if name is None else [named(name, explained, f" of {template.name}")]
    meanings = [(alarm, *explained[alarm]) for alarm in chosen]
    if as_json:
        print_json([{"alarm": alarm, "text": text, "warnings": warnings} for alarm, text, warnings in meanings])
        return
    paragraphs = [" ".join((text, *(f"Mind: {warning}" for warning in warnings))) for _, text, warnings in meanings]
    click.echo("\n\n".join(map(wrapped, paragraphs)) or f"{template.name} has no alarm.")


def _explained(template: Path, overrides: dict[str, str], without: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    """Return by name what each alarm and each composite means, and what is easily overlooked about it."""
    from cwalarm.definitions import alarm, composites, documents
    from cwalarm.describe import explain as words
    from cwalarm.describe import lint

    document = documents.read(template)
    explained: dict[str, tuple[str, list[str]]] = {}
    for definition in alarm.from_template(document, overrides, without):
        lint.require_sound(definition)
        explained[definition.name] = (words.explain(definition), lint.warnings(definition))
    for composite in composites.from_template(document, overrides, without):
        explained[composite.name] = (words.explain_composite(composite), [])
    return explained


def _print(results: Sequence[Result], failed: int) -> None:
    for result in results:
        click.echo(f"{'ok  ' if result.difference is None else 'FAIL'}  {result.name}")
        if result.difference is not None:
            click.echo(wrapped(result.difference, " " * 6))
    click.echo(f"{counted(len(results), 'case')}: {len(results) - failed} as expected, {failed} not.")

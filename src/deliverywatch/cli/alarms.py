"""`deliverywatch alarms check` and `explain`: unit tests for the alarms of a template, and what they mean in words."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.errors import DeliveryWatchError, InputError

if TYPE_CHECKING:
    from deliverywatch.backtest.cases import Result

_WIDEST = 100

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
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")


def _told(command: Callable[..., None]) -> Callable[..., None]:
    """Tell bad input in a sentence and end with 2."""

    @wraps(command)
    def run(**arguments: Any) -> None:
        try:
            command(**arguments)
        except DeliveryWatchError as error:
            click.echo(f"Error: {error} {error.next_step}", err=True)
            raise SystemExit(Exit.USAGE) from error

    return run


@click.group()
def alarms() -> None:
    """Test the alarms of any CloudFormation template, or read what they mean."""


@alarms.command()
@click.argument("cases", type=click.Path(path_type=Path))
@_TEMPLATE
@_SETTINGS
@_WITHOUT
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write JUnit XML, for CI.")
@_JSON
@_told
def check(
    *,
    cases: Path,
    template: Path,
    settings: tuple[str, ...],
    without: tuple[str, ...],
    junit: Path | None,
    as_json: bool,
) -> None:
    """Check the cases in CASES against a template: do its alarms and mails do what was written down?

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
        { at = "1h1m", event = "OPENED", watch = "sms-trickle" },
      ]

    \b
    0x2 50x3 is 0 0 0 50 50 50 50, 0+10x3 is 0 10 20 30, _ is a gap.
    With delay = "2m" each value is visible to alarms so much later.
    An alarm takes part if all metrics that it watches are given. The mails are
    all that go out, in order, by watches.json beside the template; leave
    `mails` out to check states only.

    \b
    JSON: {"cases": [{"name": "", "difference": null, "seconds": 0.1}],
           "passed": 1, "failed": 0}
    Exit codes: 0 all as expected, 2 wrong usage or input, 3 not as expected.
    """  # noqa: D301 - click wants the control character
    from deliverywatch.backtest import cases as flow  # brings the mail templates, which `--help` does not need

    results = flow.check(cases, template, _overrides(settings), without)
    if junit:
        _write(junit, flow.junit(results, cases.name))
    failed = sum(each.difference is not None for each in results)
    if as_json:
        document = {"cases": [asdict(each) for each in results], "passed": len(results) - failed, "failed": failed}
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        _print(results, failed)
    if failed:
        raise SystemExit(Exit.CHECK_FAILED)


@alarms.command()
@click.argument("name", required=False)
@_TEMPLATE
@_SETTINGS
@_WITHOUT
@_JSON
@_told
def explain(
    *, name: str | None, template: Path, settings: tuple[str, ...], without: tuple[str, ...], as_json: bool
) -> None:
    """Say what the alarm NAME means: what it watches, how fast it fires and recovers, what missing data does.

    NAME may be the end of the full name, such as sms-warning. Without it all alarms are explained.

    JSON: [{"alarm": "full name", "text": "one paragraph", "warnings": [""]}]
    """
    from deliverywatch.engine.unit_tests.case_run import named  # not needed for `--help`

    told = _explained(template, _overrides(settings), without)
    chosen = sorted(told) if name is None else [named(name, told, f" of {template.name}")]
    if as_json:
        rows = [{"alarm": each, "text": told[each][0], "warnings": told[each][1]} for each in chosen]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    paragraphs = [" ".join((told[each][0], *(f"Mind: {warning}" for warning in told[each][1]))) for each in chosen]
    click.echo("\n\n".join(map(_wrapped, paragraphs)) or f"{template.name} has no alarm.")


def _explained(template: Path, overrides: dict[str, str], without: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    """Return by name what each alarm and each composite means, and what is easily overlooked about it."""
    from deliverywatch.engine.definitions import alarm, composites, documents
    from deliverywatch.engine.describe import explain as words
    from deliverywatch.engine.describe import lint

    document = documents.read(template)
    found: dict[str, tuple[str, list[str]]] = {}
    for each in alarm.from_template(document, overrides, without):
        lint.require_sound(each)
        found[each.name] = (words.explain(each), lint.warnings(each))
    for above in composites.from_template(document, overrides, without):
        found[above.name] = (words.explain_composite(above), [])
    return found


def _overrides(settings: Sequence[str]) -> dict[str, str]:
    pairs = [setting.partition("=") for setting in settings]
    for name, sign, value in pairs:
        if not name.strip() or not sign:
            raise InputError(
                f"'{name}{sign}{value}' is no setting.", next_step="Write it like --set WarningThresholdPercent=5."
            )
    return {name.strip(): value.strip() for name, _, value in pairs}


def _print(results: Sequence[Result], failed: int) -> None:
    for each in results:
        click.echo(f"{'ok  ' if each.difference is None else 'FAIL'}  {each.name}")
        if each.difference is not None:
            click.echo(_wrapped(each.difference, " " * 6))
    click.echo(
        f"{len(results)} case{'' if len(results) == 1 else 's'}: {len(results) - failed} as expected, {failed} not."
    )


def _wrapped(text: str, indent: str = "") -> str:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    return textwrap.fill(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error

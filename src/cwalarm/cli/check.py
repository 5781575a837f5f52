"""`cwalarm check`: unit tests for the alarms of a template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import (
    Exit,
    counted,
    echo,
    json_option,
    junit_option,
    pairs,
    print_json,
    settings_option,
    template_option,
    without_option,
    wrapped,
    write_bytes,
)

if TYPE_CHECKING:
    from cwalarm.unit_tests.check import Result


@click.command()
@click.argument("cases", type=click.Path(path_type=Path))
@template_option
@settings_option
@without_option
@junit_option
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
    """Check the cases in CASES against a template: do its alarms do what was written down?

    \b
    CASES is TOML. A series has one value per interval; times count from its
    start.
      [[case]]
      name = "Half of everything fails"
      interval = "10m"
      series = { Total = "100x6", Failed = "0x2 50x3" }
      states = [{ at = "31m", alarm = "failures", state = "ALARM" }]

    \b
    0x2 50x3 is 0 0 0 50 50 50 50, 0+10x3 is 0 10 20 30, _ is a gap.
    With delay = "2m" each value is visible to alarms so much later; with
    units = { Total = "Count" } alarms that name another Unit do not see it.
    An alarm takes part if all metrics that it watches are given.

    \b
    JSON: {"cases": [{"name": "", "difference": null, "seconds": 0.1,
                      "assumptions": ["alarm: what the result rests on"]}],
           "passed": 1, "failed": 0}
    Exit codes: 0 all as expected, 2 wrong usage or input, 3 not as expected.
    """  # noqa: D301 - click wants the control character
    from cwalarm.unit_tests import check as flow

    report(flow.check_states(cases, template, pairs(settings), without), cases.name, junit, as_json=as_json)


def report(results: Sequence[Result], name: str, junit: Path | None, *, as_json: bool) -> None:
    """Print the results of a file of cases, write them for CI, and end the process if one is not as expected."""
    from cwalarm.unit_tests import check as flow

    if junit:
        write_bytes(junit, flow.junit(results, name))
    failed = sum(result.difference is not None for result in results)
    if as_json:
        cases_passed = {"passed": len(results) - failed, "failed": failed}
        print_json({"cases": [asdict(result) for result in results], **cases_passed})
    else:
        _print(results, failed)
    if failed:
        raise SystemExit(Exit.CHECK_FAILED)


def _print(results: Sequence[Result], failed: int) -> None:
    for result in results:
        echo(f"{'ok  ' if result.difference is None else 'FAIL'}  {result.name}")
        if result.difference is not None:
            echo(wrapped(result.difference, " " * 6))
    echo(f"{counted(len(results), 'case')}: {len(results) - failed} as expected, {failed} not.")
    for sentence in dict.fromkeys(sentence for result in results for sentence in result.assumptions):
        echo(wrapped(f"Assumed of {sentence}"))

"""`deliverywatch alarms`: what `cwalarm` does for everybody's alarms, and checks that know this product's mails."""

from __future__ import annotations

from pathlib import Path

import click

from cwalarm.cli.check import report
from cwalarm.cli.explain import explain
from cwalarm.cli.lint import lint
from cwalarm.cli.terminal import json_option, junit_option, pairs, settings_option, template_option, without_option


@click.group()
def alarms() -> None:
    """Test the alarms of any CloudFormation template, or read what they mean."""


@alarms.command()
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

    report(flow.check(cases, template, pairs(settings), without), cases.name, junit, as_json=as_json)


alarms.add_command(explain)
alarms.add_command(lint)

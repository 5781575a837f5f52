"""A back-test -> one HTML page that needs no network: charts, the comparison, every mail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from deliverywatch.backtest import charts
from deliverywatch.backtest.table import COLUMNS, rows

if TYPE_CHECKING:
    from deliverywatch.backtest.run import Result

# Of more mails the page shows the first; the chart has all of them.
_MAIL_LIMIT = 500


def page(result: Result) -> str:
    """Return the page. The charts are those of the first variant.

    Raises:
        ConfigurationError: Plotly is not installed.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    variant, zone = result.variants[0], ZoneInfo(result.time_zone)
    named = {each.name: each for each in variant.definitions.alarms}
    alarm = named.get(result.ratio.name) if result.ratio else None
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html.j2").render(
        result=result,
        variant=variant,
        alarm=alarm,
        # What Plotly made of our numbers is HTML already.
        history=charts.history_chart(result, variant, alarm) if alarm else "",
        curve=result.curve,
        turned=charts.curve_chart(result.curve) if result.curve else "",
        columns=[name.replace("\n", " ") for name in COLUMNS],
        rows=rows(result),
        mails=[(f"{mail.time.astimezone(zone):%d %b %H:%M}", mail) for mail in variant.mails[:_MAIL_LIMIT]],
        hidden=max(0, len(variant.mails) - _MAIL_LIMIT),
    )

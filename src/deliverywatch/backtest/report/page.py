"""A back-test -> one HTML page that needs no network: charts, the comparison, every mail."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from deliverywatch.backtest.report import charts
from deliverywatch.backtest.report.table import COLUMNS, rows
from deliverywatch.backtest.results.result import Result, Variant
from deliverywatch.messages.palette import TONES

# Of more mails the page shows the first; the chart has all of them.
_MAIL_LIMIT = 500


def page(result: Result) -> str:
    """Return the page, with charts of the template as it is."""
    return rendered(
        "report.html.j2",
        result=result,
        variant=result.variants[0],
        history=charts.history_chart(result, result.variants[0], result.subject) if result.subject else None,
        turned=charts.curve_chart(result.curve) if result.curve else None,
        unit=" %" if result.subject == result.ratio else "",
        columns=[name.replace("\n", " ") for name in COLUMNS],
        rows=rows(result),
        lists=[_listed(variant, result.night.time_zone) for variant in result.variants],
    )


def rendered(template: str, **values: Any) -> str:
    """Return a page of this room's templates."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(template).render(tones=TONES, **values)


def _listed(variant: Variant, time_zone: str) -> dict[str, Any]:
    zone = ZoneInfo(time_zone)
    shown = variant.mails[:_MAIL_LIMIT]
    return {
        "label": variant.definitions.label,
        "count": len(variant.mails),
        "mails": [(f"{mail.time.astimezone(zone):%d %b %H:%M}", mail) for mail in shown],
        "hidden": len(variant.mails) - len(shown),
    }

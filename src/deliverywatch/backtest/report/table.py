"""A back-test -> the cells of its comparison, for the terminal and for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deliverywatch.backtest.compare import Result, Variant

COLUMNS = ("template", "mails", "mails\n/ month", "at night\n/ month", "minutes to\nthe mail", "missed", "open\nhours")


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return a row per variant, in the order of COLUMNS."""
    return [_row(variant, len(result.truths)) for variant in result.variants]


def _row(variant: Variant, true_count: int) -> tuple[str, ...]:
    found = variant.figures
    return (
        variant.definitions.label,
        f"{found.mails_count:,}",
        f"{found.mails_a_month:,.1f}",
        f"{found.night_mails_a_month:,.1f}",
        "-" if found.minutes_to_mail is None else f"{found.minutes_to_mail:,.0f}",
        "-" if found.missed is None else f"{len(found.missed)} of {true_count}",
        f"{found.open_minutes / 60:,.1f}",
    )

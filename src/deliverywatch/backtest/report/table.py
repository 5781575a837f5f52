"""A back-test -> the cells of its comparison, for the terminal and for the report."""

from deliverywatch.backtest.results.result import Result, Variant

COLUMNS = ("template", "mails", "mails\n/ month", "at night\n/ month", "minutes to\nthe mail", "missed", "open\nhours")


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return a row per variant, in the order of COLUMNS."""
    return [_row(variant, len(result.true_incidents)) for variant in result.variants]


def _row(variant: Variant, true_count: int) -> tuple[str, ...]:
    numbers = variant.numbers
    return (
        variant.definitions.label,
        f"{numbers.mails_count:,}",
        f"{numbers.mails_a_month:,.1f}",
        f"{numbers.night_mails_a_month:,.1f}",
        "-" if numbers.minutes_to_mail is None else f"{numbers.minutes_to_mail:,.0f}",
        "-" if numbers.missed is None else f"{len(numbers.missed)} of {true_count}",
        f"{numbers.open_minutes / 60:,.1f}",
    )

"""A back-test -> the cells of its comparison, for the terminal and for the report."""

from deliverywatch.backtest.results.result import Result, Variant

COLUMNS = ("template", "mails", "mails\n/ month", "at night\n/ month", "minutes to\nthe mail", "missed", "open\nhours")


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return a row per variant, in the order of COLUMNS."""
    return [_row(variant, len(result.true_incidents)) for variant in result.variants]


def number(value: float | None, decimals: int = 0) -> str:
    """Return a number as tables show it; a dash for one that cannot be said."""
    return "-" if value is None else f"{value:,.{decimals}f}"


def _row(variant: Variant, true_count: int) -> tuple[str, ...]:
    numbers = variant.numbers
    return (
        variant.definitions.label,
        f"{numbers.mails_count:,}",
        number(numbers.mails_a_month, 1),
        number(numbers.night_mails_a_month, 1),
        number(numbers.minutes_to_mail),
        "-" if numbers.missed is None else f"{len(numbers.missed)} of {true_count}",
        f"{numbers.open_minutes / 60:,.1f}",
    )

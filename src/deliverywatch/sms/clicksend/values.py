"""Whatever ClickSend puts into a field -> a value of the column's type, or none.

The same field comes as a number, as text, as an empty text or not at all, depending on the age of the row and on which
of ClickSend's own descriptions one believes. Nothing here raises: a row is worth more than one of its fields.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from deliverywatch.messages.untrusted import moment

# Longer texts are cut: nothing that ClickSend documents comes near, and a lake is no place for what does.
_LONGEST_TEXT = 1000

# As text; no number that a column takes is longer, blanks and zeros included.
_LONGEST_NUMBER = 100

# From the year 2001 to 2242, and 1000 times as much: no number is a time in both units.
_EARLIEST_SECOND, _LATEST_SECOND = 10**9, 2**33

# A number of this size that is no integer has lost digits: it names nothing.
_LEAST_INEXACT = 2.0**53
_PRICE_LIMIT = 10**12  # in millionths: decimal(12,6)


def text(value: Any) -> str | None:
    """Return a text or exact number as text without surrounding blanks; none for an empty text and for all else."""
    if not isinstance(value, str):
        if not isinstance(value, int | float) or (isinstance(value, float) and abs(value) >= _LEAST_INEXACT):
            return None
        value = str(int(value) if value % 1 == 0 else value)
    value = value.strip()[:_LONGEST_TEXT]
    # A lone surrogate can be read from JSON but not written to Parquet.
    return (value if value.isascii() else value.encode("utf-8", "replace").decode()) or None


def whole(value: Any, bits: int) -> int | None:
    """Return the value as a signed whole number of the given bits, from `1`, `"1"` or `"1.00"`."""
    number = _number(value)
    if number is None:
        return None
    return int(number) if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1) else None


def milliseconds(value: Any) -> int | None:
    """Return a time in milliseconds, cut to the second; none for what cannot be a time of sending.

    ClickSend documents Unix seconds; milliseconds and ISO 8601 (without a zone: UTC) are understood too.
    """
    if isinstance(value, str) and len(value) < 20 and value.isdecimal():
        value = int(value)
    seconds = value if type(value) is int else _seconds(value)
    if seconds >= 1000 * _EARLIEST_SECOND:
        seconds //= 1000
    return seconds * 1000 if _EARLIEST_SECOND <= seconds < _LATEST_SECOND else None


def _seconds(value: Any) -> int:
    number = whole(value, 64)
    if number is None:
        time = moment(value) if isinstance(value, str) and len(value) <= _LONGEST_NUMBER else None
        return int(time.timestamp()) if time else 0
    return number


def price_of(value: Any) -> Decimal | None:
    """Return a price, rounded to six places; none for what does not fit into 12 digits."""
    number = _number(value)
    if number is None or abs(number) >= _PRICE_LIMIT:
        return None
    scaled = round(number * 1_000_000)
    return Decimal(scaled).scaleb(-6) if abs(scaled) < _PRICE_LIMIT else None


def as_json(values: dict[str, Any]) -> str | None:
    """Return the values as JSON with sorted keys, or only their names if they are long; none if there are none."""
    if not values:
        return None
    try:
        document = json.dumps(values, sort_keys=True, default=str)
    except (RecursionError, ValueError):
        document = ""
    names = json.dumps({"omitted": [name[:50] for name in sorted(values)[:20]]})
    return document if 0 < len(document) <= _LONGEST_TEXT else names


def _number(value: Any) -> Decimal | None:
    if not isinstance(value, str | int | float) or (isinstance(value, str) and len(value) > _LONGEST_NUMBER):
        return None
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    # `1e999999999` is finite, and its digits would fill the memory.
    return number if number.is_finite() and number.adjusted() < 20 else None

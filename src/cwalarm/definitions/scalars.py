"""A scalar of YAML 1.1 or JSON -> the text that CloudFormation makes of it: in a template every scalar is text.

Plain scalars are read as SnakeYAML reads YAML 1.1. Recorded of CloudFormation: `YES` arrives as `true`, `012` as `10`,
`012345678901` as `1.2345678901E10`; dates and single letters such as `N` stay as they are. Documented: YAML 1.1 without
the timestamp tag. Believed, as the same parser would do it: `12:30` is `750`, `1e3` is `1000.0`, and JSON's numbers
become text in the same way.
"""

import math
import re
from decimal import Decimal

_TRUE = {"yes", "true", "on"}
_FALSE = {"no", "false", "off"}
_NULL = {"", "~", "null", "Null", "NULL"}
_WHOLE = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*(?::[0-5]?[0-9])*)", re.ASCII)
_FLOATING = re.compile(r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*", re.ASCII)
_SPECIAL = {"inf": math.inf, "Inf": math.inf, "INF": math.inf, "nan": math.nan, "NaN": math.nan, "NAN": math.nan}

# Java writes doubles outside of these bounds with an exponent.
_SMALLEST_PLAIN = 1e-3
_SMALLEST_LARGE = 1e7


class Unknown(str):
    """A text that stands for a value which only the account knows."""

    __slots__ = ()


def of_plain(text: str) -> str | None:
    """Return the text of a scalar that stands in YAML without quotes; None for null."""
    if text in _NULL:
        return None
    if text in (text.lower(), text.upper(), text.capitalize()) and text.lower() in _TRUE | _FALSE:
        return str(text.lower() in _TRUE).lower()
    return _special(text) or _number(text) or text


def _special(text: str) -> str | None:
    sign, _, word = text.rpartition(".")
    if word not in _SPECIAL or sign not in ("", "-", "+") or "." not in text:
        return None
    return _double(-_SPECIAL[word] if sign == "-" else _SPECIAL[word])


def _number(text: str) -> str | None:
    digits = text.replace("_", "")
    if _WHOLE.fullmatch(text):
        return _whole(digits)
    if _FLOATING.fullmatch(text):
        return _double(float(digits))
    return _double(_base_60(digits, float)) if _SEXAGESIMAL.fullmatch(text) else None


def of_value(value: object) -> object:
    """Return a value of JSON with text for every scalar in it; null stays None."""
    if isinstance(value, dict):
        return {of_value(key): of_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [of_value(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return of_number(value) if isinstance(value, (int, float)) else value


def of_number(value: float) -> str:
    """Return the text of a number."""
    return _double(value) if isinstance(value, float) else str(value)


def _whole(digits: str) -> str:
    sign, unsigned = ("-" if digits.startswith("-") else ""), digits.lstrip("+-")
    base = {"0b": 2, "0x": 16}.get(unsigned[:2], 8 if unsigned.startswith("0") else 10)
    if base in (2, 16) and not unsigned[2:]:
        return digits
    number = int(_base_60(unsigned, int)) if ":" in unsigned else int(unsigned, base)
    return f"{sign if number else ''}{number}"


def _base_60(digits: str, kind: type[int] | type[float]) -> float:
    total: float = 0
    for part in digits.lstrip("+-").split(":"):
        total = total * 60 + kind(part)
    return -total if digits.startswith("-") else total


def _double(value: float) -> str:
    """Return a number as Java writes a double: `1.0`, `1000.0`, `1.2345678901E10`."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    if value == 0 or _SMALLEST_PLAIN <= abs(value) < _SMALLEST_LARGE:
        plain = format(Decimal(repr(value)), "f")
        return plain if "." in plain else f"{plain}.0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    first, *rest = map(str, digits)
    return f"{'-' if sign else ''}{first}.{''.join(rest) or '0'}E{int(exponent) + len(rest)}"

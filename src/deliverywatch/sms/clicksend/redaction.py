"""Text and fields of unknown origin -> the same without what could name a person: numbers, addresses, personal fields.

ClickSend may put a recipient into its words for a failure, and may one day send fields that nobody documented.
"""

import re
from typing import Any

_HIDDEN = "•••••"

# An e-mail address; a number with a plus; or nine to fifteen digits in a row, as people write them.
_IDENTIFYING = re.compile(r"\S+@\S+|\+\d[\d ().-]{5,}\d|\b\d(?:[ ().-]?\d){8,14}\b")
_PERSONAL_NAME = re.compile(
    r"body|name|mail|phone|mobile|msisdn|number|address|recipient|contact|custom|reply|message$|text$|^(to|from)$",
    re.IGNORECASE,
)

# From this on a number could be a phone number; Unix seconds until the year 2106 are none.
_SHORTEST_PHONE_NUMBER = 2**32

_DEEPEST = 5


def redacted(value: str | None) -> str | None:
    """Return the text with phone numbers and e-mail addresses hidden."""
    return _IDENTIFYING.sub(_HIDDEN, value) if value else value


def printable(text: str, longest: int) -> str:
    """Return untrusted text on one line, without what cannot be printed, at most so long."""
    line = " ".join(text.split())
    return "".join(letter for letter in line if letter.isprintable())[:longest]


def without_personal(value: Any, depth: int = 0) -> Any:
    """Return decoded JSON without fields whose names sound personal, and with identifying values hidden.

    What lies deeper than five levels is hidden as a whole.
    """
    if isinstance(value, dict | list) and depth >= _DEEPEST:
        return _HIDDEN
    if isinstance(value, dict):
        return {
            redacted(str(name)): without_personal(inner, depth + 1)
            for name, inner in value.items()
            if not _PERSONAL_NAME.search(str(name))
        }
    if isinstance(value, list):
        return [without_personal(inner, depth + 1) for inner in value]
    if isinstance(value, str):
        return redacted(value)
    return _HIDDEN if isinstance(value, int | float) and abs(value) >= _SHORTEST_PHONE_NUMBER else value

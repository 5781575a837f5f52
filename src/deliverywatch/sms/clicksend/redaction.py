"""Text and fields of unknown origin -> the same without what could name a person: numbers, addresses, personal fields.

ClickSend may put a recipient into its words for a failure, and may one day send fields that nobody documented.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

Item = TypeVar("Item")

_HIDDEN = "•••••"

# An e-mail address, from where a word begins: tried from each of its letters, a long word without one would take
# quadratic time; a number with a plus; or nine to fifteen digits in a row, as people write them.
_IDENTIFYING = re.compile(r"(?<!\S)\S+@\S+|\+\d[\d ().-]{5,}\d|\b\d(?:[ ().-]?\d){8,14}\b")
_PERSONAL_NAME = re.compile(
    r"body|name|mail|phone|mobile|msisdn|number|address|recipient|contact|custom|reply|message$|text$|^(to|from)$",
    re.IGNORECASE,
)

# From this on a number could be a phone number; Unix seconds until the year 2106 are none.
_SHORTEST_PHONE_NUMBER = 2**32

_DEEPEST = 5

# More letters of a text, and more values of all fields together, are kept nowhere. Texts are cut before they are
# searched and again after, so that a number across the edge is hidden as a whole.
LONGEST_TEXT = 1_000
_LONGEST_SEARCHED = 2 * LONGEST_TEXT
_MOST_VALUES = 500


def redacted(value: str | None) -> str | None:
    """Return the text with phone numbers and e-mail addresses hidden, cut to what is kept of one."""
    return _IDENTIFYING.sub(_HIDDEN, value[:_LONGEST_SEARCHED])[:LONGEST_TEXT] if value else value


def without_personal(value: Any) -> Any:
    """Return decoded JSON without fields whose names sound personal, and with identifying values hidden.

    What lies deeper than five levels is hidden as a whole, and what comes after 500 values is left out.
    """
    return _Redaction().of(value, 0)


@dataclass(slots=True)
class _Redaction:
    values_left: int = _MOST_VALUES

    def of(self, value: Any, depth: int) -> Any:
        self.values_left -= 1
        if isinstance(value, dict | list) and depth >= _DEEPEST:
            return _HIDDEN
        if isinstance(value, dict):
            return {
                redacted(name): self.of(inner, depth + 1)
                for name, inner in self._first(value.items())
                if not _PERSONAL_NAME.search(name[:_LONGEST_SEARCHED])
            }
        if isinstance(value, list):
            return [self.of(inner, depth + 1) for inner in self._first(value)]
        if isinstance(value, str):
            return redacted(value)
        return _HIDDEN if isinstance(value, int | float) and abs(value) >= _SHORTEST_PHONE_NUMBER else value

    def _first(self, values: Iterable[Item]) -> Iterator[Item]:
        """Yield values as long as any may be kept; what those hold counts too."""
        for value in values:
            if self.values_left <= 0:
                return
            yield value


def printable(text: str, longest: int) -> str:
    """Return untrusted text on one line, without what cannot be printed, at most so long."""
    line = " ".join(text.split())
    return "".join(letter for letter in line if letter.isprintable())[:longest]

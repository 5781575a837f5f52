"""Sentences for a terminal: wrapped at its width, and never within a name such as us-east-1."""

import shutil
import textwrap

_WIDEST = 100


def columns() -> int:
    """Return how wide prose may be: the terminal's width, COLUMNS first, at most 100."""
    return min(_WIDEST, shutil.get_terminal_size().columns)


def wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    """Return a paragraph as lines, each behind the indent; the first behind `first`, if that is another."""
    return textwrap.fill(
        text,
        columns() - 1,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def one_line(text: str) -> str:
    """Return untrusted text, such as the key of a file, without what a terminal would take for an order."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def counted(count: int, noun: str) -> str:
    """Return `1 row` or `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

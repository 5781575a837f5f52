"""Headings, tables and texts of others -> Markdown that reads well as it is, and does nothing that its authors want.

CommonMark 0.31 and GitHub's tables: a letter that means something there has a backslash before it. That does not stop
GitHub from mentioning people and linking bare addresses, so these are broken by a space of no width.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from deliverywatch.messages.untrusted import text as clean

_NO_WIDTH = "\u200b"
# Only where it would mean something, so that the text itself stays readable.
_MEANING = re.compile(r"[\\`*<|~$]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w)")
_LINKED = re.compile(r"(@|://|www(?=\.)|#(?=\d)|\bGH(?=-\d))", re.IGNORECASE)
# At the begin of a line these make a list, a heading, a quotation, a task or a definition.
_LEADING = re.compile(r"^(\d{0,9})([-+=.)#>\[])")


def escaped(text: str) -> str:
    """Return a text of others on one line, as a paragraph, an item or a cell may hold it."""
    line = _LINKED.sub(rf"\1{_NO_WIDTH}", " ".join(clean(text).split()))
    plain = _MEANING.sub(r"\\\g<0>", line)
    return _LEADING.sub(r"\1\\\2", plain)


def section(title: str, *blocks: str) -> str:
    """Return a heading with what stands below it; nothing without blocks."""
    kept = [block for block in blocks if block]
    return "\n\n".join([f"## {title}", *kept]) if kept else ""


def items(lines: Iterable[str]) -> str:
    """Return a list."""
    return "\n".join(f"- {line}" for line in lines)


def table(names: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int = 1) -> str:
    """Return a table whose columns stand below each other in the text too; nothing without rows."""
    if not rows:
        return ""
    widths = [max(3, *(len(row[column]) for row in (names, *rows))) for column in range(len(names))]
    rules = [_rule(width, is_number=column >= numbers_from) for column, width in enumerate(widths)]
    return "\n".join(_line(cells, widths, numbers_from) for cells in (names, rules, *rows))


def _rule(width: int, *, is_number: bool) -> str:
    return f"{'-' * (width - 1)}:" if is_number else "-" * width


def _line(cells: Sequence[str], widths: Sequence[int], numbers_from: int) -> str:
    padded = [
        cell.rjust(width) if column >= numbers_from else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"

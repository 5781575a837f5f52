"""One line of `doctor`: what was looked at, how it is, and the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How something is."""

    OK = "ok"
    # It works, and somebody should know.
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One line.

    Attributes:
        name: What was looked at, stable for scripts.
        told: One sentence that says how it is.
        mend: The command, or the sentence, that mends it; empty where nothing has to be mended.
    """

    name: str
    verdict: Verdict
    told: str
    mend: str = ""


def ok(name: str, told: str) -> Check:
    """Return the line of something that is as it should be."""
    return Check(name, Verdict.OK, told)


def warning(name: str, told: str, mend: str) -> Check:
    """Return the line of something that somebody should know."""
    return Check(name, Verdict.WARNING, told, mend)


def failed(name: str, told: str, mend: str) -> Check:
    """Return the line of something that does not work."""
    return Check(name, Verdict.FAILED, told, mend)


def some(words: list[str], limit: int = 3) -> str:
    """Return the first of them, and how many more there are."""
    rest = len(words) - limit
    return ", ".join(words[:limit]) + (f" and {rest} more" if rest > 0 else "")

"""One line of `doctor`: what was looked at, how it is, and the command that fixes it."""

import re
from dataclasses import dataclass
from enum import StrEnum

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.operate.account.deployment import DEFAULT_STACK
from deliverywatch.operate.account.readings import reason


class Verdict(StrEnum):
    """How something is."""

    OK = "ok"
    # It works, and somebody should know.
    WARNING = "warning"
    FAILED = "failed"
    # It could not be looked at: nothing is known of it.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: a name that is stable for scripts, one sentence, and the command that fixes what is wrong."""

    name: str
    verdict: Verdict
    finding: str
    fix: str = ""


def ok(name: str, finding: str) -> Check:
    """Return the line of something that is as it should be."""
    return Check(name, Verdict.OK, finding)


def warning(name: str, finding: str, fix: str) -> Check:
    """Return the line of something that somebody should know."""
    return Check(name, Verdict.WARNING, finding, fix)


def failed(name: str, finding: str, fix: str) -> Check:
    """Return the line of something that does not work."""
    return Check(name, Verdict.FAILED, finding, fix)


def unknown(name: str, error: Exception) -> Check:
    """Return the line of something that could not be looked at, with the reason and what to do about it."""
    fix = error.next_step if isinstance(error, DeliveryWatchError) else ""
    return Check(name, Verdict.UNKNOWN, reason(error), fix or "deliverywatch doctor")


def with_target(command: str, stack: str, region: str | None = None, profile: str | None = None) -> str:
    """Return a command with the options that name a stack, a region and a profile."""
    account = "".join(f" {name} {value}" for name, value in (("--region", region), ("--profile", profile)) if value)
    named = "" if stack == DEFAULT_STACK else f" --stack {stack}"
    if command.startswith("aws "):
        return f"aws{account}{command.removeprefix('aws')}"
    return re.sub(r"deliverywatch (deploy|doctor|reconcile|unmute)", rf"deliverywatch \1{named}{account}", command)


def some(words: list[str], limit: int = 3) -> str:
    """Return the first of them, and how many more there are."""
    rest = len(words) - limit
    return ", ".join(words[:limit]) + (f" and {rest} more" if rest > 0 else "")

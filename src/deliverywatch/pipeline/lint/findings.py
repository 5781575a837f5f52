"""What a rule says of a state: where, why, and what to write instead."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much it matters."""

    # A run can fail and end in success, or wait for ever: no alarm on runs shows it.
    ERROR = "error"
    # A failure shows late, or without its cause.
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One shape that hides something; `machine` is its logical name in a template, empty for a bare definition."""

    rule: str
    severity: Severity
    state: str
    path: str
    why: str
    instead: str
    machine: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"severity": self.severity.value}

    @property
    def sentence(self) -> str:
        """Why and what instead, after the name of the state."""
        return f"{self.state} {self.why} {self.instead}"

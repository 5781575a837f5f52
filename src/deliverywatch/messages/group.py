"""What a system groups messages by, such as a carrier: how many were sent to it, and how many of them failed."""

from dataclasses import dataclass

# The name of what is in no group of its own: the smaller ones added up, and what cannot be named.
REST = "all others"


@dataclass(frozen=True, slots=True)
class Group:
    """A carrier, a country, a list or whatever else the system groups by."""

    name: str
    total: int
    failed: int

    @property
    def rate_percent(self) -> float:
        """The share of failures."""
        return percent(self.failed, self.total)

    @property
    def is_rest(self) -> bool:
        """Whether it is what remains beside the named ones, so that nothing can be blamed on it."""
        return self.name == REST


def percent(failed: int, total: int) -> float:
    """Return the share of failures; 0 of nothing."""
    return 100 * failed / total if total else 0.0

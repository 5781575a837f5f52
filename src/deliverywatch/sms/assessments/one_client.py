"""What failed of whom, and where -> the one sender, subaccount or list that fails while all others are well.

A dead list and a carrier that is down look alike if only that list is sent to that carrier. So the others count as
well only by what was seen to arrive: in the slots in which the list failed, and also at its own carrier and country.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from deliverywatch.sms.assessments.failures import FailureLimits

# The narrowest first: a list is of one subaccount, and a subaccount uses few senders.
CLIENTS = ("list", "subaccount", "sender")
PLACES = ("carrier", "country")


class Kind(NamedTuple):
    """What messages have in common; an empty text is what ClickSend does not say."""

    slot: int
    carrier: str
    country: str
    client: str

    def of(self, by: str) -> str:
        """Return its `carrier`, `country` or `client`."""
        return str(getattr(self, by))


@dataclass(slots=True)
class Tally:
    """Messages of one kind; what is pending is neither good nor failed."""

    total: int = 0
    failed: int = 0
    good: int = 0

    @property
    def known(self) -> int:
        """How many have an outcome."""
        return self.failed + self.good

    @property
    def failed_percent(self) -> float:
        """The share of failures of those with an outcome."""
        return 100 * self.failed / self.known if self.known else 0.0

    def add(self, other: Tally) -> None:
        """Add another tally."""
        self.total += other.total
        self.failed += other.failed
        self.good += other.good


# Of one sort of clients, such as lists: all messages, each in one of them.
Tallies = Mapping[Kind, Tally]


@dataclass(frozen=True, slots=True)
class OneClient:
    """Who alone fails: its share of the failures, and the failed share of all others."""

    by: str
    name: str
    share_percent: float
    others_percent: float

    @property
    def sentence(self) -> str:
        """What a mail says of it."""
        share = f"{_short(self.share_percent).capitalize()} % of the failures are {self.by} {self.name}"
        return f"{share}; all others are at {_short(self.others_percent)} %."


def one_client(tallies: Mapping[str, Tallies], limits: FailureLimits) -> OneClient | None:
    """Return the one client that fails; None if there is none, or too little is seen of the others to say so.

    `tallies` are those of `CLIENTS`, by their names.
    """
    clients = [client for by in CLIENTS if (client := _of_sort(tallies.get(by, {}), by, limits))]
    return max(clients, key=lambda client: client.share_percent, default=None)


def by_name(tallies: Tallies, by: str) -> dict[str, Tally]:
    """Return the sums of each `carrier`, `country` or `client`."""
    sums: dict[str, Tally] = {}
    for kind, tally in tallies.items():
        sums.setdefault(kind.of(by), Tally()).add(tally)
    return sums


def _of_sort(tallies: Tallies, by: str, limits: FailureLimits) -> OneClient | None:
    sums = {name: tally for name, tally in by_name(tallies, "client").items() if name}
    name = max(sums, key=lambda name: (sums[name].failed, name), default="")
    if not name or sums[name].failed < limits.minimum_failed:
        return None
    own = {kind: tally for kind, tally in tallies.items() if kind.client == name}
    slots = {kind.slot for kind, tally in own.items() if tally.failed}
    others = {kind: tally for kind, tally in tallies.items() if kind.client != name}
    beside = {kind: tally for kind, tally in others.items() if kind.slot in slots}
    places = [(place, where) for place in PLACES if (where := _where(own, place))]
    compared = [{kind: tally for kind, tally in beside.items() if kind.of(place) == where} for place, where in places]
    if not places or not all(_are_well(_sum(part.values()), limits) for part in (others, beside, *compared)):
        return None
    rest = _sum(others.values())
    return OneClient(by, name, 100 * sums[name].failed / (sums[name].failed + rest.failed), rest.failed_percent)


def _where(own: Tallies, place: str) -> str:
    """Return the carrier or country with most of a client's failures; empty if ClickSend does not say."""
    sums = by_name(own, place)
    return max(sums, key=lambda name: (sums[name].failed, name), default="")


def _are_well(others: Tally, limits: FailureLimits) -> bool:
    return others.known >= limits.minimum_total and others.failed_percent <= limits.warning_recovery_percent


def _sum(tallies: Iterable[Tally]) -> Tally:
    summed = Tally()
    for tally in tallies:
        summed.add(tally)
    return summed


def _short(percent: float) -> str:
    """Return a share as a sentence has it: what is not all, or not none, does not look as if it were."""
    if 0 < percent < 0.1:
        return "under 0.1"
    return "over 99.9" if 99.9 < percent < 100 else f"{round(percent, 1):g}"

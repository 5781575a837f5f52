"""A date and a seed -> a day of SMS as an account might send them, with an incident at one carrier.

Volume, delays and the base of failures follow what is known of real accounts: most outcomes arrive within a minute,
some after hours, and the commonest failure is a handset that is off. The numbers are set aside for fiction by Ofcom and
the North American numbering plan: nobody has them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from deliverywatch.local.clicksend.history import DELIVERED, Message, failure

# The part of messages that fails on any day, with the handset off or out of reach.
BASE_FAILED_PERCENT = 0.8


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the day, from so long after midnight until the next begins; `text` is for a timeline.

    `failed_percent` is the share of all messages that fail; what is above the base fails at one carrier. Of the others,
    `late_percent` arrive only about `late_by` after they were sent. If `fails_everywhere`, every carrier fails as much.
    `volume` is how much of the usual is sent.
    """

    since: timedelta
    text: str
    failed_percent: float = BASE_FAILED_PERCENT
    late_percent: float = 0.0
    late_by: timedelta = timedelta(minutes=40)
    fails_everywhere: bool = False
    volume: float = 1.0


INCIDENT = (
    Phase(timedelta(0), "A quiet night"),
    Phase(timedelta(hours=6), "A normal morning"),
    Phase(timedelta(hours=11), "A carrier drops messages: 6 % of all fail", 6.0),
    Phase(timedelta(hours=11, minutes=50), "The carrier is down: 40 % of all fail", 40.0),
    Phase(timedelta(hours=12, minutes=50), "The carrier is back"),
)
HEALTHY = (Phase(timedelta(0), "A healthy day"),)

# Messages per hour of the day: few at night, most in office hours.
_VOLUME = (
    20, 14, 10, 10, 12, 18, 90, 320, 760, 840, 860, 820,
    780, 800, 820, 780, 720, 560, 380, 300, 240, 150, 80, 40,
)  # fmt: skip

# (country, carrier, messages of 100); the first is the one of the incident.
_NETWORKS = (
    ("GB", "O2", 44),
    ("GB", "EE", 24),
    ("GB", "Vodafone", 14),
    ("GB", "Three", 8),
    ("US", "Verizon", 6),
    ("US", "T-Mobile", 4),
)
_INCIDENT_SHARE = _NETWORKS[0][2] / 100
_HEALTHY_SHARE = 1 - BASE_FAILED_PERCENT / 100

_ABSENT = failure("12", "Absent Subscriber. The subscriber is offline.")
_CONGESTED = failure("14", "Recipient network error or congestion")
_REJECTED = failure("15", "Rejected by the recipient network")

_BATCH_SIZE = 20


def day(midnight: datetime, seed: int = 1, *, phases: Sequence[Phase] = INCIDENT, volume: float = 1.0) -> list[Message]:
    """Return the day's messages with their fates, in order of sending: about 10,000 times `volume`, by the seed.

    The phases are in order, and the first begins at (aware) midnight.
    """
    random = Random(seed)  # noqa: S311 - a synthetic day has no secrets
    fates = _Fates(random)
    sent = ((offset, _phase_at(phases, offset)) for offset in sorted(_offsets(random, volume)))
    return [_message(random, midnight + offset, fates.next(phase)) for offset, phase in sent if fates.is_sent(phase)]


@dataclass(frozen=True, slots=True)
class _Fate:
    network: tuple[str, str, int]
    outcome: Mapping[str, str]
    delay: timedelta


class _Fates:
    """Deals out fates so evenly that a phase keeps its share in every slot, whatever the seed."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._base = _Share()
        self._incident = _Share()
        self._slow = _Share()
        self._sent = _Share()

    def is_sent(self, phase: Phase) -> bool:
        """Whether the next message is sent at all."""
        return phase.volume >= 1 or self._sent.falls_due(phase.volume)

    def next(self, phase: Phase) -> _Fate:
        """Return the next message's fate."""
        network = self._random.choices(_NETWORKS, [share for *_, share in _NETWORKS])[0]
        if self._base.falls_due(BASE_FAILED_PERCENT / 100):
            return _Fate(network, _ABSENT, self._late())
        excess = (phase.failed_percent - BASE_FAILED_PERCENT) / 100
        is_struck = network is _NETWORKS[0] or phase.fails_everywhere
        if is_struck and self._incident.falls_due(
            excess / (_HEALTHY_SHARE if phase.fails_everywhere else _INCIDENT_SHARE)
        ):
            return _Fate(network, self._random.choices((_CONGESTED, _REJECTED), (3, 1))[0], self._prompt())
        if self._slow.falls_due(phase.late_percent / 100):
            return _Fate(network, DELIVERED, phase.late_by * self._random.uniform(0.8, 1.2))
        return _Fate(network, DELIVERED, self._prompt())

    def _prompt(self) -> timedelta:
        """Mostly seconds; 3 of 100 some minutes, 1 of 200 some hours."""
        kind = self._random.random()
        if kind < 0.005:
            return timedelta(hours=self._random.uniform(1, 5))
        if kind < 0.035:
            return timedelta(minutes=self._random.uniform(3, 8))
        return timedelta(seconds=2 + self._random.expovariate(1 / 8))

    def _late(self) -> timedelta:
        """The network tries a handset that is off for a while, sometimes for hours."""
        if self._random.random() < 0.3:
            return timedelta(hours=self._random.uniform(2, 6))
        return timedelta(seconds=self._random.uniform(20, 240))


class _Share:
    """Says yes to a given share of its calls, at even distances."""

    def __init__(self) -> None:
        self._due = 0.5

    def falls_due(self, share: float) -> bool:
        """Whether it is this call's turn."""
        self._due += share
        if self._due < 1:
            return False
        self._due -= 1
        return True


def _phase_at(phases: Sequence[Phase], offset: timedelta) -> Phase:
    return [phase for phase in phases if phase.since <= offset][-1]


def _offsets(random: Random, volume: float) -> Iterator[timedelta]:
    """Times of sending after midnight: three quarters by themselves, the others in batches of one second."""
    for hour, per_hour in enumerate(_VOLUME):
        count = round(per_hour * volume)
        batches = count // (4 * _BATCH_SIZE)
        for _ in range(count - batches * _BATCH_SIZE):
            yield timedelta(hours=hour, seconds=random.randrange(3600))
        for _ in range(batches):
            yield from [timedelta(hours=hour, seconds=random.randrange(3600))] * _BATCH_SIZE


def _message(random: Random, sent_at: datetime, fate: _Fate) -> Message:
    country, carrier, _ = fate.network
    fields = {"to": _number(random, country), "from": "EXAMPLE", "country": country, "carrier": carrier}
    message_id = str(UUID(int=random.getrandbits(128), version=4)).upper()
    return Message(message_id, sent_at, ((sent_at + fate.delay, fate.outcome),), fields)


def _number(random: Random, country: str) -> str:
    if country == "GB":
        return f"+447700900{random.randrange(1000):03}"
    return f"+1{random.randrange(200, 1000)}55501{random.randrange(100):02}"

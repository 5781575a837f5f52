"""Mails by the time of their sending, in slots of ten minutes, later of an hour; the sums stay what they were.

Receiving domains and servers' words are strangers' text: of a slot so many are kept apart, and the rest together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch import thresholds
from deliverywatch.email.rates.counts import Counts, from_list
from deliverywatch.messages.untrusted import count, iso, mapping, moment, objects, text

if TYPE_CHECKING:
    from deliverywatch.email.rates.minutes import MinuteCounts

SLOT_MINUTES = 10
_HOUR = timedelta(hours=1)
# A stream that always sends has so many in two days; one that sends once a week keeps the times of each newsletter.
_FINE_COUNT = 288
_FINE = timedelta(hours=24)
_KEPT = timedelta(days=thresholds.EMAIL_COMPLAINT_LATE_DAYS + 1)
# SES stamps mails with its own clock, which may be ahead of ours by as much.
_AHEAD = timedelta(minutes=SLOT_MINUTES)
_NONE = Counts()
# Stands for all domains that are not kept apart.
OTHERS = ""
_DOMAINS, _REASONS, _LONGEST = 20, 8, 200


@dataclass(slots=True)
class MailSlot:
    """The mails that were sent in one slot, by receiving domain; `counts` are all of them."""

    start: datetime
    minutes: int = SLOT_MINUTES
    domains: dict[str, Counts] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    counts: Counts = _NONE

    @property
    def end(self) -> datetime:
        """When the next one begins."""
        return self.start + timedelta(minutes=self.minutes)

    def add(self, domain: str, counts: Counts) -> None:
        """Count mails to a domain; once there are many domains, new ones are not kept apart."""
        name = domain if domain in self.domains or len(self.domains) < _DOMAINS else OTHERS
        self.domains[name] = self.domains.get(name, _NONE).plus(counts)
        self.counts = self.counts.plus(counts)

    def add_reasons(self, reasons: Mapping[str, int]) -> None:
        """Count why mails bounced; the rarest of many reasons are left out."""
        self.reasons.update(reasons)
        self.reasons = Counter(dict((+self.reasons).most_common(_REASONS)))

    def document(self) -> dict[str, Any]:
        """Return the member of a document that holds it."""
        domains = {name: counts.as_list() for name, counts in self.domains.items()}
        reasons = {"reasons": dict(self.reasons)} if self.reasons else {}
        return {"start": iso(self.start), "minutes": self.minutes, "domains": domains} | reasons


class MailSlots:
    """The slots of some days by their start, without those in which nothing was sent."""

    def __init__(self, slots: Iterable[MailSlot] = ()) -> None:
        self._slots = {slot.start: slot for slot in slots}

    def __iter__(self) -> Iterator[MailSlot]:
        """Yield the slots, the oldest first."""
        return iter(sorted(self._slots.values(), key=lambda slot: slot.start))

    def add(self, minutes: Mapping[datetime, MinuteCounts], now: datetime) -> None:
        """Count mails by the minute in which they were sent, if it is not too long ago to judge.

        Those of a clock that is far ahead are counted as sent now: they were sent, whenever it was.
        """
        self._shorten(now)
        for minute, counted in minutes.items():
            if minute < now - _KEPT:
                continue
            slot = self._at(minute if minute <= now + _AHEAD else now)
            for domain, counts in sorted(counted.domains.items(), key=lambda item: (-item[1].sent, item[0])):
                slot.add(domain, counts)
            slot.add_reasons(counted.reasons)

    def document(self) -> list[dict[str, Any]]:
        """Return the member of a document that holds them."""
        return [slot.document() for slot in self]

    def _at(self, minute: datetime) -> MailSlot:
        hour, slot = _floor(minute, 60), _floor(minute, SLOT_MINUTES)
        of_hour = self._slots.get(hour)
        is_coarse = of_hour is not None and of_hour.minutes > SLOT_MINUTES
        start, length = (hour, 60) if is_coarse else (slot, SLOT_MINUTES)
        return self._slots.setdefault(start, MailSlot(start, length))

    def _shorten(self, now: datetime) -> None:
        """Forget what is too old, and once there are many slots put those of an hour together that are a day old."""
        kept = [slot for slot in self if now - _KEPT <= slot.start <= now + _AHEAD]
        is_much = len(kept) > _FINE_COUNT
        self._slots = {}
        for slot in kept:
            hour = _floor(slot.start, 60)
            is_coarse = is_much and hour + _HOUR + _FINE <= now
            start, length = (hour, 60) if is_coarse else (slot.start, slot.minutes)
            into = self._slots.setdefault(start, MailSlot(start, length))
            into.minutes = max(into.minutes, length)
            for domain, counts in sorted(slot.domains.items(), key=lambda item: (-item[1].sent, item[0])):
                into.add(domain, counts)
            into.add_reasons(slot.reasons)


def from_document(value: object) -> MailSlots:
    """Return the slots of an untrusted document; those without a time are left out."""
    read = ((item, moment(item.get("start"))) for item in objects(value))
    return MailSlots(_slot(item, start) for item, start in read if start)


def _slot(item: Mapping[str, Any], start: datetime) -> MailSlot:
    minutes = 60 if count(item.get("minutes")) > SLOT_MINUTES else SLOT_MINUTES
    slot = MailSlot(_floor(start, minutes), minutes)
    for name, numbers in mapping(item.get("domains")).items():
        slot.add(text(name, _LONGEST), from_list(numbers))
    slot.add_reasons({_reason(key): count(number) for key, number in mapping(item.get("reasons")).items()})
    return slot


def _reason(key: object) -> str:
    code, _, words = str(key).partition("\t")
    return f"{text(code, _LONGEST)}\t{text(words, _LONGEST)}"


def _floor(time: datetime, minutes: int) -> datetime:
    time = time.astimezone(UTC)
    return time.replace(minute=time.minute // minutes * minutes, second=0, microsecond=0)

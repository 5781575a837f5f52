"""Slots -> cohorts: mails that are judged together, because they were sent together.

A pause in the sending ends a cohort, so that a newsletter is one, whole, for as long as it is judged: of a window that
slides over it, half a newsletter would be left, with a share of its own. A stream that never pauses is cut where it
sends least. Numerator and denominator of a cohort's share are the same mails, whenever their events arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from deliverywatch.email.rates.counts import Counts, added

if TYPE_CHECKING:
    from deliverywatch.email.rates.slots import MailSlot

# A cohort may be so much longer than it should be, to end where less is sent.
_SLACK = timedelta(hours=1)


@dataclass(frozen=True)
class Cohort:
    """Slots that are judged together, the oldest first; at least one."""

    slots: tuple[MailSlot, ...]

    @property
    def start(self) -> datetime:
        """When its first slot began."""
        return self.slots[0].start

    @property
    def end(self) -> datetime:
        """When its last slot ended."""
        return self.slots[-1].end

    @cached_property
    def counts(self) -> Counts:
        """All of its mails."""
        return added(slot.counts for slot in self.slots)

    def domains(self) -> dict[str, Counts]:
        """Return its mails by receiving domain."""
        sums: dict[str, Counts] = {}
        for slot in self.slots:
            for name, counts in slot.domains.items():
                sums[name] = sums.get(name, Counts()).plus(counts)
        return sums

    def after(self, time: datetime) -> Cohort | None:
        """Return those of its mails that were sent after a time; None if there are none."""
        slots = tuple(slot for slot in self.slots if slot.start >= time)
        return Cohort(slots) if slots else None

    def with_newer(self, newer: Cohort) -> Cohort:
        """Return it together with one that was sent later."""
        return Cohort((*self.slots, *newer.slots))


def cohorts(slots: Sequence[MailSlot], longest: timedelta, pause: timedelta) -> list[Cohort]:
    """Return the cohorts of slots in the order of time, the newest first.

    Args:
        slots: The oldest first; those without mails are left out.
        longest: Of a cohort, give or take an hour.
        pause: Without mails for so long, a cohort is over.
    """
    sent = [slot for slot in slots if slot.counts.total]
    return [cohort for run in reversed(_runs(sent, pause)) for cohort in _cut(run, longest)]


def joined(parts: Sequence[Cohort], minimum: int, longest: timedelta) -> list[Cohort]:
    """Return cohorts, the newest first, with neighbours put together that are too small to judge by themselves."""
    together: list[Cohort] = []
    for part in parts:
        newer = together[-1] if together else None
        are_small = newer is not None and max(newer.counts.total, part.counts.total) < minimum
        if newer is not None and are_small and newer.end - part.start <= longest:
            together[-1] = part.with_newer(newer)
        else:
            together.append(part)
    return together


def newest(parts: Sequence[Cohort], minimum: int, longest: timedelta) -> Cohort | None:
    """Return the newest mails, as many cohorts of them as make a judgement; None if nothing was sent."""
    together: Cohort | None = None
    for part in parts:
        if together and (together.counts.total >= minimum or together.end - part.start > longest):
            break
        together = part.with_newer(together) if together else part
    return together


def _runs(slots: Sequence[MailSlot], pause: timedelta) -> list[list[MailSlot]]:
    runs: list[list[MailSlot]] = []
    for slot in slots:
        if runs and slot.start - runs[-1][-1].end < pause:
            runs[-1].append(slot)
        else:
            runs.append([slot])
    return runs


def _cut(run: list[MailSlot], longest: timedelta) -> list[Cohort]:
    """Return the cohorts of slots without a pause, the newest first."""
    parts = []
    while run and run[-1].end - run[0].start > longest + _SLACK:
        at = _quietest(run, longest)
        parts.append(Cohort(tuple(run[at:])))
        run = run[:at]
    return [*parts, Cohort(tuple(run))] if run else parts


def _quietest(run: list[MailSlot], longest: timedelta) -> int:
    """Return the position of the slot to cut before: of those an hour around the end, where least is sent."""
    limit = run[-1].end - longest
    places = [at for at in range(1, len(run)) if limit - _SLACK <= run[at].start <= limit]
    # In a pause that is too short to end a cohort there is no slot: then before the first one after it.
    places = places or [next(at for at in range(1, len(run)) if run[at].start > limit)]
    return min(reversed(places), key=lambda at: run[at - 1].counts.total + run[at].counts.total)

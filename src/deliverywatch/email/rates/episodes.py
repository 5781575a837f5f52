"""What was already reported of cohorts, so that a newsletter whose incident is over opens none again.

Bounces and complaints go on to arrive for days. A cohort is reported when its share reaches a level, and again only
when it reaches a higher one; it is over when its share is low, when mails that were sent later are healthy, or when
none was sent for the length of a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import iso, moment, objects, text

if TYPE_CHECKING:
    from deliverywatch.email.rates.cohorts import Cohort
    from deliverywatch.email.rates.rules import Rule

_MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A time of sending whose mails were reported.

    Attributes:
        start: Of the first of its mails, `end` of the last.
        level: The highest that was reported.
        since: When that was seen.
    """

    start: datetime
    end: datetime
    level: Level
    since: datetime
    is_over: bool = False

    def is_about(self, cohort: Cohort) -> bool:
        """Return whether some of a cohort's mails were reported."""
        return cohort.start < self.end and self.start < cohort.end

    def with_cohort(self, cohort: Cohort) -> Episode:
        """Return it with all mails of a cohort."""
        return replace(self, start=min(self.start, cohort.start), end=max(self.end, cohort.end))

    def document(self) -> dict[str, Any]:
        """Return the member of a document that holds it."""
        times = {"start": iso(self.start), "end": iso(self.end), "since": iso(self.since)}
        return times | {"level": self.level.value, "is_over": self.is_over}


def from_document(value: object) -> list[Episode]:
    """Return the episodes of an untrusted document; those that cannot be read are left out."""
    read = (_episode(item) for item in objects(value)[:_MOST])
    return [episode for episode in read if episode]


def _episode(item: Mapping[str, Any]) -> Episode | None:
    start, end, since = (moment(item.get(name)) for name in ("start", "end", "since"))
    level = text(item.get("level"), 20)
    if not (start and end and since and level in list(Level)):
        return None
    return Episode(start=start, end=end, since=since, level=Level(level), is_over=item.get("is_over") is True)


def reported(episodes: Sequence[Episode], cohorts: Sequence[Cohort], now: datetime, rule: Rule) -> list[Episode]:
    """Return the episodes with those of cohorts that reached a level, or a higher one than was reported.

    Args:
        episodes: Those before.
        cohorts: All that are judged, the newest first.
        now: When they are judged.
        rule: Of their share.
    """
    kept = [episode for episode in episodes if now - max(episode.end, episode.since) <= rule.late + rule.longest]
    for cohort in reversed(cohorts):
        kept = _with_cohort(kept, cohort, now, rule)
    return sorted(kept, key=lambda episode: episode.end, reverse=True)[:_MOST]


def _with_cohort(episodes: list[Episode], cohort: Cohort, now: datetime, rule: Rule) -> list[Episode]:
    about = [episode for episode in episodes if episode.is_about(cohort)]
    others = [episode for episode in episodes if episode not in about]
    level = rule.level(cohort.counts)
    if level.rank > max((episode.level.rank for episode in about), default=0):
        opened = Episode(start=cohort.start, end=cohort.end, level=level, since=now)
        start, end = min([cohort.start, *(one.start for one in about)]), max([cohort.end, *(one.end for one in about)])
        return [*others, replace(opened, start=start, end=end)]
    if level is Level.OK:
        return episodes
    if any(not episode.is_over for episode in about):
        return [*others, *(one if one.is_over else one.with_cohort(cohort) for one in about)]
    # What was reported is over; what was sent since then may fail anew.
    rest = cohort.after(max(episode.end for episode in about))
    level = rule.level(rest.counts) if rest else Level.OK
    if rest is None or level is Level.OK:
        return episodes
    return [*episodes, Episode(start=rest.start, end=rest.end, level=level, since=now)]

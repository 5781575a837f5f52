"""Cohorts and what was reported of them -> what a stream's mails prove about bounces or complaints, and the share.

The share is what the alarms in CloudWatch look at; there is none while there is too little to judge. An incident is
held while reported mails are in its window. After that, later mails that are healthy end it, and so does the end of a
sending whose outcome is known: a campaign is finite, and what failed of it is failed for good.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch import thresholds
from deliverywatch.email.rates import episodes as reports
from deliverywatch.email.rates import sentences
from deliverywatch.email.rates.cohorts import Cohort, cohorts, joined, newest
from deliverywatch.email.rates.counts import added, percent
from deliverywatch.email.rates.providers import one_provider
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deliverywatch.email.rates.episodes import Episode
    from deliverywatch.email.rates.rules import Rule
    from deliverywatch.email.rates.slots import MailSlot


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was judged at one time.

    Attributes:
        metric: The share's name in CloudWatch.
        percent: For CloudWatch; None if there is too little to judge.
        cohort: The mails that it is about; None if there are none.
        episodes: What is reported by now.
    """

    assessment: Assessment
    metric: str
    percent: float | None
    cohort: Cohort | None
    episodes: tuple[Episode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a share is judged by.

    Attributes:
        slots: The oldest first; only those whose mails are counted from their sending on.
        noun: What is sent, in the plural.
        note: What the reader should know where too little is counted; empty for nothing.
    """

    slots: Sequence[MailSlot]
    now: datetime
    rule: Rule
    noun: str
    note: str = ""

    def share(self, cohort: Cohort) -> str:
        """Return a cohort's share, in words."""
        return sentences.share(cohort, self.rule, self.noun, self.now)

    def sent(self, cohort: Cohort) -> str:
        """Return which mails a cohort is, in words."""
        return sentences.sent(cohort, self.noun, self.now)

    def noted(self, sentence: str) -> str:
        """Return a sentence with the note."""
        return f"{sentence} {self.note}".strip()


def judge(evidence: Evidence, before: Sequence[Episode]) -> Judgement:
    """Return what a stream's mails prove; `before` is what was reported so far."""
    rule, now = evidence.rule, evidence.now
    # Of a sending that has just begun a few bounces are a high share, which says nothing of the rest.
    ended = [slot for slot in evidence.slots if slot.end <= now]
    parts = joined(cohorts(ended, rule.longest, rule.pause), rule.minimum_sent, rule.joined)
    judged = [part for part in parts if part.counts.total >= rule.minimum_sent and now - part.end <= rule.late]
    seen = [_ended(one, judged, evidence) for one in reports.reported(before, judged, now, rule)]
    active = [cohort for one in seen if not one.is_over and (cohort := _newest_of(one, judged))]
    if active:
        worst = max(active, key=lambda cohort: rule.share(cohort.counts))
        return Judgement(_failing(worst, evidence), rule.metric, rule.share(worst.counts), worst, tuple(seen))
    recent = [part for part in judged if now < part.end + rule.longest]
    shown = recent[0] if recent else next(iter(cohorts(evidence.slots, rule.longest, rule.pause)), None)
    share = rule.share(recent[0].counts) if recent and _is_telling(recent[0], rule) else None
    return Judgement(_calm(parts, seen, evidence), rule.metric, share, shown, tuple(seen))


def _newest_of(episode: Episode, parts: Sequence[Cohort]) -> Cohort | None:
    return next((part for part in parts if episode.is_about(part)), None)


def _ended(episode: Episode, judged: Sequence[Cohort], evidence: Evidence) -> Episode:
    """Return an episode, marked as over if it is."""
    rule, cohort = evidence.rule, _newest_of(episode, judged)
    if episode.is_over:
        return episode
    if cohort and rule.share(cohort.counts) <= rule.recovery_percent:
        return replace(episode.with_cohort(cohort), is_over=True)
    since = max(episode.end, episode.since)
    later = [part for part in judged if part.start >= since and _is_healthy(part, evidence)]
    return replace(episode, is_over=bool(later) or evidence.now >= since + rule.longest)


def _is_telling(cohort: Cohort, rule: Rule) -> bool:
    """Return whether a share is no chance: a few of few mails are neither good nor bad."""
    return rule.share(cohort.counts) <= rule.recovery_percent or rule.bad(cohort.counts) >= rule.minimum


def _is_healthy(cohort: Cohort, evidence: Evidence) -> bool:
    """Return whether a share is low, also if the worst becomes of mails without an outcome."""
    rule, counts = evidence.rule, cohort.counts
    old = added(slot.counts for slot in cohort.slots if slot.end <= evidence.now - rule.settle)
    if (old if rule.settle else counts).total < rule.minimum_sent or not _is_known(cohort):
        return False
    worst = rule.bad(counts) + (counts.pending if rule.pending_may_count else 0)
    return percent(worst, counts.total) <= rule.recovery_percent


def _is_known(cohort: Cohort) -> bool:
    return percent(cohort.counts.pending, cohort.counts.total) <= thresholds.EMAIL_PENDING_PERCENT


def _failing(cohort: Cohort, evidence: Evidence) -> Assessment:
    rule, counts = evidence.rule, cohort.counts
    provider = one_provider(cohort.domains(), rule) if rule.names_provider else ""
    return Assessment(
        verdict=Verdict.FAILING,
        as_of=evidence.now,
        opens=rule.level(counts),
        holds=rule.holds(counts),
        sentence=f"{evidence.share(cohort)}{provider}.",
        last_seen=cohort.end,
        seen_count=counts.total,
        value=round(rule.share(counts), 2),
    )


def _calm(parts: Sequence[Cohort], seen: Sequence[Episode], evidence: Evidence) -> Assessment:
    """Return what is proven while nothing that was reported is in its window."""
    rule, now = evidence.rule, evidence.now
    latest = newest(parts, rule.minimum_sent, rule.thin)
    if latest is None or now >= latest.end + rule.longest:
        return _past(parts, seen, evidence)
    if _is_healthy(latest, evidence):
        before = _reported(seen, evidence, latest.start)
        than = f"; of {evidence.sent(before)} before that it was {sentences.percent(before, rule)}" if before else ""
        return _proven(latest, evidence, f"{evidence.share(latest)}{than}.", rule.share(latest.counts))
    is_enough = latest.counts.total >= rule.minimum_sent and rule.bad(latest.counts) >= rule.minimum
    if is_enough and rule.share(latest.counts) > rule.recovery_percent:
        return replace(_failing(latest, evidence), opens=Level.OK)
    return _too_little(latest, evidence, _why_little(latest, evidence))


def _past(parts: Sequence[Cohort], seen: Sequence[Episode], evidence: Evidence) -> Assessment:
    """Return what is proven when nothing was sent for a window."""
    last = _reported(seen, evidence)
    hours = round(evidence.rule.longest / timedelta(hours=1))
    if last is None or not _is_known(last):
        unknown = f"; of {last.counts.pending:,} of {evidence.sent(last)} no outcome is known" if last else ""
        return _too_little(last, evidence, f"None of the {evidence.noun} was sent in the last {hours} hours{unknown}.")
    later = added(part.counts for part in parts if part.start >= last.end).total
    since = f"only {later:,} have been sent since" if later else "none has been sent since"
    over = evidence.share(last)
    return _proven(last, evidence, f"Over, not better: {over}; {since}, so there is nothing left to stop.", None)


def _reported(seen: Sequence[Episode], evidence: Evidence, before: datetime | None = None) -> Cohort | None:
    """Return all mails that were reported last, of those sent before a time."""
    for episode in sorted(seen, key=lambda one: one.since, reverse=True):
        slots = tuple(slot for slot in evidence.slots if episode.start < slot.end and slot.start < episode.end)
        if slots and (before is None or slots[-1].end <= before):
            return Cohort(slots)
    return None


def _proven(cohort: Cohort, evidence: Evidence, sentence: str, value: float | None) -> Assessment:
    return Assessment(
        verdict=Verdict.HEALTHY,
        as_of=evidence.now,
        sentence=sentence,
        last_seen=cohort.end,
        seen_count=cohort.counts.total,
        value=None if value is None else round(value, 2),
    )


def _too_little(cohort: Cohort | None, evidence: Evidence, sentence: str) -> Assessment:
    return Assessment(
        verdict=Verdict.TOO_LITTLE,
        as_of=evidence.now,
        sentence=evidence.noted(sentence),
        last_seen=cohort.end if cohort else None,
        seen_count=cohort.counts.total if cohort else 0,
        value=None,
    )


def _why_little(latest: Cohort, evidence: Evidence) -> str:
    rule, counts = evidence.rule, latest.counts
    if counts.total < rule.minimum_sent:
        times = sentences.times(latest, evidence.now)
        return f"Only {counts.total:,} {evidence.noun} were sent {times}, too few to judge."
    if not _is_known(latest) or (rule.pending_may_count and counts.pending):
        return f"Of {counts.pending:,} of {evidence.sent(latest)} no outcome is known yet."
    if rule.settle and rule.share(counts) <= rule.recovery_percent:
        return f"{evidence.share(latest)} so far; people have had too little time to read them."
    return f"{evidence.share(latest)}: too few to judge."

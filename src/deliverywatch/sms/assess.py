"""What a run left in the lake -> an assessment per watch, kept in the context, and a notice of each that changed.

A notice only makes the notifier look: the document is what counts, so a notice that is lost, late or sent twice does no
harm. One that could not be published is published by the next run, because the document says what was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import StoreUnavailable
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.sms.assessments import credit, delivery, failures, one_client, slot_counts, unknown
from deliverywatch.sms.lake.slots import HOUR, hour_of
from deliverywatch.sms.mail_context import context
from deliverywatch.thresholds import ASSESSED_HOURS

if TYPE_CHECKING:
    from deliverywatch.sms.assessments.balances import Balances
    from deliverywatch.sms.assessments.delivery import Measured
    from deliverywatch.sms.assessments.slot_counts import SlotCount
    from deliverywatch.sms.expect import ExpectedVolumes
    from deliverywatch.sms.lake.recent_hours import RecentHours
    from deliverywatch.sms.mail_context.recent_statistics import RecentStatistics
    from deliverywatch.sms.ports import Settings
    from deliverywatch.storage.store import Store

log = logging.getLogger(__name__)

# While messages fail, the notifier is made to look this often.
_REPEAT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the assessments of a run rest on.

    Attributes:
        now: When the run was due.
        end: Of the newest slot that was read.
        hours: The newest hours of the lake.
        statistics: Of the newest three hours.
        measured: How long outcomes take.
        previous: The assessments that the run before left, by their watches.
        store: For what an assessment keeps of its own.
        balances: Of the account's credit; None where nobody watches it.
        volumes: What is usual; None if silence is not judged by this run.
    """

    now: datetime
    end: datetime
    settings: Settings
    hours: RecentHours
    statistics: RecentStatistics
    measured: Measured
    previous: Mapping[str, Assessment]
    store: Store
    balances: Balances | None = None
    volumes: ExpectedVolumes | None = None

    def slots(self) -> Iterator[SlotCount]:
        """Yield the slots, the newest first; an hour is read when it is reached."""
        minutes, counts_all = self.settings.slot_minutes, self.settings.count_recipient_faults
        newest = hour_of(self.end - timedelta(microseconds=1))
        for hour in (newest - back * HOUR for back in range(ASSESSED_HOURS + 1)):
            rows = self.hours.rows(hour, slot_counts.NAMES)
            slots = slot_counts.of_hour(rows, hour, minutes, count_recipient_faults=counts_all)
            yield from (slot for slot in slots if slot.end <= self.end)

    def by_hour(self, names: Sequence[str]) -> Iterator[Iterable[tuple[Any, ...]]]:
        """Yield some columns of what was sent hour by hour, the newest first; an hour is read when it is reached."""
        newest = hour_of(self.end - timedelta(microseconds=1))
        for back in range(ASSESSED_HOURS):
            yield self.hours.rows(newest - back * HOUR, names)


def _failures(evidence: Evidence) -> Assessment:
    settings = evidence.settings
    assessment = failures.assess(evidence.slots(), evidence.now, evidence.end, settings.failures)
    client = one_client.one_client(evidence.statistics.tallies(), settings.failures)
    if client is None or assessment.verdict is not Verdict.FAILING:
        return assessment
    return replace(
        assessment,
        sentence=f"{assessment.sentence} {client.sentence}",
        at_most=Level.WARNING if settings.keep_one_client_at_warning else None,
    )


def _credit(evidence: Evidence) -> Assessment:
    refusals = credit.refusals(evidence.by_hour(credit.NAMES))
    return credit.assess(evidence.balances, refusals, evidence.now, evidence.settings.credit_warning_hours)


def _overdue(evidence: Evidence) -> Assessment:
    measured, limits = evidence.measured, evidence.settings.delivery
    assessment = delivery.assess(measured.delivery, measured.usual_percent, evidence.now, limits)
    delay = evidence.statistics.delays.summed().sentence()
    return replace(
        assessment,
        sentence=f"{assessment.sentence} Outcomes of {context.HOURS} hours: {delay}." if delay else assessment.sentence,
    )


def _unknown(evidence: Evidence) -> Assessment:
    return unknown.assess(unknown.collect(evidence.by_hour(unknown.NAMES)), evidence.now, evidence.settings.unknown)


def _silence(evidence: Evidence) -> Assessment | None:
    if evidence.settings.silence is None:
        return None
    if evidence.volumes is None:
        raise StoreUnavailable("The record of volumes could not be reached.")
    return evidence.volumes.assess(evidence.now, evidence.end)


# None of a watch that is switched off.
Judge = Callable[[Evidence], Assessment | None]

# By the watch that it judges.
JUDGES: Mapping[str, Judge] = {
    "sms-failures": _failures,
    "sms-overdue": _overdue,
    unknown.WATCH: _unknown,
    credit.WATCH: _credit,
    "sms-silence": _silence,
}


def assess(evidence: Evidence, judges: Mapping[str, Judge] = JUDGES) -> dict[str, Assessment]:
    """Return what the data say about every watch; one that cannot be judged is blind and stops no other."""
    judged = {watch: _judged(watch, judge, evidence) for watch, judge in judges.items()}
    return {watch: assessment for watch, assessment in judged.items() if assessment}


def _judged(watch: str, judge: Judge, evidence: Evidence) -> Assessment | None:
    try:
        return judge(evidence)
    except Exception as error:  # whatever it is, the messages are counted and the other watches are judged
        log.warning("%s could not be judged: %s", watch, type(error).__name__)
        return _blind(watch, error, evidence)


def _blind(watch: str, error: Exception, evidence: Evidence) -> Assessment:
    """Return that a watch cannot be judged; if it could not in the run before either, somebody has to look."""
    before = evidence.previous.get(watch)
    opens = Level.BLIND if before and before.verdict is Verdict.BLIND else Level.OK
    sentence = f"The newest data could not be judged: {type(error).__name__}."
    return Assessment(verdict=Verdict.BLIND, as_of=evidence.now, opens=opens, sentence=sentence)


def due(
    assessments: Mapping[str, Assessment], published: Mapping[str, Assessment], now: datetime
) -> dict[str, Assessment]:
    """Return the assessments that the notifier should look at now, given the last that was published of each watch."""
    return {
        watch: assessment
        for watch, assessment in assessments.items()
        if _is_news(assessment, published.get(watch)) or _is_repeated(assessment, published[watch], now)
    }


def publish(
    assessments: Mapping[str, Assessment],
    published: Mapping[str, Assessment],
    now: datetime,
    notify: Callable[[SystemNotice], None],
) -> dict[str, Assessment]:
    """Publish what is due and return the last that was published of each watch; a failure is logged, not raised."""
    done = dict(published)
    for watch, assessment in due(assessments, published, now).items():
        try:
            notify(notice_of(watch, assessment))
        except Exception as error:  # the run itself succeeded, and the next one publishes it
            log.warning("the notice of %s could not be published: %s", watch, type(error).__name__)
        else:
            done[watch] = replace(assessment, as_of=now)
    return done


def notice_of(watch: str, assessment: Assessment) -> SystemNotice:
    """Return the notice that makes the notifier look at a watch."""
    level, time, sentence = assessment.opens, assessment.as_of, assessment.sentence
    return SystemNotice(watch=watch, level=level, time=time, sentence=sentence, assessment=assessment)


def _is_news(assessment: Assessment, before: Assessment | None) -> bool:
    return before is None or _decisive(assessment) != _decisive(before)


def _decisive(assessment: Assessment) -> tuple[Verdict, Level, Level, Level | None]:
    return assessment.verdict, assessment.opens, assessment.holds, assessment.at_most


def _is_repeated(assessment: Assessment, before: Assessment, now: datetime) -> bool:
    return assessment.opens is not Level.OK and now - before.as_of >= _REPEAT

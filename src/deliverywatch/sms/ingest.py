"""One run: reads what was sent, keeps it in the lake, and emits what changed: `run` is the whole road.

A range at a time (`hours`): fetch, judge, merge into the hour's object, write, and emit its slots at once. Then the
watermark moves, then the context for the mails is written, and only then does the run count as a success.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.errors import DeliveryWatchError, SourceUnavailable
from deliverywatch.messages import context as documents
from deliverywatch.sms import assess, counts, expect, plan, scheduled
from deliverywatch.sms.assessments.balances import Balances, Unread
from deliverywatch.sms.assessments.delivery import Measured
from deliverywatch.sms.hours import Hours
from deliverywatch.sms.lake import day_objects as days
from deliverywatch.sms.lake import slots
from deliverywatch.sms.lake.incomplete import IncompleteStore
from deliverywatch.sms.lake.rebuild import rebuilt
from deliverywatch.sms.lake.recent_hours import RecentHours
from deliverywatch.sms.lake.watermark import WATERMARK, Watermark, advance_watermark, read_watermark
from deliverywatch.sms.mail_context import context
from deliverywatch.sms.mail_context.recent_statistics import NAMES, RecentStatistics
from deliverywatch.sms.measure_delivery import measure_delivery
from deliverywatch.sms.ports import Summary
from deliverywatch.sms.watch_credit import watch_credit
from deliverywatch.storage.records import update_record, whole_document
from deliverywatch.storage.store import Change

if TYPE_CHECKING:
    from deliverywatch.messages.verdict import Assessment
    from deliverywatch.sms.assess import Evidence
    from deliverywatch.sms.expect import ExpectedVolumes
    from deliverywatch.sms.plan import Plan, Range
    from deliverywatch.sms.ports import Ports, Settings, Source
    from deliverywatch.storage.store import Store

log = logging.getLogger(__name__)

# What a run keeps for itself to write and to end: reading ends before, so that a failure can still be reported.
RESERVE_SECONDS = 20.0
# A range that is begun with less left would be lost.
_LEAST_SECONDS = RESERVE_SECONDS + 10
# The most that reading the balance takes: ten seconds to connect, and ten for the answer.
_CREDIT_SECONDS = 20


def run(
    now: datetime,
    settings: Settings,
    ports: Ports,
    *,
    token: str,
    clock: datetime | None = None,
    by_hand: Plan | None = None,
) -> Summary:
    """Do a run on schedule, or another plan.

    Args:
        now: When the run was due; aware.
        settings: Of the stack.
        ports: Everything outside of the run.
        token: Different for each run.
        clock: The current time, if the run may be late: a watermark of a later run is not one in the future.
        by_hand: A plan of `plan.window` or `plan.backfill` instead; it leaves watermark and context alone.

    Raises:
        DeliveryWatchError: The run failed; what it had finished stays, the rest is still to be read by the next one.
    """
    try:
        chosen = by_hand or _scheduled(now, settings, ports.store, clock)
        return _Run(chosen, settings, ports, token, IncompleteStore(ports.store)).go()
    except Exception as error:
        if by_hand is None:
            _leave_problem(error, now, settings, ports.store)
        raise


def backfill_plan(now: datetime, settings: Settings, store: Store, days: int) -> Plan:
    """Return the plan that fills the lake with days of history, as far as no run on schedule is responsible."""
    watermark = read_watermark(store)
    return plan.backfill(now, watermark.covered_until if watermark else None, settings.slot_minutes, days)


def _scheduled(now: datetime, settings: Settings, store: Store, clock: datetime | None) -> Plan:
    latest = max(now, clock or now)
    watermark = read_watermark(store)
    if watermark is None or watermark.covered_until > latest + timedelta(minutes=settings.slot_minutes):
        watermark = _rebuilt(store, latest) or watermark
    chosen = plan.scheduled(now, watermark, settings.slot_minutes, clock)
    if watermark and chosen.latest and watermark.covered_until > chosen.latest:
        log.warning(
            "The watermark %s lies in the future and is set back to %s: what was sent before the last hour and was "
            "never read has to be read by hand.",
            *map(slots.as_text, (watermark.covered_until, chosen.end)),
        )
    return chosen


def _rebuilt(store: Store, now: datetime) -> Watermark | None:
    """Return the watermark that the lake proves, stored: none before the first run."""
    watermark = rebuilt(store, now)
    if watermark is not None:
        advance_watermark(store, watermark, latest=now)
        sentence = f"{WATERMARK} was lost, damaged or in the future; the lake proves {watermark.as_body().decode()}"
        check = "'deliverywatch reconcile --dry-run' says whether CloudWatch lacks anything."
        log.warning("%s", json.dumps({"event": "sms_watermark_rebuilt", "problem": sentence, "next_step": check}))
    return watermark


@dataclass(slots=True)
class _Run:
    plan: Plan
    settings: Settings
    ports: Ports
    token: str
    incomplete: IncompleteStore
    summary: Summary = field(default_factory=Summary)
    reread: list[Range] = field(default_factory=list)
    source: Source = field(init=False)
    volumes: ExpectedVolumes | None = None

    def go(self) -> Summary:
        self.summary.first_run = self.plan.is_first
        self.source = self.ports.connect()
        if self.plan.covered_from is not None:
            self.volumes = expect.load(self.ports.store, self.settings, self.plan.covered_from)
        hours = Hours(
            self.plan,
            self.settings,
            self.ports,
            self.source,
            self.token,
            self.summary,
            self.incomplete,
            volumes=self.volumes,
        )
        try:
            for part in self.plan.ranges:
                self._check_time_left(part)
                hours.cover(part)
                self._advance(part.end)
        finally:
            if self.plan.covered_until is None and self.summary.written_count:
                expect.forget(self.ports.store, [part.hour for part in self.plan.ranges])
        if self.plan.covered_until is not None:
            self._read_scheduled(hours)
            self._conclude(self.plan.covered_until, is_success=hours.malformed is None)
        self._settle(hours)
        if self.summary.unreadable_count:
            log.warning("%d rows have no usable message_id or date and are not kept", self.summary.unreadable_count)
        # A run by hand has somebody who reads its numbers, and a back-fill would begin with the same hour for ever.
        if hours.malformed and self.plan.covered_until is not None:
            raise hours.malformed
        return self.summary

    def _read_scheduled(self, hours: Hours) -> None:
        """Read again where messages were created that have become due since; what fails is read by the next run."""
        for hour in slots.steps(self.plan.ranges[0].hour, self.plan.end, 60):
            try:
                for part in self._created(hour):
                    self._check_time_left(part)
                    hours.cover(part)
            except Exception as error:
                reason = _reason(error)
                log.warning("What was scheduled for the hour of %s was not read: %s", slots.as_text(hour), reason)

    def _created(self, hour: datetime) -> list[Range]:
        """Return where messages of an hour were created that may have changed, unless this run has read it."""
        rows = RecentHours(self.ports.store, self._begin_anew).rows(hour, scheduled.NAMES)
        parts = scheduled.created_ranges(rows, self.plan.end, (*self.plan.ranges, *self.reread))
        self.reread.extend(parts)
        return parts

    def _settle(self, hours: Hours) -> None:
        """Read again what may have changed, oldest first: those hours are soon out of reach. One failure stops none."""
        failures: dict[str, Exception] = {}
        for part in self.plan.settling:
            try:
                self._settle_one(part, hours)
            except Exception as error:
                failures[slots.as_text(part.hour)] = error
        self.summary.unsettled_count = len(failures)
        if failures:
            reasons = {hour: _reason(error) for hour, error in failures.items()}
            log.warning("%s", json.dumps({"event": "sms_settle_failed", "hours": reasons}))
        if failures and not self.summary.settling_count:
            raise next(iter(failures.values()))

    def _settle_one(self, part: Range, hours: Hours) -> None:
        # An hour more, because the clocks of two functions may differ.
        is_due = days.is_due(slots.day_of(part.hour), self.plan.now + slots.HOUR)
        is_incomplete = self.incomplete.present.is_due(part.start, part.end)
        if not is_incomplete and not days.unsettled_count(self.ports.store, part.hour, may_be_compacted=is_due):
            return
        if self.ports.seconds_left() < _LEAST_SECONDS:
            self.summary.postponed_count += 1
            return
        self.reread.append(part)
        for one in (part, *self._created(part.hour)):
            hours.cover(one, is_sweep=True)
        self.summary.settling_count += 1

    def _advance(self, covered_until: datetime) -> None:
        """Keep what is done of a long way: after an outage the next run need not begin anew."""
        covered_from = self.plan.covered_from
        if covered_from is not None and covered_from < covered_until < self.plan.end:
            self._mark(covered_until)

    def _mark(self, covered_until: datetime) -> None:
        watermark = Watermark(covered_until, self.plan.counted_from)
        advance_watermark(self.ports.store, watermark, latest=self.plan.latest)

    def _conclude(self, covered_until: datetime, *, is_success: bool) -> None:
        self._mark(covered_until)
        hours = RecentHours(self.ports.store, self._begin_anew)
        statistics, measured = self._recent_statistics(hours), Measured()
        # An event that comes late, or twice, must not set back what the mails say.
        if covered_until == self.plan.end:
            self._recount(statistics)
            measured = measure_delivery(hours, self.ports.store, self.plan.now, self.settings)
            self._report(statistics, hours, measured)
        if is_success:
            delay = statistics.delays.summed().document()
            self.ports.emit([counts.run_datapoint(self.plan.now, measured.points, {"delay": delay} if delay else {})])
        if self.volumes is not None and covered_until == self.plan.end:
            expect.keep(self.ports.store, self.volumes, self.plan.end, self.ports.seconds_left)

    def _begin_anew(self, hour: datetime) -> None:
        """Set a damaged hour aside; the sweep reads it again."""
        days.begin_anew(self.ports.store, hour, self.token, self.plan.covered_from or self.plan.now)

    def _report(self, statistics: RecentStatistics, hours: RecentHours, measured: Measured) -> None:
        """Leave what the mails say and what the data prove, then notify of what changed."""
        now, store = self.plan.now, self.ports.store
        stored = store.read(context.KEY)
        before = stored.body if stored else None
        published = context.published_of(before)
        evidence = assess.Evidence(
            now=now,
            end=self.plan.end,
            settings=self.settings,
            hours=hours,
            statistics=statistics,
            measured=measured,
            previous=documents.from_json(before).assessments,
            volumes=self.volumes,
            store=store,
            balances=self._balances(),
        )
        assessments = assess.assess(evidence)
        self._write(evidence, assessments, published)
        done = assess.publish(assessments, published, now, self.ports.notify)
        if done != published:
            self._write(evidence, assessments, done)

    def _balances(self) -> Balances | None:
        has_time = self.ports.seconds_left() >= _LEAST_SECONDS + _CREDIT_SECONDS
        try:
            return watch_credit(self.source.credit, self.ports.store, self.plan.now, has_time=has_time)
        except DeliveryWatchError as error:  # no balance is no reason to lose the run
            log.warning("the balances are out of reach: %s", error)
            return Balances(unread=Unread(str(error), self.plan.now))

    def _write(
        self, evidence: Evidence, assessments: Mapping[str, Assessment], published: Mapping[str, Assessment]
    ) -> None:
        now, minutes = self.plan.now, self.settings.slot_minutes
        facts = context.facts_of(self.plan.rebuilt_at, now, self.incomplete.present.sentence(now))

        def document(before: bytes | None) -> Change[None]:
            seen = (evidence.statistics, now, self.plan.end, minutes)
            known = (before, evidence.measured, self.plan.counted_from)
            body = context.document(*seen, assessments, published, facts, *known)
            return Change(body, None)

        update_record(self.ports.store, context.KEY, whole_document, document)

    def _recount(self, statistics: RecentStatistics) -> None:
        if self.volumes is not None:
            newest = {slots.from_milliseconds(slot): outcomes.total() for slot, outcomes in statistics.slots.items()}
            self.volumes.recount(newest, self._oldest_hour(), self.plan.end)

    def _oldest_hour(self) -> datetime:
        return slots.hour_of(self.plan.end - timedelta(hours=context.HOURS))

    def _recent_statistics(self, hours: RecentHours) -> RecentStatistics:
        settings, end = self.settings, self.plan.end
        statistics = RecentStatistics(
            self.plan.now,
            end,
            settings.slot_minutes,
            count_recipient_faults=settings.count_recipient_faults,
            window_minutes=settings.failures.window_minutes,
        )
        for hour in slots.steps(self._oldest_hour(), end, 60):
            statistics.add(hours.rows(hour, NAMES))
        return statistics

    def _check_time_left(self, part: Range) -> None:
        if self.ports.seconds_left() < _LEAST_SECONDS:
            raise SourceUnavailable(
                f"There was more to read than one run has time for: it got up to {slots.as_text(part.start)}.",
                kind="behind",
                next_step="Nothing to do now: each run goes on where the one before stopped, until all is read.",
            )


def _reason(error: Exception) -> str:
    """The text of an unforeseen error may hold anything, also people's numbers: only its name is logged."""
    return f"{error} {error.next_step}" if isinstance(error, DeliveryWatchError) else type(error).__name__


def _leave_problem(error: Exception, now: datetime, settings: Settings, store: Store) -> None:
    try:

        def document(before: bytes | None) -> Change[None]:
            return Change(context.with_problem(before, error, now, settings.slot_minutes), None)

        update_record(store, context.KEY, whole_document, document)
    except Exception as second:  # it must not hide the first error, which is raised on
        log.warning("the problem could not be noted in %s: %s", context.KEY, type(second).__name__)

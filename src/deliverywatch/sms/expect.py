"""The volumes of four weeks -> what is to be expected of each new slot, and the record of them brought up to date.

A run knows what it counted; the newest hours are taken from what it reads anyway, and what the record lacks is counted
in the lake, some days a run: that a record is lost or damaged costs an hour or two of the watch for silence, no more.
Whatever goes wrong here leaves the counting of messages alone.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.sms.assessments import silence
from deliverywatch.sms.assessments.usual_volume import Forecast
from deliverywatch.sms.counts import is_counted
from deliverywatch.sms.lake import day_objects, volumes
from deliverywatch.sms.lake.slots import (
    DAY_OBJECT,
    HOUR,
    day_of,
    floor,
    folder_of,
    from_milliseconds,
    hour_of,
    key_of,
    steps,
)
from deliverywatch.sms.lake.volumes import STEP_MINUTES, Volumes, volumes_of
from deliverywatch.storage.records import update_record
from deliverywatch.storage.store import Change
from deliverywatch.thresholds import SILENCE_WEEKS, VOLUME_DAYS_A_RUN, VOLUME_LEAST_SECONDS

if TYPE_CHECKING:
    from deliverywatch.messages.verdict import Assessment
    from deliverywatch.sms.assessments.silence import SilenceLimits
    from deliverywatch.sms.counts import SlotCounts
    from deliverywatch.sms.ports import Settings
    from deliverywatch.storage.store import Store

log = logging.getLogger(__name__)

SecondsLeft = Callable[[], float]

# A day more than the weeks, as local days begin elsewhere.
_KEPT = timedelta(days=7 * SILENCE_WEEKS + 1)
_NAMES = ("sent_at", "outcome")
# The record is at most so old; what is older is counted by the day.
_NEWEST = timedelta(hours=3)


@dataclass(slots=True)
class ExpectedVolumes:
    """What a run knows of volumes.

    Attributes:
        loaded: The record as it was.
        volumes: The record with what the run counts.
    """

    loaded: Volumes
    volumes: Volumes
    forecast: Forecast
    slot_minutes: int
    limits: SilenceLimits

    def count(self, changed: Mapping[datetime, SlotCounts], new_slots: Iterable[datetime]) -> None:
        """Take in by how much the totals of slots change; slots that no run has covered yet are counted from now on."""
        for slot in new_slots:
            self.volumes.counts.setdefault(floor(slot, STEP_MINUTES), 0)
            self.forecast.add(slot, 0)
        for slot, slot_counts in changed.items():
            step = floor(slot, STEP_MINUTES)
            if step in self.volumes.counts:
                self.volumes.counts[step] += slot_counts.total
                self.forecast.add(step, slot_counts.total)

    def recount(self, newest: Mapping[datetime, int], start: datetime, end: datetime) -> None:
        """Take in what the lake has of the newest slots, from the begin of an hour to the end of a slot."""
        totals: Counter[datetime] = Counter()
        for slot, count in newest.items():
            totals[floor(slot, STEP_MINUTES)] += count
        for step in steps(start, end, STEP_MINUTES):
            self.forecast.add(step, totals[step] - self.volumes.counts.get(step, 0))
            self.volumes.counts[step] = totals[step]

    def expected(self, slot: datetime) -> float | None:
        """Return the value of the metric `Expected` of a slot; None for no value."""
        return silence.expected(self.forecast.at(slot), self.slot_minutes, self.limits)

    def assess(self, now: datetime, end: datetime) -> Assessment:
        """Return what the last 30 minutes before the end of the newest slot say."""
        newest = floor(end, STEP_MINUTES) - timedelta(minutes=STEP_MINUTES)
        return silence.assess(self.forecast.at(newest), now, self.limits)


def load(store: Store, settings: Settings, covered_until: datetime) -> ExpectedVolumes | None:
    """Return what was sent until now, until when runs have covered it; None if the watch is off or S3 out of reach."""
    if settings.silence is None:
        return None
    try:
        loaded = volumes.read_volumes(store)
        record = replace(loaded, counts=dict(loaded.counts))
        _catch_up(store, record, covered_until)
    except DeliveryWatchError as error:
        log.warning("%s cannot be read, so silence is not judged by this run: %s", volumes.KEY, error)
        return None
    forecast = Forecast(settings.zone)
    for step, count in record.counts.items():
        forecast.add(step, count)
    return ExpectedVolumes(loaded, record, forecast, settings.slot_minutes, settings.silence)


def keep(store: Store, expected: ExpectedVolumes, end: datetime, seconds_left: SecondsLeft) -> None:
    """Bring the record up to date until the end of the newest slot; a failure is logged, not raised.

    It is written once an hour: a write costs twelve times as much as a reading, and the newest hours are read anyway.
    """
    try:
        is_new = not expected.loaded.counts
        if not _count_missing(store, expected.volumes, end, seconds_left) and not is_new and end != hour_of(end):
            return
        update_record(store, volumes.KEY, volumes_of, partial(_merged, expected, day_of(end) - _KEPT))
    except DeliveryWatchError as error:
        log.warning("%s is not up to date: %s", volumes.KEY, error)


def forget(store: Store, hours: Iterable[datetime]) -> None:
    """Drop the days of hours that were read by hand, so that the next run on schedule counts them in the lake."""
    days = {day_of(hour) for hour in hours}

    def without(present: Volumes | None) -> Change[None]:
        is_clean = present is None or (present.since is None and not any(day in present.counts for day in days))
        return Change(None if present is None or is_clean else present.without(days).as_body(), None)

    try:
        update_record(store, volumes.KEY, volumes_of, without)
    except DeliveryWatchError as error:
        log.warning("%s may lack what was read just now: %s", volumes.KEY, error)


def _merged(expected: ExpectedVolumes, oldest: datetime, present: Volumes | None) -> Change[None]:
    """Return the present record with what this run counted: somebody may have dropped days of it meanwhile."""
    present, mine = present or Volumes(), expected.volumes
    counted = {step: count for step, count in mine.counts.items() if expected.loaded.counts.get(step) != count}
    since = present.since or (mine.since if expected.loaded.since is None else None)
    counts = {step: count for step, count in (present.counts | counted).items() if step >= oldest}
    merged = Volumes(counts, since, present.others)
    return Change(None if merged == present else merged.as_body(), None)


def _catch_up(store: Store, record: Volumes, covered_until: datetime) -> None:
    """Count in the lake what runs have read since the record was written."""
    since = max(record.counts, default=covered_until) + timedelta(minutes=STEP_MINUTES)
    if not timedelta(0) < covered_until - since <= _NEWEST:
        return
    totals: Counter[datetime] = Counter()
    for hour in steps(hour_of(since), covered_until, 60):
        if stored := store.read(key_of(hour)):
            totals.update(_totals(key_of(hour), stored.body))
    record.counts |= {step: totals[step] for step in steps(since, covered_until, STEP_MINUTES)}


def _count_missing(store: Store, record: Volumes, end: datetime, seconds_left: SecondsLeft) -> bool:
    """Count in the lake what the record lacks, the newest days first; returns whether there was something."""
    if record.since is None:
        record.since = _first_hour(store, end)
    since = max(record.since, day_of(end) - _KEPT)
    missing = {day_of(step) for step in steps(since, end, STEP_MINUTES) if step not in record.counts}
    for day in sorted(missing, reverse=True)[:VOLUME_DAYS_A_RUN]:
        if seconds_left() < VOLUME_LEAST_SECONDS:
            break
        _count_day(store, record, max(day, since), min(day + day_objects.DAY, end))
    return bool(missing)


def _count_day(store: Store, record: Volumes, start: datetime, end: datetime) -> None:
    totals: Counter[datetime] = Counter()
    for key, body in day_objects.bodies(store, folder_of(start)):
        totals.update(_totals(key, body))
    record.counts |= {step: totals[step] for step in steps(start, end, STEP_MINUTES)}


def _totals(key: str, body: bytes) -> Counter[datetime]:
    from deliverywatch.sms.lake import merge  # brings pyarrow

    totals: Counter[datetime] = Counter()
    with day_objects.readable(key):
        for sent_at, outcome in merge.rows(body, _NAMES):
            totals[floor(from_milliseconds(sent_at), STEP_MINUTES)] += is_counted(outcome)
    return totals


def _first_hour(store: Store, end: datetime) -> datetime:
    """Return from when on the lake holds messages."""
    key = next(iter(day_objects.counting(store.keys("sms/"))), None)
    if key is None:
        return hour_of(end)
    name = key.rpartition("/")[2]
    return day_objects.day_of_key(key) + (0 if name == DAY_OBJECT else int(name[:2])) * HOUR

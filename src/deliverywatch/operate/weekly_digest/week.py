"""A stack's alarms, metrics, records and rules over a week -> what the digest reports, whatever the systems.

No system is known here. An alarm that compares `failed` with `total` shows what was sent and what failed, and its
threshold is the budget; where a system counts itself, its context document does. An alarm over `runs` shows how often
the system looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from deliverywatch.alerting.incidents import incident_store
from deliverywatch.alerting.incidents.incident import from_json
from deliverywatch.messages import context
from deliverywatch.operate.account.readings import Readings
from deliverywatch.operate.doctor import findings
from deliverywatch.operate.incidents import mails as outbox
from deliverywatch.operate.incidents import mutes
from deliverywatch.operate.incidents.readable_lake import ReadableLake
from deliverywatch.operate.incidents.records import context_of, last_incidents
from deliverywatch.operate.incidents.watch_verdicts import watch_verdicts

if TYPE_CHECKING:
    from deliverywatch.alerting.aws import CloudWatch
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.alerting.incidents.severity import Watch
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.messages.verdict import Verdict
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.cost.estimate import Estimate
    from deliverywatch.operate.doctor.findings import Findings
    from deliverywatch.operate.incidents.aws_incidents import Alarms
    from deliverywatch.operate.incidents.mutes import Mute, Rules
    from deliverywatch.operate.incidents.watch_verdicts import WatchVerdict
    from deliverywatch.storage.store import Store

_RUNS = "runs"
_LENGTH = timedelta(days=7)
# What may be unknown, beside what one alarm counts: the last two prove nothing of the week.
STACK, WATCHES, ALARMS, LAKE, MUTES, COST = "stack", "watches", "alarms", "lake", "mutes", "cost"


@dataclass(frozen=True, slots=True)
class Tally:
    """What one system sent in the week; at most `budget_percent` of it may fail before somebody is mailed."""

    noun: str
    total: int
    failed: int
    budget_percent: float

    @property
    def failed_percent(self) -> float:
        """The failed share."""
        return 100 * self.failed / self.total if self.total else 0.0

    @property
    def budget_count(self) -> float:
        """How many may fail."""
        return self.total * self.budget_percent / 100


@dataclass(frozen=True, slots=True)
class Runs:
    """How often one system looked, and how often it should have; None where its slots are not known."""

    system: str
    done: int
    expected: int | None

    @property
    def missing(self) -> int:
        """Runs that were not done."""
        return max(0, (self.expected or 0) - self.done)


@dataclass(frozen=True, slots=True)
class Week:
    """What happened in a week.

    Attributes:
        watches: What can be said of each watch at its end.
        checks: What the nightly checks found; None where they never ran.
        has_checks: Whether they are to run at all.
        unknown: By part, such as `mutes`, why it could not be read; what the week says of it is then not all.
        estimate: What a month costs at its volume.
    """

    start: datetime
    end: datetime
    tallies: tuple[Tally, ...]
    runs: tuple[Runs, ...]
    incidents: tuple[Incident, ...]
    mails: tuple[Record, ...]
    mutes: tuple[Mute, ...]
    estimate: Estimate | None = None
    watches: tuple[WatchVerdict, ...] = ()
    checks: Findings | None = None
    has_checks: bool = False
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_partly_seen(self) -> bool:
        """Whether something could not be read that may have been an incident, or the watching itself."""
        return bool(self.unknown.keys() - {MUTES, COST})

    @property
    def missing_runs(self) -> int:
        """Runs of all systems that were not done."""
        return sum(run.missing for run in self.runs)

    @property
    def open(self) -> tuple[Incident, ...]:
        """Incidents that are still going on."""
        return tuple(incident for incident in self.incidents if incident.is_open)

    @property
    def unchecked(self) -> bool:
        """Whether the nightly checks were to run and did not."""
        return self.has_checks and (self.checks is None or self.checks.is_late(self.end))

    def watches_that_are(self, verdict: Verdict) -> tuple[WatchVerdict, ...]:
        """Return the watches of which that can be said."""
        return tuple(one for one in self.watches if one.verdict is verdict)

    @property
    def unsent(self) -> int:
        """Mails that were claimed and not sent."""
        return sum(mail.sent_at is None for mail in self.mails)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a week is read from."""

    store: Store
    alarms: Alarms
    metrics: CloudWatch
    rules: Rules


def start_of(end: datetime, made_at: datetime | None) -> datetime:
    """Return when the week begins that ends then: not before the stack was made, or its missing runs are none."""
    return made_at if made_at and end - _LENGTH < made_at < end else end - _LENGTH


def collect(
    sources: Sources,
    topic: str,
    prefix: str,
    end: datetime,
    find: Callable[[], Deployment],
    declared: Callable[[], Sequence[Watch]] = tuple,
) -> Week:
    """Return what happened in the seven days before `end`, or since the stack was made.

    `find` returns the stack, `declared` the watches of its template. Each reading stands alone: one that fails is
    `unknown`.
    """
    readings, lake = Readings(), ReadableLake(sources.store)
    sources = replace(sources, store=lake)
    stack = readings.read(STACK, find, None)
    start = start_of(end, stack.made_at if stack else None)
    alarms = readings.read(ALARMS, lambda: sources.alarms.calling(topic), [])
    of_stack = readings.read(ALARMS, lambda: sources.alarms.of_prefix(f"{prefix}-"), None)
    watched = readings.read(WATCHES, declared, ())
    week = Week(
        start=start,
        end=end,
        tallies=(
            *_of_alarms(readings, "Sent", _ratios(alarms), lambda ratio: _tally(sources, ratio, prefix, start, end)),
            *_counted(sources, alarms, watched),
        ),
        runs=_of_alarms(readings, "Runs", _over_runs(alarms), lambda alarm: _runs(sources, alarm, prefix, start, end)),
        incidents=tuple(_incidents(lake, start)),
        mails=tuple(outbox.mails(lake, start, end)),
        mutes=readings.read(MUTES, lambda: _mutes(sources.rules, prefix, start, end), ()),
        watches=tuple(_watches(lake, of_stack, watched, end)),
        checks=findings.read(lake),
        has_checks=stack is not None and stack.parameters.get("NightlyDoctor") == "true",
    )
    refused = {LAKE: " ".join(lake.sentences())} if lake.refused else {}
    return replace(week, unknown={**readings.unknown, **refused})


Counted = TypeVar("Counted")


def _of_alarms(
    readings: Readings, what: str, alarms: Iterable[Alarm], count: Callable[[Alarm], Counted]
) -> tuple[Counted, ...]:
    """Return what is counted of each alarm, but of those whose counts cannot be read."""
    counted = [readings.read(f"{what} of {alarm.name}", partial(count, alarm), None) for alarm in alarms]
    return tuple(one for one in counted if one is not None)


def _over_runs(alarms: Iterable[Alarm]) -> list[Alarm]:
    return [alarm for alarm in alarms if any(one["Id"] == _RUNS and "MetricStat" in one for one in alarm.queries)]


def _watches(
    store: Store, alarms: Iterable[Alarm] | None, declared: Sequence[Watch], end: datetime
) -> list[WatchVerdict]:
    by_name = None if alarms is None else {alarm.name: alarm for alarm in alarms}
    stored = {key: store.read(key) for key in {watch.context for watch in declared if watch.context}}
    contexts = {key: context.from_json(record.body) for key, record in stored.items() if record}
    return watch_verdicts(declared, by_name, contexts, end)


def _ratios(alarms: Iterable[Alarm]) -> list[Alarm]:
    """Of the alarms over the same two metrics the one that calls first."""
    first: dict[str, Alarm] = {}
    for alarm in alarms:
        if alarm.is_ratio and alarm.threshold is not None:
            metrics = str([query["MetricStat"]["Metric"] for query in alarm.queries if "MetricStat" in query])
            lowest = first.get(metrics)
            if lowest is None or alarm.threshold < (lowest.threshold or 0):
                first[metrics] = alarm
    return list(first.values())


def _tally(sources: Sources, alarm: Alarm, prefix: str, start: datetime, end: datetime) -> Tally:
    sums = sources.metrics.sums(alarm, start, end)
    noun = context_of(sources.store, _system(alarm, prefix)).noun
    return Tally(noun, round(sums.get("total", 0)), round(sums.get("failed", 0)), alarm.threshold or 0.0)


def _counted(sources: Sources, alarms: Iterable[Alarm], declared: Sequence[Watch]) -> list[Tally]:
    """Return what systems counted themselves, in the last seven days, whose watches' alarms have no counts."""
    limits = {alarm.name: alarm.threshold for alarm in alarms if alarm.threshold is not None}
    tallies = []
    for watch in declared:
        stored = sources.store.read(watch.context) if watch.context else None
        known = context.from_json(stored.body if stored else None)
        if watch.name in known.failure_watches:
            budget = min((limits[name] for name in watch.alarms if name in limits), default=0.0)
            tallies += [Tally(sent.name, sent.total, sent.failed, budget) for sent in known.week]
    return tallies


def _runs(sources: Sources, alarm: Alarm, prefix: str, start: datetime, end: datetime) -> Runs:
    system = _system(alarm, prefix)
    minutes = context_of(sources.store, system).slot_minutes
    expected = int((end - start).total_seconds() // (60 * minutes)) if minutes else None
    return Runs(system, round(sources.metrics.sums(alarm, start, end).get(_RUNS, 0)), expected)


def _system(alarm: Alarm, prefix: str) -> str:
    return alarm.name.removeprefix(f"{prefix}-").partition("-")[0]


def _incidents(store: Store, start: datetime) -> list[Incident]:
    """Those that were open at any time since the start, the oldest first."""
    last = last_incidents(store)
    keys = [key for one in last for key in incident_store.earlier_keys(store, one.watch)]
    # A key ends with the day on which the incident opened.
    read = [store.read(key) for key in keys if key.rpartition("/")[2][:10] >= f"{start:%Y-%m-%d}"]
    before = [from_json(stored.body) for stored in read if stored]
    incidents = [one for one in [*last, *before] if one and (one.is_open or one.changed_at >= start)]
    return sorted(incidents, key=lambda one: one.opened_at)


def _mutes(rules: Rules, prefix: str, start: datetime, end: datetime) -> tuple[Mute, ...]:
    made = mutes.of_stack(rules, prefix, ("ACTIVE", "SCHEDULED", "EXPIRED"))
    return tuple(one for one in made if one.start is None or (one.start < end and (one.end or end) > start))

"""States and newest values of a watch's alarms, and its assessment -> its level; never from one message alone.

A watch is one question ("are SMS failing?") that several alarms answer: a severity level each for warning and critical.
So an outage of 40 % is mailed once, as CRITICAL, even if the warning's message arrives first.

A level rises on evidence of failure and falls on evidence of health; without evidence it is held. Evidence of health
is a fresh assessment of an assessed watch, and CloudWatch's own OK for any other, where a recovery alarm may say when
it is really over: a rate that hovers at a threshold does not open and resolve all day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import count, key_part, mapping, objects, text
from deliverywatch.messages.verdict import Assessment, Verdict


@dataclass(frozen=True, slots=True)
class Severity:
    """One severity level: while `alarm` is in ALARM the watch is at least at `level`; `recovery` keeps it there.

    An alarm that is new has `warm_up` to get its first data.
    """

    alarm: str
    level: Level
    recovery: str = ""
    warm_up: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Watch:
    """One question with its alarms.

    Attributes:
        name: Also the name of the incident's folder in the lake.
        title: Its name in mails.
        context: The key of its system's context document in the lake; empty for none.
        is_assessed: Whether that document holds an assessment of it, so that its incidents end on that evidence alone.
    """

    name: str
    title: str
    severities: tuple[Severity, ...] = ()
    context: str = ""
    is_assessed: bool = False

    @property
    def alarms(self) -> tuple[str, ...]:
        """The names of all alarms, worst level first."""
        names = [name for severity in self.by_severity for name in (severity.alarm, severity.recovery)]
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def by_severity(self) -> list[Severity]:
        """The severities, worst first."""
        return sorted(self.severities, key=lambda severity: -severity.level.rank)


@dataclass(frozen=True, slots=True)
class Reading:
    """The state and values of one alarm now.

    Attributes:
        state: None if it is unknown.
        value: The newest value of its expression, if there is one.
        exceeds: Whether that value alone is over the threshold.
        counts: The newest values of the expression's metrics, by their ids.
        is_measured: Whether its newest value was read; there may still be none.
        is_without_data: Whether its state was set although no datapoint was received.
    """

    state: State | None
    value: float | None = None
    exceeds: bool = False
    counts: Mapping[str, float] | None = None
    is_measured: bool = False
    is_without_data: bool = False

    @property
    def is_raised(self) -> bool:
        """Whether this alarm is raised now."""
        return self.state is State.ALARM or self.exceeds

    @property
    def is_unknown(self) -> bool:
        """Whether this alarm can neither open nor resolve anything."""
        return not self.exceeds and (
            self.state in (None, State.INSUFFICIENT_DATA) or (self.state is State.OK and self.is_without_data)
        )

    @property
    def is_kept(self) -> bool:
        """Whether it only keeps its state ALARM, as missing data are ignored: there is no datapoint now."""
        return self.state is State.ALARM and self.is_measured and self.value is None


@dataclass(frozen=True, slots=True)
class Open:
    """What an open incident says about the level that is to be held.

    Attributes:
        level: `ok` without an open incident.
        raised: The alarms that were raised during it. Only these keep it open when their state is unknown: losing
            sight of an alarm must never read as resolved, but one that was never raised has no say.
        unseen: The alarms that were missing during it; each holds the level until there is evidence again.
    """

    level: Level = Level.OK
    raised: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()


CLOSED = Open()


def level_of(
    watch: Watch,
    readings: Mapping[str, Reading],
    incident: Open = CLOSED,
    *,
    missing: Iterable[str] = (),
    assessment: Assessment | None = None,
) -> Level:
    """Return the level that the watch has now.

    Args:
        watch: Its severity levels.
        readings: By alarm name.
        incident: The open incident.
        missing: Alarms of the watch that CloudWatch does not have; they hold the level.
        assessment: What the system's data say about the watch; None if that is unknown or stale.
    """
    judged = assessment if watch.is_assessed and is_evidence(assessment) else None
    raised = [
        severity.level
        for severity in watch.severities
        if (reading := readings.get(severity.alarm)) and reading.is_raised and not (judged and reading.is_kept)
    ]
    opens = [assessment.opens] if watch.is_assessed and assessment else []
    level = _worst([Level.OK, *raised, *opens, *_held(watch, readings, incident, frozenset(missing), judged)])
    return _limited(level, incident.level, judged)


def has_evidence(watch: Watch, readings: Mapping[str, Reading], assessment: Assessment | None) -> bool:
    """Return whether something that is seen now proves failure or health, so that a level is not only held.

    The state ALARM is no such proof for an assessed watch, whose alarms keep their state while there are no data.
    """
    if watch.is_assessed:
        return is_evidence(assessment) or any(reading.exceeds for reading in readings.values())
    return any(reading.is_raised for reading in readings.values())


def is_evidence(assessment: Assessment | None) -> bool:
    """Return whether an assessment proves failure or health."""
    return assessment is not None and assessment.verdict in (Verdict.HEALTHY, Verdict.FAILING)


def raised_alarms(watch: Watch, readings: Mapping[str, Reading]) -> frozenset[str]:
    """Return the names of the alarms that are raised now, without recovery alarms."""
    return frozenset(
        severity.alarm
        for severity in watch.severities
        if severity.alarm in readings and readings[severity.alarm].is_raised
    )


def _held(
    watch: Watch,
    readings: Mapping[str, Reading],
    incident: Open,
    missing: frozenset[str],
    judged: Assessment | None,
) -> list[Level]:
    """Return the levels below which an open incident may not step."""
    # An alarm that is back says nothing before it has data, but the system's own data do.
    unseen = [name for name in incident.unseen if name not in readings or (readings[name].is_unknown and not judged)]
    if missing or unseen:
        return [incident.level]
    if any(reading.state is None for reading in readings.values()):
        return [incident.level]  # CloudWatch cannot be read
    if watch.is_assessed:
        holds = judged.holds if judged else incident.level
        return [min(holds, incident.level, key=lambda level: level.rank)]
    return [
        severity.level
        for severity in watch.severities
        if severity.level.rank <= incident.level.rank and _is_held(severity, readings, incident.raised)
    ]


def _is_held(severity: Severity, readings: Mapping[str, Reading], was_raised: frozenset[str]) -> bool:
    own = [readings[name] for name in (severity.alarm, severity.recovery) if name in readings]
    # An alarm whose state becomes unknown still holds the level that it raised.
    return any(severity.alarm in was_raised if reading.is_unknown else reading.is_raised for reading in own)


def _limited(level: Level, before: Level, judged: Assessment | None) -> Level:
    """Return the level, kept from rising above the limit that the system's data set; one that is above it stays."""
    limit = judged.at_most if judged else None
    if limit is None or level.rank <= max(limit.rank, before.rank):
        return level
    return _worst([limit, before])


def _worst(levels: Iterable[Level]) -> Level:
    # Blind weighs as much as warning, but failure that is seen comes before it.
    return max(levels, key=lambda level: (level.rank, level is not Level.BLIND))


def watches(document: object, prefix: str) -> tuple[Watch, ...]:
    """Return the watches of the `watches.json` that `cfn/build.py` writes, with the stack's prefix on their alarms."""
    items = mapping(document).get("watches")
    if not isinstance(items, list):
        raise InputError("The watches file holds no list `watches`.", next_step="Run `python cfn/build.py` again.")
    return tuple(_watch(item, prefix) for item in objects(items))


def watch_named(name: str, title: str, declared: Iterable[Watch]) -> Watch:
    """Return the watch that a system notice names: a declared one, or one without alarms but maybe with a context."""
    from deliverywatch.messages.context import key_of  # only a notice pays for its types

    named = (watch for watch in declared if watch.name == name)
    return next(named, Watch(name, title, context=key_of(name)))


def watch_of(alarm: str, declared: Iterable[Watch]) -> Watch:
    """Return the watch that an alarm belongs to; an undeclared alarm is a watch of its own with a single level."""
    for watch in declared:
        if alarm in watch.alarms:
            return watch
    return Watch(name=key_part(f"alarm.{alarm}"), title=text(alarm, 60), severities=(Severity(alarm, Level.ALARM),))


def _watch(item: Mapping[str, Any], prefix: str) -> Watch:
    try:
        severities = tuple(_severity(level, prefix) for level in item["rungs"])
        return Watch(
            name=item["name"],
            title=item["title"],
            severities=severities,
            context=item.get("context", ""),
            is_assessed=item.get("assessed") is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"A watch of the watches file cannot be read: {error!r}.") from error


def _severity(item: Mapping[str, Any], prefix: str) -> Severity:
    recovery = item.get("recovery")
    warm_up = timedelta(minutes=count(item.get("warm_up_minutes")))
    return Severity(
        f"{prefix}-{item['alarm']}", Level(item["level"]), f"{prefix}-{recovery}" if recovery else "", warm_up
    )

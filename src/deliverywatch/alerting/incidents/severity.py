"""States and newest values of a watch's alarms -> its level. The level is computed, never taken from one message.

A watch is one question ("are SMS failing?") that several alarms answer: a severity level each for warning and critical,
and a recovery alarm per level that says when it is really over. So an outage of 40 % is mailed once, as CRITICAL, even
if the warning's message arrives first; and a rate that hovers at a threshold does not open and resolve all day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import key_part, mapping, objects, text


@dataclass(frozen=True, slots=True)
class Severity:
    """One severity level: while `alarm` is in ALARM the watch is at least at `level`; `recovery` keeps it there."""

    alarm: str
    level: Level
    recovery: str = ""


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
    """

    state: State | None
    value: float | None = None
    exceeds: bool = False
    counts: Mapping[str, float] | None = None

    @property
    def is_raised(self) -> bool:
        """Whether this alarm is raised now."""
        return self.state is State.ALARM or self.exceeds

    @property
    def is_unknown(self) -> bool:
        """Whether this alarm can neither open nor resolve anything."""
        return self.state in (None, State.INSUFFICIENT_DATA) and not self.exceeds


def level_of(watch: Watch, readings: Mapping[str, Reading], open_level: Level, raised: Iterable[str] = ()) -> Level:
    """Return the level that the watch has now.

    Args:
        watch: Its severity levels.
        readings: By alarm name; an alarm without a reading does not exist and counts for nothing.
        open_level: The level of the open incident, `ok` without one.
        raised: The alarms that were raised during the open incident. Only these keep it open when their state is
            unknown: losing sight of an alarm must never read as resolved, but one that was never raised has no say.
    """
    was_raised = frozenset(raised)
    raised_now = [severity.level for severity in watch.severities if _is_raised(readings.get(severity.alarm))]
    held = [
        severity.level
        for severity in watch.severities
        if severity.level.rank <= open_level.rank and _is_held(severity, readings, was_raised)
    ]
    return max([Level.OK, *raised_now, *held], key=lambda level: level.rank)


def raised_alarms(watch: Watch, readings: Mapping[str, Reading]) -> frozenset[str]:
    """Return the names of the alarms that are raised now, without recovery alarms."""
    return frozenset(severity.alarm for severity in watch.severities if _is_raised(readings.get(severity.alarm)))


def _is_raised(reading: Reading | None) -> bool:
    return reading is not None and reading.is_raised


def _is_held(severity: Severity, readings: Mapping[str, Reading], was_raised: frozenset[str]) -> bool:
    own = [readings[name] for name in (severity.alarm, severity.recovery) if name in readings]
    # An alarm whose state becomes unknown still holds the level that it raised.
    return any(severity.alarm in was_raised if reading.is_unknown else reading.is_raised for reading in own)


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
    return Severity(f"{prefix}-{item['alarm']}", Level(item["level"]), f"{prefix}-{recovery}" if recovery else "")

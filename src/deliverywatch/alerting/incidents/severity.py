"""States and newest values of a watch's alarms -> its level. The level is computed, never taken from one message.

A watch is one human question ("are SMS failing?") that several alarms answer: one rung each for warning and critical,
and a recovery alarm per rung that tells when it is truly over. So an outage of 40 % is mailed once, as CRITICAL, though
the warning's message arrives first; and a rate that hovers at a threshold does not open and resolve all day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.errors import InputError
from deliverywatch.messages.context import key_of
from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import key_part, mapping, objects, text


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder: while `alarm` is in ALARM the watch is at least at `level`; `recovery` keeps it there."""

    alarm: str
    level: Level
    recovery: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """One question with its alarms.

    Attributes:
        name: Names the incident's folder in the lake.
        title: What the mails call it.
        context: The key of the context document that its system leaves in the lake; empty for none.
    """

    name: str
    title: str
    rungs: tuple[Rung, ...] = ()
    context: str = ""

    @property
    def alarms(self) -> tuple[str, ...]:
        """The names of all alarms of the ladder, the worst rung first."""
        names = [name for rung in self.by_severity for name in (rung.alarm, rung.recovery)]
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def by_severity(self) -> list[Rung]:
        """The rungs, the worst first."""
        return sorted(self.rungs, key=lambda rung: -rung.level.rank)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of one alarm now.

    Attributes:
        state: None means that nobody could say.
        value: The newest value of its expression, if there is one.
        exceeds: Whether that value alone is over the threshold.
        counts: The newest values of the metrics behind the expression, by their ids.
    """

    state: State | None
    value: float | None = None
    exceeds: bool = False
    counts: Mapping[str, float] | None = None

    @property
    def is_raised(self) -> bool:
        """Whether this alarm calls now."""
        return self.state is State.ALARM or self.exceeds

    @property
    def is_unknown(self) -> bool:
        """Whether this alarm can neither open nor resolve anything."""
        return self.state in (None, State.INSUFFICIENT_DATA) and not self.exceeds


def level(watch: Watch, readings: Mapping[str, Reading], open_level: Level, raised: Iterable[str] = ()) -> Level:
    """Return the level that the watch has now.

    Args:
        watch: The ladder.
        readings: By alarm name; an alarm that is not among them does not exist and counts for nothing.
        open_level: The level of the open incident, `ok` without one.
        raised: The alarms that called during the open incident. Only these keep it open when their state is unknown:
            losing sight of an alarm must never read as resolved, and an alarm that never called has no say in it.
    """
    called = frozenset(raised)
    calling = [rung.level for rung in watch.rungs if _is_raised(readings.get(rung.alarm))]
    held = [
        rung.level for rung in watch.rungs if rung.level.rank <= open_level.rank and _is_held(rung, readings, called)
    ]
    return max([Level.OK, *calling, *held], key=lambda one: one.rank)


def raised_alarms(watch: Watch, readings: Mapping[str, Reading]) -> frozenset[str]:
    """Return the names of the rungs' alarms that call now."""
    return frozenset(rung.alarm for rung in watch.rungs if _is_raised(readings.get(rung.alarm)))


def _is_raised(reading: Reading | None) -> bool:
    return reading is not None and reading.is_raised


def _is_held(rung: Rung, readings: Mapping[str, Reading], called: frozenset[str]) -> bool:
    asked = [readings[name] for name in (rung.alarm, rung.recovery) if name in readings]
    return any(
        # Nothing that is unknown lets go of what it called for.
        rung.alarm in called if reading.is_unknown else reading.is_raised
        for reading in asked
    )


def watches(document: object, prefix: str) -> tuple[Watch, ...]:
    """Return the watches of `watches.json`, their alarms named in full.

    Args:
        document: The decoded file that `cfn/build.py` writes.
        prefix: The stack's prefix, such as `deliverywatch-prod`.

    Raises:
        InputError: The document is not a list of watches.
    """
    found = mapping(document).get("watches")
    if not isinstance(found, list):
        raise InputError("The watches file holds no list `watches`.", next_step="Run `python cfn/build.py` again.")
    return tuple(_watch(item, prefix) for item in objects(found))


def own_watch(name: str, title: str, known: Iterable[Watch]) -> Watch:
    """Return the watch that a system notice names: a declared one, or one without alarms.

    Its system may leave a context under the watch's name, as `state/<watch>.json`.
    """
    declared = (watch for watch in known if watch.name == name)
    return next(declared, Watch(name, title, context=key_of(name)))


def watch_of(alarm: str, known: Iterable[Watch]) -> Watch:
    """Return the watch that an alarm belongs to; one nobody declared is a watch of its own with a single rung."""
    for watch in known:
        if alarm in watch.alarms:
            return watch
    return Watch(name=key_part(f"alarm.{alarm}"), title=text(alarm, 60), rungs=(Rung(alarm, Level.ALARM),))


def _watch(item: Mapping[str, Any], prefix: str) -> Watch:
    try:
        rungs = tuple(_rung(rung, prefix) for rung in item["rungs"])
        return Watch(name=item["name"], title=item["title"], rungs=rungs, context=item.get("context", ""))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"A watch of the watches file cannot be read: {error!r}.") from error


def _rung(item: Mapping[str, Any], prefix: str) -> Rung:
    recovery = item.get("recovery")
    return Rung(f"{prefix}-{item['alarm']}", Level(item["level"]), f"{prefix}-{recovery}" if recovery else "")

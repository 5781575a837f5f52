"""A file of cases for alarms -> the cases: series in compact notation, expected states, expected mails.

    [[case]]
    name = "Half of everything fails"
    interval = "10m"
    series = { Total = "100x6", Failed = "0x2 50x3" }
    states = [{ at = "31m", alarm = "sms-warning", state = "ALARM" }]
    mails = [
        { at = "31m", event = "OPENED", level = "warning" },
        { at = "41m", event = "ESCALATED", level = "critical" },
    ]

The file is TOML (toml.io). A series holds one value per interval (one minute, unless the case or the file says
otherwise), the first at the start; times such as "35m", "1h30m" or "10s" count from there. A state is looked at after
the evaluation of its moment. `mails` lists all that go out, in order, and may leave out anything of a mail but one
word. With `delay` each value is visible to alarms so much later than the time it stands for. With
`units = { Load = "Percent" }` the values of a series have a unit, and alarms that name another do not see them.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cwalarm.definitions import scalars
from cwalarm.definitions.alarm import State
from cwalarm.errors import InputError
from cwalarm.unit_tests import notation

START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?")
_SHARED_KEYS = {"interval", "start", "delay"}
_FILE_KEYS = _SHARED_KEYS | {"parameters", "case"}
_CASE_KEYS = _SHARED_KEYS | {"name", "created", "until", "parameters", "series", "units", "states", "mails"}
_MAIL_KEYS = {"at", "watch", "event", "level"}


@dataclass(frozen=True, slots=True)
class ExpectedState:
    """The state that an alarm must have; `alarm` is its name, or how its name ends."""

    at: timedelta
    alarm: str
    state: State


@dataclass(frozen=True, slots=True)
class ExpectedMail:
    """A mail that must go out; what is None may be anything."""

    at: timedelta | None = None
    watch: str | None = None
    event: str | None = None
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        start: The time of the first value of every series.
        series: By the metric's name, or namespace/name: its line in compact notation. Where several metrics have the
            name, values of dimensions distinguish them: `Errors{my-function}`, `Errors{my-load-balancer,my-group}`. Of
            several that have them it is the one that has no other.
        delay: From the time that a value stands for until alarms see it.
        created: When the alarms were created, after the start; None for long before, so that none warms up.
        until: How far to replay at least; else to the last value or expectation.
        mails: All that go out, in order; None where nothing is said of mails.
        units: The unit that a series is published with, such as `Percent`; without one all its values count.
    """

    name: str
    start: datetime
    interval: timedelta
    series: Mapping[str, str]
    states: tuple[ExpectedState, ...] = ()
    mails: tuple[ExpectedMail, ...] | None = None
    delay: timedelta = timedelta()
    created: timedelta | None = None
    until: timedelta = timedelta()
    parameters: tuple[tuple[str, str], ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)


def parse(text: str, name: str = "The file") -> list[Case]:
    """Return the cases of a file, in its order; messages call the file by `name`.

    Raises:
        InputError: The file is not TOML, holds no cases, or one of them cannot be read; the message names it.
    """
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        raise InputError(f"{name} is not TOML: {error}.", next_step="Correct the line and run again.") from error
    entries = document.get("case")
    unknown = sorted(document.keys() - _FILE_KEYS)
    if unknown or not isinstance(entries, list) or not entries:
        problem = f"{unknown[0]!r} means nothing here" if unknown else "it holds no [[case]]"
        raise InputError(
            f"{name} cannot be used: {problem}.", next_step=f"At its top there may be: {', '.join(sorted(_FILE_KEYS))}."
        )
    return [_case(entry, document, name, number) for number, entry in enumerate(entries, 1)]


def _case(entry: Mapping[str, Any], document: Mapping[str, Any], file: str, number: int) -> Case:
    title = f'case "{entry["name"]}"' if isinstance(entry, dict) and entry.get("name") else f"case {number}"
    try:
        return _read({**{key: document[key] for key in _SHARED_KEYS if key in document}, **entry}, document)
    except KeyError as error:
        problem = f"it lacks {error}"
    except (ValueError, TypeError, AttributeError, InputError) as error:
        problem = str(error).removesuffix(".")
    raise InputError(f"{file}, {title}: {problem}.", next_step="Correct the case and run the command again.")


def _read(entry: Mapping[str, Any], document: Mapping[str, Any]) -> Case:
    _require(entry.keys(), _CASE_KEYS)
    parameters = {**document.get("parameters", {}), **entry.get("parameters", {})}
    mails = entry.get("mails")
    return Case(
        name=str(entry["name"]),
        start=_start(entry.get("start", START)),
        interval=_interval(entry.get("interval", "1m")),
        series={name: _line(name, line) for name, line in entry["series"].items()},
        states=tuple(_state(state) for state in entry.get("states", ())),
        mails=None if mails is None else tuple(_mail(mail) for mail in mails),
        delay=duration(entry.get("delay", "0m")),
        created=duration(entry["created"]) if "created" in entry else None,
        until=duration(entry.get("until", "0m")),
        parameters=tuple((name, str(scalars.of_value(value))) for name, value in parameters.items()),
        units={_fed(name, entry["series"]): str(unit) for name, unit in entry.get("units", {}).items()},
    )


def duration(text: object) -> timedelta:
    """Return a duration such as `35m`, `1h30m`, `2d` or `10s`; raise InputError for any other text."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise InputError(f"{text!r} is not a time such as 35m, 1h30m, 2d or 10s")
    days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _line(name: str, line: object) -> str:
    try:
        notation.values(str(line))
    except InputError as error:
        raise InputError(f"series {name}: {error}") from error
    return str(line)


def _fed(name: str, series: Mapping[str, object]) -> str:
    if name not in series:
        raise InputError(f"units name {name}, of which there is no series")
    return name


def _interval(text: object) -> timedelta:
    interval = duration(text)
    if not interval:
        raise InputError("an interval is at least 1s")
    return interval


def _start(moment: object) -> datetime:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise InputError(f"start {moment} is not a time with its zone, such as 2026-11-21T12:00:00Z")
    if not 1971 <= moment.year < 9000:
        raise InputError(f"start {moment} is not between 1971 and 9000")
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _state(entry: Mapping[str, Any]) -> ExpectedState:
    _require(entry.keys(), {"at", "alarm", "state"})
    if entry["state"] not in list(State):
        raise InputError(f"{entry['state']!r} is not a state; use {', '.join(State)}")
    return ExpectedState(duration(entry["at"]), str(entry["alarm"]), State(entry["state"]))


def _mail(entry: Mapping[str, Any]) -> ExpectedMail:
    _require(entry.keys(), _MAIL_KEYS)
    if not entry:
        raise InputError("a mail says at least one of at, watch, event and level")
    words = {key: str(value) for key, value in entry.items() if key != "at"}
    return ExpectedMail(at=duration(entry["at"]) if "at" in entry else None, **words)


def _require(keys: Iterable[str], allowed: set[str]) -> None:
    for key in keys:
        if key not in allowed:
            raise InputError(f"{key!r} means nothing here; known are {', '.join(sorted(allowed))}")

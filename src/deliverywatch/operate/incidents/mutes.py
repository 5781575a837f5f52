"""A length of time and a reason -> a mute rule of CloudWatch over the alarms of a stack; and those there are.

CloudWatch itself holds the actions back and makes up for them at the end: docs.aws.amazon.com/AmazonCloudWatch/latest/
monitoring/alarm-mute-rules.html. The rule begins at the next full minute, because `at(...)` knows no seconds. The alarm
`mail-failed` is never among them: it acts on the fallback topic, and says that mails are lost.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from cwalarm.schedules import mute_rules, zones
from deliverywatch.errors import CloudUnavailable, InputError

# Of CloudWatch: alarms per rule, characters of a description, and how long a window may be.
ALARMS_PER_RULE = 100
REASON_LIMIT = 1024
LONGEST = timedelta(days=15)
# CloudWatch's word for a rule whose last window is over.
ENDED = "EXPIRED"
ALL = ("ACTIVE", "SCHEDULED", ENDED)
# A day before the calendar ends, so that it is a time in every zone.
_LAST = datetime(9999, 12, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mute:
    """One mute rule.

    Attributes:
        status: CloudWatch's word: `SCHEDULED`, `ACTIVE` or `EXPIRED`.
        start: When its window begins; None for a rule that comes again and again.
        is_ours: Whether `deliverywatch mute` made it, for this stack.
    """

    name: str
    reason: str
    status: str
    alarms: tuple[str, ...]
    start: datetime | None
    duration: str
    is_ours: bool

    @property
    def end(self) -> datetime | None:
        """When its window ends; None for a rule that comes again and again, which may never."""
        length = _length(self.duration)
        if self.start is None or length is None:
            return None
        return self.start + length if length <= _LAST - self.start else _LAST


class Rules(Protocol):
    """CloudWatch's mute rules. Every method raises CloudRefused or CloudUnavailable."""

    def names(self, statuses: Sequence[str]) -> list[str]:
        """Return the names of the rules of the account in one of these states."""

    def describe(self, name: str) -> Mapping[str, Any] | None:
        """Return a rule as GetAlarmMuteRule has it, or None if it is gone."""

    def put(self, request: Mapping[str, Any]) -> None:
        """Make a rule, as PutAlarmMuteRule."""

    def delete(self, name: str) -> None:
        """Delete a rule: alarms in ALARM act at once."""


def plan(
    prefix: str, alarms: Sequence[str], length: timedelta, reason: str, now: datetime, *, stem: str = ""
) -> list[dict[str, Any]]:
    """Return the requests that mute alarms from the next full minute on.

    The rules' names begin with `stem`; without one, they are like no others.
    """
    if not timedelta(minutes=1) <= length <= LONGEST:
        raise InputError(
            "A mute lasts from 1 minute to 15 days.", next_step="Name a length such as 30m, 2h or 1d, and mute again."
        )
    if not alarms:
        raise InputError("There is no alarm to mute.", next_step="'deliverywatch status' shows the stack's alarms.")
    start = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    groups = [list(alarms[first : first + ALARMS_PER_RULE]) for first in range(0, len(alarms), ALARMS_PER_RULE)]
    # To the microsecond: a rule of the same name would replace the one before without a word.
    stem = stem or f"{prefix}-mute-{now.astimezone(UTC):%Y%m%d-%H%M%S-%f}"
    return [_request(f"{stem}-{number}", group, length, reason, start)
            for number, group in enumerate(groups, 1)]  # fmt: skip


def _request(name: str, alarms: list[str], length: timedelta, reason: str, start: datetime) -> dict[str, Any]:
    schedule = {"Expression": f"at({start:%Y-%m-%dT%H:%M})", "Duration": spelled(length), "Timezone": "UTC"}
    return {
        "Name": name,
        "Description": reason[:REASON_LIMIT],
        "Rule": {"Schedule": schedule},
        "MuteTargets": {"AlarmNames": alarms},
    }


def spelled(length: timedelta) -> str:
    """Return a length of whole minutes as ISO 8601 has it: P1DT2H30M."""
    minutes = int(length.total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    clock = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (rest, "M")) if number)
    return f"P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"


def of_stack(rules: Rules, prefix: str, statuses: Sequence[str] = ("ACTIVE", "SCHEDULED")) -> list[Mute]:
    """Return the rules that mute an alarm of the stack, those that end first coming first."""
    described = [rules.describe(name) for name in rules.names(statuses)]
    mutes = [_read(rule, prefix) for rule in described if rule]
    ours = [mute for mute in mutes if any(name.startswith(f"{prefix}-") for name in mute.alarms)]
    return sorted(ours, key=lambda mute: (mute.end or _LAST, mute.name))


def _read(rule: Mapping[str, Any], prefix: str) -> Mute:
    try:
        return _mute(rule, prefix)
    except (KeyError, TypeError, AttributeError) as error:
        raise CloudUnavailable(f"AWS's answer about a mute rule could not be read ({error}).") from error


def _mute(rule: Mapping[str, Any], prefix: str) -> Mute:
    schedule = rule["Rule"]["Schedule"]
    return Mute(
        name=rule["Name"],
        reason=rule.get("Description", ""),
        status=rule["Status"],
        alarms=tuple((rule.get("MuteTargets") or {}).get("AlarmNames") or ()),
        start=_start(schedule),
        duration=schedule["Duration"],
        is_ours=rule["Name"].startswith(f"{prefix}-mute-"),
    )


def _start(schedule: Mapping[str, Any]) -> datetime | None:
    """Return when a rule's one window begins; None for one that comes again, and for what only CloudWatch reads."""
    try:
        once = mute_rules.parse(schedule["Expression"])
        zone = zones.zone(schedule.get("Timezone") or "UTC")
        return once.replace(tzinfo=zone).astimezone(UTC) if isinstance(once, datetime) else None
    except (InputError, OverflowError):
        return None


def _length(duration: str) -> timedelta | None:
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", duration)
    if match is None:
        return None
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)

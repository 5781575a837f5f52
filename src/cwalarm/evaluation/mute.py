"""Alarm mute rules: when actions are muted, and which of them are made up for when a mute window ends.

Follows "Alarm mute rules" of the CloudWatch user guide and AWS::CloudWatch::AlarmMuteRule.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from cwalarm.definitions import members
from cwalarm.definitions.alarm import State
from cwalarm.definitions.readings import read, require_all
from cwalarm.definitions.template import Resolver
from cwalarm.errors import InputError
from cwalarm.evaluation.windows import zone_of
from cwalarm.schedules import mute_rules

_DURATION = re.compile(r"P(?:(\d{1,2})D)?(?:T(?:(\d{1,3})H)?(?:(\d{1,5})M)?)?", re.ASCII)
_LONGEST = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class MuteRule:
    """When the actions of some alarms are muted; `start` and `end` bound the rule as a whole."""

    name: str
    alarms: tuple[str, ...]
    schedule: mute_rules.Schedule
    duration: timedelta
    zone: tzinfo = UTC
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in which actions are muted; the end is not part of it."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Action:
    """Actions that run for a state; `is_replay` if they were muted before (`ActionExecutedAfterMuteWindow`)."""

    time: datetime
    state: State
    is_replay: bool = False


def from_template(
    template: Mapping[str, Any], parameters: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> list[MuteRule]:
    """Read every mute rule out of a CloudFormation template but those whose name or logical id fits `without`."""
    resolver = Resolver(template, parameters or {})
    readings = read(resolver, {"AWS::CloudWatch::AlarmMuteRule": from_description}, without, "Name")
    require_all(readings.refused)
    return readings.definitions


def from_description(description: Mapping[str, Any]) -> MuteRule:
    """Read one mute rule in the form of CloudFormation and PutAlarmMuteRule, or raise InputError."""
    name = str(description.get("Name", "(unnamed)"))
    with members.reading("Mute rule", name, "rule"):
        schedule = members.mapping(members.mapping(description, "Rule"), "Schedule")
        zone = zone_of(members.optional_text(schedule, "Timezone") or "UTC")
        return MuteRule(
            name=name,
            alarms=members.texts(members.mapping(description, "MuteTargets"), "AlarmNames"),
            schedule=mute_rules.parse(members.text(schedule, "Expression")),
            duration=duration_of(members.text(schedule, "Duration")),
            zone=zone,
            start=_bound(members.optional_text(description, "StartDate"), zone),
            end=_bound(members.optional_text(description, "ExpireDate"), zone),
        )


def assumptions(rules: Iterable[MuteRule]) -> list[str]:
    """Return what to know of the schedules of rules, each with the rule's name."""
    return [f"{rule.name}: {sentence}" for rule in rules for sentence in mute_rules.notices(rule.schedule)]


def duration_of(text: str) -> timedelta:
    """Return an ISO 8601 duration from PT1M to P15D; raise InputError for any other text."""
    match = _DURATION.fullmatch(text)
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    duration = timedelta(days=days, hours=hours, minutes=minutes)
    if not timedelta(minutes=1) <= duration <= _LONGEST:
        raise InputError(f"{text!r} is not a duration from PT1M to P15D.", next_step="Write it like PT4H or P2DT12H.")
    return duration


def windows(rule: MuteRule, begin: datetime, end: datetime) -> list[Window]:
    """Return the windows of a rule that touch a span of time, oldest first."""
    whole = (
        Window(start, start + rule.duration)
        for start in mute_rules.starts(rule.schedule, rule.zone, begin - rule.duration, end)
    )
    cut = (
        Window(max(window.start, rule.start or window.start), min(window.end, rule.end or window.end))
        for window in whole
    )
    return [window for window in cut if window.start < window.end and window.end > begin]


def joined(spans: Iterable[Window]) -> list[Window]:
    """Return windows that overlap or touch as one, oldest first."""
    windows: list[Window] = []
    for span in sorted(spans, key=lambda window: window.start):
        if windows and span.start <= windows[-1].end:
            windows[-1] = Window(windows[-1].start, max(windows[-1].end, span.end))
        else:
            windows.append(span)
    return windows


def muted(changes: Sequence[Action], spans: Sequence[Window]) -> list[Action]:
    """Return the actions that run: those outside every window, and after each window one for the state of then.

    The changes are in order of time.
    """
    windows = joined(spans)
    starts = [window.start for window in windows]
    actions: list[Action] = []
    newest: dict[Window, Action] = {}
    for change in changes:
        place = bisect_right(starts, change.time) - 1
        if place >= 0 and change.time < windows[place].end:
            newest[windows[place]] = change
        else:
            actions.append(change)
    actions.extend(Action(window.end, change.state, is_replay=True) for window, change in newest.items())
    return sorted(actions, key=lambda action: (action.time, not action.is_replay))


def _bound(value: str | None, zone: tzinfo) -> datetime | None:
    if not value:
        return None
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)

"""The deployed EventBridge schedules -> the events they send at a simulated time.

MiniStack fires schedules by the machine's clock, takes every expression and reads it as UTC, sends context attributes
unreplaced, and lists the first hundred without a token for more.
Format: docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html and managing-schedule-context-attributes.html
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cwalarm.schedules import eventbridge, zones
from deliverywatch.errors import InputError
from deliverywatch.local.cloud.emulator import access, hooks
from deliverywatch.local.cloud.emulator.emulator import ACCOUNT, REGION

# A rate counts from when its schedule was made, which the demo would not want to depend on: here, from midnight.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
_LONGEST_DESCRIPTION = 512
_TICK = timedelta(microseconds=1)
_parse = lru_cache(256)(eventbridge.parse)


@dataclass(frozen=True, slots=True)
class Firing:
    """One target that is to be invoked now: the schedule's name, the target's ARN and the event.

    Without a role that trusts the schedule's group it cannot be: the event then goes to the queue of dead letters, if
    the schedule has one.
    """

    schedule: str
    target: str
    event: Any
    may_start: bool = True
    dead_letters: str = ""


def install(placed: hooks.Hooks) -> None:
    """Let MiniStack start nothing by itself, refuse what Scheduler refuses, and let lists have pages."""
    for name in ("services.eventbridge", "services.scheduler"):
        placed.replace(name, "start_scheduler", lambda _: lambda: None)
    placed.replace("services.scheduler", "_list_schedules", _in_pages)
    for name in ("_create_schedule", "_update_schedule"):
        placed.replace("services.scheduler", name, _checked)


def refusal(schedule: Mapping[str, Any]) -> str:
    """Return why Scheduler refuses a schedule, in its words; empty if it takes it, or may take it."""
    expression, zone = schedule.get("ScheduleExpression", ""), schedule.get("ScheduleExpressionTimezone") or "UTC"
    try:
        eventbridge.parse(expression)
    except InputError:
        return f"Invalid Schedule Expression {expression}."
    if len(schedule.get("Description") or "") > _LONGEST_DESCRIPTION:
        limit = f"Member must have length less than or equal to {_LONGEST_DESCRIPTION}"
        return f"1 validation error detected: Value at 'description' failed to satisfy constraint: {limit}"
    return "" if zone in zones.names() else f"Invalid Schedule Expression Timezone {zone}."


def _checked(original: Callable[..., Any]) -> Callable[..., Any]:
    def put(name: str, schedule: Mapping[str, Any]) -> Any:
        why = refusal(schedule)
        if why and schedule.get("ScheduleExpression"):
            return hooks.inside("services.scheduler", "_error")(400, "ValidationException", why)
        return original(name, schedule)

    return put


def _in_pages(original: Callable[..., Any]) -> Callable[..., Any]:
    def page(query: Mapping[str, str]) -> Any:
        group = query.get("ScheduleGroup") or "default"
        if group != "default" and group not in hooks.inside("services.scheduler", "_schedule_groups"):
            error = hooks.inside("services.scheduler", "_error")
            return error(404, "ResourceNotFoundException", f"Schedule group {group} does not exist.")
        status, headers, body = original({**query, "MaxResults": "100000"})
        schedules = sorted(json.loads(body)["Schedules"], key=_name)
        first, size = int(query.get("NextToken") or 0), int(query.get("MaxResults") or 100)
        answer: dict[str, Any] = {"Schedules": schedules[first : first + size]}
        if first + size < len(schedules):
            answer["NextToken"] = str(first + size)
        return status, headers, json.dumps(answer).encode()

    return page


def due(minute: datetime) -> list[Firing]:
    """Return what the deployed schedules send at a full minute, in the order of their names."""
    schedules = sorted(hooks.inside("services.scheduler", "_schedules").values(), key=_name)
    return [_firing(schedule, minute) for schedule in schedules if _is_due(schedule, minute)]


def _is_due(schedule: dict[str, Any], minute: datetime) -> bool:
    if schedule["State"] != "ENABLED" or not _within(schedule, minute):
        return False
    zone = schedule.get("ScheduleExpressionTimezone") or "UTC"
    starts = eventbridge.following(_parse(schedule["ScheduleExpression"]), zone, minute - _TICK, _EPOCH)
    return next(starts, _NEVER) < minute + timedelta(minutes=1)


def _name(schedule: dict[str, Any]) -> str:
    return str(schedule["Name"])


def _within(schedule: dict[str, Any], minute: datetime) -> bool:
    start, end = schedule.get("StartDate"), schedule.get("EndDate")
    stamp = minute.timestamp()
    return (start is None or float(start) <= stamp) and (end is None or stamp <= float(end))


def _firing(schedule: dict[str, Any], minute: datetime) -> Firing:
    attributes = {
        "aws.scheduler.scheduled-time": f"{minute:%Y-%m-%dT%H:%M:%SZ}",
        "aws.scheduler.schedule-arn": schedule["Arn"],
        "aws.scheduler.execution-id": f"{schedule['Name']}-{minute:%Y%m%d%H%M}",
        "aws.scheduler.attempt-number": "1",
    }
    text = schedule["Target"].get("Input") or "{}"
    for name, value in attributes.items():
        text = text.replace(f"<{name}>", value)
    target = schedule["Target"]
    group = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/{schedule.get('GroupName') or 'default'}"
    may_start = access.may_take(target["RoleArn"], "scheduler.amazonaws.com", group)
    dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn", "")
    return Firing(schedule["Name"], target["Arn"], json.loads(text), may_start, dead_letters)

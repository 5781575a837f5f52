"""A query, or what GetSchedule answers -> the same full specification of a schedule, so that the two can be compared.

The service fills in defaults for whatever is left out and forgets on update whatever is not repeated; so everything is
always spelled out, in both directions. Format: docs.aws.amazon.com/scheduler/latest/APIReference/API_GetSchedule.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Query

# What Scheduler assumes where nothing is said.
_MAXIMUM_AGE_SECONDS = 86_400
_RETRIES = 185
_NO_COMPLETION = "NONE"


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that a schedule is; its group is the stack's.

    Attributes:
        input: What the target gets, as canonical JSON where it is JSON.
        window_minutes: How far a start may be spread; 0 for the minute itself.
        end: When it stops, in UTC; empty for never; we never set it, nor the next two.
        other: Whatever else the service says of the target, as JSON.
    """

    name: str
    expression: str
    timezone: str
    is_enabled: bool
    description: str
    target_arn: str
    role_arn: str
    input: str
    dead_letter_arn: str
    maximum_age_seconds: int
    retries: int
    window_minutes: int = 0
    after_completion: str = _NO_COMPLETION
    start: str = ""
    end: str = ""
    kms_key_arn: str = ""
    other: str = ""

    @property
    def was_written_enabled(self) -> bool:
        """Whether it was enabled when we last wrote it: a different state now is somebody's hand."""
        return bool(_mapping(self.input).get("state", "ENABLED") == "ENABLED")

    def request(self) -> dict[str, Any]:
        """Return what CreateSchedule and UpdateSchedule take, the group left out."""
        flexible = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": self.window_minutes}
        optional = {"Description": self.description, "KmsKeyArn": self.kms_key_arn}
        return {
            "Name": self.name,
            "ScheduleExpression": self.expression,
            "ScheduleExpressionTimezone": self.timezone,
            "FlexibleTimeWindow": flexible if self.window_minutes else {"Mode": "OFF"},
            "State": "ENABLED" if self.is_enabled else "DISABLED",
            "ActionAfterCompletion": self.after_completion,
            "Target": self._target(),
            **{name: value for name, value in optional.items() if value},
        }

    def _target(self) -> dict[str, Any]:
        policy = {"MaximumEventAgeInSeconds": self.maximum_age_seconds, "MaximumRetryAttempts": self.retries}
        target = {"Arn": self.target_arn, "RoleArn": self.role_arn, "Input": self.input, "RetryPolicy": policy}
        return target | ({"DeadLetterConfig": {"Arn": self.dead_letter_arn}} if self.dead_letter_arn else {})


# Every field but the name, in the order in which differences are listed.
COMPARED = tuple(field.name for field in fields(Schedule) if field.name != "name")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What all our schedules share; starts of one minute may be spread over `window_minutes`."""

    project: str
    executor_arn: str
    role_arn: str
    dead_letter_arn: str = ""
    maximum_age_seconds: int = 3600
    retries: int = 5
    window_minutes: int = 0

    @property
    def prefix(self) -> str:
        """What the names of our schedules begin with; all others are somebody else's."""
        return f"{self.project}-"


def desired(queries: Iterable[Query], wiring: Wiring) -> dict[str, Schedule]:
    """Return by name the schedules that queries want."""
    return {schedule.name: schedule for schedule in (_desired(query, wiring) for query in queries)}


def _desired(query: Query, wiring: Wiring) -> Schedule:
    return Schedule(
        name=f"{wiring.prefix}{query.id}",
        expression=query.expression,
        timezone=query.timezone,
        is_enabled=query.enabled,
        description=query.description,
        target_arn=wiring.executor_arn,
        role_arn=wiring.role_arn,
        input=event(query),
        dead_letter_arn=wiring.dead_letter_arn,
        maximum_age_seconds=wiring.maximum_age_seconds,
        retries=wiring.retries,
        window_minutes=wiring.window_minutes,
    )


def event(query: Query) -> str:
    """Return what the executor gets; Scheduler fills in the time at which the run was due.

    The state that we write is in it, as Scheduler keeps no other memory for us: it distinguishes a schedule that
    was switched off by hand from one that the file had switched off.
    """
    state = "ENABLED" if query.enabled else "DISABLED"
    return _canonical({"query_id": query.id, "scheduled_time": "<aws.scheduler.scheduled-time>", "state": state})


def from_service(answer: Mapping[str, Any]) -> Schedule:
    """Return the schedule of a GetSchedule answer, with the service's defaults for what it leaves out."""
    target = answer.get("Target") or {}
    policy = target.get("RetryPolicy") or {}
    ours = {"Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig"}
    text = target.get("Input") or ""
    content = _mapping(text)
    other = {name: value for name, value in target.items() if name not in ours and value}
    return Schedule(
        name=answer["Name"],
        expression=answer["ScheduleExpression"],
        timezone=answer.get("ScheduleExpressionTimezone") or "UTC",
        is_enabled=answer.get("State", "ENABLED") == "ENABLED",
        description=answer.get("Description") or "",
        target_arn=target.get("Arn", ""),
        role_arn=target.get("RoleArn", ""),
        input=_canonical(content) if content else text,
        dead_letter_arn=(target.get("DeadLetterConfig") or {}).get("Arn", ""),
        maximum_age_seconds=policy.get("MaximumEventAgeInSeconds", _MAXIMUM_AGE_SECONDS),
        retries=policy.get("MaximumRetryAttempts", _RETRIES),
        window_minutes=_window(answer.get("FlexibleTimeWindow") or {}),
        after_completion=answer.get("ActionAfterCompletion") or _NO_COMPLETION,
        start=_utc_text(answer.get("StartDate")),
        end=_utc_text(answer.get("EndDate")),
        kms_key_arn=answer.get("KmsKeyArn") or "",
        other=_canonical(other) if other else "",
    )


def _window(window: Mapping[str, Any]) -> int:
    return int(window.get("MaximumWindowInMinutes") or 0) if window.get("Mode") == "FLEXIBLE" else 0


def _utc_text(value: datetime | None) -> str:
    return value.astimezone(UTC).isoformat() if value else ""


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(", ", ": "))

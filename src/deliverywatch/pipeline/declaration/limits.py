"""What must hold of a run: each limit once, with what it can be, for the validator, the template and the functions."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from deliverywatch import thresholds
from deliverywatch.pipeline.declaration.table import Range, Table

_WEEK_SECONDS = 7 * 86_400

# By the name in the declaration, in whole numbers where CloudWatch or Athena count in them. An alarm may look back over
# seven days (AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html, EvaluationPeriods).
RANGES: Mapping[str, Range] = {
    "duration_seconds": Range(60, _WEEK_SECONDS),
    # A Standard execution lives for a year at most.
    "hung_seconds": Range(60, 366 * 86_400),
    "missed_run_hours": Range(2, _WEEK_SECONDS // 3600),
    "no_success_hours": Range(2, _WEEK_SECONDS // 3600),
    "minimum_records": Range(0, 1_000_000_000),
    "stale_hours": Range(0, 8760, is_whole=False),
    "quality_percent": Range(0, 100, is_whole=False),
    "integrity_percent": Range(0, 100, is_whole=False),
}
# What a declaration counts is said without its unit.
_ATTRIBUTES = {"minimum_records": "minimum_records_count"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What must hold of a run, as the stack's parameters say."""

    duration_seconds: int = thresholds.PIPELINE_DURATION_SECONDS
    hung_seconds: int = thresholds.PIPELINE_HUNG_SECONDS
    missed_run_hours: int = thresholds.PIPELINE_MISSED_RUN_HOURS
    no_success_hours: int = thresholds.PIPELINE_NO_SUCCESS_HOURS
    minimum_records_count: int = thresholds.PIPELINE_MINIMUM_RECORDS_COUNT
    stale_hours: float = thresholds.PIPELINE_STALE_HOURS
    quality_percent: float = thresholds.PIPELINE_QUALITY_PERCENT
    integrity_percent: float = thresholds.PIPELINE_INTEGRITY_PERCENT

    def of(self, name: str) -> float:
        """Return a limit by its name in the declaration."""
        value: float = getattr(self, _ATTRIBUTES.get(name, name))
        return value


def limits_of(table: Table, default: Limits | None = None) -> Limits:
    """Return limits: those that a table holds, the others as they were."""
    base = default or Limits()
    table.check_fields(RANGES)
    read: dict[str, Any] = {
        _ATTRIBUTES.get(name, name): table.number(name, limits, base.of(name)) for name, limits in RANGES.items()
    }
    _follow(read, table, is_declared=default is None)
    return Limits(**{one.name: read[one.name] for one in fields(Limits)})


def _follow(read: dict[str, Any], table: Table, *, is_declared: bool) -> None:
    """Let limits that are not declared follow those they depend on: a run that is slow does not hang as well."""
    slow, missed = read["duration_seconds"], read["missed_run_hours"]
    following = {"hung_seconds": 2 * slow, "no_success_hours": 2 * missed - 1}
    # Parameters of a stack do not follow each other, whatever they are.
    if not is_declared:
        return
    for name, value in following.items():
        if name not in table.body:
            read[name] = min(value, RANGES[name].highest)
    for name, least in {"hung_seconds": "duration_seconds", "no_success_hours": "missed_run_hours"}.items():
        if read[name] < read[least]:
            table.refuse(name, f"is {read[name]}, and can be {read[least]} (its {least}) or more.")

"""Whether the alarms are as they were deployed, may act, and did.

Facts: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference, DescribeAlarms and DescribeAlarmHistory.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deliverywatch.operate.doctor.check import Check, failed, ok, some, warning

_NUMBERS = ("Threshold", "EvaluationPeriods", "DatapointsToAlarm", "Period")
_TEXTS = ("ComparisonOperator", "TreatMissingData", "Statistic")


@dataclass(frozen=True, slots=True)
class FailedAction:
    """An action of an alarm that CloudWatch could not carry out."""

    alarm: str
    at: datetime
    summary: str


@dataclass(frozen=True, slots=True)
class Mute:
    """A rule that holds alarms' actions back now."""

    name: str
    until: datetime | None


def present(alarms: Collection[str], wanted: Collection[str]) -> Check:
    """Return whether every alarm of the template is there."""
    if lost := sorted(set(wanted) - set(alarms)):
        again = f"deliverywatch deploy --revert-drift, which makes {lost[0]} again"
        return failed("alarms", f"{len(lost)} alarms are gone: {some(lost)}.", again)
    return ok("alarms", f"All {len(wanted)} alarms are there.")


def actions(
    alarms: Sequence[Mapping[str, Any]], topics: Collection[str], wanted: Mapping[str, Mapping[str, Any]]
) -> Check:
    """Return whether the alarms, as DescribeAlarms returns them, may act, and on topics (ARNs) that exist.

    `wanted` has the properties in the template by alarm name.
    """
    off = [alarm["AlarmName"] for alarm in alarms if not alarm.get("ActionsEnabled", True)]
    if off:
        names = " ".join(off)
        return failed(
            "alarm-actions",
            f"The actions of {some(off)} are switched off: no mail comes.",
            f"aws cloudwatch enable-alarm-actions --alarm-names {names}",
        )
    if bare := [alarm["AlarmName"] for alarm in alarms if _lacks_action(alarm, wanted.get(alarm["AlarmName"], {}))]:
        finding = f"Actions of {some(bare)} were taken away: no mail comes."
        return failed("alarm-actions", finding, "deliverywatch deploy --revert-drift")
    named = {action for alarm in alarms for action in [*alarm.get("AlarmActions", ()), *alarm.get("OKActions", ())]}
    if lost := sorted(action for action in named if ":sns:" in action and action not in topics):
        return failed("alarm-actions", f"Alarms act on {some(lost)}, which does not exist.", "deliverywatch deploy")
    return ok("alarm-actions", f"The alarms act on {len(named)} topics that exist.")


def _lacks_action(alarm: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return any(_names(wanted.get(kind)) - _names(alarm.get(kind)) for kind in ("AlarmActions", "OKActions"))


def _names(arns: Collection[Any] | None) -> set[str]:
    """Return what ARNs end with; a template does not know the partition of its stack."""
    return {arn.rpartition(":")[2] for arn in arns or () if isinstance(arn, str)}


def history(failures: Sequence[FailedAction], days: int) -> Check:
    """Return whether every action of the last days succeeded."""
    if not failures:
        return ok("alarm-history", f"No action of an alarm failed in {days} days.")
    last = max(failures, key=lambda failure: failure.at)
    return failed(
        "alarm-history",
        f"{len(failures)} actions failed in {days} days, the last on {last.at:%Y-%m-%d %H:%M} UTC: {last.summary}",
        f"aws cloudwatch describe-alarm-history --alarm-name {last.alarm} --history-item-type Action",
    )


def muted(mutes: Sequence[Mute]) -> Check:
    """Return whether somebody has muted alarms."""
    if not mutes:
        return ok("mutes", "Nothing is muted.")
    rules = [f"{mute.name}{f' until {mute.until:%Y-%m-%d %H:%M} UTC' if mute.until else ''}" for mute in mutes]
    return warning(
        "mutes",
        f"Alarms are muted by {some(rules)}.",
        f"deliverywatch unmute {mutes[0].name}, if it should end now",
    )


def drift(
    alarms: Sequence[Mapping[str, Any]],
    wanted: Mapping[str, Mapping[str, Any]],
    parameters: Mapping[str, str],
) -> Check:
    """Return whether somebody has changed an alarm by hand.

    `wanted` has the properties in the template by alarm name, `parameters` the parameter that a threshold comes from.
    """
    drifted = [
        (alarm["AlarmName"], difference)
        for alarm in alarms
        for difference in _differences(alarm, wanted.get(alarm["AlarmName"]))
    ]
    if not drifted:
        return ok("drift", "No alarm was changed by hand.")
    differences = [f"{name}: {field} is {now}, deployed was {then}" for name, (field, now, then) in drifted]
    name, (field, now, _) = drifted[0]
    parameter = parameters.get(name) if field == "Threshold" else None
    keep = f"Keep it: deliverywatch deploy --set {parameter}={now}. " if parameter else ""
    return failed("drift", f"{some(differences)}.", f"{keep}Undo it: deliverywatch deploy --revert-drift")


def _differences(alarm: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    if wanted is None:
        return
    for field in _NUMBERS:
        if field in wanted and alarm.get(field) is not None and float(alarm[field]) != float(wanted[field]):
            yield field, f"{alarm[field]:g}", f"{float(wanted[field]):g}"
    for field in _TEXTS:
        if field in wanted and alarm.get(field) != wanted[field]:
            yield field, str(alarm.get(field)), str(wanted[field])
    now, then = _expressions(alarm), _expressions(wanted)
    if now != then:
        yield "expression", "; ".join(now), "; ".join(then)


def _expressions(alarm: Mapping[str, Any]) -> list[str]:
    return [query["Expression"] for query in alarm.get("Metrics", ()) if "Expression" in query]

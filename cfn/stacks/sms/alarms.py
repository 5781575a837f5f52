"""The alarms of SMS, and the watches that say which of them are rungs of one ladder.

Every ratio ignores missing data: losing sight must never read as "resolved". Stamps are such that each window of 30
minutes holds three whole slots of 10 (see `deliverywatch.thresholds.STAMP_DELAY_SECONDS`).
"""

from __future__ import annotations

from typing import Any

from troposphere import Ref

from blocks.alarms import Metric, Rule, expression_alarm, metric_alarm
from deliverywatch.sms.counts import NAMESPACE
from deliverywatch.thresholds import TRICKLE_WINDOW_SECONDS, WINDOW_SECONDS


def metric(name: str, statistic: str) -> Metric:
    """Return one of the metrics that the ingest function emits."""
    return Metric(NAMESPACE, name, {"Environment": Ref("Environment")}, statistic)


_COUNTS = {"total": metric("Total", "Sum"), "failed": metric("Failed", "Sum")}
_SHARE = "IF(total >= ${MinimumTotal} AND failed >= ${MinimumFailed}, 100 * failed / total, 0)"
_TRICKLE = "IF(failed >= ${MinimumFailed}, 100 * failed / total, 0)"
_GUARD = ", with at least ${MinimumTotal} sent and ${MinimumFailed} failed."
_ALERTS = ["AlertsTopic"]

# name -> (parameter of its threshold, whom it tells when it goes off, its rule in words)
_SHARES = {
    "sms-critical": (
        "CriticalThresholdPercent",
        _ALERTS,
        "Critical: more than ${CriticalThresholdPercent} % of the SMS of the last 30 minutes failed" + _GUARD,
    ),
    "sms-warning": (
        "WarningThresholdPercent",
        _ALERTS,
        "Warning: more than ${WarningThresholdPercent} % of the SMS of the last 30 minutes failed" + _GUARD,
    ),
    "sms-critical-recovery": (
        "CriticalRecoveryPercent",
        [],
        "Keeps an incident critical while more than ${CriticalRecoveryPercent} % of the SMS of 30 minutes fail.",
    ),
    "sms-warning-recovery": (
        "WarningRecoveryPercent",
        [],
        "Keeps an incident open while more than ${WarningRecoveryPercent} % of the SMS of 30 minutes fail.",
    ),
}

WATCHES: list[dict[str, Any]] = [
    {
        "name": "sms-failures",
        "title": "SMS failures",
        "context": "state/sms.json",
        "rungs": [
            {"alarm": "sms-critical", "level": "critical", "recovery": "sms-critical-recovery"},
            {"alarm": "sms-warning", "level": "warning", "recovery": "sms-warning-recovery"},
        ],
    },
    {
        "name": "sms-trickle",
        "title": "SMS failing in a trickle",
        "context": "state/sms.json",
        "rungs": [{"alarm": "sms-trickle", "level": "warning"}],
    },
    {
        "name": "sms-overdue",
        "title": "SMS without an outcome",
        "context": "state/sms.json",
        "rungs": [{"alarm": "sms-overdue", "level": "warning"}],
    },
    {
        "name": "sms-blind",
        "title": "SMS monitoring is blind",
        "context": "state/sms.json",
        "rungs": [{"alarm": "sms-blind", "level": "blind"}, {"alarm": "sms-ingest-errors", "level": "blind"}],
    },
]


def alarms() -> list[Any]:
    """Return all alarms of SMS."""
    shares = [_share(name, *about) for name, about in _SHARES.items()]
    return [*shares, _trickle(), _overdue(), _blind(), _ingest_errors()]


def _share(name: str, parameter: str, on_alarm: list[str], description: str) -> Any:
    rule = Rule(description, Ref(parameter), WINDOW_SECONDS, "ignore", on_alarm, _ALERTS)
    return expression_alarm(name, rule, _SHARE, _COUNTS, "SMS failed (%)")


def _trickle() -> Any:
    description = (
        "More than ${TricklePercent} % of the SMS of the last 6 hours failed, with at least ${MinimumFailed} failed. "
        "It catches what 30 minutes are too short for: quiet hours and small accounts."
    )
    rule = Rule(description, Ref("TricklePercent"), TRICKLE_WINDOW_SECONDS, "ignore", _ALERTS, _ALERTS)
    return expression_alarm("sms-trickle", rule, _TRICKLE, _COUNTS, "SMS failed in 6 hours (%)")


def _overdue() -> Any:
    description = (
        "For 20 minutes, more than ${OverduePercent} % of the SMS sent 15 to 60 minutes before have had no outcome: "
        "ClickSend accepts messages and nothing arrives, which never shows as a failure."
    )
    rule = Rule(description, Ref("OverduePercent"), 600, "ignore", _ALERTS, _ALERTS, (2, 2))
    return metric_alarm("sms-overdue", rule, metric("OverduePercent", "Average"))


def _blind() -> Any:
    rule = Rule(
        "No run read ClickSend's history successfully for 30 minutes: failures would not be seen.",
        1,
        WINDOW_SECONDS,
        # FILL makes silence a 0 at once, where missing data would be waited for (90 minutes). A metric that never was
        # has nothing to fill, and a stack that never saw ClickSend is blind too.
        "breaching",
        _ALERTS,
        _ALERTS,
        comparison="LessThanThreshold",
        # A new stack has no runs behind it: the window and one slot pass before their absence means anything.
        warm_up_minutes=WINDOW_SECONDS // 60 + 10,
    )
    return expression_alarm("sms-blind", rule, "FILL(runs, 0)", {"runs": metric("Runs", "Sum")}, "Successful runs")


def _ingest_errors() -> Any:
    rule = Rule(
        "Runs that read ClickSend's history failed in two of the last three periods of 10 minutes.",
        0,
        600,
        # No run, no error: that is what sms-blind is for.
        "notBreaching",
        _ALERTS,
        _ALERTS,
        (2, 3),
    )
    errors = Metric("AWS/Lambda", "Errors", {"FunctionName": Ref("SmsIngest")}, "Sum")
    return metric_alarm("sms-ingest-errors", rule, errors)

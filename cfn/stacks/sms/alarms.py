"""The watches of SMS and their alarms.

Every ratio ignores missing data: losing sight must never read as "resolved". Stamps are such that each window of 30
minutes holds three whole slots of 10 (see `deliverywatch.thresholds.STAMP_DELAY_SECONDS`).
"""

from blocks.alarms import Alarm, Expression, Metric, Severity, Watch, function_metric, keeps_open
from deliverywatch.sms.counts import NAMESPACE
from deliverywatch.thresholds import TRICKLE_WINDOW_SECONDS, WINDOW_SECONDS

_CONTEXT = "state/sms.json"
_COUNTS = {"total": Metric(NAMESPACE, "Total", "Sum"), "failed": Metric(NAMESPACE, "Failed", "Sum")}
_SHARE = Expression(
    "SMS failed (%)",
    "IF(total >= ${MinimumTotal} AND failed >= ${MinimumFailed}, 100 * failed / total, 0)",
    _COUNTS,
)


def _opens(severity: Severity) -> Alarm:
    parameter, recovery = f"{severity.capitalize()}ThresholdPercent", f"sms-{severity}-recovery"
    words = (
        f"{severity.capitalize()}: more than ${{{parameter}}} % of the SMS of the last 30 minutes failed, with at "
        "least ${MinimumTotal} sent and ${MinimumFailed} failed."
    )
    return Alarm(
        f"sms-{severity}", words, _SHARE, parameter, WINDOW_SECONDS, "ignore", severity=severity, recovery=recovery
    )


def _keeps(severity: Severity, state: str) -> Alarm:
    parameter = f"{severity.capitalize()}RecoveryPercent"
    words = f"Keeps an incident {state} while more than ${{{parameter}}} % of the SMS of 30 minutes fail."
    return keeps_open(f"sms-{severity}-recovery", words, _SHARE, parameter, WINDOW_SECONDS)


_TRICKLE = Alarm(
    "sms-trickle",
    "More than ${TricklePercent} % of the SMS of the last 6 hours failed, with at least ${MinimumFailed} failed. It "
    "catches what 30 minutes are too short for: quiet hours and small accounts.",
    Expression("SMS failed in 6 hours (%)", "IF(failed >= ${MinimumFailed}, 100 * failed / total, 0)", _COUNTS),
    "TricklePercent",
    TRICKLE_WINDOW_SECONDS,
    "ignore",
)
_OVERDUE = Alarm(
    "sms-overdue",
    "For 20 minutes, the share of SMS without an outcome 5 to 20 minutes after they were sent was more than "
    "${OverduePercent} points above this account's usual share: messages are late, long before they fail.",
    Metric(NAMESPACE, "OverduePercent", "Average"),
    "OverduePercent",
    600,
    "ignore",
    (2, 2),
)
_BLIND = Alarm(
    "sms-blind",
    "No run read ClickSend's history successfully for 30 minutes: failures would not be seen.",
    Expression("Successful runs", "FILL(runs, 0)", {"runs": Metric(NAMESPACE, "Runs", "Sum")}),
    1,
    WINDOW_SECONDS,
    # FILL makes silence a 0 at once, where missing data would be waited for (90 minutes). A metric that never was has
    # nothing to fill, and a stack that never saw ClickSend is blind too.
    "breaching",
    comparison="LessThanThreshold",
    # A new stack has no runs behind it: the window and one slot pass before their absence means anything.
    warm_up_minutes=WINDOW_SECONDS // 60 + 10,
    severity="blind",
)
_INGEST_ERRORS = Alarm(
    "sms-ingest-errors",
    "Runs that read ClickSend's history failed in two of the last three periods of 10 minutes.",
    function_metric("Errors", "sms-ingest"),
    period_seconds=600,
    # Without a run there is no datapoint, and the state holds: sms-blind says that nothing runs.
    periods=(2, 3),
    severity="blind",
)
_FAILURES = [_opens("critical"), _opens("warning"), _keeps("critical", "critical"), _keeps("warning", "open")]

WATCHES = [
    Watch("sms-failures", "SMS failures", _FAILURES, _CONTEXT),
    Watch("sms-trickle", "SMS failing in a trickle", [_TRICKLE], _CONTEXT),
    Watch("sms-overdue", "SMS without an outcome", [_OVERDUE], _CONTEXT, is_assessed=True),
    # Without an alarm: the share of unknown outcomes is no metric, which would cost 0.30 USD a month.
    Watch("sms-unknown", "SMS with an unknown status", [], _CONTEXT, is_assessed=True),
    # Without an alarm: the balance is no metric, which would cost 0.30 USD a month.
    Watch("sms-credit", "SMS credit", [], _CONTEXT, is_assessed=True),
    Watch("sms-blind", "SMS monitoring is blind", [_BLIND, _INGEST_ERRORS], _CONTEXT),
]

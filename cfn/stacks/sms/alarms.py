"""The watches of SMS and their alarms.

Every ratio ignores missing data: losing sight must never read as "resolved". Stamps are such that each window of 30
minutes holds three whole slots of 10 (see `deliverywatch.thresholds.STAMP_DELAY_SECONDS`).
"""

from troposphere import FindInMap, Ref

from blocks.alarms import Alarm, Expression, Metric, Severity, Watch, function_metric
from deliverywatch.sms.counts import NAMESPACE
from deliverywatch.thresholds import WINDOW_MINUTES_OFFERED, WINDOW_SECONDS

_CONTEXT = "state/sms.json"
# The condition under which silence is watched.
WATCHES_SILENCE = "WatchesSilence"
_COUNTS = {"total": Metric(NAMESPACE, "Total", "Sum"), "failed": Metric(NAMESPACE, "Failed", "Sum")}
# CloudFormation cannot multiply.
WINDOWS = {"SmsWindows": {str(minutes): {"Seconds": 60 * minutes} for minutes in WINDOW_MINUTES_OFFERED}}
CHOSEN_WINDOW = FindInMap("SmsWindows", Ref("WindowMinutes"), "Seconds")
# Too few messages give no datapoint: 0 % would be good news that nobody has.
_SHARE = Expression(
    "SMS failed (%)",
    "IF(total >= ${MinimumTotal}, IF(failed >= ${MinimumFailed}, 100 * failed / total, 0))",
    _COUNTS,
)


def _opens(severity: Severity) -> Alarm:
    parameter = f"{severity.capitalize()}ThresholdPercent"
    words = (
        f"{severity.capitalize()}: more than ${{{parameter}}} % of the SMS of the last ${{WindowMinutes}} minutes "
        "failed, with at least ${MinimumTotal} sent and ${MinimumFailed} failed."
    )
    return Alarm(f"sms-{severity}", words, _SHARE, parameter, CHOSEN_WINDOW, "ignore", severity=severity)


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
# A warning: it is inferred from what did not happen, and whoever closed early or moved a campaign must not be woken.
_SILENCE = Alarm(
    "sms-silence",
    "In 30 minutes less than ${SilencePercent} % of the SMS were sent that are usual at this time, by the last four "
    "weeks and by today so far. It judges only where at least ${SilenceMinimumExpected} are usual.",
    Expression(
        "SMS sent, of what is usual (%)",
        "IF(expected >= ${SilenceMinimumExpected}, 100 * total / expected)",
        {"total": Metric(NAMESPACE, "Total", "Sum"), "expected": Metric(NAMESPACE, "Expected", "Sum")},
    ),
    "SilencePercent",
    WINDOW_SECONDS,
    comparison="LessThanThreshold",
    accepted={"blind-without-data": "sms-blind says that nothing is published any more."},
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
# What these are too coarse for, such as an outage of a small account, the ingest judges itself, without an alarm.
_FAILURES = [_opens("critical"), _opens("warning")]

WATCHES = [
    Watch("sms-failures", "SMS failures", _FAILURES, _CONTEXT, is_assessed=True),
    Watch("sms-overdue", "SMS without an outcome", [_OVERDUE], _CONTEXT, is_assessed=True),
    # Without an alarm: the share of unknown outcomes is no metric, which would cost 0.30 USD a month.
    Watch("sms-unknown", "SMS with an unknown status", [], _CONTEXT, is_assessed=True),
    # Without an alarm: the balance is no metric, which would cost 0.30 USD a month.
    Watch("sms-credit", "SMS credit", [], _CONTEXT, is_assessed=True),
    Watch("sms-silence", "SMS silence", [_SILENCE], _CONTEXT, is_assessed=True, condition=WATCHES_SILENCE),
    Watch("sms-blind", "SMS monitoring is blind", [_BLIND, _INGEST_ERRORS], _CONTEXT),
]

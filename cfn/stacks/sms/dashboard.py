"""The dashboard of SMS: are the alarms quiet, what share fails, how many are sent, does the watching itself work."""

from typing import Any

from blocks.dashboards import (
    BLUE,
    ENVIRONMENT,
    GREY,
    RED,
    chart,
    dashboard,
    function_line,
    limit,
    line,
    log_chart,
    state_of,
)
from deliverywatch.sms.counts import NAMESPACE
from stacks.sms.alarms import CHOSEN_WINDOW

_SHOWN = (
    "sms-critical",
    "sms-warning",
    "sms-overdue",
    "sms-silence",
    "sms-blind",
    "sms-ingest-errors",
    "mail-failed",
)


def sms_dashboard() -> Any:
    """Return the dashboard."""
    widgets = [state_of("Alarms", _SHOWN, (0, 0, 24, 3)), _share(), _volume(), _overdue(), _runs(), _delay()]
    return dashboard("sms", widgets, {"WindowSeconds": CHOSEN_WINDOW})


def _count(name: str, query_id: str, label: str, **look: Any) -> list[Any]:
    return line(NAMESPACE, name, ENVIRONMENT, id=query_id, label=label, stat="Sum", **look)


def _share() -> dict[str, Any]:
    limits = [limit("critical", "CriticalThresholdPercent", RED), limit("warning", "WarningThresholdPercent")]
    metrics = [
        [{"expression": "100 * failed / total", "id": "share", "label": "failed (%)", "color": BLUE}],
        _count("Failed", "failed", "failed", visible=False),
        _count("Total", "total", "total", visible=False),
    ]
    name = "SMS failed, share of ${WindowMinutes} minutes"
    return chart(name, metrics, (0, 3, 12, 7), "number:${WindowSeconds}", *limits)


def _volume() -> dict[str, Any]:
    metrics = [_count("Total", "total", "sent", color=GREY), _count("Failed", "failed", "failed", color=RED)]
    return chart("SMS per 10 minutes", metrics, (12, 3, 12, 7), 600)


def _overdue() -> dict[str, Any]:
    label = "without an outcome (points above usual)"
    share = line(NAMESPACE, "OverduePercent", ENVIRONMENT, label=label, stat="Average", color=BLUE)
    title = "SMS of 5 to 20 minutes ago without an outcome"
    return chart(title, [share], (0, 10, 12, 6), 600, limit("overdue", "OverduePercent"))


def _delay() -> dict[str, Any]:
    within = ", ".join(f"max(delay.{name}_minutes) as {name}_minutes" for name in ("median", "p95"))
    title = "Minutes until the outcome of SMS is known, half and 95 % of them, up to one slot too many"
    query = f"filter ispresent(delay.count) | stats {within} by bin(10m)"
    return log_chart(title, "sms-ingest", query, (0, 16, 24, 6))


def _runs() -> dict[str, Any]:
    errors = [function_line("Errors", name, f"errors of {name}") for name in ("sms-ingest", "alerting-notify")]
    runs = _count("Runs", "runs", "successful runs", color=BLUE)
    return chart("Runs and errors per 30 minutes", [runs, *errors], (12, 10, 12, 6), 1800)

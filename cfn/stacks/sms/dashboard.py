"""The dashboard of SMS: are the alarms quiet, what share fails, how many are sent, does the watching itself work."""

from __future__ import annotations

from typing import Any

from troposphere import cloudwatch

from blocks.dashboards import body, chart, line, number_of, state_of
from blocks.parts import named
from deliverywatch.sms.counts import NAMESPACE

_ENVIRONMENT = {"Environment": "${Environment}"}
_SHOWN = ("sms-critical", "sms-warning", "sms-trickle", "sms-overdue", "sms-blind", "sms-ingest-errors", "mail-failed")
_RED, _ORANGE, _GREY, _BLUE = "#d13212", "#ff9900", "#879596", "#1f77b4"


def dashboard() -> Any:
    """Return the dashboard; the first three of an account are free, so it is made on condition."""
    return cloudwatch.Dashboard(
        "SmsDashboard",
        Condition="HasDashboard",
        DashboardName=named("sms"),
        DashboardBody=body(
            [
                state_of("Alarms", _SHOWN, (0, 0, 24, 3)),
                _share(),
                _volume(),
                _overdue(),
                _runs(),
            ]
        ),
    )


def _count(name: str, query_id: str, label: str, **look: Any) -> list[Any]:
    return line(NAMESPACE, name, _ENVIRONMENT, id=query_id, label=label, stat="Sum", **look)


def _share() -> dict[str, Any]:
    thresholds = [
        {"label": "critical", "value": number_of("CriticalThresholdPercent"), "color": _RED},
        {"label": "warning", "value": number_of("WarningThresholdPercent"), "color": _ORANGE},
    ]
    metrics = [
        [{"expression": "100 * failed / total", "id": "share", "label": "failed (%)", "color": _BLUE}],
        _count("Failed", "failed", "failed", visible=False),
        _count("Total", "total", "total", visible=False),
    ]
    return chart("SMS failed, share of 30 minutes", metrics, (0, 3, 12, 7), 1800, thresholds=thresholds)


def _volume() -> dict[str, Any]:
    metrics = [_count("Total", "total", "sent", color=_GREY), _count("Failed", "failed", "failed", color=_RED)]
    return chart("SMS per 10 minutes", metrics, (12, 3, 12, 7), 600)


def _overdue() -> dict[str, Any]:
    limit = [{"label": "overdue", "value": number_of("OverduePercent"), "color": _ORANGE}]
    metrics = [
        line(NAMESPACE, "OverduePercent", _ENVIRONMENT, label="without an outcome (%)", stat="Average", color=_BLUE)
    ]
    return chart("SMS of 15 to 60 minutes ago without an outcome", metrics, (0, 10, 12, 6), 600, thresholds=limit)


def _runs() -> dict[str, Any]:
    functions = {"errors of sms-ingest": "sms-ingest", "errors of alerting-notify": "alerting-notify"}
    errors = [
        line(
            "AWS/Lambda", "Errors", {"FunctionName": f"deliverywatch-${{Environment}}-{name}"}, label=label, stat="Sum"
        )
        for label, name in functions.items()
    ]
    runs = _count("Runs", "runs", "successful runs", color=_BLUE)
    return chart("Runs and errors per 30 minutes", [runs, *errors], (12, 10, 12, 6), 1800)

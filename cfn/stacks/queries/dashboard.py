"""The dashboard of scheduled queries: alarms, runs, time, cost, and what the reconciler did."""

from __future__ import annotations

from typing import Any

from troposphere import cloudwatch

from blocks.dashboards import body, chart, line, number_of, state_of
from blocks.parts import named
from deliverywatch.queries.run.record import NAMESPACE

_ENVIRONMENT = {"Environment": "${Environment}"}
_SHOWN = [
    "queries-reconcile-failed",
    "queries-reconcile-stale",
    "queries-source",
    "queries-runs-failed",
    "queries-execute-errors",
    "queries-dead-letters",
    "queries-slow",
    "queries-dear",
]
_RED, _BLUE, _GREY, _ORANGE, _GREEN = "#d62728", "#1f77b4", "#7f7f7f", "#ff7f0e", "#2ca02c"


def dashboard() -> Any:
    """Return the dashboard; the first three of an account are free, so it is made on condition."""
    widgets = [state_of("Alarms", _SHOWN, (0, 0, 24, 3)), _runs(), _seconds(), _cost(), _rounds()]
    return cloudwatch.Dashboard(
        "QueriesDashboard", Condition="HasDashboard", DashboardName=named("queries"), DashboardBody=body(widgets)
    )


def _line(name: str, label: str, statistic: str, color: str) -> list[Any]:
    return line(NAMESPACE, name, _ENVIRONMENT, label=label, stat=statistic, color=color)


def _runs() -> dict[str, Any]:
    metrics = [
        _line("Executions", "runs", "Sum", _GREY),
        _line("ExecutionFailures", "failed", "Sum", _RED),
    ]
    return chart("Runs of queries per hour", metrics, (0, 3, 12, 7), 3600)


def _seconds() -> dict[str, Any]:
    limit = [{"label": "slow", "value": number_of("QueriesSlowSeconds"), "color": _ORANGE}]
    metrics = [_line("Seconds", "slowest", "Maximum", _BLUE), _line("Seconds", "average", "Average", _GREY)]
    return chart("Seconds per run", metrics, (12, 3, 12, 7), 3600, thresholds=limit)


def _cost() -> dict[str, Any]:
    metrics = [
        _line("CostUsd", "USD", "Sum", _GREEN),
        [{"expression": "read / 1000000000", "id": "gigabytes", "label": "read (GB)", "color": _BLUE}],
        line(NAMESPACE, "ScannedBytes", _ENVIRONMENT, id="read", label="read", stat="Sum", visible=False),
    ]
    return chart("Cost and bytes read per day", metrics, (0, 10, 12, 6), 86_400)


def _rounds() -> dict[str, Any]:
    colors = {"Created": _GREEN, "Updated": _BLUE, "Deleted": _ORANGE, "Failed": _RED, "SourceFailed": _GREY}
    metrics = [_line(name, name, "Sum", color) for name, color in colors.items()]
    return chart("What the reconciler did per hour", metrics, (12, 10, 12, 6), 3600)

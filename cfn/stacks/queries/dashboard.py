"""The dashboard of scheduled queries: alarms, runs, time, cost, and what the reconciler did."""

from typing import Any

from blocks.dashboards import ENVIRONMENT, chart, dashboard, limit, line, state_of
from deliverywatch.queries.run.record import NAMESPACE
from stacks.queries.alarms import WATCHES

_RED, _BLUE, _GREY, _ORANGE, _GREEN = "#d62728", "#1f77b4", "#7f7f7f", "#ff7f0e", "#2ca02c"
_PURPLE = "#9467bd"


def queries_dashboard() -> Any:
    """Return the dashboard."""
    states = state_of("Alarms", [alarm.name for watch in WATCHES for alarm in watch.alarms], (0, 0, 24, 3))
    return dashboard("queries", [states, _runs(), _seconds(), _cost(), _rounds()])


def _line(name: str, label: str, statistic: str, color: str) -> list[Any]:
    return line(NAMESPACE, name, ENVIRONMENT, label=label, stat=statistic, color=color)


def _runs() -> dict[str, Any]:
    metrics = [_line("Executions", "runs", "Sum", _GREY), _line("ExecutionFailures", "failed", "Sum", _RED)]
    return chart("Runs of queries per hour", metrics, (0, 3, 12, 7), 3600)


def _seconds() -> dict[str, Any]:
    metrics = [_line("Seconds", "slowest", "Maximum", _BLUE), _line("Seconds", "average", "Average", _GREY)]
    return chart("Seconds per run", metrics, (12, 3, 12, 7), 3600, limit("slow", "QueriesSlowSeconds", _ORANGE))


def _cost() -> dict[str, Any]:
    metrics = [
        _line("CostUsd", "USD", "Sum", _GREEN),
        [{"expression": "read / 1000000000", "id": "gigabytes", "label": "read (GB)", "color": _BLUE}],
        line(NAMESPACE, "ScannedBytes", ENVIRONMENT, id="read", label="read", stat="Sum", visible=False),
    ]
    return chart("Cost and bytes read per day", metrics, (0, 10, 12, 6), 86_400)


def _rounds() -> dict[str, Any]:
    done = {"Created": _GREEN, "Updated": _BLUE, "Deleted": _ORANGE}
    undone = {"Failed": _RED, "Withheld": _PURPLE, "SourceFailed": _GREY}
    metrics = [_line(name, name, "Sum", color) for name, color in (done | undone).items()]
    return chart("What the reconciler did per hour", metrics, (12, 10, 12, 6), 3600)

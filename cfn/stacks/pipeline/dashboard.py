"""The dashboard of pipelines, six charts and the links to runs for each: is it well, and since when is it not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from blocks.dashboards import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    Position,
    chart,
    dashboard,
    limit,
    line,
    log_table,
    state_of,
    words,
)
from blocks.parts import CONSOLE, CONSOLE_OF, arn
from deliverywatch.pipeline.outputs.error_metric import ERRORS
from stacks.pipeline.alarms import shown
from stacks.pipeline.parameters import parameter

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline

_ROWS = 32
_HOUR = 3600
# Job type, metric, statistic, label, colour.
_Line = tuple[str, str, str, str, str]
# Label, parameter, colour.
_Limit = tuple[str, str, str]
_MACHINE = arn("states", "stateMachine:")


def pipeline_dashboard(pipelines: Sequence[Pipeline]) -> Any:
    """Return the dashboard."""
    widgets = [widget for number, pipeline in enumerate(pipelines) for widget in _of(pipeline, number * _ROWS)]
    return dashboard("pipeline", widgets, CONSOLE_OF)


def _of(pipeline: Pipeline, top: int) -> list[dict[str, Any]]:
    return [
        state_of(f"{pipeline.name}: alarms", shown(pipeline), (0, top, 18, 4)),
        words(_links(pipeline), (18, top, 6, 4)),
        _runs(pipeline, top + 4),
        # Two in a row, the first beside the runs.
        *(
            _chart(pipeline, *drawn, (12 * (number % 2), top + 4 + 7 * (number // 2)))
            for number, drawn in enumerate(_CHARTS, 1)
        ),
        log_table(
            f"{pipeline.name}: recent errors", "pipeline-report", _ERRORS.format(pipeline.name), (0, top + 25, 12, 7)
        ),
        _errors(pipeline, (12, top + 25, 12, 7)),
    ]


def _links(pipeline: Pipeline) -> str:
    runs = f"{CONSOLE}/states/home?region=${{AWS::Region}}#/statemachines/view/{_MACHINE}{pipeline.state_machine}"
    jobs = f"{CONSOLE}/gluestudio/home?region=${{AWS::Region}}#/monitoring"
    return f"### {pipeline.name}\n\n[Runs]({runs})\n\n[Glue job runs]({jobs})"


def _chart(
    pipeline: Pipeline, title: str, metrics: Sequence[_Line], limits: Sequence[_Limit], corner: tuple[int, int]
) -> dict[str, Any]:
    dimensions = {"Environment": "${Environment}", "Pipeline": pipeline.name}
    lines = [
        line(pipeline.namespace, name, {**dimensions, "JobType": job_type}, label=label, stat=stat, color=color)
        for job_type, name, stat, label, color in metrics
    ]
    drawn = [limit(label, parameter(pipeline, what), color) for label, what, color in limits]
    return chart(f"{pipeline.name}: {title}", lines, (*corner, 12, 7), _HOUR, *drawn)


def _runs(pipeline: Pipeline, top: int) -> dict[str, Any]:
    machine = {"StateMachineArn": f"{_MACHINE}{pipeline.state_machine}"}
    ends = {"Started": BLUE, "Succeeded": GREEN, "Failed": RED, "TimedOut": ORANGE, "Aborted": GREY}
    metrics = [
        line("AWS/States", f"Executions{end}", machine, label=end.lower(), stat="Sum", color=color)
        for end, color in ends.items()
    ]
    return chart(f"{pipeline.name}: runs per hour", metrics, (0, top, 12, 7), _HOUR)


def _errors(pipeline: Pipeline, position: Position) -> dict[str, Any]:
    dimensions = "Environment,ErrorType,Pipeline,Severity"
    search = f'{{{pipeline.namespace},{dimensions}}} MetricName="{ERRORS}" Pipeline="{pipeline.name}" '
    searched = {"expression": f"SEARCH('{search}Environment=\"${{Environment}}\"', 'Sum')", "id": "errors"}
    return chart(f"{pipeline.name}: errors by type and severity", [[searched]], position, _HOUR)


# What pipeline-report prints of each run that failed.
_ERRORS = (
    'filter event = "pipeline_report" and pipeline = "{}" and ispresent(error_type) '
    "| fields @timestamp, severity, error_type, step, sentence | sort @timestamp desc | limit 20"
)
_CHARTS: Sequence[tuple[str, Sequence[_Line], Sequence[_Limit]]] = (
    ("duration", (
        ("pipeline", "ExecutionDuration", "Maximum", "run (s)", BLUE),
        ("glue", "ExecutionDuration", "Maximum", "Glue jobs (s)", GREY),
        ("pipeline", "OldestRunSeconds", "Maximum", "still running (s)", ORANGE),
    ), [("slow", "DurationSeconds", ORANGE), ("hangs", "HungSeconds", RED)]),
    ("records", (
        ("validation", "RecordsProcessed", "Sum", "processed", BLUE),
        ("scd2", "RecordsCreated", "Sum", "created", GREEN),
        ("scd2", "RecordsUpdated", "Sum", "updated", GREY),
        ("scd2", "RecordsDeleted", "Sum", "deleted", RED),
    ), [("too few", "MinimumRecords", ORANGE)]),
    ("dbt", (
        ("dbt", "DbtModelsRun", "Sum", "models run", BLUE),
        ("dbt", "DbtModelsFailed", "Sum", "models failed", RED),
        ("dbt", "DbtModelsSkipped", "Sum", "models skipped", GREY),
        ("dbt", "DbtHooksFailed", "Sum", "hooks failed", RED),
        ("dbt", "DbtSourcesStale", "Sum", "sources stale", ORANGE),
        ("dbt", "DbtTestsPassed", "Sum", "tests passed", GREEN),
        ("dbt", "DbtTestsFailed", "Sum", "tests failed", ORANGE),
        ("dbt", "DbtTestsErrored", "Sum", "tests broken", GREY),
    ), []),
    ("scores", (
        ("validation", "DataQualityScore", "Minimum", "quality (%)", BLUE),
        ("scd2", "SCDIntegrityScore", "Minimum", "integrity (%)", GREEN),
    ), [("quality", "QualityPercent", ORANGE), ("integrity", "IntegrityPercent", RED)]),
    ("age of the newest change", (
        ("validation", "DataAgeHours", "Maximum", "newest change (h)", BLUE),
    ), [("stale", "StaleHours", ORANGE)]),
)  # fmt: skip

"""The dashboard of pipelines, six charts and the links to runs for each: is it well, and since when is it not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from blocks.dashboards import BLUE, GREY, ORANGE, RED, chart, dashboard, limit, line, state_of, words
from blocks.parts import CONSOLE, arn
from deliverywatch.pipeline.outputs.metrics import NAMESPACE
from stacks.pipeline.alarms import CHILDREN
from stacks.pipeline.parameters import parameter

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline

_GREEN = "#1d8102"
_ROWS = 25
_HOUR = 3600
_MACHINE = arn("states", "stateMachine:")


def pipeline_dashboard(pipelines: Sequence[Pipeline]) -> Any:
    """Return the dashboard."""
    widgets = [widget for number, pipeline in enumerate(pipelines) for widget in _of(pipeline, number * _ROWS)]
    return dashboard("pipeline", widgets)


def _of(pipeline: Pipeline, top: int) -> list[dict[str, Any]]:
    shown = [f"pipeline-{pipeline.name}-{what}" for what in ("health", *CHILDREN)]
    return [
        state_of(f"{pipeline.name}: alarms", shown, (0, top, 18, 4)),
        words(_links(pipeline), (18, top, 6, 4)),
        _runs(pipeline, top + 4),
        _durations(pipeline, top + 4),
        _records(pipeline, top + 11),
        _dbt(pipeline, top + 11),
        _scores(pipeline, top + 18),
        _age(pipeline, top + 18),
    ]


def _links(pipeline: Pipeline) -> str:
    runs = f"{CONSOLE}/states/home?region=${{AWS::Region}}#/statemachines/view/{_MACHINE}{pipeline.state_machine}"
    jobs = f"{CONSOLE}/gluestudio/home?region=${{AWS::Region}}#/monitoring"
    return f"### {pipeline.name}\n\n[Runs]({runs})\n\n[Glue job runs]({jobs})"


def _metric(pipeline: Pipeline, job_type: str, name: str, stat: str, label: str, color: str) -> list[Any]:
    dimensions = {"Environment": "${Environment}", "Pipeline": pipeline.name, "JobType": job_type}
    return line(NAMESPACE, name, dimensions, label=label, stat=stat, color=color)


def _runs(pipeline: Pipeline, top: int) -> dict[str, Any]:
    machine = {"StateMachineArn": f"{_MACHINE}{pipeline.state_machine}"}
    ends = {"Succeeded": _GREEN, "Failed": RED, "TimedOut": ORANGE, "Aborted": GREY}
    metrics = [
        line("AWS/States", f"Executions{end}", machine, label=end.lower(), stat="Sum", color=color)
        for end, color in ends.items()
    ]
    return chart(f"{pipeline.name}: runs per hour", metrics, (0, top, 12, 7), _HOUR)


def _durations(pipeline: Pipeline, top: int) -> dict[str, Any]:
    most = limit("slow", parameter(pipeline, "DurationSeconds"))
    metrics = [
        _metric(pipeline, "pipeline", "ExecutionDuration", "Maximum", "run (s)", BLUE),
        _metric(pipeline, "glue", "ExecutionDuration", "Maximum", "Glue jobs (s)", GREY),
    ]
    return chart(f"{pipeline.name}: duration", metrics, (12, top, 12, 7), _HOUR, most)


def _records(pipeline: Pipeline, top: int) -> dict[str, Any]:
    least = limit("too few", parameter(pipeline, "MinimumRecords"))
    metrics = [
        _metric(pipeline, "validation", "RecordsProcessed", "Sum", "processed", BLUE),
        _metric(pipeline, "scd2", "RecordsCreated", "Sum", "created", _GREEN),
        _metric(pipeline, "scd2", "RecordsUpdated", "Sum", "updated", GREY),
        _metric(pipeline, "scd2", "RecordsDeleted", "Sum", "deleted", RED),
    ]
    return chart(f"{pipeline.name}: records", metrics, (0, top, 12, 7), _HOUR, least)


def _dbt(pipeline: Pipeline, top: int) -> dict[str, Any]:
    shown = {
        "DbtModelsRun": ("models run", BLUE),
        "DbtModelsFailed": ("models failed", RED),
        "DbtTestsPassed": ("tests passed", _GREEN),
        "DbtTestsFailed": ("tests failed", ORANGE),
        "DbtTestsErrored": ("tests broken", GREY),
    }
    metrics = [_metric(pipeline, "dbt", name, "Sum", label, color) for name, (label, color) in shown.items()]
    return chart(f"{pipeline.name}: dbt", metrics, (12, top, 12, 7), _HOUR)


def _scores(pipeline: Pipeline, top: int) -> dict[str, Any]:
    limits = [
        limit("quality", parameter(pipeline, "QualityPercent")),
        limit("integrity", parameter(pipeline, "IntegrityPercent"), RED),
    ]
    metrics = [
        _metric(pipeline, "validation", "DataQualityScore", "Minimum", "quality (%)", BLUE),
        _metric(pipeline, "scd2", "SCDIntegrityScore", "Minimum", "integrity (%)", _GREEN),
    ]
    return chart(f"{pipeline.name}: scores", metrics, (0, top, 12, 7), _HOUR, *limits)


def _age(pipeline: Pipeline, top: int) -> dict[str, Any]:
    most = limit("stale", parameter(pipeline, "StaleHours"))
    metrics = [_metric(pipeline, "validation", "DataAgeHours", "Maximum", "newest change (h)", BLUE)]
    return chart(f"{pipeline.name}: age of the newest change", metrics, (12, top, 12, 7), _HOUR, most)

"""The dashboard of pipelines, six charts and the links to runs for each: is it well, and since when is it not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from troposphere import cloudwatch

from blocks.dashboards import body, chart, line, number_of, state_of, words
from blocks.parts import named
from deliverywatch.pipeline.outputs.metrics import NAMESPACE
from stacks.pipeline.alarms import CHILDREN
from stacks.pipeline.parameters import parameter

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline

_RED, _ORANGE, _GREY, _BLUE, _GREEN = "#d13212", "#ff9900", "#879596", "#1f77b4", "#1d8102"
_ROWS = 25
_HOUR = 3600
_CONSOLE = "https://${AWS::Region}.console.aws.amazon.com"
_MACHINE = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"


def dashboard(pipelines: Sequence[Pipeline]) -> Any:
    """Return the dashboard; the first three of an account are free, so it is made on condition."""
    widgets = [widget for place, each in enumerate(pipelines) for widget in _of(each, place * _ROWS)]
    return cloudwatch.Dashboard(
        "PipelineDashboard", Condition="HasDashboard", DashboardName=named("pipeline"), DashboardBody=body(widgets)
    )


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
    runs = f"{_CONSOLE}/states/home?region=${{AWS::Region}}#/statemachines/view/{_MACHINE}{pipeline.state_machine}"
    jobs = f"{_CONSOLE}/gluestudio/home?region=${{AWS::Region}}#/monitoring"
    return f"### {pipeline.name}\n\n[Runs]({runs})\n\n[Glue job runs]({jobs})"


def _metric(pipeline: Pipeline, job_type: str, name: str, stat: str, label: str, color: str) -> list[Any]:
    dimensions = {"Environment": "${Environment}", "Pipeline": pipeline.name, "JobType": job_type}
    return line(NAMESPACE, name, dimensions, label=label, stat=stat, color=color)


def _runs(pipeline: Pipeline, top: int) -> dict[str, Any]:
    machine = {"StateMachineArn": f"{_MACHINE}{pipeline.state_machine}"}
    ends = {"Succeeded": _GREEN, "Failed": _RED, "TimedOut": _ORANGE, "Aborted": _GREY}
    metrics = [
        line("AWS/States", f"Executions{end}", machine, label=end.lower(), stat="Sum", color=color)
        for end, color in ends.items()
    ]
    return chart(f"{pipeline.name}: runs per hour", metrics, (0, top, 12, 7), _HOUR)


def _durations(pipeline: Pipeline, top: int) -> dict[str, Any]:
    limit = [{"label": "slow", "value": number_of(parameter(pipeline, "DurationSeconds")), "color": _ORANGE}]
    metrics = [
        _metric(pipeline, "pipeline", "ExecutionDuration", "Maximum", "run (s)", _BLUE),
        _metric(pipeline, "glue", "ExecutionDuration", "Maximum", "Glue jobs (s)", _GREY),
    ]
    return chart(f"{pipeline.name}: duration", metrics, (12, top, 12, 7), _HOUR, thresholds=limit)


def _records(pipeline: Pipeline, top: int) -> dict[str, Any]:
    limit = [{"label": "too few", "value": number_of(parameter(pipeline, "MinimumRecords")), "color": _ORANGE}]
    metrics = [
        _metric(pipeline, "validation", "RecordsProcessed", "Sum", "processed", _BLUE),
        _metric(pipeline, "scd2", "RecordsCreated", "Sum", "created", _GREEN),
        _metric(pipeline, "scd2", "RecordsUpdated", "Sum", "updated", _GREY),
        _metric(pipeline, "scd2", "RecordsDeleted", "Sum", "deleted", _RED),
    ]
    return chart(f"{pipeline.name}: records", metrics, (0, top, 12, 7), _HOUR, thresholds=limit)


def _dbt(pipeline: Pipeline, top: int) -> dict[str, Any]:
    shown = {
        "DbtModelsRun": ("models run", _BLUE),
        "DbtModelsFailed": ("models failed", _RED),
        "DbtTestsPassed": ("tests passed", _GREEN),
        "DbtTestsFailed": ("tests failed", _ORANGE),
        "DbtTestsErrored": ("tests broken", _GREY),
    }
    metrics = [_metric(pipeline, "dbt", name, "Sum", label, color) for name, (label, color) in shown.items()]
    return chart(f"{pipeline.name}: dbt", metrics, (12, top, 12, 7), _HOUR)


def _scores(pipeline: Pipeline, top: int) -> dict[str, Any]:
    limits = [
        {"label": label, "value": number_of(parameter(pipeline, f"{name}Percent")), "color": color}
        for label, name, color in (("quality", "Quality", _ORANGE), ("integrity", "Integrity", _RED))
    ]
    metrics = [
        _metric(pipeline, "validation", "DataQualityScore", "Minimum", "quality (%)", _BLUE),
        _metric(pipeline, "scd2", "SCDIntegrityScore", "Minimum", "integrity (%)", _GREEN),
    ]
    return chart(f"{pipeline.name}: scores", metrics, (0, top, 12, 7), _HOUR, thresholds=limits)


def _age(pipeline: Pipeline, top: int) -> dict[str, Any]:
    limit = [{"label": "stale", "value": number_of(parameter(pipeline, "StaleHours")), "color": _ORANGE}]
    metrics = [_metric(pipeline, "validation", "DataAgeHours", "Maximum", "newest change (h)", _BLUE)]
    return chart(f"{pipeline.name}: age of the newest change", metrics, (12, top, 12, 7), _HOUR, thresholds=limit)

"""The parameters of pipelines: each number once per pipeline, with the declared one as its default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from blocks.parameters import Parameter, decimal_number, switch, whole_number
from blocks.parts import title
from deliverywatch import thresholds
from deliverywatch.pipeline.declaration.limits import RANGES

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline

HEALTH_MAIL = "PipelineHealthMail"


def parameters(pipelines: Sequence[Pipeline]) -> dict[str, list[Parameter]]:
    """Return the parameters, by the heading under which the console shows them."""
    return {f"Pipeline {pipeline.name}": _of(pipeline) for pipeline in pipelines} | {
        "Pipelines": [
            whole_number(
                "PipelineScanLimitMegabytes",
                "Athena: most megabytes per check",
                (10, 1_000_000),
                thresholds.PIPELINE_SCAN_LIMIT_MEGABYTES,
                "Athena stops a check of a table that reads more; 10000 MB cost 0.05 USD.",
                "must be a whole number from 10 (Athena's own minimum) to 1000000.",
            ),
            switch(
                HEALTH_MAIL,
                "One mail more when a pipeline is not well",
                "Mails the health of each pipeline as well: one incident while any of its alarms is on.",
                default=False,
            ),
        ]
    }


def parameter(pipeline: Pipeline, what: str) -> str:
    """Return the name of a parameter, such as `SfUserMinimumRecords`."""
    return f"{title(pipeline.name)}{what}"


def limits(pipeline: Pipeline) -> dict[str, str]:
    """Return what the functions are told of a pipeline's limits, as references to its parameters."""
    names = {
        "hung_seconds": "HungSeconds",
        "minimum_records": "MinimumRecords",
        "stale_hours": "StaleHours",
        "quality_percent": "QualityPercent",
        "integrity_percent": "IntegrityPercent",
    }
    return {name: f"${{{parameter(pipeline, what)}}}" for name, what in names.items()}


def _of(pipeline: Pipeline) -> list[Parameter]:
    rows = [
        ("MissedRunHours", "Missed run (hours)", "missed_run_hours",
         "No run started for so many hours: the schedule's interval and one hour more."),
        ("NoSuccessHours", "No good run (hours)", "no_success_hours",
         "No run was proven well for so many hours, though some may have started: two intervals and one hour more."),
        ("DurationSeconds", "Slow over (seconds)", "duration_seconds",
         "A run that takes longer is slow."),
        ("HungSeconds", "Hangs over (seconds)", "hung_seconds",
         "A run that has been running for longer hangs; 7200 where duration_seconds is 3600: twice that."),
        ("MinimumRecords", "At least so many records", "minimum_records",
         "A run that writes fewer records has most likely read the wrong data."),
        ("StaleHours", "Stale over (hours)", "stale_hours",
         "The source's newest change, when a run is validated, may be so old."),
        ("QualityPercent", "Quality under (%)", "quality_percent",
         "Share of the rows of a run with a value in every required column."),
        ("IntegrityPercent", "Integrity under (%)", "integrity_percent",
         "Share of the keys of the history tables that violate no check."),
    ]  # fmt: skip
    return [
        _number(parameter(pipeline, what), label, limit, pipeline.limits.of(limit), description)
        for what, label, limit, description in rows
    ]


def _number(name: str, label: str, limit: str, default: float, description: str) -> Parameter:
    limits = RANGES[limit]
    ends = limits.lowest, limits.highest
    if limits.is_whole:
        return whole_number(name, label, ends, int(default), description)
    return decimal_number(name, label, ends, default, description)

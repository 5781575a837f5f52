"""The parameters of pipelines: each number once per pipeline, with the declared one as its default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from blocks.parameters import Parameter, whole_number
from blocks.parts import title
from deliverywatch import thresholds

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline


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
            )
        ]
    }


def parameter(pipeline: Pipeline, what: str) -> str:
    """Return the name of a parameter, such as `SfUserMinimumRecords`."""
    return f"{title(pipeline.name)}{what}"


def limits(pipeline: Pipeline) -> dict[str, str]:
    """Return what the functions are told of a pipeline's limits, as references to its parameters."""
    names = {
        "minimum_records": "MinimumRecords",
        "stale_hours": "StaleHours",
        "quality_percent": "QualityPercent",
        "integrity_percent": "IntegrityPercent",
    }
    return {name: f"${{{parameter(pipeline, what)}}}" for name, what in names.items()}


def _of(pipeline: Pipeline) -> list[Parameter]:
    declared = pipeline.limits
    rows = [
        ("MissedRunHours", "Missed run (hours)", (2, 168), declared.missed_run_hours,
         "No run started for so many hours: the schedule's interval and one hour more."),
        ("DurationSeconds", "Slow over (seconds)", (60, 604_800), declared.duration_seconds,
         "A run that takes longer is slow."),
        ("MinimumRecords", "At least so many records", (0, 1_000_000_000), declared.minimum_records_count,
         "A run that writes fewer records has most likely read the wrong data."),
        ("StaleHours", "Stale over (hours)", (1, 8760), int(declared.stale_hours),
         "The source's newest change, when a run is validated, may be so old."),
        ("QualityPercent", "Quality under (%)", (1, 100), int(declared.quality_percent),
         "Share of the rows of a run with a value in every required column."),
        ("IntegrityPercent", "Integrity under (%)", (1, 100), int(declared.integrity_percent),
         "Share of the keys of the history tables that violate none of the twelve checks."),
    ]  # fmt: skip
    return [
        whole_number(parameter(pipeline, what), label, limits, default, description)
        for what, label, limits, default, description in rows
    ]

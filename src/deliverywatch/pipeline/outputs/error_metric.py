"""A failure that was notified -> the metric that counts failures by type and severity.

Its dimensions have few values, so that few metrics are billed: seven types of errors and three severities.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from deliverywatch import emf
from deliverywatch.pipeline.declaration.pipelines import Pipeline

ERRORS = "PipelineErrors"
DIMENSIONS = ("Environment", "Pipeline", "ErrorType", "Severity")


def line_of(result: Mapping[str, Any], pipelines: Sequence[Pipeline], environment: str, now: datetime) -> str | None:
    """Return the EMF line for what `report` returned; None for a run that did not fail or was notified before."""
    namespaces = [one.namespace for one in pipelines if one.name == result.get("pipeline")]
    if not (namespaces and result.get("told") and result.get("error_type")):
        return None
    values = (environment, result["pipeline"], result["error_type"], result["severity"])
    return emf.document(namespaces[0], dict(zip(DIMENSIONS, values, strict=True)), {ERRORS: (1, "Count")}, now)

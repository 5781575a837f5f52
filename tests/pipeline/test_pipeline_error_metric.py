"""A failure that was notified is counted by its type and severity; what was not, and a good run, are not counted."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deliverywatch.pipeline.declaration.pipelines import Pipeline
from deliverywatch.pipeline.outputs.error_metric import line_of

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ORDERS = Pipeline("orders", "orders-etl", namespace="SfUserPipeline")
FAILED = {"pipeline": "orders", "error_type": "dbt_run_failure", "severity": "HIGH", "told": ["pipeline-orders-x"]}


def test_a_failure_is_one_with_its_type_and_severity() -> None:
    line = json.loads(line_of(FAILED, [ORDERS], "prod", NOW) or "")
    (metrics,) = line["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "SfUserPipeline"
    assert [sorted(names) for names in metrics["Dimensions"]] == [["Environment", "ErrorType", "Pipeline", "Severity"]]
    assert (line["PipelineErrors"], line["ErrorType"], line["Severity"]) == (1, "dbt_run_failure", "HIGH")


@pytest.mark.parametrize("change", [{"told": []}, {"error_type": None}, {"pipeline": "bills"}])
def test_what_nobody_was_told_of_is_not_counted_again(change: dict[str, Any]) -> None:
    assert line_of(FAILED | change, [ORDERS], "prod", NOW) is None

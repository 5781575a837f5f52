"""`deliverywatch pipeline publish --dry-run`: the metrics of a file, as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deliverywatch.cli import main
from pipeline.pipeline_world import EVENTS


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["pipeline", *arguments])


@pytest.mark.parametrize(
    ("name", "kind", "metric", "value"),
    [
        ("states_succeeded", "step functions", "RecordsProcessed", 5120),
        ("states_failed", "step functions", "JobSuccess", 0),
        ("glue_job_run", "glue", "ExecutionDuration", 605),
        ("glue_state_change", "glue", "JobSuccess", 0),
        ("dbt_v4", "dbt", "DbtTestsFailed", 1),
    ],
)
def test_a_file_of_each_kind_shows_its_metrics(name: str, kind: str, metric: str, value: float) -> None:
    done = run("publish", "--dry-run", str(EVENTS / f"{name}.json"), "--pipeline", "sf_user")
    document = json.loads(done.stdout)
    assert document["kind"] == kind
    metrics = {entry["name"]: entry for entry in reversed(document["metrics"])}
    assert metrics[metric]["value"] == value
    assert metrics[metric]["dimensions"].keys() == {"Environment", "Pipeline", "JobType"}


def test_a_status_that_no_rule_covers_is_said() -> None:
    document = json.loads(run("publish", "--dry-run", str(EVENTS / "dbt_v6_fusion.json")).stdout)
    assert document["unknown"] == {"deferred": 1}
    assert "'deferred'" in document["notes"][0]


def test_what_was_cut_and_what_lies_elsewhere_is_said() -> None:
    cut = json.loads(run("publish", "--dry-run", str(EVENTS / "states_truncated.json")).stdout)
    assert "was cut" in cut["notes"][0]
    whole = json.loads(run("publish", "--dry-run", str(EVENTS / "states_succeeded.json")).stdout)
    assert "run_results.json" in whole["notes"][0]


@pytest.mark.parametrize(("content", "sentence"), [("{", "not JSON"), ("[]", "neither an event of Step Functions")])
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    done = run("publish", "--dry-run", str(path))
    assert (done.exit_code, sentence in done.stderr) == (2, True)


def test_without_dry_run_it_says_that_it_needs_it() -> None:
    done = run("publish", str(EVENTS / "dbt_v4.json"))
    assert (done.exit_code, "--dry-run" in done.stderr) == (2, True)

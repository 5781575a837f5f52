"""`deliverywatch pipeline publish --dry-run`: the metrics of a file, as JSON."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from deliverywatch.cli import main
from pipeline.pipeline_world import EVENTS, failed, good_history, step, succeeded


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


def job_success(*arguments: Path | str) -> tuple[list[tuple[str, float]], str]:
    """The values of JobSuccess by part, and the notes."""
    document = json.loads(run("publish", "--dry-run", *map(str, arguments)).stdout)
    values = [
        (one["dimensions"]["JobType"], one["value"]) for one in document["metrics"] if one["name"] == "JobSuccess"
    ]
    return values, " ".join(document["notes"])


def test_an_execution_is_a_success_only_with_the_history_that_proves_it(tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    event = EVENTS / "states_succeeded.json"
    values, notes = job_success(event)
    assert (values, "--history" in notes) == ([], True)
    for events, value in (([], []), (good_history(), [1]), ([step("A"), failed("E"), step("B"), succeeded({})], [0])):
        history.write_text(json.dumps({"events": events}))
        assert [one for part, one in job_success(event, "--history", history)[0] if part == "pipeline"] == value


def test_results_count_for_an_execution_only_if_they_were_written_within_it(tmp_path: Path) -> None:
    own, old, event = EVENTS / "dbt_v5.json", tmp_path / "old.json", EVENTS / "states_succeeded.json"
    old.write_text(own.read_text().replace("2026-11-21", "2026-11-20"))
    assert "written at 2026-11-20 06:20 UTC" in job_success(old)[1]
    assert job_success(own, "--execution", event)[0] == [("dbt", 1)]
    values, notes = job_success(old, "--execution", event)
    assert (values, "not written within this execution" in notes) == ([], True)


def test_every_run_of_a_job_in_what_a_map_puts_out_counts(tmp_path: Path) -> None:
    output, runs = tmp_path / "output.json", [{"JobName": "j", "Id": str(at), "ExecutionTime": 60} for at in range(3)]
    for states, value in (
        (("SUCCEEDED",) * 3, [1]),
        (("FAILED", "SUCCEEDED", "SUCCEEDED"), [0]),
        (("RUNNING",) * 3, []),
    ):
        output.write_text(json.dumps([one | {"JobRunState": state} for one, state in zip(runs, states, strict=True)]))
        assert [one for _, one in job_success(output)[0]] == value


@pytest.mark.parametrize(("content", "sentence"), [("{", "not JSON"), ("[]", "neither an event of Step Functions")])
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    done = run("publish", "--dry-run", str(path))
    assert (done.exit_code, sentence in done.stderr) == (2, True)


def test_without_dry_run_it_says_that_it_needs_it() -> None:
    done = run("publish", str(EVENTS / "dbt_v4.json"))
    assert (done.exit_code, "--dry-run" in done.stderr) == (2, True)


def test_an_execution_is_diagnosed_by_the_declaration_of_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = tmp_path / "pipelines.toml"
    declaration.write_text(
        '[[pipeline]]\nname = "a"\nstate_machine = "a-${Environment}"\nsteps = { Load = "ingest" }\n'
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("stepfunctions", region_name="eu-west-1")
        role = "arn:aws:iam::123456789012:role/a"
        machine = client.create_state_machine(name="a-dev", definition='{"StartAt": "A", "States": {}}', roleArn=role)
        arn = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        asked = ("diagnose", arn, "--pipelines", str(declaration), "--region", "eu-west-1")
        dev, prod = (run(*asked, "--environment", environment) for environment in ("dev", "prod"))
    assert ("Load did not run" in dev.stdout, dev.stderr) == (True, "")
    assert "Load" not in prod.stdout
    assert "no pipeline with the state machine a-dev in the environment prod" in prod.stderr

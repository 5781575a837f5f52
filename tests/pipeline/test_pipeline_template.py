"""The stack of pipelines: as reviewed, started by every end of a run, each number a parameter, each fault one mail.

When a change is meant: DELIVERYWATCH_UPDATE_GOLDEN=1 .venv/bin/pytest tests/pipeline/test_pipeline_template.py
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import stacks
from blocks.extras import Extra
from bundling import build
from cfn.cfn_values import of_type
from checks import lint
from cwalarm.definitions import alarm, documents
from cwalarm.unit_tests import cases
from deliverywatch.alerting.incidents.severity import watches
from deliverywatch.backtest.cases import check
from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.level import Level
from deliverywatch.pipeline.declaration.limits import RANGES
from deliverywatch.pipeline.declaration.pipelines import RESERVED_NAMES, pipelines_of
from deliverywatch.pipeline.declaration.source import Source
from deliverywatch.pipeline.diagnosis.collect import run_of_event
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.pipeline.outputs.metrics import PUBLISHED
from deliverywatch.pipeline.report import examine
from pipeline.pipeline_world import DECLARED, PIPELINES, Artifacts, Executions, states_event
from stacks.pipeline import declared, stack_of

GOLDEN = Path(__file__).parents[1] / "templates/pipeline.json"
CASES = sorted((Path(__file__).parents[1] / "backtests/pipeline").glob("*.toml"))
FUNCTIONS = ("pipeline-publish", "pipeline-report", "pipeline-validate")


def test_the_part_of_pipelines_is_the_one_that_was_reviewed() -> None:
    # Without what all systems share: that has a golden of its own.
    part = stacks.template([stacks.SYSTEMS["pipeline"]([Extra.EXAMPLE_PIPELINE])], "arm64", "0").to_dict()
    text = json.dumps(part, indent=1, sort_keys=True) + "\n"
    if os.environ.get("DELIVERYWATCH_UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert json.loads(text) == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("systems", [["pipeline"], ["sms", "pipeline"]])
def test_cfn_lint_has_nothing_to_say(systems: list[str], tmp_path: Path) -> None:
    build.build(systems, "none", tmp_path / "build", [Extra.EXAMPLE_PIPELINE])
    linter = Path(sys.executable).with_name("cfn-lint")
    command = [linter, "--regions", "us-east-1", "--", tmp_path / "build/template.json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alarms_and_mails_are_as_written_down(path: Path, pipeline_build: Path) -> None:
    assert [result for result in check(path, pipeline_build / "template.json") if result.difference] == []


def test_every_alarm_has_a_case_in_which_it_calls_and_one_in_which_it_does_not(pipeline_build: Path) -> None:
    expected = {
        (expected.alarm, expected.state.value)
        for path in CASES
        for case in cases.parse(path.read_text())
        for expected in case.states
    }
    names = [definition.name for definition in alarm.from_template(documents.read(pipeline_build / "template.json"))]
    own = [name.removeprefix("deliverywatch-prod-") for name in names if "-pipeline-" in name]
    assert len(own) == 17
    for name in own:
        assert {(name, "OK"), (name, "ALARM")} <= expected


def test_every_end_of_a_declared_pipeline_starts_both_functions(pipeline_template: dict[str, Any]) -> None:
    (rule,) = of_type(pipeline_template, "AWS::Events::Rule").values()
    assert rule["EventPattern"]["detail"] == {
        "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
        "stateMachineArn": ["arn:aws:states:eu-west-1:111122223333:stateMachine:sf-user-pipeline-prod"],
    }
    assert [target["Id"] for target in rule["Targets"]] == ["PipelinePublish", "PipelineReport"]
    assert all(target["DeadLetterConfig"] for target in rule["Targets"])


def test_every_number_is_a_parameter_with_a_default(pipeline_template: dict[str, Any]) -> None:
    own = {name: parameter for name, parameter in pipeline_template["Parameters"].items() if name.startswith("SfUser")}
    assert {name.removeprefix("SfUser"): parameter["Default"] for name, parameter in own.items()} == {
        "MissedRunHours": "7",
        "DurationSeconds": "3600",
        "HungSeconds": "7200",
        "NoSuccessHours": "13",
        "MinimumRecords": "100",
        "StaleHours": "6",
        "QualityPercent": "95",
        "IntegrityPercent": "98",
    }


def test_limits_keep_their_decimals_in_the_parameters_and_their_bounds() -> None:
    limits = {"integrity_percent": 99.9, "quality_percent": 99.55, "stale_hours": 0.5}
    pipelines = pipelines_of({"pipeline": [{"name": "orders", "state_machine": "x", "limits": limits}]})
    template = stacks.template([stack_of(pipelines)], "arm64", "0").to_dict()["Parameters"]
    own = {name.removeprefix("Orders"): parameter for name, parameter in template.items()}
    read = {name: own[name]["Default"] for name in ("IntegrityPercent", "QualityPercent", "StaleHours")}
    assert read == {"IntegrityPercent": "99.9", "QualityPercent": "99.55", "StaleHours": "0.5"}
    assert (own["StaleHours"]["MinValue"], own["StaleHours"]["MaxValue"]) == (0, 8760)


@pytest.mark.parametrize("end", ["lowest", "highest"])
def test_every_limit_can_be_built_from_one_end_of_its_range_to_the_other(end: str) -> None:
    limits = {name: getattr(limit, end) for name, limit in RANGES.items()}
    pipelines = pipelines_of({"pipeline": [{"name": "orders", "state_machine": "x", "limits": limits}]})
    lint.check(stacks.template([*stacks.chosen([]), stack_of(pipelines)], "arm64", "0").to_dict())


@pytest.mark.parametrize("written", ["0.000001", "99.999999", "0.00001", "100", "12.3456789012345"])
def test_a_limit_has_no_exponent_and_all_of_its_decimals_in_a_parameter(written: str) -> None:
    limits = {"integrity_percent": float(written)}
    pipelines = pipelines_of({"pipeline": [{"name": "orders", "state_machine": "x", "limits": limits}]})
    template = stacks.template([stack_of(pipelines)], "arm64", "0").to_dict()["Parameters"]
    assert template["OrdersIntegrityPercent"]["Default"] == written


def test_a_function_gets_the_limits_that_the_alarms_have(pipeline_template: dict[str, Any]) -> None:
    function = of_type(pipeline_template, "AWS::Lambda::Function", SfUserMinimumRecords="7")["PipelineValidate"]
    limits = json.loads(function["Environment"]["Variables"]["DELIVERYWATCH_LIMITS"])["sf_user"]
    assert {name: int(value) for name, value in limits.items()} == {
        "hung_seconds": 7200,
        "minimum_records": 7,
        "stale_hours": 6,
        "quality_percent": 95,
        "integrity_percent": 98,
    }


def test_the_composite_names_every_alarm_of_its_pipeline(pipeline_template: dict[str, Any]) -> None:
    composites = of_type(pipeline_template, "AWS::CloudWatch::CompositeAlarm", PipelineHealthMail="true").values()
    (composite, mailed) = composites
    assert mailed["AlarmRule"] == composite["AlarmRule"]
    children = set(re.findall(r'ALARM\("([^"]+)"\)', composite["AlarmRule"]))
    alarms = [properties["AlarmName"] for properties in of_type(pipeline_template, "AWS::CloudWatch::Alarm").values()]
    assert children == {name for name in alarms if "-pipeline-sf_user-" in name}


def test_what_the_report_publishes_and_what_the_composite_repeats_mails_nothing(pipeline_build: Path) -> None:
    known = watches(json.loads((pipeline_build / "watches.json").read_text()), "deliverywatch-prod")
    quiet = {one.alarm for watch in known for one in watch.severities if one.level is Level.OK}
    short = {name.removeprefix("deliverywatch-prod-pipeline-") for name in quiet}
    reported = {"failed", "timed-out", "aborted", "job-failures", "function-errors", "health"}
    assert short == {f"sf_user-{what}" for what in reported} | {"validate-errors"}
    assert all(one.level is Level.OK for watch in known for one in watch.severities if one.alarm in quiet)


def test_the_health_of_a_pipeline_is_mailed_on_request_only(pipeline_template: dict[str, Any]) -> None:
    kind = "AWS::CloudWatch::CompositeAlarm"
    assert [name for name in of_type(pipeline_template, kind) if "Unwell" in name] == []
    asked = of_type(pipeline_template, kind, PipelineHealthMail="true")["PipelineSfUserUnwell"]
    assert asked["AlarmActions"] == of_type(pipeline_template, kind)["PipelineSfUserHealth"]["AlarmActions"]
    notify = [
        of_type(pipeline_template, "AWS::Lambda::Function", PipelineHealthMail=wanted)["AlertingNotify"]
        for wanted in ("true", "false")
    ]
    off = [function["Environment"]["Variables"]["DELIVERYWATCH_SWITCHED_OFF"] for function in notify]
    assert ["pipeline-sf_user-unwell" in names.split(",") for names in off] == [False, True]


def test_recent_errors_are_the_lines_that_the_report_prints(pipeline_template: dict[str, Any]) -> None:
    (dashboard,) = of_type(pipeline_template, "AWS::CloudWatch::Dashboard").values()
    (query,) = [
        one["properties"]["query"] for one in json.loads(dashboard["DashboardBody"])["widgets"] if one["type"] == "log"
    ]
    assert query.startswith("SOURCE '/aws/lambda/deliverywatch-prod-pipeline-report'")
    body = states_event("FAILED")
    run = run_of_event(body, PIPELINES, Executions(body["detail"]), Artifacts())
    printed = {"event": "pipeline_report", **examine(run, shipped())[0]}
    assert set(re.findall(r"fields @timestamp, (.*?) \|", query)[0].split(", ")) <= printed.keys()


def test_logs_are_kept_for_a_time(pipeline_template: dict[str, Any]) -> None:
    groups = of_type(pipeline_template, "AWS::Logs::LogGroup")
    assert all(group["RetentionInDays"] for group in groups.values())
    assert {"PipelinePublishLogs", "PipelineReportLogs", "PipelineValidateLogs"} <= groups.keys()


def test_the_dashboard_has_seven_charts_the_alarms_and_links(pipeline_template: dict[str, Any]) -> None:
    (dashboard,) = of_type(pipeline_template, "AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(dashboard["DashboardBody"])["widgets"]
    kinds = [widget["type"] for widget in widgets]
    assert (kinds.count("metric"), kinds.count("alarm"), kinds.count("text")) == (7, 1, 1)
    assert "states/home" in next(widget for widget in widgets if widget["type"] == "text")["properties"]["markdown"]
    rows = [row for widget in widgets if widget["type"] == "metric" for row in widget["properties"]["metrics"]]
    own = {(row[7], row[1]) for row in rows if row[0] == "SfUserPipeline"}
    assert own <= {(job_type.value, name) for job_type, name in PUBLISHED}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_zip_holds_the_declaration_and_what_its_function_needs(name: str, pipeline_build: Path) -> None:
    held = zipfile.ZipFile(pipeline_build / f"{name}.zip").namelist()
    assert "deliverywatch/pipeline/pipelines.toml" in held
    assert "deliverywatch/pipeline/diagnosis/catalogue.toml" in held
    assert not [name for name in held if name.startswith(("deliverywatch/sms", "deliverywatch/alerting"))]


def test_a_build_refuses_a_rule_for_faults_that_no_function_could_read() -> None:
    with pytest.raises(ConfigurationError, match=r"cfn/pipelines\.toml: fault\[0\] cannot be used: .*magic"):
        declared(Source(document={**DECLARED, "fault": [{"why": "magic", "match": ["x"]}]}))


def test_no_pipeline_can_be_called_like_what_is_there_for_all_of_them() -> None:
    of_all = [watch for watch in stack_of(PIPELINES).watches if not watch.name.startswith("pipeline-sf_user")]
    names = {name for watch in of_all for name in (watch.name, *(alarm.name for alarm in watch.alarms))}
    single = {name.removeprefix("pipeline-") for name in names if name.count("-") == 1}
    assert single <= {*RESERVED_NAMES}


def test_what_is_named_after_the_environment_is_that_of_the_stack() -> None:
    names = {"name": "orders", "state_machine": "orders-${Environment}", "functions": ["dbt-${Environment}"]}
    folders = {"data": ["s3://lake-${Environment}/"], "database": "curated_${Environment}"}
    tables = {"records": {"table": "orders", "loaded_at": "at"}}
    pipelines = pipelines_of({"pipeline": [names | folders | tables]})
    template = stacks.template([*stacks.chosen([]), stack_of(pipelines)], "arm64", "0").to_dict()
    for environment in ("dev", "staging", "prod"):
        of = partial(of_type, json.loads(json.dumps(template)), Environment=environment)
        (rule,) = of("AWS::Events::Rule").values()
        assert rule["EventPattern"]["detail"]["stateMachineArn"][0].endswith(f":orders-{environment}")
        alarms = json.dumps(of("AWS::CloudWatch::Alarm"))
        assert f":stateMachine:orders-{environment}" in alarms
        assert f'"Value": "dbt-{environment}"' in alarms
        rights = json.dumps(of("AWS::IAM::Role")["PipelineValidateRole"])
        assert f"s3:::lake-{environment}" in rights
        assert f"database/curated_{environment}" in rights


def test_two_pipelines_have_parameters_and_alarms_of_their_own() -> None:
    second = {"name": "orders", "state_machine": "orders_pipeline"}
    both = pipelines_of({"pipeline": [*DECLARED["pipeline"], second]})
    template = stacks.template([stack_of(both)], "arm64", "0").to_dict()
    assert {"SfUserStaleHours", "OrdersStaleHours"} <= template["Parameters"].keys()
    kinds = [resource["Type"] for resource in template["Resources"].values()]
    assert (kinds.count("AWS::CloudWatch::CompositeAlarm"), kinds.count("AWS::CloudWatch::Alarm")) == (4, 28)
    assert kinds.count("AWS::Lambda::Function") == 4

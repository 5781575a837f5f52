"""The template of scheduled queries: as reviewed, valid, each role just wide enough, every alarm with cases.

When a change is meant: DELIVERYWATCH_UPDATE_GOLDEN=1 .venv/bin/pytest tests/queries/test_queries_template.py
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import stacks
from cwalarm.definitions import alarm, documents
from cwalarm.unit_tests import cases
from deliverywatch import thresholds
from deliverywatch.backtest.cases import check
from deliverywatch.queries.run import record
from template_values import resolved

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "templates/queries.json"
CASES = sorted((TESTS / "backtests/queries").glob("*.toml"))
ACCOUNT = {
    "SenderAddress": "alerts@example.com",
    "AlertRecipients": "support@example.com",
    "FallbackAddress": "oncall@example.com",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
}


def of_type(template: Mapping[str, Any], kind: str, **parameters: str) -> dict[str, dict[str, Any]]:
    return resolved(template, kind, ACCOUNT | parameters)


def statements(template: Mapping[str, Any], role: str, **parameters: str) -> list[dict[str, Any]]:
    policies = of_type(template, "AWS::IAM::Role", **parameters)[role]["Policies"]
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_what_queries_add_to_the_template_is_what_was_reviewed() -> None:
    # Before its policies become texts.
    template = stacks.template(stacks.chosen(["queries"]), "arm64", "0").to_dict()
    bare = stacks.template(stacks.chosen([]), "arm64", "0").to_dict()
    sections = ("Conditions", "Outputs", "Parameters", "Resources", "Rules")
    added = {
        section: {name: made for name, made in template.get(section, {}).items() if name not in bare.get(section, {})}
        for section in sections
    }
    text = json.dumps(added, indent=1, sort_keys=True) + "\n"
    if os.environ.get("DELIVERYWATCH_UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_cfn_lint_has_nothing_to_say(queries_build: Path) -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    command = [linter, "--regions", "us-east-1", "--", queries_build / "template.json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("systems", [["queries", "sms"], ["sms", "queries", "email"]])
def test_queries_stand_beside_other_systems(systems: list[str]) -> None:
    made = stacks.template(stacks.chosen(systems), "arm64", "0").to_dict()
    assert {"QueriesExecute", "QueriesReconcile"} <= set(made["Resources"])
    names = [each["name"] for each in stacks.watches(stacks.chosen(systems))["watches"]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alarms_and_mails_are_as_written_down(path: Path, queries_build: Path) -> None:
    assert [each for each in check(path, queries_build / "template.json") if each.difference] == []


def test_every_alarm_has_a_case_in_which_it_calls_and_one_in_which_it_does_not(queries_build: Path) -> None:
    expected = {
        (each.alarm, each.state.value)
        for path in CASES
        for case in cases.parse(path.read_text())
        for each in case.states
    }
    names = [each.name for each in alarm.from_template(documents.read(queries_build / "template.json"))]
    own = [name.removeprefix("deliverywatch-prod-") for name in names if "-queries-" in name]
    assert len(own) == 9
    for name in own:
        assert {(name, "OK"), (name, "ALARM")} <= expected


def test_every_alarm_is_a_rung_of_a_watch_and_stands_on_the_dashboard(queries_template: dict[str, Any]) -> None:
    names = {
        each["AlarmName"].removeprefix("deliverywatch-prod-")
        for each in of_type(queries_template, "AWS::CloudWatch::Alarm").values()
    }
    own = {name for name in names if name.startswith("queries-")}
    rungs = {
        rung["alarm"]
        for watch in stacks.watches(stacks.chosen(["queries"]))["watches"]
        for rung in watch["rungs"]
        if rung["alarm"].startswith("queries-")
    }
    (board,) = of_type(queries_template, "AWS::CloudWatch::Dashboard").values()
    shown = set(re.findall(r"alarm:deliverywatch-prod-([a-z-]+)", board["DashboardBody"]))
    assert own == rungs == shown


def test_the_defaults_are_the_numbers_that_are_explained_in_one_place(queries_template: dict[str, Any]) -> None:
    expected = {
        "QueriesReconcileMinutes": thresholds.QUERIES_RECONCILE_MINUTES,
        "QueriesDeleteCount": thresholds.QUERIES_DELETE_COUNT,
        "QueriesDeletePercent": thresholds.QUERIES_DELETE_PERCENT,
        "QueriesTimeoutSeconds": thresholds.QUERIES_TIMEOUT_SECONDS,
        "QueriesFailedCount": thresholds.QUERIES_FAILED_COUNT,
        "QueriesSlowSeconds": thresholds.QUERIES_SLOW_SECONDS,
        "QueriesDearUsd": thresholds.QUERIES_DEAR_USD,
    }
    given = queries_template["Parameters"]
    assert {name: given[name]["Default"] for name in expected} == {name: str(one) for name, one in expected.items()}
    assert not [name for name, made in given.items() if name.startswith("Queries") and "Default" not in made]


def test_the_reconciler_may_touch_our_schedules_only(queries_template: dict[str, Any]) -> None:
    allowed = [
        each for each in statements(queries_template, "QueriesReconcileRole") if "scheduler:" in str(each["Action"])
    ]
    assert [(each["Action"], each["Resource"]) for each in allowed] == [
        (
            [
                "scheduler:GetSchedule",
                "scheduler:CreateSchedule",
                "scheduler:UpdateSchedule",
                "scheduler:DeleteSchedule",
            ],
            "arn:aws:scheduler:eu-west-1:111122223333:schedule/deliverywatch-prod-queries/deliverywatch-*",
        ),
        ("scheduler:ListSchedules", "*"),
    ]


@pytest.mark.parametrize(
    ("given", "made", "name"),
    [
        ({}, ["deliverywatch-prod-queries"], "deliverywatch-prod-queries"),
        ({"QueriesGroupName": "pn-athena"}, ["pn-athena"], "pn-athena"),
        ({"QueriesGroupName": "pn-athena", "QueriesGroup": "adopted"}, [], "pn-athena"),
    ],
)
def test_the_schedule_group_has_the_chosen_name_and_may_be_one_that_exists(
    queries_template: dict[str, Any], given: dict[str, str], made: list[str], name: str
) -> None:
    groups = of_type(queries_template, "AWS::Scheduler::ScheduleGroup", **given).values()
    assert [group["Name"] for group in groups] == made
    functions = of_type(queries_template, "AWS::Lambda::Function", **given)
    assert functions["QueriesReconcile"]["Environment"]["Variables"]["SCHEDULE_GROUP_NAME"] == name
    may = statements(queries_template, "QueriesReconcileRole", **given)
    (ours,) = [each["Resource"] for each in may if "scheduler:CreateSchedule" in each["Action"]]
    assert ours.endswith(f":schedule/{name}/deliverywatch-*")
    start = of_type(queries_template, "AWS::IAM::Role", **given)["QueriesStartRole"]["AssumeRolePolicyDocument"]
    assert f":schedule-group/{name}" in json.dumps(start)


def test_the_reconciler_passes_one_role_and_to_scheduler_only(queries_template: dict[str, Any]) -> None:
    (allowed,) = [
        each for each in statements(queries_template, "QueriesReconcileRole") if each["Action"] == "iam:PassRole"
    ]
    assert allowed["Resource"].endswith("QueriesStartRole")
    assert allowed["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_the_executor_may_stop_what_it_starts_and_writes_no_history(queries_template: dict[str, Any]) -> None:
    allowed = statements(queries_template, "QueriesExecuteRole")
    actions = {action for each in allowed for action in as_list(each["Action"])}
    assert {"athena:StartQueryExecution", "athena:StopQueryExecution"} <= actions
    written = [resource for each in allowed if "s3:PutObject" in each["Action"] for resource in each["Resource"]]
    assert {resource.rsplit("/", 2)[-2] for resource in written} == {
        "athena-results",
        "damaged",
        "exports",
        "queries",
        "state",
    }


@pytest.mark.parametrize(
    ("parameters", "environment", "resource"),
    [
        ({}, "", None),
        (
            {"QueriesConfigSource": "s3", "QueriesConfigUrl": "s3://files/q/x.json"},
            "s3://files/q/x.json",
            "arn:aws:s3:::files/q/x.json",
        ),
        (
            {
                "QueriesConfigSource": "git",
                "QueriesConfigUrl": "https://x/y.json",
                "QueriesTokenParameter": "/deliverywatch/git",
            },
            "https://x/y.json",
            "arn:aws:ssm:eu-west-1:111122223333:parameter/deliverywatch/git",
        ),
    ],
)
def test_the_reconciler_reads_the_file_where_it_was_said_to_be(
    queries_template: dict[str, Any], parameters: dict[str, str], environment: str, resource: str | None
) -> None:
    function = of_type(queries_template, "AWS::Lambda::Function", **parameters)["QueriesReconcile"]
    assert function["Environment"]["Variables"]["CONFIG_GIT_URL"] == environment
    resources = [each["Resource"] for each in statements(queries_template, "QueriesReconcileRole", **parameters)]
    if resource is not None:
        assert resource in resources
    assert not [each for each in resources if resource is None and ("ssm" in str(each) or ".json" in str(each))]


def test_runs_that_cannot_be_delivered_or_finished_end_in_one_queue(queries_template: dict[str, Any]) -> None:
    retries = of_type(queries_template, "AWS::Lambda::EventInvokeConfig")
    queue = "arn:aws:sqs:eu-west-1:111122223333:deliverywatch-prod-queries-execute-dead-letters"
    assert retries["QueriesExecuteRetries"]["DestinationConfig"]["OnFailure"]["Destination"] == queue
    variables = of_type(queries_template, "AWS::Lambda::Function")["QueriesReconcile"]["Environment"]["Variables"]
    assert variables["DEAD_LETTER_QUEUE_ARN"] == queue
    start = statements(queries_template, "QueriesStartRole")
    assert [(each["Action"], each["Resource"].rsplit(":", 1)[-1]) for each in start] == [
        ("lambda:InvokeFunction", "deliverywatch-prod-queries-execute"),
        ("sqs:SendMessage", "deliverywatch-prod-queries-execute-dead-letters"),
    ]


def test_the_table_of_runs_has_the_columns_that_are_written(queries_template: dict[str, Any]) -> None:
    table = of_type(queries_template, "AWS::Glue::Table")["QueryRunsTable"]["TableInput"]
    columns = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
    assert columns == [name for name, _, _ in record.COLUMNS]
    assert set(columns) == set(record.Record.__dataclass_fields__)


def test_the_reconcilers_zip_holds_the_operators_file(queries_build: Path) -> None:
    with zipfile.ZipFile(queries_build / "queries-reconcile.zip") as archive:
        packed = archive.read("deliverywatch/queries/schedules.json")
    assert packed == (TESTS.parent / "cfn/schedules.json").read_bytes()


def test_the_readme_has_every_parameter_with_its_default_every_alarm_and_every_command() -> None:
    readme = (TESTS.parent / "src/deliverywatch/queries/README.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", readme, re.MULTILINE))
    made = stacks.template(stacks.chosen(["queries"]), "arm64", "0").to_dict()
    own = {name: each["Default"] or "none" for name, each in made["Parameters"].items() if name.startswith("Queries")}
    assert rows == own
    alarms = [each["AlarmName"] for each in of_type(made, "AWS::CloudWatch::Alarm").values()]
    names = {name.partition("-queries-")[2] for name in alarms if "-queries-" in name}
    assert names == set(re.findall(r"`…-queries-([a-z-]+)`", readme))
    from deliverywatch.cli.queries import queries

    assert set(queries.commands) == set(re.findall(r"^\.venv/bin/deliverywatch queries (\w+)", readme, re.MULTILINE))

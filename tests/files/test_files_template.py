"""The template of files: as reviewed, valid, encrypted, never both ways for one event, and each role just wide enough.

When a change is meant: DELIVERYWATCH_UPDATE_GOLDEN=1 .venv/bin/pytest tests/files/test_files_template.py
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bundling import build
from template_values import resolved

GOLDEN = Path(__file__).parents[1] / "templates"
ACCOUNT = {
    "SenderAddress": "alerts@example.com",
    "AlertRecipients": "support@example.com",
    "FallbackAddress": "oncall@example.com",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
}
QUEUE = "arn:aws:sqs:eu-west-1:111122223333:deliverywatch-prod-files-queue"
DEAD = "arn:aws:sqs:eu-west-1:111122223333:deliverywatch-prod-files-dead-letters"


@pytest.fixture(scope="module", params=["files", "files-pusher"])
def system(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def built(system: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp(system) / "build"
    build.build([system], "none", out)
    return out


@pytest.fixture(scope="module")
def template(built: Path) -> dict[str, Any]:
    return dict(json.loads((built / "template.json").read_text()))


def of_type(template: Mapping[str, Any], kind: str, **parameters: str) -> dict[str, dict[str, Any]]:
    return resolved(template, kind, ACCOUNT | parameters)


def test_what_files_add_to_the_template_is_what_was_reviewed(system: str) -> None:
    import stacks

    # Before its policies become texts.
    template = stacks.template(stacks.chosen([system]), "arm64", "0").to_dict()
    bare = stacks.template(stacks.chosen([]), "arm64", "0").to_dict()
    sections = ("Conditions", "Outputs", "Parameters", "Resources", "Rules")
    added = {
        section: {name: made for name, made in template.get(section, {}).items() if name not in bare.get(section, {})}
        for section in sections
    }
    text = json.dumps(added, indent=1, sort_keys=True) + "\n"
    golden = GOLDEN / f"{system}.json"
    if os.environ.get("DELIVERYWATCH_UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_cfn_lint_has_nothing_to_say(built: Path) -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    command = [linter, "--regions", "us-east-1", "--", built / "template.json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("seconds", ["15", "30", "900"])
def test_a_message_is_invisible_for_six_runs_and_the_window(template: dict[str, Any], seconds: str) -> None:
    given = {"FilesTimeoutSeconds": seconds}
    queue = of_type(template, "AWS::SQS::Queue", **given)["FilesQueue"]
    run = of_type(template, "AWS::Lambda::Function", **given)["FilesProcess"]
    mapping = of_type(template, "AWS::Lambda::EventSourceMapping")["FilesProcessMapping"]
    assert queue["VisibilityTimeout"] == 6 * int(run["Timeout"]) + mapping["MaximumBatchingWindowInSeconds"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_dead_letter_is_kept_longer_than_it_waited(template: dict[str, Any]) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    assert queues["FilesQueue"]["RedrivePolicy"] == {"deadLetterTargetArn": DEAD, "maxReceiveCount": 5}
    kept = queues["FilesDeadLetters"]["MessageRetentionPeriod"] - queues["FilesQueue"]["MessageRetentionPeriod"]
    assert kept == 10 * 24 * 3600


def test_queues_and_buckets_are_encrypted_and_refuse_plain_connections(template: dict[str, Any]) -> None:
    assert all(queue["SqsManagedSseEnabled"] for queue in of_type(template, "AWS::SQS::Queue").values())
    guarded = {
        statement["Resource"] if isinstance(statement["Resource"], str) else statement["Resource"][0]
        for kind in ("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy")
        for policy in of_type(template, kind).values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert {QUEUE, DEAD} < guarded
    assert len(guarded) == 5
    assert "BucketEncryption" in of_type(template, "AWS::S3::Bucket")["FilesUploads"]


def notified(template: dict[str, Any], **parameters: str) -> list[tuple[str, str]]:
    """Every way from the bucket into the intake: event, target."""
    ways = []
    for bucket in of_type(template, "AWS::S3::Bucket", **parameters).values():
        configuration = bucket.get("NotificationConfiguration", {})
        for kind, target in (("QueueConfigurations", "Queue"), ("LambdaConfigurations", "Function")):
            ways += [(each["Event"], each[target]) for each in configuration.get(kind, [])]
    for rule in of_type(template, "AWS::Events::Rule", **parameters).values():
        ways += [(kind, rule["Targets"][0]["Arn"]) for kind in rule["EventPattern"]["detail-type"]]
    return ways


@pytest.mark.parametrize("bucket", ["", "reports"])
def test_no_event_takes_two_ways(template: dict[str, Any], system: str, bucket: str) -> None:
    ways = notified(template, FilesBucketName=bucket)
    assert len({event for event, _ in ways}) == len(ways) == (2 if bucket else 3)
    (target,) = {target for _, target in ways}
    assert (target == QUEUE) == (system == "files")


def test_only_s3_of_this_account_or_the_rule_may_send(template: dict[str, Any], system: str) -> None:
    def senders(**parameters: str) -> list[str]:
        policy = of_type(template, "AWS::SQS::QueuePolicy", **parameters)["FilesQueuePolicy"]["PolicyDocument"]
        allowed = [each for each in policy["Statement"] if each["Effect"] == "Allow"]
        assert all("Condition" in each for each in allowed)
        return [each["Principal"]["Service"] for each in allowed]

    by_s3, by_rule = (["s3.amazonaws.com"], ["events.amazonaws.com"]) if system == "files" else ([], [])
    assert senders() == by_s3
    assert senders(FilesBucketName="reports") == by_rule


def test_each_function_has_the_filters(template: dict[str, Any], system: str) -> None:
    names = {"DELIVERYWATCH_PREFIX_OF_KEYS": "in/", "DELIVERYWATCH_SUFFIX_OF_KEYS": ".csv"}
    more = {"DELIVERYWATCH_CONTENT_TYPES": "text/csv", "DELIVERYWATCH_MAXIMUM_MEGABYTES": "7"}
    parameters = {"FilesPrefix": "in/", "FilesSuffix": ".csv"}
    if system == "files-pusher":
        parameters |= {"FilesContentTypes": "text/csv", "FilesMaximumMegabytes": "7"}
    functions = of_type(template, "AWS::Lambda::Function", **parameters)
    for name in {"FilesProcess", "FilesPush"} & functions.keys():
        variables = functions[name]["Environment"]["Variables"]
        assert {each: str(variables.get(each)) for each in names | more} == (
            names | (more if system == "files-pusher" else dict.fromkeys(more, "None"))
        )


def test_the_table_can_be_restored_and_outlives_the_stack(template: dict[str, Any]) -> None:
    table = of_type(template, "AWS::DynamoDB::Table")["FilesTable"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["object", "version"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert template["Resources"]["FilesTable"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert template["Resources"]["FilesUploads"]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_every_run_is_traced_without_a_library(template: dict[str, Any], built: Path, system: str) -> None:
    functions = of_type(template, "AWS::Lambda::Function")
    for name in ["FilesProcess", "FilesPush"][: 1 if system == "files" else 2]:
        assert functions[name]["TracingConfig"] == {"Mode": "Active"}
        role = of_type(template, "AWS::IAM::Role")[f"{name}Role"]
        actions = [s["Action"] for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]]
        assert ["xray:PutTraceSegments", "xray:PutTelemetryRecords"] in actions


ALLOWED = {
    "FilesProcessRole": {
        "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem", "s3:GetObject", "s3:PutObject",
        "s3:ListBucket", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
        "sqs:ChangeMessageVisibility", "s3:GetObjectVersion",
    },
    "FilesPushRole": {"sqs:SendMessage", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"},
}  # fmt: skip
EVERY = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def test_each_role_allows_what_its_code_calls_and_no_more(template: dict[str, Any], system: str) -> None:
    found: dict[str, set[str]] = {}
    roles = of_type(template, "AWS::IAM::Role")
    apart = of_type(template, "AWS::IAM::Policy").values()
    for name in ["FilesProcessRole", "FilesPushRole"][: 1 if system == "files" else 2]:
        documents = [each["PolicyDocument"] for each in roles[name]["Policies"]]
        documents += [each["PolicyDocument"] for each in apart if name in each["Roles"]]
        statements = [statement for document in documents for statement in document["Statement"]]
        assert {s["Effect"] for s in statements} == {"Allow"}
        for statement in statements:
            actions = statement["Action"]
            found.setdefault(name, set()).update([actions] if isinstance(actions, str) else actions)
            assert statement["Resource"] != "*" or str(actions[0]).startswith("xray:")
    assert {name: actions - EVERY for name, actions in found.items()} == {
        name: actions for name, actions in ALLOWED.items() if name in found
    }


def test_the_examination_may_look_at_functions_and_queues_whatever_they_are_called(template: dict[str, Any]) -> None:
    names = ("FilesProcessName", "FilesPushName", "FilesQueueName", "FilesDeadLettersName")
    chosen = {name: f"my-{name}" for name in names if name in template["Parameters"]}
    policy = of_type(template, "AWS::IAM::Policy", **chosen)["FilesExamined"]
    arns = {arn.rpartition(":")[2] for one in policy["PolicyDocument"]["Statement"] for arn in one["Resource"]}
    assert arns == set(chosen.values())


def test_the_processor_starts_without_any_package_of_others(template: dict[str, Any]) -> None:
    import stacks

    (process,) = [each for each in stacks.SYSTEMS["files"]().functions if each.verb == "process"]
    assert process.packages == ()


def test_every_combination_with_sms_is_one_template() -> None:
    import stacks

    for systems in (["sms", "files"], ["files", "sms"], ["files-pusher", "sms"]):
        made = stacks.template(stacks.chosen(systems), "arm64", "0").to_dict()
        assert {"FilesProcess", "SmsIngest"} <= set(made["Resources"])


def test_the_dashboard_is_json_that_shows_alarms_and_queues_there_are(template: dict[str, Any]) -> None:
    body = json.loads(of_type(template, "AWS::CloudWatch::Dashboard")["FilesDashboard"]["DashboardBody"])
    alarms = {each["AlarmName"] for each in of_type(template, "AWS::CloudWatch::Alarm").values()}
    queues = {each["QueueName"] for each in of_type(template, "AWS::SQS::Queue").values()}
    (shown,) = [each["properties"]["alarms"] for each in body["widgets"] if each["type"] == "alarm"]
    assert {arn.rpartition(":")[2] for arn in shown} == {name for name in alarms if "-files-" in name}
    charts = [metric for each in body["widgets"] for metric in each["properties"].get("metrics", [])]
    assert {metric[3] for metric in charts if metric[0] == "AWS/SQS"} < queues
    assert not [left for left in json.dumps(body).split('"') if "${" in left]


def test_every_alarm_notifies_when_it_begins_and_when_it_is_over(template: dict[str, Any]) -> None:
    topic = "arn:aws:sns:eu-west-1:111122223333:deliverywatch-prod-alerts"
    own = [each for each in of_type(template, "AWS::CloudWatch::Alarm").values() if "-files-" in each["AlarmName"]]
    assert len(own) == 5
    assert all(each["AlarmActions"] == each["OKActions"] == [topic] for each in own)


def test_every_alarm_is_a_severity_of_one_watch_that_is_named_after_the_system(template: dict[str, Any]) -> None:
    import stacks

    *_, files = stacks.chosen(["files"])
    rungs = [alarm.name for watch in files.watches for alarm in watch.alarms if alarm.severity]
    own = [each["AlarmName"] for each in of_type(template, "AWS::CloudWatch::Alarm").values()]
    assert sorted(f"deliverywatch-prod-{rung}" for rung in rungs) == sorted(name for name in own if "-files-" in name)
    assert {watch.name.partition("-")[0] for watch in files.watches} == {"files"}

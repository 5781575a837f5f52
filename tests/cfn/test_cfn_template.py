"""The built template as a whole: as reviewed, valid, without secrets, everything in it encrypted and kept for a time.

When a change is meant, write the golden anew and read its diff:
DELIVERYWATCH_UPDATE_GOLDEN=1 .venv/bin/pytest tests/cfn
"""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cfn_values import GIVEN, of_type

import stacks
from deliverywatch import thresholds
from deliverywatch.alerting.incidents import outbox
from deliverywatch.sms.lake.columns import COLUMNS

# Mails have no links to acknowledge unless a key for them is named.
LINKS = {"LinkKeyParameter": "/deliverywatch/prod/link-key"}
GOLDEN = Path(__file__).parents[1] / "templates/sms.json"


def test_the_template_is_the_one_that_was_reviewed() -> None:
    # Before its policies become texts.
    made = stacks.template(stacks.chosen(["sms"]), "arm64", version("deliverywatch")).to_dict()
    text = json.dumps(made, indent=1, sort_keys=True) + "\n"
    if os.environ.get("DELIVERYWATCH_UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert json.loads(text) == json.loads(GOLDEN.read_text())
    assert text == GOLDEN.read_text()


def test_cfn_lint_has_nothing_to_say(built: Path) -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    command = [linter, "--regions", "us-east-1", "--", built / "template.json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_the_template_fits_into_what_cloudformation_takes_from_a_bucket(built: Path) -> None:
    # 51,200 bytes is the limit in a request; README deploys with --s3-bucket, where it is a megabyte.
    assert (built / "template.json").stat().st_size < 150_000


def test_a_stack_can_stand_in_two_regions_of_one_account(template: dict[str, Any]) -> None:
    # Roles are the account's, buckets the world's: a fixed name would be taken.
    assert not [role for role in of_type(template, "AWS::IAM::Role").values() if "RoleName" in role]
    assert not [bucket for bucket in of_type(template, "AWS::S3::Bucket").values() if "BucketName" in bucket]


def test_the_longest_environment_makes_no_name_too_long(template: dict[str, Any]) -> None:
    longest = {"Environment": "a" * 16}
    functions = of_type(template, "AWS::Lambda::Function", **longest).values()
    schedules = of_type(template, "AWS::Scheduler::Schedule", **longest).values()
    assert max(len(each["FunctionName"]) for each in functions) <= 64
    assert max(len(each["Name"]) for each in schedules) <= 64


def test_a_stack_says_its_version(template: dict[str, Any]) -> None:
    assert template["Metadata"]["DeliveryWatch"]["Version"] == version("deliverywatch")
    assert template["Outputs"]["Version"]["Value"] == version("deliverywatch")


def test_a_stack_declares_its_watches_where_it_is_deployed(with_page: dict[str, Any]) -> None:
    template = with_page
    declared = json.loads(template["Metadata"]["DeliveryWatch"]["Watches"])
    every = of_type(template, "AWS::CloudWatch::Alarm", **LINKS)
    alarms = {made["AlarmName"] for made in every.values()}
    named = {f"deliverywatch-prod-{level['alarm']}" for watch in declared for level in watch["rungs"]}
    assert named <= alarms
    assert {watch["name"] for watch in declared} >= {"sms-failures", "sms-credit", "sms-blind"}


def test_the_defaults_are_the_numbers_that_are_explained_in_one_place(template: dict[str, Any]) -> None:
    defaults = {name: made.get("Default") for name, made in template["Parameters"].items()}
    expected = {
        "SlotMinutes": thresholds.SLOT_MINUTES,
        "WarningThresholdPercent": thresholds.WARNING_PERCENT,
        "CriticalThresholdPercent": thresholds.CRITICAL_PERCENT,
        "WarningRecoveryPercent": thresholds.WARNING_RECOVERY_PERCENT,
        "CriticalRecoveryPercent": thresholds.CRITICAL_RECOVERY_PERCENT,
        "WindowMinutes": thresholds.WINDOW_SECONDS // 60,
        "MinimumTotal": thresholds.MINIMUM_TOTAL_COUNT,
        "MinimumFailed": thresholds.MINIMUM_FAILED_COUNT,
        "TricklePercent": thresholds.TRICKLE_PERCENT,
        "OutagePercent": thresholds.OUTAGE_PERCENT,
        "OutageMinimumFailed": thresholds.OUTAGE_MINIMUM_FAILED_COUNT,
        "QuietMinutes": thresholds.QUIET_MINUTES,
        "OverduePercent": thresholds.OVERDUE_PERCENT,
        "UnknownPercent": thresholds.UNKNOWN_PERCENT,
        "SilencePercent": thresholds.SILENCE_PERCENT,
        "SilenceRecoveryPercent": thresholds.SILENCE_RECOVERY_PERCENT,
        "SilenceMinimumDaily": thresholds.SILENCE_MINIMUM_DAILY_COUNT,
        "SilenceMinimumExpected": thresholds.SILENCE_MINIMUM_EXPECTED_COUNT,
        "AthenaScanLimitMegabytes": thresholds.ATHENA_SCAN_LIMIT_MEGABYTES,
        "AthenaResultDays": thresholds.ATHENA_RESULT_DAYS,
        "LogRetentionDays": thresholds.LOG_RETENTION_DAYS,
    }
    assert {name: defaults[name] for name in expected} == {name: str(value) for name, value in expected.items()}


def test_so_are_those_of_the_page(with_page: dict[str, Any]) -> None:
    expected = {"LinkHours": thresholds.LINK_HOURS, "PageConcurrency": thresholds.PAGE_CONCURRENCY}
    assert {name: int(with_page["Parameters"][name]["Default"]) for name in expected} == expected


def test_no_secret_can_be_in_the_template_or_in_a_functions_environment(with_page: dict[str, Any]) -> None:
    template = with_page
    assert not [name for name in template["Parameters"] if re.search("key$|secret|password|token", name, re.IGNORECASE)]
    assert not [made for made in template["Parameters"].values() if made.get("NoEcho")]
    variables = {
        name: value
        for function in of_type(template, "AWS::Lambda::Function", **LINKS).values()
        for name, value in function["Environment"]["Variables"].items()
    }
    # A path, not what is stored there.
    assert variables.pop("DELIVERYWATCH_CREDENTIALS") == "/deliverywatch/prod/clicksend"
    assert variables.pop("DELIVERYWATCH_LINK_KEY_PARAMETER") == LINKS["LinkKeyParameter"]
    assert not [name for name in variables if re.search("KEY|SECRET|PASSWORD|TOKEN|USERNAME", name)]


def environment(template: dict[str, Any], function: str, **parameters: str) -> dict[str, str]:
    return of_type(template, "AWS::Lambda::Function", **parameters)[function]["Environment"]["Variables"]


def test_the_ingest_function_gets_what_it_needs(template: dict[str, Any]) -> None:
    assert environment(template, "SmsIngest", CountRecipientFaults="false", SlotMinutes="5") == {
        "DELIVERYWATCH_ENVIRONMENT": "prod",
        "DELIVERYWATCH_BUCKET": "LakeBucket",
        "DELIVERYWATCH_CREDENTIALS": "/deliverywatch/prod/clicksend",
        "DELIVERYWATCH_CLICKSEND_URL": "https://rest.clicksend.com",
        "DELIVERYWATCH_SLOT_MINUTES": "5",
        "DELIVERYWATCH_COUNT_RECIPIENT_FAULTS": "false",
        "DELIVERYWATCH_KEEP_ONE_CLIENT_AT_WARNING": "false",
        "DELIVERYWATCH_CREDIT_WATCH": "true",
        "DELIVERYWATCH_CREDIT_WARNING_HOURS": "72",
        "DELIVERYWATCH_RECIPIENT_NUMBERS": "hashed",
        "DELIVERYWATCH_ALERTS_TOPIC": "arn:aws:sns:eu-west-1:111122223333:deliverywatch-prod-alerts",
        "DELIVERYWATCH_MINIMUM_TOTAL": "10",
        "DELIVERYWATCH_MINIMUM_FAILED": "3",
        "DELIVERYWATCH_WARNING_RECOVERY_PERCENT": "2",
        "DELIVERYWATCH_CRITICAL_RECOVERY_PERCENT": "15",
        "DELIVERYWATCH_TRICKLE_PERCENT": "25",
        "DELIVERYWATCH_OUTAGE_PERCENT": "90",
        "DELIVERYWATCH_OUTAGE_MINIMUM_FAILED": "3",
        "DELIVERYWATCH_QUIET_MINUTES": "60",
        "DELIVERYWATCH_WINDOW_MINUTES": "30",
        "DELIVERYWATCH_OVERDUE_PERCENT": "10",
        "DELIVERYWATCH_UNKNOWN_PERCENT": "3",
        "DELIVERYWATCH_SILENCE_WATCH": "true",
        "DELIVERYWATCH_SILENCE_PERCENT": "2",
        "DELIVERYWATCH_SILENCE_RECOVERY_PERCENT": "20",
        "DELIVERYWATCH_SILENCE_MINIMUM_DAILY": "200",
        "DELIVERYWATCH_SILENCE_MINIMUM_EXPECTED": "10",
        "DELIVERYWATCH_TIME_ZONE": "UTC",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "1",
    }


def test_the_notifier_knows_which_watch_is_switched_off(template: dict[str, Any], with_page: dict[str, Any]) -> None:
    off = [environment(made, "AlertingNotify", SilenceWatch="false") for made in (template, with_page)]
    names = [variables["DELIVERYWATCH_SWITCHED_OFF"] for variables in off]
    assert names == ["sms-silence", "sms-silence,operate-acknowledge"]


def test_the_notifier_gets_what_it_needs(template: dict[str, Any]) -> None:
    assert environment(template, "AlertingNotify", TimeZone="Australia/Sydney") == {
        "DELIVERYWATCH_SWITCHED_OFF": "",
        **{f"DELIVERYWATCH_{kind}_PARAMETER": "" for kind in ("SLACK", "TEAMS", "WEBHOOK")},
        **{f"DELIVERYWATCH_{kind}_ROUTE": "all" for kind in ("SLACK", "TEAMS", "WEBHOOK")},
        "DELIVERYWATCH_SLACK_ROOM": "",
        "DELIVERYWATCH_ENVIRONMENT": "prod",
        "DELIVERYWATCH_PREFIX": "deliverywatch-prod",
        "DELIVERYWATCH_BUCKET": "LakeBucket",
        "DELIVERYWATCH_SENDER": "alerts@example.com",
        "DELIVERYWATCH_RECIPIENTS": "support@example.com,oncall@example.com",
        "DELIVERYWATCH_CRITICAL_RECIPIENTS": "",
        "DELIVERYWATCH_FALLBACK_TOPIC": "arn:aws:sns:eu-west-1:111122223333:deliverywatch-prod-fallback",
        "DELIVERYWATCH_TIME_ZONE": "Australia/Sydney",
        "DELIVERYWATCH_DASHBOARD": "deliverywatch-prod-sms",
        "DELIVERYWATCH_WORKGROUP": "deliverywatch-prod",
        "DELIVERYWATCH_STACK": "stack",
        "DELIVERYWATCH_CLOSE_UNKNOWN_HOURS": "24",
        "DELIVERYWATCH_REMINDER_HOURS": "24",
    }
    assert environment(template, "AlertingNotify", CreateDashboard="false")["DELIVERYWATCH_DASHBOARD"] == ""


def test_a_function_reads_only_variables_that_it_is_given(with_page: dict[str, Any]) -> None:
    template = with_page
    source = Path(__file__).parents[2] / "src/deliverywatch"
    for function, room in {"SmsIngest": "sms", "AlertingNotify": "alerting"}.items():
        text = "".join(path.read_text() for path in (source / room).rglob("*.py"))
        assert set(re.findall(r"DELIVERYWATCH_[A-Z_]+", text)) <= set(environment(template, function))


def test_functions_run_on_the_processor_they_are_built_for_and_print_plain_lines(template: dict[str, Any]) -> None:
    for name, function in of_type(template, "AWS::Lambda::Function").items():
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert function["LoggingConfig"]["LogFormat"] == "Text"
        assert "ReservedConcurrentExecutions" not in function
        assert template["Resources"][name]["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Logs"}


def test_logs_end_and_are_named_after_their_function(template: dict[str, Any]) -> None:
    groups = of_type(template, "AWS::Logs::LogGroup", LogRetentionDays="14").values()
    functions = of_type(template, "AWS::Lambda::Function").values()
    assert {group["LogGroupName"] for group in groups} == {f"/aws/lambda/{each['FunctionName']}" for each in functions}
    assert {group["RetentionInDays"] for group in groups} == {"14"}


def test_the_lake_is_private_encrypted_versioned_and_outlives_the_stack(template: dict[str, Any]) -> None:
    (lake,) = of_type(template, "AWS::S3::Bucket").values()
    (encryption,) = lake["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(lake["PublicAccessBlockConfiguration"].values()) == {True}
    assert lake["VersioningConfiguration"] == {"Status": "Enabled"}
    assert template["Resources"]["LakeBucket"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert template["Resources"]["LakeBucket"]["UpdateReplacePolicy"] == "Retain"


def test_only_query_results_and_old_versions_are_deleted(template: dict[str, Any]) -> None:
    (lake,) = of_type(template, "AWS::S3::Bucket", AthenaResultDays="3").values()
    week, results = lake["LifecycleConfiguration"]["Rules"]
    assert week["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    assert week["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "ExpirationInDays" not in week
    assert "Prefix" not in week
    assert (results["Prefix"], results["ExpirationInDays"]) == ("athena-results/", "3")


def test_queries_cannot_leave_the_workgroups_limits(template: dict[str, Any]) -> None:
    (workgroup,) = of_type(template, "AWS::Athena::WorkGroup", AthenaScanLimitMegabytes="250").values()
    settings = workgroup["WorkGroupConfiguration"]
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["BytesScannedCutoffPerQuery"] == "250000000"
    assert settings["ResultConfiguration"]["OutputLocation"] == "s3://LakeBucket/athena-results/"
    assert settings["ResultConfiguration"]["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}


def columns(table: dict[str, Any]) -> list[tuple[str, str]]:
    return [(column["Name"], column["Type"]) for column in table["TableInput"]["StorageDescriptor"]["Columns"]]


def test_the_tables_have_the_columns_that_are_written(template: dict[str, Any]) -> None:
    tables = {table["TableInput"]["Name"]: table for table in of_type(template, "AWS::Glue::Table").values()}
    written = [(column.name, column.athena_type) for column in COLUMNS]
    assert columns(tables["sms_objects"]) == written
    assert columns(tables["sms_messages"]) == [*written, ("dt", "string")]
    assert columns(tables["mails"]) == [(name, kind) for name, kind, _ in outbox.COLUMNS]


def test_partitions_are_days_and_are_computed(template: dict[str, Any]) -> None:
    tables = {
        table["TableInput"]["Name"]: table["TableInput"] for table in of_type(template, "AWS::Glue::Table").values()
    }
    for name, folder in {"sms_objects": "sms", "mails": "mails"}.items():
        assert [key["Name"] for key in tables[name]["PartitionKeys"]] == ["dt"]
        assert tables[name]["StorageDescriptor"]["Location"] == f"s3://LakeBucket/{folder}/"
        parameters = tables[name]["Parameters"]
        assert parameters["storage.location.template"] == f"s3://LakeBucket/{folder}/dt=${{dt}}"
        assert parameters["projection.enabled"] == "true"
        assert (parameters["projection.dt.type"], parameters["projection.dt.format"]) == ("date", "yyyy-MM-dd")
        assert parameters["projection.dt.range"] == "2025-01-01,NOW"


def test_topics_are_encrypted_with_the_customers_key_or_not_at_all(template: dict[str, Any]) -> None:
    key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert {topic.get("KmsMasterKeyId") for topic in of_type(template, "AWS::SNS::Topic").values()} == {None}
    assert {topic.get("KmsMasterKeyId") for topic in of_type(template, "AWS::SNS::Topic", KmsKeyArn=key).values()} == {
        key
    }


def test_dead_letters_are_encrypted_and_come_from_both_ways_of_failing(template: dict[str, Any]) -> None:
    (queue,) = of_type(template, "AWS::SQS::Queue").values()
    assert queue["SqsManagedSseEnabled"] is True
    arn = "arn:aws:sqs:eu-west-1:111122223333:deliverywatch-prod-alerting-notify-dead-letters"
    subscription = of_type(template, "AWS::SNS::Subscription")["AlertingNotifySubscription"]
    retries = of_type(template, "AWS::Lambda::EventInvokeConfig")["AlertingNotifyRetries"]
    assert subscription["RedrivePolicy"] == {"deadLetterTargetArn": arn}
    assert retries["DestinationConfig"] == {"OnFailure": {"Destination": arn}}
    assert retries["MaximumRetryAttempts"] == 2


def test_the_way_out_is_a_mail_to_the_fallback_address(template: dict[str, Any]) -> None:
    fallback = of_type(template, "AWS::SNS::Subscription")["FallbackSubscription"]
    assert (fallback["Protocol"], fallback["Endpoint"]) == ("email", GIVEN["FallbackAddress"])
    assert fallback["TopicArn"].endswith(":deliverywatch-prod-fallback")


def test_a_run_starts_at_the_end_of_each_slot_and_a_sweep_every_ten_minutes(template: dict[str, Any]) -> None:
    schedules = of_type(template, "AWS::Scheduler::Schedule", SlotMinutes="5")
    properties = {
        each["Name"].removeprefix("deliverywatch-prod-"): (
            each["ScheduleExpression"],
            json.loads(each["Target"]["Input"]),
        )
        for each in schedules.values()
    }
    assert properties == {
        "sms-ingest-slots": ("cron(0/5 * * * ? *)", {"scheduled_time": "<aws.scheduler.scheduled-time>"}),
        "sms-compact-nightly": ("cron(40 4 * * ? *)", {"scheduled_time": "<aws.scheduler.scheduled-time>"}),
        "alerting-sweep": ("cron(5/10 * * * ? *)", {"sweep": "<aws.scheduler.scheduled-time>"}),
        "operate-examine-nightly": ("cron(30 5 * * ? *)", {"scheduled_time": "<aws.scheduler.scheduled-time>"}),
        "operate-digest-weekly": ("cron(0 7 ? * MON *)", {"scheduled_time": "<aws.scheduler.scheduled-time>"}),
    }
    assert {each["ScheduleExpressionTimezone"] for each in schedules.values()} == {"UTC"}
    assert {each["FlexibleTimeWindow"]["Mode"] for each in schedules.values()} == {"OFF"}


def test_the_weekly_mail_comes_on_monday_morning_where_the_readers_are_unless_it_is_not_wanted(
    template: dict[str, Any],
) -> None:
    def weekly(**chosen: str) -> dict[str, Any]:
        return dict(of_type(template, "AWS::Scheduler::Schedule", **chosen)["OperateDigestWeeklySchedule"])

    assert weekly(TimeZone="Australia/Sydney")["ScheduleExpressionTimezone"] == "Australia/Sydney"
    assert (weekly()["State"], weekly(WeeklyDigest="false")["State"]) == ("ENABLED", "DISABLED")


def test_a_failed_run_is_repeated_by_the_next_slot_not_by_lambda(template: dict[str, Any]) -> None:
    assert of_type(template, "AWS::Lambda::EventInvokeConfig")["SmsIngestRetries"]["MaximumRetryAttempts"] == 0


def test_the_outputs_say_where_to_look_and_what_to_do_next(template: dict[str, Any]) -> None:
    outputs = template["Outputs"]
    assert {"LakeBucket", "AlertsTopicArn", "FallbackTopicArn", "AthenaWorkgroup", "DashboardUrl", "NextSteps"} <= set(
        outputs
    )
    steps, _ = outputs["NextSteps"]["Value"]["Fn::Sub"]
    assert all(word in steps for word in ("/username", "/api_key", "Confirm", "${FallbackAddress}", "sandbox"))
    assert all(output["Description"] for output in outputs.values())

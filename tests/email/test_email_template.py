"""The template of the e-mail system: as reviewed, valid, private, and named as promised.

When a change is meant, write the golden anew and read its diff: DELIVERYWATCH_UPDATE_GOLDEN=1 pytest tests/email
"""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from email_values import GIVEN, of_type

import stacks
from blocks.extras import Extra
from bundling import build
from deliverywatch.email.events.columns import COLUMNS
from deliverywatch.email.events.streams import Stream

GOLDEN = Path(__file__).parents[1] / "templates/email.json"
FIREHOSE = "AWS::KinesisFirehose::DeliveryStream"


def test_the_part_of_email_is_the_one_that_was_reviewed() -> None:
    # Without what all systems share: that has a golden of its own.
    part = stacks.template([stacks.SYSTEMS["email"]([Extra.BUDGET])], "arm64", "0").to_dict()
    text = json.dumps(part, indent=1, sort_keys=True) + "\n"
    if os.environ.get("DELIVERYWATCH_UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert json.loads(text) == json.loads(GOLDEN.read_text())
    assert text == GOLDEN.read_text()


def test_cfn_lint_has_nothing_to_say_of_email_beside_sms(tmp_path: Path) -> None:
    build.build(["sms", "email"], "none", tmp_path / "build", [Extra.BUDGET])
    linter = Path(sys.executable).with_name("cfn-lint")
    command = [linter, "--regions", "us-east-1", "--", tmp_path / "build/template.json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_every_parameter_of_email_has_a_default_so_that_the_deploy_command_stays_the_same(
    template: dict[str, Any],
) -> None:
    required = {name for name, parameter in template["Parameters"].items() if "Default" not in parameter}
    assert required == {"SenderAddress", "AlertRecipients", "FallbackAddress"}


NAMED = {
    "EmailStreamsHaveTheirOwnSets": ("NewsletterConfigurationSet", "TransactionalConfigurationSet"),
    "EmailBucketsHaveTheirOwnNames": ("EmailBucketName", "EmailResultsBucketName"),
}


@pytest.mark.parametrize("rule", NAMED)
@pytest.mark.parametrize(("first", "second", "is_accepted"), [("", "", 1), ("one", "two", 1), ("one", "one", 0)])
def test_two_things_of_one_name_are_refused_before_anything_is_made(
    template: dict[str, Any], rule: str, first: str, second: str, is_accepted: int
) -> None:
    given = dict(zip(NAMED[rule], (first, second), strict=True))
    (assertion,) = template["Rules"][rule]["Assertions"]
    either = [
        not _same(each["Fn::Not"][0], given) if "Fn::Not" in each else _same(each, given)
        for each in assertion["Assert"]["Fn::Or"]
    ]
    assert any(either) == bool(is_accepted)


def _same(equals: dict[str, Any], given: dict[str, str]) -> bool:
    left, right = (given[each["Ref"]] if isinstance(each, dict) else each for each in equals["Fn::Equals"])
    return bool(left == right)


def test_a_template_without_email_has_none_of_it() -> None:
    text = json.dumps(stacks.template(stacks.chosen(["sms"]), "arm64", "0").to_dict())
    assert "Newsletter" not in text
    assert '"Email' not in text


@pytest.mark.parametrize("environment", ["prod", "staging"])
def test_names_are_those_that_were_promised(template: dict[str, Any], environment: str) -> None:
    streams = of_type(template, FIREHOSE, Environment=environment).values()
    assert {each["DeliveryStreamName"] for each in streams} == {
        f"email-events-newsletter-{environment}",
        f"email-events-transactional-{environment}",
    }
    groups = of_type(template, "AWS::Athena::WorkGroup", Environment=environment)
    assert groups["EmailWorkgroup"]["Name"] == f"email-analytics-{environment}"
    databases = of_type(template, "AWS::Glue::Database", Environment=environment)
    assert databases["EmailDatabase"]["DatabaseInput"]["Name"] == f"email_events_db_{environment}"
    tables = {each["TableInput"]["Name"] for each in of_type(template, "AWS::Glue::Table").values()}
    assert {"newsletter_events", "transactional_events", "email_events", "email_events_unique"} <= tables


@pytest.mark.parametrize("stream", list(Stream))
def test_each_stream_converts_what_the_transform_made_into_its_own_table(
    template: dict[str, Any], stream: Stream
) -> None:
    made = of_type(template, FIREHOSE)[f"{stream.value.capitalize()}DeliveryStream"]
    to = made["ExtendedS3DestinationConfiguration"]
    assert to["Prefix"] == f"events/{stream}/dt=!{{timestamp:yyyy-MM-dd}}/"
    assert to["ErrorOutputPrefix"] == f"errors/{stream}/!{{firehose:error-output-type}}/dt=!{{timestamp:yyyy-MM-dd}}/"
    assert to["BufferingHints"] == {"IntervalInSeconds": "900", "SizeInMBs": "128"}
    assert to["CompressionFormat"] == "UNCOMPRESSED"
    conversion = to["DataFormatConversionConfiguration"]
    assert conversion["SchemaConfiguration"]["TableName"] == f"{stream}_events"
    assert conversion["InputFormatConfiguration"]["Deserializer"] == {"OpenXJsonSerDe": {"CaseInsensitive": False}}
    assert conversion["OutputFormatConfiguration"]["Serializer"] == {"ParquetSerDe": {"Compression": "GZIP"}}
    (processor,) = to["ProcessingConfiguration"]["Processors"]
    assert processor["Parameters"][0]["ParameterValue"].endswith(":function:deliverywatch-prod-email-transform")
    assert to["CloudWatchLoggingOptions"]["LogGroupName"] == f"/aws/kinesisfirehose/email-events-{stream}-prod"


def test_both_tables_have_the_columns_of_the_list(template: dict[str, Any]) -> None:
    tables = {each["TableInput"]["Name"]: each["TableInput"] for each in of_type(template, "AWS::Glue::Table").values()}
    for stream in Stream:
        found = tables[f"{stream}_events"]
        columns = [(each["Name"], each["Type"]) for each in found["StorageDescriptor"]["Columns"]]
        assert columns == [(column.name, column.athena_type) for column in COLUMNS]
        assert found["PartitionKeys"][0] | {"Comment": ""} == {"Name": "dt", "Type": "date", "Comment": ""}
        assert found["Parameters"]["projection.dt.range"] == "2025-01-01,NOW"
        assert found["Parameters"]["storage.location.template"] == f"s3://EmailBucket/events/{stream}/dt=${{dt}}/"


def test_the_layout_of_three_folders_is_a_choice(template: dict[str, Any]) -> None:
    layout = {"EmailPartitions": "year-month-day"}
    made = of_type(template, FIREHOSE, **layout)["NewsletterDeliveryStream"]
    folders = "year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/"
    assert made["ExtendedS3DestinationConfiguration"]["Prefix"] == f"events/newsletter/{folders}"
    table = of_type(template, "AWS::Glue::Table", **layout)["NewsletterEventsTable"]["TableInput"]
    assert [(each["Name"], each["Type"]) for each in table["PartitionKeys"]] == [
        ("year", "int"), ("month", "int"), ("day", "int"),
    ]  # fmt: skip
    assert {key: value for key, value in table["Parameters"].items() if "digits" in key} == {
        "projection.month.digits": "2",
        "projection.day.digits": "2",
    }
    location = "s3://EmailBucket/events/newsletter/year=${year}/month=${month}/day=${day}/"
    assert table["Parameters"]["storage.location.template"] == location


def test_a_lake_that_begins_with_the_streams_goes_on_where_it_is(template: dict[str, Any]) -> None:
    at_the_top = {
        "EmailPartitions": "year-month-day",
        "EmailEventsFolder": "",
        "EmailBucketName": "daily-events",
    }
    made = of_type(template, FIREHOSE, **at_the_top)["NewsletterDeliveryStream"]
    prefix = made["ExtendedS3DestinationConfiguration"]["Prefix"]
    assert prefix == "newsletter/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/"
    table = of_type(template, "AWS::Glue::Table", **at_the_top)["NewsletterEventsTable"]["TableInput"]
    assert table["StorageDescriptor"]["Location"] == "s3://daily-events/newsletter/"
    folders = {rule["Prefix"] for rule in rules(template, **at_the_top).values() if "Prefix" in rule}
    assert folders == {"newsletter/", "transactional/", "errors/"}


def test_who_reads_and_writes_events_may_touch_no_other_folder(template: dict[str, Any]) -> None:
    for above in ("events/", ""):
        roles = json.dumps(of_type(template, "AWS::IAM::Role", EmailEventsFolder=above))
        assert f"{above}newsletter/*" in roles
        assert f"EmailBucket/{above}*" not in roles


def test_a_bucket_has_the_name_that_is_chosen_or_one_that_is_made_up(template: dict[str, Any]) -> None:
    buckets = of_type(template, "AWS::S3::Bucket", EmailResultsBucketName="results-of-queries")
    assert buckets["EmailResultsBucket"]["BucketName"] == "results-of-queries"
    assert "BucketName" not in buckets["EmailBucket"]
    allowed = re.compile(template["Parameters"]["EmailBucketName"]["AllowedPattern"])
    refused = ("Daily", "a.b", "ab", "-abc", "abc-", "x" * 64, "xn--abc", "x-s3alias")
    assert [name for name in ("", "daily-design-events-prod", *refused) if allowed.fullmatch(name)] == [
        "", "daily-design-events-prod",
    ]  # fmt: skip


def test_events_of_all_ten_types_leave_each_configuration_set_and_only_from_there(template: dict[str, Any]) -> None:
    destinations = of_type(template, "AWS::SES::ConfigurationSetEventDestination", Environment="staging")
    lake = destinations["TransactionalToLake"]
    assert lake["ConfigurationSetName"] == "daily-system-design-transactional-staging"
    assert len(lake["EventDestination"]["MatchingEventTypes"]) == 10
    assert destinations["TransactionalToMetrics"]["EventDestination"]["MatchingEventTypes"] == ["send"]
    role = of_type(template, "AWS::IAM::Role", NewsletterConfigurationSet="news")["EmailNewsletterEventsRole"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": GIVEN["AWS::AccountId"]},
        "ArnLike": {"aws:SourceArn": "arn:aws:ses:eu-west-1:111122223333:configuration-set/news"},
    }
    (allowed,) = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert allowed["Action"] == "firehose:PutRecordBatch"
    assert allowed["Resource"].endswith("email-events-newsletter-prod")


def test_a_delivery_stream_may_touch_its_own_folders_and_table_only(template: dict[str, Any]) -> None:
    role = of_type(template, "AWS::IAM::Role")["EmailNewsletterDeliveryRole"]
    text = json.dumps(role["Policies"])
    assert "events/newsletter/*" in text
    assert "transactional" not in text
    assert '"*"' not in text


@pytest.mark.parametrize("bucket", ["EmailBucket", "EmailResultsBucket"])
def test_buckets_are_private_encrypted_versioned_and_shut_to_other_accounts(
    template: dict[str, Any], bucket: str
) -> None:
    made = of_type(template, "AWS::S3::Bucket")[bucket]
    (encryption,) = made["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert made["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(made["PublicAccessBlockConfiguration"].values()) == {True}
    (week,) = [rule for rule in made["LifecycleConfiguration"]["Rules"] if "NoncurrentVersionExpiration" in rule]
    assert week["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    policy = of_type(template, "AWS::S3::BucketPolicy")[f"{bucket}Policy"]["PolicyDocument"]
    tls, account = policy["Statement"]
    assert {tls["Effect"], account["Effect"]} == {"Deny"}
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert account["Condition"]["StringNotEqualsIfExists"] == {"aws:PrincipalAccount": GIVEN["AWS::AccountId"]}


def rules(template: dict[str, Any], bucket: str = "EmailBucket", **parameters: str) -> dict[str, dict[str, Any]]:
    made = of_type(template, "AWS::S3::Bucket", **parameters)[bucket]
    return {rule["Id"]: rule for rule in made["LifecycleConfiguration"]["Rules"]}


def test_the_life_cycle_is_a_choice_and_small_objects_never_move(template: dict[str, Any]) -> None:
    assert rules(template)["infrequent-access-newsletter"]["Status"] == "Disabled"
    moved = rules(template, EmailStandardIaDays="60", EmailRetentionDays="365")
    infrequent = moved["infrequent-access-newsletter"]
    assert infrequent["Status"] == "Enabled"
    assert infrequent["ObjectSizeGreaterThan"] == str(128 * 1024)
    assert infrequent["Transitions"] == [{"StorageClass": "STANDARD_IA", "TransitionInDays": "60"}]
    for stream in Stream:
        expires = moved[f"events-{stream}"]
        assert (expires["Prefix"], expires["ExpirationInDays"]) == (f"events/{stream}/", "365")
    results = rules(template, "EmailResultsBucket", AthenaResultDays="3")["results"]
    assert results["ExpirationInDays"] == "3"


def test_the_workgroup_stops_what_reads_too_much(template: dict[str, Any]) -> None:
    settings = of_type(template, "AWS::Athena::WorkGroup")["EmailWorkgroup"]["WorkGroupConfiguration"]
    assert settings["BytesScannedCutoffPerQuery"] == "100000000"
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["PublishCloudWatchMetricsEnabled"] is True
    assert settings["ResultConfiguration"]["OutputLocation"] == "s3://EmailResultsBucket/"


def test_a_crawler_is_a_choice_and_can_only_log(template: dict[str, Any]) -> None:
    assert not of_type(template, "AWS::Glue::Crawler")
    (crawler,) = of_type(template, "AWS::Glue::Crawler", EmailCrawler="true").values()
    assert crawler["SchemaChangePolicy"] == {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}
    (target,) = crawler["Targets"]["CatalogTargets"]
    assert target["Tables"] == ["newsletter_events", "transactional_events"]
    assert "InheritFromTable" in crawler["Configuration"]


def test_a_budget_mails_the_fallback_address_and_0_is_none(template: dict[str, Any]) -> None:
    (budget,) = of_type(template, "AWS::Budgets::Budget").values()
    assert budget["Budget"]["BudgetLimit"] == {"Amount": "20", "Unit": "USD"}
    notices = budget["NotificationsWithSubscribers"]
    kinds = [(one["Notification"]["NotificationType"], one["Notification"]["Threshold"]) for one in notices]
    assert kinds == [("ACTUAL", 80), ("FORECASTED", 100)]
    for notice in notices:
        assert notice["Subscribers"] == [{"Address": GIVEN["FallbackAddress"], "SubscriptionType": "EMAIL"}]
    assert not of_type(template, "AWS::Budgets::Budget", EmailBudgetDollars="0")


def test_the_budget_counts_every_service_of_the_stack_and_nothing_else(template: dict[str, Any]) -> None:
    (budget,) = of_type(template, "AWS::Budgets::Budget", **{"AWS::StackName": "deliverywatch-prod"}).values()
    assert budget["Budget"]["CostFilters"] == {
        "TagKeyValue": ["aws:cloudformation:stack-name$deliverywatch-prod"],
    }


def test_a_view_is_written_as_athena_keeps_it(template: dict[str, Any]) -> None:
    view = of_type(template, "AWS::Glue::Table", Environment="staging")["EmailEventsUniqueView"]["TableInput"]
    assert (view["TableType"], view["Parameters"]["presto_view"]) == ("VIRTUAL_VIEW", "true")
    encoded = view["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    content = json.loads(base64.b64decode(encoded))
    assert content["schema"] == "email_events_db_staging"
    judged = ["outcome", "counted_recipients", "reader", "page", "is_unsubscribe"]
    names = ["stream", *(column.name for column in COLUMNS), "dt", *judged]
    assert [each["name"] for each in content["columns"]] == names
    assert [each["Name"] for each in view["StorageDescriptor"]["Columns"]] == [
        each["name"] for each in content["columns"]
    ]
    assert {each["name"]: each["type"] for each in content["columns"]}["tags"] == "map(varchar, array(varchar))"


def test_one_dashboard_shows_both_streams_with_their_thresholds(template: dict[str, Any]) -> None:
    boards = of_type(template, "AWS::CloudWatch::Dashboard", NewsletterConfigurationSet="news")
    body = json.loads(boards["EmailDashboard"]["DashboardBody"])
    text = json.dumps(body)
    assert boards["EmailDashboard"]["DashboardName"] == "deliverywatch-prod-email"
    for stream, name in (("newsletter", "news"), ("transactional", "daily-system-design-transactional-prod")):
        assert f'"ses:configuration-set", "{name}"' in text
        assert f'"DeliveryStreamName", "email-events-{stream}-prod"' in text
        assert f'"Stream", "{stream}"' in text
    limits = [each["value"] for widget in body["widgets"] for each in _limits(widget)]
    assert {10, 5, 0.5, 0.1, 3600} <= set(limits)
    assert not of_type(template, "AWS::CloudWatch::Dashboard", CreateDashboard="false")


def _limits(widget: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = widget["properties"].get("annotations", {}).get("horizontal", [])
    return found


def test_the_alarms_that_the_dashboard_shows_are_deployed(template: dict[str, Any]) -> None:
    (board,) = of_type(template, "AWS::CloudWatch::Dashboard").values()
    shown = [
        each
        for widget in json.loads(board["DashboardBody"])["widgets"]
        for each in widget["properties"].get("alarms", ())
    ]
    names = {each["AlarmName"] for each in of_type(template, "AWS::CloudWatch::Alarm").values()}
    assert shown
    assert {each.rpartition(":")[2] for each in shown} <= names


def test_the_transform_ships_neither_arrow_nor_what_it_never_imports(built: Path) -> None:
    (spec,) = [each for each in stacks.SYSTEMS["email"]().functions if each.verb == "transform"]
    assert spec.packages == ("aws-embedded-metrics", "orjson")
    import zipfile

    shipped = zipfile.ZipFile(built / "email-transform.zip").namelist()
    assert "deliverywatch/email/transform.py" in shipped
    assert "deliverywatch/email/events/parquet.py" not in shipped

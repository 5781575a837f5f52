"""From an alarm of the deployed stack to chat and webhook: with the notifier's own zip, role, environment and SSM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from deliverywatch.cli import main
from deliverywatch.local.channels.slack import SlackServer
from deliverywatch.local.channels.teams import TeamsServer
from deliverywatch.local.channels.webhook import WebhookServer
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play

pytestmark = pytest.mark.slow

PREFIX = "deliverywatch-prod"
LOGS = f"/aws/lambda/{PREFIX}-alerting-notify"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[SlackServer, TeamsServer, WebhookServer]]:
    with SlackServer() as slack, TeamsServer() as teams, WebhookServer() as webhook:
        yield slack, teams, webhook


@pytest.fixture(scope="module")
def cloud(
    servers: tuple[SlackServer, TeamsServer, WebhookServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalCloud]:
    """A stack with every channel; the webhook gets only what is critical."""
    slack, teams, webhook = servers
    folder: Path = tmp_path_factory.mktemp("build")
    template = play.build(folder)
    secrets = {"Slack": slack.bot, "Teams": teams.secret, "Webhook": webhook.secret}
    parameters = {f"{name}Parameter": f"/deliverywatch/prod/{name.lower()}" for name in secrets}
    with LocalCloud(datetime.now(UTC).replace(second=0, microsecond=0)) as cloud:
        for name, secret in secrets.items():
            cloud.client("ssm").put_parameter(Name=parameters[f"{name}Parameter"], Value=secret, Type="SecureString")
        play.deploy(cloud, template, folder, {**parameters, "SlackChannel": slack.room, "WebhookRoute": "critical"})
        force(cloud, "sms-warning")
        force(cloud, "sms-critical")
        yield cloud


def force(cloud: LocalCloud, alarm: str) -> None:
    reason = "Threshold Crossed: <!channel> @here"
    cloud.client("cloudwatch").set_alarm_state(AlarmName=f"{PREFIX}-{alarm}", StateValue="ALARM", StateReason=reason)
    cloud.settle()


@pytest.mark.usefixtures("cloud")
def test_every_channel_gets_what_its_route_says(servers: tuple[SlackServer, TeamsServer, WebhookServer]) -> None:
    slack, teams, webhook = servers
    assert [post.text.split("]")[0].partition("[")[2] for post in slack.posts] == ["CRITICAL", "CRITICAL"]
    assert slack.posts[1].thread == slack.posts[0].stamp
    assert not [mention for post in slack.posts for mention in post.mentions]
    assert [card["body"][0]["style"] for card in teams.cards] == ["warning", "attention"]
    assert [message["data"]["event"] for message in webhook.messages] == ["ESCALATED"]


def test_each_message_is_a_row_and_the_mails_are_as_ever(cloud: LocalCloud) -> None:
    rows = play.documents(cloud, play.lake_bucket(cloud), "channels/")
    assert sorted((row["channel"], row["seq"], bool(row["sent_at"])) for row in rows) == [
        ("slack", 1, True), ("slack", 2, True), ("teams", 1, True), ("teams", 2, True), ("webhook", 2, True),
    ]  # fmt: skip
    assert [mail.message["X-DeliveryWatch-Level"] for mail in cloud.outbox()] == ["warning", "critical"]


def test_a_secret_that_is_gone_costs_its_channel_alone_until_it_is_back(
    cloud: LocalCloud, servers: tuple[SlackServer, TeamsServer, WebhookServer]
) -> None:
    slack, teams, _ = servers
    name, before = "/deliverywatch/prod/teams", len(teams.cards)
    cloud.client("ssm").delete_parameter(Name=name)
    force(cloud, "sms-ingest-errors")
    assert "SMS monitoring is blind" in slack.posts[-1].text
    assert len(teams.cards) == before
    assert "Messages to Teams" in str(cloud.outbox()[-1].message["Subject"])
    cloud.client("ssm").put_parameter(Name=name, Value=teams.secret, Type="SecureString")
    sweep = json.dumps({"sweep": datetime.now(UTC).isoformat()}).encode()
    cloud.client("lambda").invoke(FunctionName=f"{PREFIX}-alerting-notify", Payload=sweep)
    cloud.settle()
    assert len(teams.cards) == before + 1
    assert str(cloud.outbox()[-1].message["Subject"]).startswith("[RESOLVED")


def test_the_notifier_may_read_just_the_secrets_of_its_channels_and_reads_each(cloud: LocalCloud) -> None:
    described = cloud.client("cloudformation").describe_stack_resource(
        StackName=PREFIX, LogicalResourceId="AlertingNotifyRole"
    )
    role, iam = described["StackResourceDetail"]["PhysicalResourceId"], cloud.client("iam")
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    statements = [one for document in documents for one in document["Statement"]]
    granted = {one["Resource"]: one for one in statements if str(one["Action"]).startswith("ssm:")}
    keys = [one["Condition"]["StringEquals"] for one in statements if str(one["Action"]).startswith("kms:")]
    asked = {use.resource for use in cloud.uses if use.role == role and use.action.startswith("ssm:")}
    assert sorted(name.rpartition("/")[2] for name in granted) == ["slack", "teams", "webhook"]
    assert {one["kms:EncryptionContext:PARAMETER_ARN"] for one in keys} == set(granted) == asked
    assert {one["Action"] for one in granted.values()} == {"ssm:GetParameter"}


def test_a_route_of_a_watch_that_is_not_there_is_set_and_its_name_is_said(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
    command = ["route", "--stack", PREFIX, "--channel", "teams", "--set", "critical@sms-failurs", "--dry-run"]
    said = CliRunner().invoke(main, command)
    assert said.stdout == "TeamsRoute: all -> critical@sms-failurs\n"
    assert "declares no watch sms-failurs; it has sms-failures" in " ".join(said.stderr.split())


def test_no_secret_is_in_a_log_or_a_record(
    cloud: LocalCloud, servers: tuple[SlackServer, TeamsServer, WebhookServer]
) -> None:
    logs, s3, bucket = cloud.client("logs"), cloud.client("s3"), play.lake_bucket(cloud)
    streams = [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=LOGS)["logStreams"]]
    lines = [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=LOGS, logStreamName=stream)["events"]
    ]
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    kept = [s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8", "replace") for key in keys]
    template = json.dumps(cloud.client("cloudformation").describe_stacks(StackName=PREFIX)["Stacks"][0], default=str)
    secrets = [part for server in (servers[0].bot, servers[1].secret, servers[2].secret) for part in server.split()]
    assert lines
    assert not [secret for secret in secrets for text in [*lines, *kept, template] if secret in text]

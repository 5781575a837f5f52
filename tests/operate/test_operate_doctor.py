"""`doctor` against the local cloud: a stack as it is, and broken by hand in every way that the cloud lets through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from deliverywatch.errors import SourceMalformed, SourceRefused, SourceUnavailable
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.local.demo import play
from deliverywatch.operate.account import aws
from deliverywatch.operate.doctor import aws_doctor
from deliverywatch.sms.clicksend import credit
from deliverywatch.sms.clicksend.credentials import Credentials
from deliverywatch.sms.lake import incomplete

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.cloud.cloud import LocalCloud

PREFIX = "deliverywatch-prod"
ALERTS = f"arn:aws:sns:us-east-1:111122223333:{PREFIX}-alerts"


@pytest.fixture(scope="module")
def noon() -> datetime:
    """Now: `doctor` compares with the real time."""
    return datetime.now(UTC)


@pytest.fixture(scope="module", autouse=True)
def _a_run(cloud: LocalCloud, noon: datetime) -> None:
    """One successful run, whose metrics are visible."""
    assert cloud.invoke(f"{PREFIX}-sms-ingest", {}).error is None
    cloud.tick(noon + timedelta(minutes=3))


@pytest.fixture
def verdicts(run: Callable[..., Result]) -> Callable[[], dict[str, dict[str, str]]]:
    def look() -> dict[str, dict[str, str]]:
        result = run("doctor", "--json")
        document = json.loads(result.stdout)
        words = {each["verdict"] for each in document["checks"]}
        assert document["ok"] == words.isdisjoint({"failed", "unknown"})
        assert result.exit_code == (3 if "failed" in words else 5 if "unknown" in words else 0)
        return {each["check"]: each for each in document["checks"]}

    return look


def failing(checks: dict[str, dict[str, str]]) -> set[str]:
    return {name for name, check in checks.items() if check["verdict"] == "failed"}


def test_a_working_stack_passes_every_check(verdicts: Callable[[], dict[str, dict[str, str]]]) -> None:
    checks = verdicts()
    assert failing(checks) == set()
    assert list(checks) == [
        "credentials", "region", "stack", "sdk", "functions", "concurrency", "schedules", "bucket", "workgroup", "kms",
        "sender", "dkim", "sending", "sandbox", "suppressed", "notifier", "notifier-policy", "fallback",
        "clicksend-stored", "secrets", "clicksend-key",
        "clicksend-credit", "heartbeat", "records", "clicksend-rows", "alarms", "alarm-actions",
        "drift", "changed", "alarm-history", "dead-letters", "mutes",
    ]  # fmt: skip
    assert checks["clicksend-credit"]["told"] == "42.50 of credit is left."


def test_a_line_is_at_most_80_columns_wide_but_for_commands(run: Callable[..., Result]) -> None:
    lines = run("doctor").stdout.splitlines()
    assert max(len(line) for line in lines if not line.startswith("         aws")) <= 80
    assert "32 checks: " in lines[-1]


def test_records_that_were_set_aside_and_rows_that_did_not_come_are_named(
    cloud: LocalCloud, verdicts: Callable[[], dict[str, dict[str, str]]]
) -> None:
    s3 = cloud.client("s3")
    bucket = next(each["Name"] for each in s3.list_buckets()["Buckets"] if "lake" in each["Name"])
    lacking = {"start": "2026-11-21T10:30:00Z", "end": "2026-11-21T10:31:00Z", "missing_count": 12}
    objects = {
        "damaged/state/sms-watermark.json": b"{",
        incomplete.KEY: json.dumps({"ranges": [lacking | {"announced_count": 621}]}).encode(),
    }
    for key, body in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    checks = verdicts()
    for key in objects:
        s3.delete_object(Bucket=bucket, Key=key)
    assert (checks["records"]["verdict"], checks["clicksend-rows"]["verdict"]) == ("warning", "warning")
    assert "begun anew: state/sms-watermark.json" in checks["records"]["told"]
    assert f"aws s3 rm --recursive s3://{bucket}/damaged/" in checks["records"]["mend"]
    assert "12 of 621 rows of 2026-11-21 10:30 UTC could not be read" in checks["clicksend-rows"]["told"]


def delete_alarm(cloud: LocalCloud) -> Callable[[], None]:
    cloudwatch = cloud.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[f"{PREFIX}-sms-overdue"])["MetricAlarms"]
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])
    return lambda: put_alarm(cloudwatch, alarm)


def put_alarm(cloudwatch: Any, alarm: dict[str, Any]) -> None:
    wanted = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    cloudwatch.put_metric_alarm(**{name: value for name, value in alarm.items() if name in wanted})


def change_threshold(cloud: LocalCloud) -> Callable[[], None]:
    cloudwatch = cloud.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[f"{PREFIX}-sms-warning"])["MetricAlarms"]
    put_alarm(cloudwatch, {**alarm, "Threshold": 7.0})
    return lambda: put_alarm(cloudwatch, alarm)


def disable_actions(cloud: LocalCloud) -> Callable[[], None]:
    cloudwatch, names = cloud.client("cloudwatch"), [f"{PREFIX}-sms-warning"]
    cloudwatch.disable_alarm_actions(AlarmNames=names)
    return lambda: cloudwatch.enable_alarm_actions(AlarmNames=names)


def forget_key(cloud: LocalCloud) -> Callable[[], None]:
    ssm, name = cloud.client("ssm"), "/deliverywatch/prod/clicksend/api_key"
    value = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    ssm.delete_parameter(Name=name)
    return lambda: ssm.put_parameter(Name=name, Value=value, Type="SecureString")


def wrong_key(cloud: LocalCloud) -> Callable[[], None]:
    ssm, name = cloud.client("ssm"), "/deliverywatch/prod/clicksend/api_key"
    value = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    ssm.put_parameter(Name=name, Value="wrong", Type="SecureString", Overwrite=True)
    return lambda: ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


def forget_sender(cloud: LocalCloud) -> Callable[[], None]:
    ses = cloud.client("sesv2")
    sender = next(each["IdentityName"] for each in ses.list_email_identities()["EmailIdentities"])
    ses.delete_email_identity(EmailIdentity=sender)
    return lambda: ses.create_email_identity(EmailIdentity=sender)


def open_bucket(cloud: LocalCloud) -> Callable[[], None]:
    s3 = cloud.client("s3")
    name = next(each["Name"] for each in s3.list_buckets()["Buckets"] if "lake" in each["Name"])
    before = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(Bucket=name)
    return lambda: s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=before)


def dead_letter(cloud: LocalCloud) -> Callable[[], None]:
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-alerting-notify-dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="an alarm that nobody mailed")
    return lambda: sqs.purge_queue(QueueUrl=url)


def unsubscribe(protocol: str) -> Callable[[LocalCloud], Callable[[], None]]:
    def act(cloud: LocalCloud) -> Callable[[], None]:
        sns = cloud.client("sns")
        found = [each for each in sns.list_subscriptions()["Subscriptions"] if each["Protocol"] == protocol]
        arns = [each["SubscriptionArn"] for each in found]
        kept = [sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"].get("RedrivePolicy") for arn in arns]
        for arn in arns:
            sns.unsubscribe(SubscriptionArn=arn)

        def undo() -> None:
            for each, redrive in zip(found, kept, strict=True):
                attributes = {"RedrivePolicy": redrive} if redrive else {}
                sns.subscribe(
                    TopicArn=each["TopicArn"], Protocol=protocol, Endpoint=each["Endpoint"], Attributes=attributes
                )

        return undo

    return act


def stop_notifier(cloud: LocalCloud) -> Callable[[], None]:
    client, name = cloud.client("lambda"), f"{PREFIX}-alerting-notify"
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    return lambda: client.delete_function_concurrency(FunctionName=name)


def disable_schedule(cloud: LocalCloud) -> Callable[[], None]:
    return change_schedule(cloud, "DISABLED")


def change_schedule(cloud: LocalCloud, state: str) -> Callable[[], None]:
    client = cloud.client("scheduler")
    made = client.get_schedule(Name=f"{PREFIX}-sms-ingest-slots")
    accepted = client.meta.service_model.operation_model("UpdateSchedule").input_shape.members
    before = {name: value for name, value in made.items() if name in accepted}
    client.update_schedule(**{**before, "State": state})
    return lambda: client.update_schedule(**before)


def delete_schedule(cloud: LocalCloud) -> Callable[[], None]:
    client = cloud.client("scheduler")
    made = client.get_schedule(Name=f"{PREFIX}-alerting-sweep")
    accepted = client.meta.service_model.operation_model("CreateSchedule").input_shape.members
    client.delete_schedule(Name=made["Name"])
    return lambda: client.create_schedule(**{name: value for name, value in made.items() if name in accepted})


def forbid_notifier(cloud: LocalCloud) -> Callable[[], None]:
    client, name = cloud.client("lambda"), f"{PREFIX}-alerting-notify"
    (statement,) = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]
    client.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    return lambda: client.add_permission(
        FunctionName=name, StatementId=statement["Sid"], Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com", SourceArn=ALERTS,
    )  # fmt: skip


def delete_topic(cloud: LocalCloud) -> Callable[[], None]:
    cloud.client("sns").delete_topic(TopicArn=ALERTS)
    return lambda: None


# What is broken, how, which checks of `doctor` say so, and which of these are made every night.
BROKEN = {
    "alarm deleted": (delete_alarm, {"alarms"}),
    "threshold changed": (change_threshold, {"drift"}),
    "actions disabled": (disable_actions, {"alarm-actions"}),
    "key missing": (forget_key, {"clicksend-stored", "clicksend-key"}),
    "key wrong": (wrong_key, {"clicksend-key"}),
    "sender deleted": (forget_sender, {"sender"}),
    "bucket opened": (open_bucket, {"bucket"}),
    "dead letter": (dead_letter, {"dead-letters"}),
    "fallback unsubscribed": (unsubscribe("email"), {"fallback"}),
    "notifier unsubscribed": (unsubscribe("lambda"), {"notifier"}),
    "notifier stopped": (stop_notifier, {"concurrency"}),
    "schedule disabled": (disable_schedule, {"schedules"}),
    "schedule deleted": (delete_schedule, {"schedules"}),
    "permission removed": (forbid_notifier, {"notifier-policy"}),
    # Last: it is not made again.
    "topic deleted": (delete_topic, {"alarm-actions", "changed", "notifier"}),
}


def nightly(cloud: LocalCloud) -> set[str]:
    """The checks that fail by night; every message that they cause is delivered."""
    answer = cloud.invoke(f"{PREFIX}-operate-examine", {"scheduled_time": cloud.clock.now.isoformat()})
    assert answer.error is None
    cloud.settle()
    return set(answer.payload["failing"])


# While one of these fails, the notifier is never started: the fallback topic alone has it.
UNREACHABLE = {"notifier", "notifier-policy", "concurrency"}
BY_NIGHT = {name: broken for name, broken in BROKEN.items() if name not in ("key wrong", "topic deleted")}


@pytest.mark.slow
@pytest.mark.parametrize(("harm", "checks"), BY_NIGHT.values(), ids=BY_NIGHT)
def test_what_somebody_breaks_is_mailed_by_the_next_night_and_so_is_its_end(
    cloud: LocalCloud, harm: Callable[[LocalCloud], Callable[[], None]], checks: set[str]
) -> None:
    assert nightly(cloud) == set()
    before = len(cloud.outbox())
    undo = harm(cloud)
    found = nightly(cloud), nightly(cloud)
    undo()
    assert found == (checks - {"clicksend-key"},) * 2
    assert nightly(cloud) == set()
    assert nightly(cloud) == set()
    mails = cloud.outbox()[before:]
    words = sorted(
        (mail.subject.split()[0], name) for mail in mails for name in found[0] if f"Check {name} " in mail.subject
    )
    once = sorted((word, name) for name in found[0] for word in ("[BLIND]", "[RESOLVED"))
    assert words == ([] if found[0] & UNREACHABLE else once)
    by_fallback = [mail.subject.split()[0] for mail in mails if mail.channel == "sns"]
    if found[0] & UNREACHABLE:
        assert by_fallback == ["[BLIND]", "[RESOLVED]"]


# What else somebody breaks by hand, and that nothing else is found then, is in test_operate_changed.py.
OUTSIDE = {
    name: BROKEN[name] for name in ("key missing", "key wrong", "sender deleted", "dead letter", "topic deleted")
}


@pytest.mark.parametrize(("harm", "checks"), OUTSIDE.values(), ids=OUTSIDE)
def test_what_somebody_breaks_is_found_and_nothing_else(
    cloud: LocalCloud,
    verdicts: Callable[[], dict[str, dict[str, str]]],
    harm: Callable[[LocalCloud], Callable[[], None]],
    checks: set[str],
) -> None:
    undo = harm(cloud)
    found = verdicts()
    undo()
    assert failing(found) == checks
    assert all(found[name]["mend"] for name in checks)


def test_a_mute_is_no_failure_but_to_know_of(
    cloud: LocalCloud, noon: datetime, verdicts: Callable[[], dict[str, dict[str, str]]], run: Callable[..., Result]
) -> None:
    assert run("mute", "2h", "--reason", "moving the sender").exit_code == 0
    cloud.clock.advance_to(noon + timedelta(minutes=10))
    muted = verdicts()["mutes"]
    assert muted["verdict"] == "warning"
    assert "deliverywatch unmute" in muted["mend"]
    assert run("unmute").exit_code == 0
    assert verdicts()["mutes"]["verdict"] == "ok"


def test_the_key_is_never_printed(run: Callable[..., Result], clicksend: ClickSendServer) -> None:
    clicksend.api_key, secret = "another-secret", "another-secret"
    refused = run("--verbose", "doctor", "--json")
    clicksend.api_key = "demo-key"
    taken = run("--verbose", "doctor", "--json")
    for result in (refused, taken):
        assert "demo-key" not in result.output
        assert secret not in result.output


@pytest.fixture
def lonely() -> Iterator[ClickSendServer]:
    with ClickSendServer() as running:
        yield running


def test_an_account_that_cannot_be_read_is_told_without_its_answer(lonely: ClickSendServer) -> None:
    with pytest.raises(SourceRefused, match=r"refuses the API key \(401\)"):
        credit.ask(Credentials("demo", "wrong"), lonely.url)
    with pytest.raises(SourceMalformed) as malformed:
        credit._read(b'{"data": {"api_key": "secret"}}')
    assert "secret" not in f"{malformed.value} {malformed.value.__cause__} {malformed.value.__context__ is None}"
    with pytest.raises(SourceUnavailable):
        credit.ask(Credentials("demo", "demo-key"), "http://127.0.0.1:9")


def test_what_a_right_is_missing_for_is_unknown_and_hides_no_other(
    verdicts: Callable[[], dict[str, dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    def denied(*_: Any) -> Any:
        with aws.translated("The topics"):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "ListTopics")

    monkeypatch.setattr(aws_doctor.Account, "key", denied)
    monkeypatch.setattr(aws_doctor.Account, "workgroup", denied)
    checks = verdicts()
    assert checks["workgroup"]["verdict"] == "unknown"
    assert "AWS denies ListTopics" in checks["workgroup"]["told"]
    assert "Have this right added to your role" in checks["workgroup"]["mend"]
    assert "heartbeat" in checks


@pytest.mark.parametrize("stack", [play.STACK, "deliverywatch-none"])
def test_a_stack_that_is_not_there_is_a_failed_check(run: Callable[..., Result], stack: str) -> None:
    result = run("doctor", "--stack", stack, "--json")
    names = [each["check"] for each in json.loads(result.stdout)["checks"]]
    assert (names == ["credentials", "stack"]) == (stack != play.STACK)


def test_without_credentials_the_one_line_says_how_to_sign_in(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    result = run("doctor", "--json")
    (check,) = json.loads(result.stdout)["checks"]
    assert (result.exit_code, check["check"], check["verdict"]) == (3, "credentials", "failed")
    assert "aws configure" in check["mend"]

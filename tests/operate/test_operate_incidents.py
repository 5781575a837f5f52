"""An incident in the deployed stack, as two people see it in a terminal at night."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.jsonschema import StandardValidator

from deliverywatch.cli import test_fire
from deliverywatch.messages.context import Context, to_json
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.operate.account import aws
from deliverywatch.operate.account.deployment import Deployment
from deliverywatch.operate.incidents import aws_incidents, mutes, status
from deliverywatch.operate.incidents.status import document
from deliverywatch.operate.incidents.watch_verdicts import declared_watches

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.cloud.cloud import LocalCloud

PREFIX = "deliverywatch-prod"
SCHEMA = json.loads((Path(status.__file__).with_name("status.schema.json")).read_text())
MINUTE = timedelta(minutes=1)


def force(cloud: LocalCloud, alarm: str, state: str) -> None:
    cloud.client("cloudwatch").set_alarm_state(
        AlarmName=f"{PREFIX}-{alarm}", StateValue=state, StateReason="Threshold Crossed: forced"
    )
    cloud.settle()


@pytest.fixture
def quiet(cloud: LocalCloud) -> LocalCloud:
    """The stack without a trace of other tests."""
    rules = aws_incidents.MuteRules(aws.connect())
    for name in rules.names(["ACTIVE", "SCHEDULED", "EXPIRED"]):
        rules.delete(name)
    # An alarm without data keeps the state that it was forced into.
    for alarm in ("sms-critical", "sms-warning"):
        force(cloud, alarm, "OK")
    s3 = cloud.client("s3")
    bucket = aws.find(aws.connect(), PREFIX).bucket
    keys = [{"Key": found["Key"]} for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    if keys:
        s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    # The command line judges by the real time, whatever time the cloud has.
    s3.put_object(Bucket=bucket, Key="state/sms.json", Body=healthy(datetime.now(UTC)))
    cloud.clock.advance_to(cloud.clock.now + timedelta(minutes=10))
    return cloud


def healthy(now: datetime) -> bytes:
    """The context of SMS in which every watch that is assessed is healthy."""
    stack = aws.find(aws.connect(), PREFIX)
    declared = declared_watches(aws.template(aws.connect(), PREFIX), stack.parameters, stack.prefix)
    assessment = Assessment(verdict=Verdict.HEALTHY, as_of=now, sentence="1 of the last 439 SMS failed.")
    assessments = {watch.name: assessment for watch in declared if watch.is_assessed}
    return to_json(Context(system="sms", noun="SMS", updated_at=now, assessments=assessments))


@pytest.fixture
def incident(quiet: LocalCloud) -> str:
    """The id of an open critical incident."""
    force(quiet, "sms-critical", "ALARM")
    return f"INC-{quiet.clock.now:%m%d-%H%M}"


def wrong(found: Any) -> list[str]:
    """Return what of a document is not as the schema has it.

    cfn-lint's validator is the one at hand; to it a null is a member that is missing, so nulls get a name first.
    """
    named = json.loads(json.dumps(found).replace(": null", ': "NULL"'))
    schema = json.dumps(SCHEMA).replace('{"type": "null"}', '{"const": "NULL"}').replace('"null"]', '"string"]')
    return [str(error.message) for error in StandardValidator(json.loads(schema)).iter_errors(named)]


def line(printed: str, word: str) -> str:
    return next(each for each in printed.splitlines() if word in each)


@pytest.mark.usefixtures("quiet")
def test_status_of_a_quiet_stack_is_short_and_ends_with_0(run: Callable[..., Result]) -> None:
    told = run("status")
    assert (told.exit_code, told.stderr) == (0, "")
    assert "Nothing is open." in told.stdout
    assert "Last mails\n  none in 7 days" in told.stdout
    assert "healthy    sms-credit: 1 of the last 439 SMS failed." in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80


def test_status_of_a_stack_with_a_deleted_alarm_is_not_quiet(run: Callable[..., Result], quiet: LocalCloud) -> None:
    name = f"{PREFIX}-sms-overdue"
    kept = quiet.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    quiet.client("cloudwatch").delete_alarms(AlarmNames=[name])
    told = run("status")
    assert told.exit_code == 5
    assert "Nothing is open, as far as can be seen." in told.stdout
    assert f"sms-overdue is blind: The alarm {name} does not exist." in " ".join(told.stdout.split())
    assert max(map(len, told.stdout.splitlines())) <= 80
    accepted = quiet.client("cloudwatch").meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    quiet.client("cloudwatch").put_metric_alarm(**{key: value for key, value in kept.items() if key in accepted})


def test_status_of_a_record_that_cannot_be_read_is_not_quiet(run: Callable[..., Result], quiet: LocalCloud) -> None:
    bucket = aws.find(aws.connect(), PREFIX).bucket
    quiet.client("s3").put_object(Bucket=bucket, Key="incidents/sms-overdue/current.json", Body=b"half a rec")
    told = run("status", "--json")
    found = json.loads(told.stdout)
    assert (told.exit_code, found["is_everything_seen"], wrong(found)) == (5, False, [])


def test_status_of_an_open_incident_ends_with_4_and_names_the_next_commands(
    run: Callable[..., Result], incident: str
) -> None:
    told = run("status")
    assert told.exit_code == 4
    assert line(told.stdout, incident) == f"CRITICAL  SMS failures  {incident}"
    assert "nobody has taken it on" in told.stdout
    assert f"deliverywatch ack {incident} --by NAME" in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80


def test_status_in_json_is_as_the_published_schema_has_it(run: Callable[..., Result], incident: str) -> None:
    run("ack", incident, "--by", "Kim")
    run("mute", "2h", "--reason", "a deploy")
    told = run("status", "--json")
    assert told.exit_code == 4
    found = json.loads(told.stdout)
    assert wrong(found) == []
    assert (found["incidents"][0]["id"], found["incidents"][0]["acknowledged"][0]["by"]) == (incident, "Kim")
    assert (found["is_alarm_active"], len(found["mutes"]), len(found["mails"])) == (True, 1, 1)
    run("unmute")


@pytest.mark.usefixtures("quiet")
def test_the_schema_allows_nothing_that_it_does_not_describe(run: Callable[..., Result]) -> None:
    found = json.loads(run("status", "--json").stdout)
    assert wrong(found) == []
    assert wrong({**found, "more": 1}) != []
    assert wrong({**found, "at": "today"}) != []


def test_an_acknowledgement_stands_in_status_explain_and_the_next_mail(
    run: Callable[..., Result], incident: str, quiet: LocalCloud
) -> None:
    assert run("ack", incident.lower(), "--by", "Kim", "--note", "calling the carrier").exit_code == 0
    quiet.clock.advance_to(quiet.clock.now + MINUTE)
    for verb in (["status"], ["explain", incident]):
        assert "Kim has taken it on" in run(*verb).stdout
    assert "ack" not in line(run("status").stdout, "Next:")


def test_ack_dry_run_changes_nothing(run: Callable[..., Result], incident: str) -> None:
    assert run("ack", incident, "--by", "Kim", "--dry-run").stdout.startswith("Would note that Kim")
    assert "nobody has taken it on" in run("status").stdout


@pytest.mark.parametrize("verb", [["ack", "INC-0101-0000", "--by", "Kim"], ["explain", "INC-0101-0000"]])
def test_an_incident_that_is_not_there_is_told_with_those_that_are(
    run: Callable[..., Result], incident: str, verb: list[str]
) -> None:
    told = run(*verb)
    assert told.exit_code == 2
    assert "There is no incident INC-0101-0000." in told.stderr
    assert incident in told.stderr


def test_explain_tells_what_why_who_and_what_was_mailed(run: Callable[..., Result], incident: str) -> None:
    told = run("explain", incident)
    assert told.exit_code == 0
    assert line(told.stdout, "Opened").endswith("critical; mail 1 sent.")
    assert "more than 25 % of" in told.stdout
    assert "(sent, to 1" in told.stdout
    assert "Nobody has taken it on yet." in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80


def test_what_a_system_told_without_an_alarm_is_explained_too(run: Callable[..., Result], quiet: LocalCloud) -> None:
    facts = {"query": "daily-sales", "rows": "0"}
    told = {"deliverywatch": 1, "watch": "queries.daily-sales", "title": "Daily sales", "facts": facts}
    aws_incidents.publish(
        aws.connect(), aws.find(aws.connect(), PREFIX).output("AlertsTopicArn"),
        {**told, "level": "warning", "sentence": "The query returned no rows.", "time": f"{quiet.clock.now:%FT%TZ}"},
    )  # fmt: skip
    quiet.settle()
    shown = run("explain", f"INC-{quiet.clock.now:%m%d-%H%M}").stdout
    assert "Opened: The query returned no rows; mail 1 sent." in shown
    assert "query: daily-sales" in shown
    assert "last mail: The query returned no rows." in run("status").stdout


def test_explain_in_json_holds_the_record_and_the_mails(run: Callable[..., Result], incident: str) -> None:
    found = json.loads(run("explain", incident, "--json").stdout)
    assert (found["incident"]["id"], found["mails"][0]["number"]) == (incident, 1)
    times = {found["incident"]["opened_at"], found["incident"]["timeline"][0]["time"], found["mails"][0]["time"]}
    assert [datetime.strptime(each, "%Y-%m-%dT%H:%M:%S%z").tzname() for each in times] == ["UTC"]
    assert [each["title"] for each in found["sections"]][1:4] == ["What happened", "Why", "Mails"]


def test_an_incident_that_is_over_can_still_be_explained_and_so_can_the_one_before(
    run: Callable[..., Result], quiet: LocalCloud
) -> None:
    ids = []
    for _ in range(2):
        quiet.clock.advance_to(quiet.clock.now + 20 * MINUTE)
        force(quiet, "sms-ingest-errors", "ALARM")
        ids.append(f"INC-{quiet.clock.now:%m%d-%H%M}")
        quiet.clock.advance_to(quiet.clock.now + 5 * MINUTE)
        force(quiet, "sms-ingest-errors", "OK")
    for each in ids:
        told = run("explain", each).stdout
        assert told.startswith(f"{each}: SMS monitoring is blind, over")
        assert "lasted 5 min" in told
    assert run("ack", ids[0], "--by", "Kim").exit_code == 2


def test_mails_lists_what_was_sent_and_shows_one_as_text(run: Callable[..., Result], incident: str) -> None:
    assert f"sent to 1  [CRITICAL] SMS failures - prod - {incident}" in run("mails").stdout
    shown = run("mails", incident, "--number", 1).stdout
    assert shown.startswith("From: ")
    assert "CRITICAL - OPENED" in shown
    listed = json.loads(run("mails", incident, "--json").stdout)
    assert [(each["number"], each["state"]) for each in listed["mails"]] == [(1, "sent")]


def test_a_claim_that_was_never_sent_is_among_the_mails(
    run: Callable[..., Result], incident: str, quiet: LocalCloud
) -> None:
    s3, bucket = quiet.client("s3"), aws.find(aws.connect(), PREFIX).bucket
    (key,) = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="mails/")["Contents"]]
    sent = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    body = json.dumps({**sent, "sent_at": None, "subject": None, "channel": None})
    s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
    assert f"not sent to 1  OPENED of {incident}" in run("mails").stdout
    (found,) = json.loads(run("status", "--json").stdout)["mails"]
    assert found["state"] == "not sent"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["mails", "--number", "1"], 2, "needs an INCIDENT"),
        (["mails", "INC-0101-0000"], 2, "There is no mail of INC-0101-0000."),
        (["mails", "--since", "yesterday"], 2, "is not a time such as 24h"),
        (["mails", "INC-0101-0000", "--number", "1", "--json"], 2, "give one of them"),
        (["mute", "2h"], 2, "needs a --reason"),
        (["mute", "2h", "--reason", "\u200b\u2800"], 2, "needs a --reason"),
        (["mute", "forever", "--reason", "x"], 2, "is not a length of time such as 30m"),
        (["mute", "20d", "--reason", "x"], 2, "from 1 minute to 15 days"),
        (
            ["mute", "1h", "--reason", "x", "--alarm", "nothing"],
            2,
            "No alarm nothing sends mails. Choose one of: operate-acknowledge-errors, sms-blind",
        ),
        (["unmute", "none"], 2, "There is no mute none."),
        (["ack", "INC-0101-0000"], 2, "--by"),
        (["ack", "INC-0101-0000", "--by", "\u3164"], 2, "--by names nobody."),
        (["route", "--set", "a@example.com"], 2, "--set a --level or a --channel"),
        (["route", "--channel", "slack", "--set", "critical"], 2, "has no channel slack"),
        (["route", "--channel", "slack"], 2, "--channel needs --set"),
        (["route", "--level", "critical", "--set", "nobody"], 2, "'nobody' is not an e-mail address."),
        (["route", "--level", "warning", "--set", ""], 2, "there may be 1 to 50"),
        (["route", "--level", "critical", "--expect", "x@example.com"], 3, "gets no mails of level critical"),
        (["test-fire", "--to", "nobody"], 2, "'nobody' is not an e-mail address."),
        (["status", "--stack", "deliverywatch-none"], 1, "There is no stack deliverywatch-none"),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_what_cannot_be_done_is_told_in_one_sentence(
    run: Callable[..., Result], arguments: list[str], code: int, sentence: str
) -> None:
    told = run(*arguments)
    assert (told.exit_code, sentence in " ".join(told.stderr.split())) == (code, True), told.stderr


@pytest.mark.usefixtures("quiet")
def test_a_mute_is_made_listed_and_ended(run: Callable[..., Result]) -> None:
    made = run("mute", "90m", "--reason", "moving the sender")
    assert made.exit_code == 0
    assert made.stdout.startswith("Muted 7 alarms from ")
    (found,) = json.loads(run("mute", "--json").stdout)["mutes"]
    assert (found["reason"], found["is_ours"], len(found["alarms"])) == ("moving the sender", True, 7)
    assert f"{PREFIX}-mail-failed" not in found["alarms"]
    run("mute", "30m", "--reason", "one more", "--alarm", "sms-warning")
    assert "1 alarm from" in run("mute").stdout
    run("unmute", json.loads(run("mute", "--json").stdout)["mutes"][0]["name"])
    assert run("unmute", "--dry-run").stdout.startswith("Would end deliverywatch-prod-mute-")
    assert run("unmute").stdout.startswith("Ended deliverywatch-prod-mute-")
    assert run("mute").stdout == "Nothing is muted.\n"


@pytest.mark.usefixtures("quiet")
def test_a_mute_can_be_tried_without_muting_anything(run: Callable[..., Result]) -> None:
    tried = run("mute", "1d", "--reason", "x", "--alarm", "sms-warning", "--dry-run")
    assert tried.stdout.startswith("Would mute 1 alarm from ")
    assert run("mute").stdout == "Nothing is muted.\n"


def test_a_muted_stack_mails_nothing_until_the_mute_is_over(quiet: LocalCloud) -> None:
    account = aws.connect()
    rules, alarms = aws_incidents.MuteRules(account), aws_incidents.Alarms(account)
    stack = aws.find(account, PREFIX)
    names = [each.name for each in alarms.acting_on(stack.output("AlertsTopicArn"))]
    (request,) = mutes.plan(PREFIX, names, timedelta(minutes=10), "a deploy", quiet.clock.now)
    rules.put(request)
    start = quiet.clock.now.replace(second=0, microsecond=0) + MINUTE
    quiet.clock.advance_to(start)
    before = len(quiet.outbox())
    force(quiet, "sms-warning", "ALARM")
    seen = status.current_status(stack, aws_incidents.lake(account, stack), alarms, rules, quiet.clock.now)
    assert ([each.name for each in seen.raised], seen.open) == ([f"{PREFIX}-sms-warning"], ())
    found = status.muted(seen, f"{PREFIX}-sms-warning")
    assert found is not None
    assert (found.end, found.status) == (start + timedelta(minutes=10), "ACTIVE")
    assert len(quiet.outbox()) == before
    live(quiet, start + MINUTE, 12)
    subjects = [mail.subject for mail in quiet.outbox()[before:]]
    assert len([each for each in subjects if each.startswith("[WARNING] SMS failures")]) == 1
    force(quiet, "sms-warning", "OK")
    rules.delete(request["Name"])


def live(cloud: LocalCloud, begin: datetime, minutes: int) -> None:
    for number in range(minutes):
        cloud.tick(begin + number * MINUTE)


def test_a_test_takes_the_real_way_and_leaves_no_incident(
    run: Callable[..., Result], quiet: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: quiet.settle())
    monkeypatch.setattr(test_fire, "datetime", SimpleNamespace(now=lambda _: quiet.clock.now))
    before = len(quiet.outbox())
    told = run("test-fire", "--level", "critical", "--to", "me@example.com", "--by", "Kim")
    assert told.exit_code == 0, told.stderr
    (mail,) = quiet.outbox()[before:]
    assert mail.subject.startswith("[TEST] CRITICAL mail of DeliveryWatch - prod - TEST-")
    assert told.stdout == f"Sent: {mail.subject}\n"
    assert "Nothing is open" in run("status").stdout
    assert "[TEST] CRITICAL" in run("mails").stdout


def test_a_test_that_ses_refuses_says_so(
    run: Callable[..., Result], quiet: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: quiet.settle())
    quiet.clock.advance_to(quiet.clock.now + MINUTE)
    monkeypatch.setattr(test_fire, "datetime", SimpleNamespace(now=lambda _: quiet.clock.now))
    quiet.refuse_mail("MessageRejected", "Email address is not verified.")
    told = run("test-fire", "--level", "warning")
    quiet.refuse_mail()
    assert told.exit_code == 3
    assert "SES refused it" in told.stderr


@pytest.mark.usefixtures("quiet")
def test_a_test_that_does_not_arrive_is_no_success(run: Callable[..., Result]) -> None:
    told = run("test-fire", "--wait", 0)
    assert told.exit_code == 3
    assert "It is not out after 0 s" in told.stderr


def test_a_test_can_be_tried_without_sending(run: Callable[..., Result], quiet: LocalCloud) -> None:
    before = len(quiet.outbox())
    told = run("test-fire", "--level", "blind", "--dry-run")
    assert json.loads(told.stdout)["level"] == "blind"
    quiet.settle()
    assert len(quiet.outbox()) == before


@pytest.mark.usefixtures("quiet")
def test_critical_mails_go_further_once_the_stack_says_so(run: Callable[..., Result]) -> None:
    assert "boss@example.com" not in run("route", "--level", "critical").stdout
    tried = run("route", "--level", "critical", "--set", "boss@example.com", "--dry-run")
    assert tried.stdout == "CriticalRecipients: nobody -> boss@example.com\n"
    assert run("route", "--level", "critical", "--expect", "boss@example.com").exit_code == 3
    assert run("route", "--level", "critical", "--set", "boss@example.com").exit_code == 0
    assert run("route", "--level", "critical", "--expect", "Boss@example.com").exit_code == 0
    found = json.loads(run("route", "--json").stdout)
    assert found["critical"] == ["support@example.com", "boss@example.com"]
    assert found["warning"] == ["support@example.com"]
    assert "nothing is changed" in run("route", "--level", "critical", "--set", "boss@example.com").stdout


def test_a_stack_that_is_changed_by_hand_is_described_with_every_field(quiet: LocalCloud) -> None:
    account = aws.connect()
    stack = aws.find(account, PREFIX)
    assert isinstance(stack, Deployment)
    seen = status.current_status(
        stack, aws_incidents.lake(account, stack), aws_incidents.Alarms(account), aws_incidents.MuteRules(account),
        quiet.clock.now,
    )  # fmt: skip
    found: dict[str, Any] = document(seen)
    assert set(found) == set(SCHEMA["required"])

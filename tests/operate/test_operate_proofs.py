"""`deliverywatch smoke` against the local cloud: every behaviour is proven there, and each proof can fail."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from cwalarm.evaluation.evaluate import evaluate
from deliverywatch.athena import Execution, Status
from deliverywatch.local.cloud import change_sets
from deliverywatch.local.cloud.cloudwatch import alarms
from deliverywatch.local.cloud.compute import schedules
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.mail.ses_events import Sent
from deliverywatch.operate.proofs import aws_lake
from deliverywatch.operate.proofs.prove import PROOFS, Proof, prove
from deliverywatch.operate.proofs.session import NAME, Outcome, Session, Verdict

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.cloud.cloud import LocalCloud
    from deliverywatch.operate.account import aws
    from deliverywatch.operate.account.deployment import Deployment

MINUTE = timedelta(minutes=1)


@pytest.fixture
def pause(cloud: LocalCloud) -> Callable[[float], None]:
    """Waiting: the local cloud lives through the minutes that are waited for."""
    waited = [0.0]

    def wait(seconds: float) -> None:
        time.sleep(0.05)  # DuckDB takes real time
        waited[0] += seconds
        while waited[0] >= 20:
            waited[0] -= 60
            minute = cloud.clock.now.replace(second=0, microsecond=0) + MINUTE
            cloud.run_schedules(minute)
            cloud.tick(minute)

    return wait


@pytest.fixture
def tried(cloud: LocalCloud, found: tuple[aws.Cloud, Deployment], pause: Callable[[float], None]) -> Callable[..., Any]:
    account, stack = found
    numbers: Iterator[int] = iter(range(1000))

    def run(*names: str) -> tuple[dict[str, Outcome], list[str]]:
        session = Session(account, stack, f"{cloud.clock.now:%d%H%M%S}-{next(numbers)}", lambda: cloud.clock.now, pause)
        return {outcome.behaviour: outcome for outcome in prove(session, names)}, session.leftovers

    return run


@pytest.fixture(scope="module", autouse=True)
def _a_run(cloud: LocalCloud) -> None:
    """One run, so that the lake has an object."""
    assert cloud.invoke("deliverywatch-prod-sms-ingest", {}).error is None
    cloud.tick(cloud.clock.now.replace(second=0, microsecond=0) + 3 * MINUTE)


def resources(cloud: LocalCloud) -> list[Any]:
    """Whatever a run may make."""
    lake = next(each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"] if "lake" in each["Name"])
    objects = cloud.client("s3").list_object_versions(Bucket=lake, Prefix="smoke/")
    stacks = cloud.client("cloudformation").list_stacks()["StackSummaries"]
    return [
        [one["AlarmName"] for one in cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix=NAME)["MetricAlarms"]],
        [one["Name"] for one in cloud.client("scheduler").list_schedules(NamePrefix=NAME)["Schedules"]],
        [one["RoleName"] for one in cloud.client("iam").list_roles()["Roles"] if NAME in one["RoleName"]],
        cloud.client("sqs").list_queues(QueueNamePrefix=NAME).get("QueueUrls", []),
        [one["TopicArn"] for one in cloud.client("sns").list_topics()["Topics"] if NAME in one["TopicArn"]],
        [name for name in cloud.client("sesv2").list_configuration_sets()["ConfigurationSets"] if NAME in name],
        [one["StackName"] for one in stacks if NAME in one["StackName"] and "DELETE" not in one["StackStatus"]],
        [*objects.get("Versions", []), *objects.get("DeleteMarkers", [])],
    ]


def test_every_behaviour_is_proven_against_the_local_cloud(
    tried: Callable[..., Any], cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest: list[float] = []
    awaited = Session.awaited

    def noted(session: Session, look: Any, seconds: float) -> Any:
        longest.append(seconds)
        return awaited(session, look, seconds)

    monkeypatch.setattr(Session, "awaited", noted)
    for proof in PROOFS:
        longest.clear()
        outcomes, leftovers = tried(proof.name)
        assert {name: one.finding for name, one in outcomes.items() if one.verdict is not Verdict.PROVEN} == {}
        assert set(outcomes) == set(proof.behaviours)
        assert leftovers == []
        assert sum(longest) <= proof.minutes * 60, "it names fewer minutes than it may wait"
    assert resources(cloud) == [[]] * 8


def unconditional(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    for name in ("_check_put_preconditions", "_etag_condition_matches"):
        patch.setattr(hooks.module("services.s3"), name, lambda *_: None)


def unconditional_deletion(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    original = hooks.module("services.s3")._delete_object

    def deleted(bucket: str, key: str, headers: Any, query: Any) -> Any:
        return original(bucket, key, {name: value for name, value in headers.items() if name != "if-match"}, query)

    patch.setattr(hooks.module("services.s3"), "_delete_object", deleted)


def view_without_serde(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    tables = hooks.inside("services.glue", "_tables")
    key = next(key for key, table in tables.items() if table.get("TableType") == "VIRTUAL_VIEW")
    storage = {name: value for name, value in tables[key]["StorageDescriptor"].items() if name != "SerdeInfo"}
    patch.setitem(tables[key], "StorageDescriptor", storage)


def no_metrics(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    patch.setattr(cloud._publisher, "submit", lambda *_: None)


def aligned_windows(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    def at_the_mark(definition: Any, series: Any, now: datetime, state: str, **more: Any) -> Any:
        at = {"queryDate": evaluate(definition, series, now, state, **more).reason_data["queryDate"]}
        aligned = evaluate(definition, series, now.replace(minute=now.minute // 5 * 5), state, **more)
        return replace(aligned, reason_data=aligned.reason_data | at)

    patch.setattr(alarms, "evaluate", at_the_mark)


def early_stamps(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    def ahead(definition: Any, series: Any, now: datetime, state: str, **more: Any) -> Any:
        return evaluate(definition, series, now + 3 * MINUTE, state, **more)

    patch.setattr(alarms, "evaluate", ahead)


def unfilled_input(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    def as_it_is(schedule: dict[str, Any], minute: datetime) -> schedules.Firing:
        return schedules.Firing(schedule["Name"], schedule["Target"]["Arn"], json.loads(schedule["Target"]["Input"]))

    patch.setattr(schedules, "_firing", as_it_is)


def credulous_scheduler(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    patch.setattr(schedules, "refusal", lambda _: "")


def narrow_scheduler(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    patch.setattr(schedules, "refusal", lambda one: "" if one["ScheduleExpression"] == "rate(1 day)" else "Invalid.")


def lost_references(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    patch.setattr(Sent, "_headers", lambda sent: {"headers": [{"name": "Subject", "value": sent.subject}]})


def no_validation(patch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    patch.setattr(change_sets, "_validate", lambda _: None)


FAULTS = {
    "cloudformation-validates-early": ("validation", no_validation),
    "s3-put-if-none-match": ("writes", unconditional),
    "s3-copy-if-none-match": ("writes", unconditional),
    "s3-put-if-match": ("writes", unconditional),
    "s3-delete-if-match": ("writes", unconditional_deletion),
    "athena-view": ("views", view_without_serde),
    "emf-becomes-metric": ("emf", no_metrics),
    "alarm-window-slides": ("alarm", aligned_windows),
    "stamp-counts-after-its-minute": ("alarm", early_stamps),
    "scheduler-fills-time": ("schedule", unfilled_input),
    "scheduler-refuses-expressions": ("expressions", credulous_scheduler),
    "scheduler-ranges-wrap": ("expressions", narrow_scheduler),
    "scheduler-takes-undocumented": ("expressions", narrow_scheduler),
    "ses-keeps-references": ("mail", lost_references),
}


@pytest.mark.parametrize("behaviour", [name for proof in PROOFS for name in proof.behaviours])
def test_a_cloud_that_behaves_otherwise_turns_the_line_to_wrong(
    behaviour: str, tried: Callable[..., Any], cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof, plant = FAULTS[behaviour]
    plant(monkeypatch, cloud)
    outcomes, _ = tried(proof)
    assert outcomes[behaviour].verdict is Verdict.WRONG, outcomes[behaviour].finding


@pytest.mark.parametrize("proof", [proof.name for proof in PROOFS])
def test_whatever_stops_a_proof_everything_it_made_is_taken_away(
    proof: str, tried: Callable[..., Any], cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "awaited", stop)
    monkeypatch.setattr("deliverywatch.operate.proofs.aws_lake._refused", stop)
    with contextlib.suppress(KeyboardInterrupt):
        tried(proof)
    assert resources(cloud) == [[]] * 8


def test_what_cannot_be_taken_away_is_named(
    tried: Callable[..., Any], cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteObject")

    monkeypatch.setattr("deliverywatch.operate.proofs.aws_lake._emptied", denied)
    _, leftovers = tried("writes")
    assert len(leftovers) == 1
    assert "/smoke/" in leftovers[0]
    monkeypatch.undo()
    (lake,) = [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"] if "lake" in each["Name"]]
    aws_lake._emptied(cloud.client("s3"), lake, "smoke/")


# IAM names the caller's role, and what it may not use, in whatever it denies.
_DENIAL = "User: arn:aws:sts::111122223333:assumed-role/dev/me is not authorized to perform this"


@pytest.fixture
def refuse(found: tuple[aws.Cloud, Deployment], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let AWS refuse an operation, or all of them."""
    account, _ = found
    client = account.client

    def begin(refused: str, code: str) -> None:
        def answer(model: Any, **_: Any) -> Any:
            if refused not in ("everything", model.name):
                return None
            body = {"Error": {"Code": code, "Message": _DENIAL}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            return AWSResponse("", 400, {}, None), body  # type: ignore[no-untyped-call]

        def refusing(*arguments: Any) -> Any:
            made = client(*arguments)
            made.meta.events.register("before-call", answer, unique_id="refuse")
            return made

        monkeypatch.setattr(account, "client", refusing)

    return begin


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_who_may_do_nothing_proves_nothing_and_leaves_nothing(
    proof: Proof, tried: Callable[..., Any], refuse: Callable[..., None]
) -> None:
    refuse("everything", "AccessDenied")
    outcomes, leftovers = tried(proof.name)
    assert {name: one.verdict for name, one in outcomes.items()} == dict.fromkeys(proof.behaviours, Verdict.OPEN)
    assert leftovers == [], "nothing was made"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
@pytest.mark.parametrize(
    ("proof", "operation"),
    [
        ("writes", "CopyObject"),
        ("views", "StartQueryExecution"),
        ("validation", "DescribeChangeSet"),
        ("validation", "DescribeEvents"),
        ("emf", "Invoke"),
        ("alarm", "PutMetricAlarm"),
        ("alarm", "DescribeAlarms"),
        ("schedule", "PutRolePolicy"),
        ("schedule", "CreateSchedule"),
        ("schedule", "ReceiveMessage"),
        ("expressions", "CreateSchedule"),
        ("expressions", "UpdateSchedule"),
        ("mail", "CreateConfigurationSetEventDestination"),
        ("mail", "SendEmail"),
    ],
)
def test_what_aws_refuses_half_way_is_open_never_wrong_and_all_is_taken_away(
    proof: str, operation: str, code: str, tried: Callable[..., Any], cloud: LocalCloud, refuse: Callable[..., None]
) -> None:
    refuse(operation, code)
    began = cloud.clock.now
    outcomes, leftovers = tried(proof)
    assert Verdict.OPEN in {one.verdict for one in outcomes.values()}
    assert Verdict.WRONG not in {one.verdict for one in outcomes.values()}
    assert leftovers == []
    assert resources(cloud) == [[]] * 8
    assert cloud.clock.now - began < 5 * MINUTE, "a refusal is final: nothing is to be waited for"


def test_a_condition_that_s3_does_not_know_is_wrong(tried: Callable[..., Any], refuse: Callable[..., None]) -> None:
    refuse("CopyObject", "NotImplemented")
    outcomes, _ = tried("writes")
    assert outcomes["s3-copy-if-none-match"].verdict is Verdict.WRONG
    assert outcomes["s3-delete-if-match"].verdict is Verdict.PROVEN


@pytest.mark.parametrize(
    ("execution", "verdict"),
    [
        (Execution("1", Status.SUCCEEDED), Verdict.PROVEN),
        (Execution("1", Status.FAILED, reason="HIVE_METASTORE_ERROR: missing SerDe info"), Verdict.WRONG),
        (Execution("1", Status.FAILED, reason="Insufficient permissions to execute the query."), Verdict.OPEN),
        (Execution("1", Status.FAILED, reason=f"{_DENIAL} on glue:GetTable"), Verdict.OPEN),
        (Execution("1", Status.STOPPED, reason="it took too long and was stopped"), Verdict.OPEN),
    ],
)
def test_a_view_is_wrong_only_if_athena_cannot_read_it(execution: Execution, verdict: Verdict) -> None:
    assert aws_lake._read({"sms_messages": execution}).verdict is verdict


@pytest.fixture
def smoke(
    run: Callable[..., Result], pause: Callable[[float], None], cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> Any:
    monkeypatch.setattr("deliverywatch.cli.smoke.datetime", SimpleNamespace(now=lambda _: cloud.clock.now))
    monkeypatch.setattr("deliverywatch.cli.smoke.time", SimpleNamespace(sleep=pause))
    return lambda *arguments: run("smoke", *arguments)


def test_the_verb_says_before_what_it_makes_and_what_it_costs_and_asks(smoke: Any, cloud: LocalCloud) -> None:
    asked = smoke()
    assert asked.exit_code == 2
    assert "add --yes to go on, or --dry-run" in asked.stderr
    planned = smoke("--dry-run")
    assert planned.exit_code == 0
    assert "111122223333" in planned.stderr
    assert "at most 41 minutes and costs about 0.00" in planned.stderr
    assert all(f"  {proof.name}" in planned.stderr for proof in PROOFS)


def test_the_plan_can_be_read_by_a_program(smoke: Any) -> None:
    document = json.loads(smoke("--dry-run", "--only", "views", "--json").stdout)
    assert document["proofs"][0] == {
        "proof": "views",
        "does": "reads one row of each view of the stack with Athena",
        "minutes": 2,
        "usd": 0.0002,
        "behaviours": ["athena-view"],
    }


def test_the_verb_tries_everything_and_fits_the_terminal(smoke: Any) -> None:
    result = smoke("--yes")
    assert result.exit_code == 0
    assert result.stdout.endswith(f"{sum(len(proof.behaviours) for proof in PROOFS)} proven, 0 wrong, 0 open.\n")
    assert max(map(len, [*result.stdout.splitlines(), *result.stderr.splitlines()])) <= 80


def test_the_verb_prints_each_line_as_proven_or_wrong(
    smoke: Any, monkeypatch: pytest.MonkeyPatch, cloud: LocalCloud
) -> None:
    good = smoke("--only", "writes", "--yes")
    assert good.exit_code == 0
    assert good.stdout.endswith("4 proven, 0 wrong, 0 open.\n")
    assert max(map(len, good.stdout.splitlines())) <= 80
    unconditional(monkeypatch, cloud)
    bad = smoke("--only", "writes", "--yes", "--json")
    document = json.loads(bad.stdout)
    assert bad.exit_code == 3
    assert (document["ok"], document["left_behind"]) == (False, [])
    assert document["behaviours"][0] == {
        "behaviour": "s3-put-if-none-match",
        "says": "PutObject with If-None-Match: * is refused with 412 where an object is.",
        "evidence": "documented",
        "verdict": "wrong",
        "finding": "S3 took it although its condition does not hold.",
    }


def test_a_person_may_look_at_the_conversation(smoke: Any, cloud: LocalCloud) -> None:
    result = smoke("--only", "mail", "--mail-to", "me@example.com", "--yes")
    assert "Look whether the two mails to me@example.com" in " ".join(result.stdout.split())
    one, other = cloud.outbox()[-2:]
    assert one.message["To"] == "me@example.com"
    assert one.message["References"] == other.message["References"] == one.message["In-Reply-To"]


def test_an_unknown_proof_is_refused_with_those_there_are(smoke: Any) -> None:
    result = smoke("--only", "everything", "--yes")
    assert result.exit_code == 2
    assert (
        "There is no proof everything: choose of writes, views, validation, emf, alarm, schedule, expressions, mail."
        in result.stderr
    )


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_stops_it_nothing_is_left(
    stop: signal.Signals, smoke: Any, monkeypatch: pytest.MonkeyPatch, cloud: LocalCloud
) -> None:
    monkeypatch.setattr(Session, "awaited", lambda *_: os.kill(os.getpid(), stop))
    result = smoke("--only", "mail", "--yes")
    assert "Stopped. What it had made is taken away again" in result.stderr
    assert "Left behind" not in result.stderr
    assert resources(cloud) == [[]] * 8


def test_a_person_who_stops_it_twice_is_told_what_is_left(
    smoke: Any, monkeypatch: pytest.MonkeyPatch, cloud: LocalCloud
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "awaited", stop)
    monkeypatch.setattr("deliverywatch.operate.proofs.aws_events._delete_queue", stop)
    result = smoke("--only", "mail", "--yes")
    assert "Left behind, delete it by hand: The queue deliverywatch-smoke-" in " ".join(result.stderr.split())
    monkeypatch.undo()
    (queue,) = cloud.client("sqs").list_queues(QueueNamePrefix=NAME)["QueueUrls"]
    cloud.client("sqs").delete_queue(QueueUrl=queue)
    assert resources(cloud) == [[]] * 8

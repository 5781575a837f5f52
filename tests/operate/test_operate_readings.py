"""Each call of AWS is taken away from each verb, in every way: what it was for is unknown, and the rest is there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aws_faults import Fault, Recorder, asked, assert_rest_is_there, document

from deliverywatch.alerting.incidents import outbox
from deliverywatch.alerting.incidents.incident import Change, Event, Incident, to_json
from deliverywatch.alerting.incidents.incident_store import incident_key
from deliverywatch.local.demo import play
from deliverywatch.messages.level import Level
from deliverywatch.operate import handle_digest, handle_examine
from deliverywatch.operate.doctor import aws_doctor

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.cloud.cloud import LocalCloud

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC).replace(microsecond=0)
INCIDENT = "INC-0101-0101"
FIND = "cloudformation:DescribeStacks"
RECORDS = {"s3:ListObjectsV2", "s3:GetObject"}
SAVED = {"athena:ListNamedQueries", "athena:BatchGetNamedQuery"}
# Verb -> how it is called, and the calls without which it has nothing to say: it ends with one sentence then.
VERBS: dict[str, tuple[list[str], set[str]]] = {
    "status": ([], {FIND}),
    "explain": ([INCIDENT], {FIND, *RECORDS}),
    "review": ([INCIDENT], {FIND, *RECORDS}),
    "mails": ([], {FIND, *RECORDS}),
    "mute": ([], {FIND, "cloudwatch:ListAlarmMuteRules", "cloudwatch:GetAlarmMuteRule"}),
    "unmute": (["--dry-run"], {FIND, "cloudwatch:ListAlarmMuteRules", "cloudwatch:GetAlarmMuteRule"}),
    "ack": ([INCIDENT, "--by", "Sam"], {FIND, *RECORDS, "s3:PutObject"}),
    "route": ([], {FIND}),
    "cost": (["--deployed"], {FIND, "cloudformation:GetTemplate"}),
    "test-fire": (["--dry-run"], {FIND}),
    "recipients": (["--since", "2d"], {FIND, *RECORDS}),
    "query": (["SELECT count(*) FROM sms_messages", "--dry-run"], {FIND, "s3:ListObjectsV2"}),
    "query --copy": (["SELECT count(*) FROM sms_messages"], {FIND, *RECORDS}),
    "query --dry-run": (["top-reasons"], {FIND, *SAVED, "s3:ListObjectsV2"}),
    "query --list": ([], {FIND, *SAVED}),
    "lake show": ([], {FIND, *RECORDS}),
    "backfill": (["--since", "2d", "--dry-run"], {FIND, *RECORDS}),
    "compact": (["--dry-run"], {FIND, "s3:ListObjectsV2"}),
    "reconcile": (["--dry-run"], {FIND, *RECORDS, "cloudwatch:GetMetricData"}),
    "forget": (["+61400000000", "--dry-run"], {FIND, *RECORDS, "ssm:GetParameters"}),
    "destroy": (
        ["--dry-run"],
        {FIND, "sts:GetCallerIdentity", *(f"cloudformation:{name}" for name in ("GetTemplate", "ListStackResources"))}
        | {"s3:ListObjectsV2"},
    ),
    "smoke": (["--dry-run"], {FIND}),
}


@pytest.fixture(scope="module")
def answers(cloud: LocalCloud) -> Iterator[Recorder]:
    """What the deployed stack answers, with an open incident, its mail and a mute."""
    change = Change(1, Event.OPENED, Level.CRITICAL, Level.OK, NOW)
    opened = Incident("sms-failures", INCIDENT, Level.CRITICAL, NOW, NOW, "SMS failures", 1, timeline=(change,))
    mail = outbox.Record(INCIDENT, "sms-failures", 1, "OPENED", "critical", NOW, "request", NOW, subject="[CRITICAL]")
    bucket = play.lake_bucket(cloud)
    for key, body in ((incident_key("sms-failures"), to_json(opened)), (outbox.record_key(mail), outbox.to_json(mail))):
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    cloud.client("cloudwatch").put_alarm_mute_rule(
        Name=f"{play.STACK}-mute-1",
        Rule={"Schedule": {"Expression": f"at({NOW - timedelta(hours=1):%Y-%m-%dT%H:%M})", "Duration": "P1D"}},
        MuteTargets={"AlarmNames": [f"{play.STACK}-sms-critical"]},
    )
    at = f"{cloud.clock.now:%Y-%m-%dT%H:%M:%SZ}"
    cloud.client("lambda").invoke(FunctionName=f"{play.STACK}-sms-ingest", Payload=json.dumps({"scheduled_time": at}))
    with pytest.MonkeyPatch.context() as patch:
        yield Recorder(patch)


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    """What each verb printed with all its calls."""
    return {}


def undisturbed(verb: str, run: Callable[..., Result], answers: Recorder, usual: dict[str, Any]) -> tuple[Any, ...]:
    if verb not in usual:
        usual[verb] = asked(run, answers, [*verb.split(), *VERBS.get(verb, ([],))[0]])
    return tuple(usual[verb])


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("verb", VERBS)
def test_a_call_that_is_taken_away_leaves_the_rest(
    verb: str, fault: Fault, run: Callable[..., Result], answers: Recorder, usual: dict[str, Any]
) -> None:
    assert_rest_is_there(undisturbed(verb, run, answers, usual), run, answers, fault, VERBS[verb][1])


@pytest.mark.parametrize("fault", Fault)
def test_status_has_every_member_that_the_call_is_not_for(
    fault: Fault, run: Callable[..., Result], answers: Recorder
) -> None:
    arguments, _, whole, operations = undisturbed("status", run, answers, {})
    of_lake = {"incidents", "mails", "heartbeats", "is_alarm_active", "unsent_mails"}
    parts = {
        "cloudformation:GetTemplate": {"watches"},
        "cloudwatch:DescribeAlarms": {"raised_alarms", "watches"},
        "cloudwatch:ListAlarmMuteRules": {"mutes", "ended_mutes"},
        "cloudwatch:GetAlarmMuteRule": {"mutes", "ended_mutes"},
        "s3:ListObjectsV2": of_lake | {"watches"},
        "s3:GetObject": of_lake | {"watches"},
    }
    assert set(operations) == {*parts, FIND}
    for operation, members in parts.items():
        with answers.without(operation, fault):
            part = document(run(*arguments))
        changed = {name for name, value in part.items() if value != whole[name]}
        assert changed <= members | {"unknown", "unseen", "is_everything_seen"}, (operation, changed)
        assert part["unknown"] or part["unseen"] != whole["unseen"] or fault is Fault.EMPTY, operation
        assert all(name in members for name, value in part.items() if value is None)


@pytest.mark.parametrize("fault", Fault)
def test_no_check_of_doctor_takes_another_with_it(
    fault: Fault,
    run: Callable[..., Result],
    answers: Recorder,
    usual: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments, _, whole, operations = undisturbed("doctor", run, answers, usual)
    before = {check["check"]: check for check in whole["checks"]}
    monkeypatch.setattr(aws_doctor, "DRIFT_WAIT_SECONDS", 0)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    odd = [Fault.EMPTY, Fault.ODD, Fault.UNREADABLE]  # of the three odd answers each of its many calls gives one
    taken = operations[odd.index(fault) :: 3] if fault in odd else operations
    for operation in set(taken) - {FIND}:
        with answers.without(operation, fault):
            result = run(*arguments)
        assert result.exit_code in (0, 3, 5), (operation, result.output)
        checks = json.loads(result.stdout)["checks"]
        after = {check["check"]: check["verdict"] for check in checks}
        lost = {name for name in before if name not in after}
        if operation not in ("cloudformation:GetTemplate", "cloudformation:ListStackResources"):
            assert len(lost) <= 2, (operation, lost)
        assert {"credentials", "region", "stack", "sdk"} <= set(after), operation
        assert fault is Fault.EMPTY or {"unknown", "failed", "warning"} & set(after.values()), operation


WEEKS = count()
FUNCTIONS = {"operate-digest": handle_digest.handler, "operate-examine": handle_examine.handler}
# Whose failure is the function's own, which its alarm says.
OWN = {
    "operate-digest": set(),
    "operate-examine": {FIND, "s3:ListObjectsV2", "s3:GetObject", "s3:PutObject", "sns:Publish"},
}


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_the_rest_too(
    name: str, fault: Fault, cloud: LocalCloud, answers: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cloud.client("lambda").get_function_configuration(FunctionName=f"{play.STACK}-{name}")
    for variable, value in made["Environment"]["Variables"].items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_REGION", os.environ["AWS_DEFAULT_REGION"])

    def start() -> Any:  # one mail a week
        event = {"scheduled_time": f"{NOW + next(WEEKS) * timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"}
        return FUNCTIONS[name](event, SimpleNamespace(aws_request_id="1"))

    answers.operations()
    assert start()
    operations = [operation for operation in answers.operations() if operation not in OWN[name]]
    assert operations
    for operation in operations:
        with answers.without(operation, fault):
            result = start()
        assert result.get("subject") or "failing" in result, operation

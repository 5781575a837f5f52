"""A deployed stack, a folder of history and files in which strangers and colleagues wrote orders for a terminal."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from deliverywatch.alerting.incidents import incident, outbox
from deliverywatch.alerting.incidents.incident import Ack, Change, Event, Incident
from deliverywatch.alerting.incidents.incident_store import incident_key
from deliverywatch.local.clicksend.history import Message, Messages, failure
from deliverywatch.local.demo import play
from deliverywatch.messages.level import Level
from deliverywatch.queries.run import record as run_record
from files.files_world import body, s3_record, sqs_event

if TYPE_CHECKING:
    import pytest

    from deliverywatch.local.cloud.cloud import LocalCloud

# Hides what follows, renames the window, rings, clears the screen, turns the direction, and goes back over the line.
ORDERS = "\x1b[8m\x1b]0;t\x07\x9b2J\u202e\u2066\r\x7f"
WORD = "h0stile"
HOSTILE = f"{ORDERS}{WORD}{ORDERS}"
# What has no control characters of ASCII, as names of alarms, may still have these.
NAME = f"{WORD}\x9b2J\u202e"

NOW = datetime.now(UTC).replace(microsecond=0)
INCIDENT = "INC-0101-0101"

# What people and services write into the answers of AWS, by the names of its members.
_FREE = {
    *("AlarmDescription", "StateReason", "StateReasonData", "Description", "ResourceStatusReason", "StackStatusReason"),
    *("StatusReason", "StateChangeReason", "ErrorMessage", "cause", "error", "Comment", "ChangeSetStatusReason"),
}
_COLOURS = re.compile(r"\x1b\[(?:0|1|2|3[0-7]|9[0-7]|3[0-7];1|9[0-7];1|1;3[0-7])m")


def orders_in(printed: str) -> set[str]:
    """Return what of a printed text a terminal would obey, but for the colours of our own."""
    plain = _COLOURS.sub("", printed)
    bidirectional = set("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    return {sign for sign in plain if (unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t")} | (
        bidirectional & set(plain)
    )


@contextmanager
def written_by_strangers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is free text in the answers of AWS has orders at its end."""
    answer = BaseClient._make_api_call  # type: ignore[attr-defined]

    def hostile(client: Any, operation: str, request: Any) -> Any:
        return _with_orders(answer(client, operation, request))

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", hostile)
        yield


@contextmanager
def refused_by_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS refuses everything, in words with orders."""

    def refuse(_client: Any, operation: str, _request: Any) -> Any:
        raise ClientError({"Error": {"Code": "ValidationError", "Message": HOSTILE}}, operation)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", refuse)
        yield


def _with_orders(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {
            name: f"{value}{HOSTILE}" if name in _FREE and isinstance(value, str) else _with_orders(value)
            for name, value in answer.items()
        }
    return [_with_orders(one) for one in answer] if isinstance(answer, list) else answer


def fill_lake(cloud: LocalCloud) -> None:
    """An open incident with its mail, a run of a query, and what SMS says of itself."""
    change = Change(1, Event.OPENED, Level.CRITICAL, Level.OK, NOW, alarm=HOSTILE, reason=HOSTILE)
    opened = Incident(
        "sms-failures", INCIDENT, Level.CRITICAL, NOW, NOW, HOSTILE, 1,
        timeline=(change,), acks=(Ack(HOSTILE, NOW, HOSTILE),), raised=frozenset({HOSTILE}),
    )  # fmt: skip
    mail = outbox.Record(
        INCIDENT, "sms-failures", 1, "OPENED", "critical", NOW, "request", NOW, subject=HOSTILE, problem=HOSTILE
    )
    ran = run_record.Record(
        "orders",
        f"{NOW:%Y-%m-%dT%H:%M:%S}+00:00",
        run_record.Status.FAILED,
        1,
        0.1,
        1,
        HOSTILE,
        HOSTILE,
        HOSTILE,
        HOSTILE,
    )
    objects = {
        incident_key("sms-failures"): incident.to_json(opened),
        outbox.record_key(mail): outbox.to_json(mail),
        outbox.body_key(mail): f"Subject: x\n\n{HOSTILE}".encode(),
        "state/sms.json": json.dumps(_context()).encode(),
        run_record.key_of("orders", NOW): ran.line(),
    }
    bucket, s3 = play.lake_bucket(cloud), cloud.client("s3")
    for key, content in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=content)


def _context() -> dict[str, Any]:
    return {
        "deliverywatch": 1,
        "system": "sms",
        "noun": HOSTILE,
        "updated_at": NOW.isoformat(),
        "facts": [{"name": HOSTILE, "value": HOSTILE}],
        "steps": [HOSTILE],
        "assessments": {"sms-failures": {"verdict": "failing", "as_of": NOW.isoformat(), "sentence": HOSTILE}},
        "reasons": [{"code": HOSTILE, "text": HOSTILE, "fault": "carrier", "count": 1, "share_percent": 100}],
        "carriers": [{"name": HOSTILE, "total": 2, "failed": 1}],
    }


def fill_intake(cloud: LocalCloud, outputs: Mapping[str, str]) -> None:
    """A file, and a dead letter about one, whose keys are orders."""
    # The emulator lists keys as plain XML, which has no other controls.
    cloud.client("s3").put_object(Bucket=outputs["FilesBucket"], Key=NAME, Body=b"a")
    cloud.client("sqs").send_message(QueueUrl=outputs["FilesDeadLettersUrl"], MessageBody=body(s3_record(HOSTILE)))


def fill_machine(cloud: LocalCloud) -> None:
    """An execution that failed for a reason in somebody's own words."""
    states, failed = cloud.client("stepfunctions"), {"Type": "Fail", "Error": HOSTILE, "Cause": HOSTILE}
    definition = json.dumps({"StartAt": "A", "States": {"A": failed}})
    statement = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = cloud.client("iam").create_role(RoleName="m", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    machine = states.create_state_machine(name="m", definition=definition, roleArn=role)
    states.start_execution(stateMachineArn=machine["stateMachineArn"], name="x", input="{}")


def sms() -> Messages:
    """Messages whose carriers, statuses and senders are orders, half of them failed."""
    told = {"carrier": HOSTILE, "from": HOSTILE, "country": HOSTILE, "to": "+61400000000"}
    fates = [failure(HOSTILE, HOSTILE), {"status": HOSTILE, "status_code": HOSTILE, "status_text": HOSTILE}]
    return Messages(
        [
            Message(f"M{number}", at, ((at, fates[number % 2]),), told)
            for number in range(40)
            for at in [NOW - timedelta(hours=2, minutes=number)]
        ]
    )


def write_files(folder: Path) -> None:
    """Templates, cases, histories, events and configurations, as colleagues leave them."""
    machine = {
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Task",
                "Resource": "x",
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": HOSTILE}],
                "End": True,
            },
            HOSTILE: {"Type": "Pass", "End": True},
        },
    }
    query = {
        "schedule": "cron(0 6 * * ? *)",
        "timezone": "UTC",
        "query": "SELECT 1",
        "description": HOSTILE,
        HOSTILE: 1,
    }
    sent, broken = _ses("Send"), _ses("Send")
    sent["mail"] |= {"timestamp": f"{NOW:%Y-%m-%dT%H:%M:%S}.000Z", "tags": {"campaign": [HOSTILE]}, HOSTILE: 1}
    broken["eventType"] = HOSTILE * 20
    notice = {
        "Records": [{"Sns": {"Message": HOSTILE, "Subject": HOSTILE, "MessageId": "1", "Timestamp": NOW.isoformat()}}]
    }
    contents = {
        "template.json": _template(),
        "machine.json": machine,
        "queries.json": {"queries": {"orders": query, HOSTILE: {}}},
        "notice.json": notice,
        "pushed.json": sqs_event(body(s3_record(HOSTILE))),
        "run.json": {
            "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"},
            "results": [{"status": HOSTILE, "unique_id": HOSTILE}],
        },
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "events.ndjson").write_text(f"{json.dumps(sent)}\n{json.dumps(broken)}\n")
    (folder / "cases.toml").write_text(
        f'[[case]]\nname = {json.dumps(HOSTILE)}\ninterval = "10m"\nseries = {{ Errors = "9x6" }}\n'
        f'states = [{{ at = "31m", alarm = {json.dumps(NAME)}, state = "OK" }}]\n'
    )
    (folder / f"{HOSTILE}.csv").write_text(
        "".join(
            [
                "time,Errors\n",
                *(f"{NOW + timedelta(minutes=10 * n):%Y-%m-%dT%H:%M:%SZ},{9 * (n > 9)}\n" for n in range(40)),
            ]
        )
    )


def _template() -> dict[str, Any]:
    alarm = {
        "AlarmName": NAME, "AlarmDescription": HOSTILE, "Namespace": HOSTILE, "MetricName": "Errors",
        "Statistic": "Sum",
        "Period": 600, "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": ["arn:aws:sns:us-east-1:111122223333:x"],
    }  # fmt: skip
    named = {"Type": "String", "Description": HOSTILE, "Default": HOSTILE}
    return {
        "Description": HOSTILE,
        "Parameters": {"Environment": named, HOSTILE: named},
        "Resources": {"A": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}},
    }


def _ses(kind: str) -> dict[str, Any]:
    events = json.loads((Path(__file__).parents[1] / "events" / "ses_documented.json").read_text())
    return next(dict(event) for event in events if event["eventType"] == kind)

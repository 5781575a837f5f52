"""What `status` says of a stack that is healthy, failing, too quiet to tell, or not to be seen."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deliverywatch.alerting.incidents.incident import Incident
from deliverywatch.alerting.incidents.incident import to_json as to_record
from deliverywatch.alerting.incidents.incident_store import incident_key
from deliverywatch.alerting.incidents.severity import Severity, Watch
from deliverywatch.alerting.inputs.alarm import Alarm, State, from_description
from deliverywatch.errors import CloudRefused, StoreUnavailable
from deliverywatch.messages.context import NOT_READ, Context, to_json
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.operate.account.deployment import Deployment
from deliverywatch.operate.doctor import findings
from deliverywatch.operate.incidents.status import Status, current_status, document, without_lake
from deliverywatch.operate.incidents.watch_verdicts import declared_watches
from deliverywatch.storage.memory import Memory

NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)
PREFIX = "deliverywatch-prod"
GOLDENS = Path(__file__).parents[1] / "templates"
FAILURES = Watch(
    "sms-failures",
    "SMS failures",
    (Severity(f"{PREFIX}-sms-critical", Level.CRITICAL), Severity(f"{PREFIX}-sms-warning", Level.WARNING)),
    "state/sms.json",
    is_assessed=True,
)
SIGHT = Watch("sms-blind", "SMS monitoring is blind", (Severity(f"{PREFIX}-sms-blind", Level.BLIND),), "state/sms.json")
ALARMS = {name: Alarm(name, State.OK) for watch in (FAILURES, SIGHT) for name in watch.alarms}
HEALTHY = Assessment(verdict=Verdict.HEALTHY, as_of=NOW, sentence="1 of the last 439 SMS failed.", seen_count=439)


class Alarms:
    def __init__(self, alarms: dict[str, Alarm]) -> None:
        self.alarms = list(alarms.values())

    def of_prefix(self, prefix: str) -> list[Alarm]:
        return [alarm for alarm in self.alarms if alarm.name.startswith(prefix)]

    def calling(self, _topic: str) -> list[Alarm]:
        return self.alarms


class Rules:
    def __init__(self, *rules: dict[str, Any]) -> None:
        self.rules = rules

    def names(self, statuses: Sequence[str]) -> list[str]:
        return [rule["Name"] for rule in self.rules if rule["Status"] in statuses]

    def describe(self, name: str) -> dict[str, Any]:
        return next(rule for rule in self.rules if rule["Name"] == name)


def stack(status: str = "UPDATE_COMPLETE") -> Deployment:
    outputs = {"AlertsTopicArn": "arn:aws:sns:us-east-1:123456789012:alerts", "LakeBucket": "lake"}
    return Deployment(PREFIX, "prod", "us-east-1", "123456789012", status, "0.3.0", {}, outputs)


def left(**assessments: Assessment | None) -> bytes:
    named = {name.replace("_", "-"): one for name, one in assessments.items() if one}
    return to_json(Context(system="sms", noun="SMS", updated_at=NOW, slot_minutes=10, assessments=named))


def seen(
    assessment: Assessment | None = HEALTHY,
    alarms: dict[str, Alarm] = ALARMS,
    objects: dict[str, bytes] | None = None,
    status: str = "UPDATE_COMPLETE",
    rules: Rules | None = None,
) -> Status:
    store: Any = Memory({"state/sms.json": left(sms_failures=assessment), **(objects or {})})
    port: Any = Alarms(alarms)
    return current_status(stack(status), store, port, rules or Rules(), NOW, lambda: (FAILURES, SIGHT))  # type: ignore[arg-type]


def verdicts(status: Status) -> dict[str, str]:
    return {one.watch: one.verdict.value for one in status.watches}


def without(name: str) -> dict[str, Alarm]:
    return {key: alarm for key, alarm in ALARMS.items() if not key.endswith(name)}


def changed(name: str, **fields: Any) -> dict[str, Alarm]:
    return {key: replace(alarm, **fields) if key.endswith(name) else alarm for key, alarm in ALARMS.items()}


def test_what_was_seen_healthy_is_all_there_is() -> None:
    status = seen()
    assert verdicts(status) == {"sms-failures": "healthy", "sms-blind": "healthy"}
    assert (status.unseen, status.open) == ((), ())


@pytest.mark.parametrize(
    ("name", "arguments", "watch", "verdict"),
    [
        ("failing by its data", {"assessment": replace(HEALTHY, verdict=Verdict.FAILING)}, "sms-failures", "failing"),
        ("failing by its alarm", {"alarms": changed("sms-warning", state=State.ALARM)}, "sms-failures", "failing"),
        (
            "a raised alarm without data since",
            {"alarms": changed("sms-warning", state=State.ALARM, updated_at=NOW - timedelta(hours=2))},
            "sms-failures",
            "healthy",
        ),
        (
            "raised since it was judged",
            {
                "alarms": changed("sms-warning", state=State.ALARM, updated_at=NOW),
                "assessment": replace(HEALTHY, as_of=NOW - timedelta(minutes=8)),
            },
            "sms-failures",
            "failing",
        ),
        ("little traffic", {"assessment": replace(HEALTHY, verdict=Verdict.TOO_LITTLE)}, "sms-failures", "too_little"),
        ("never judged", {"assessment": None}, "sms-failures", "blind"),
        ("stale", {"assessment": replace(HEALTHY, as_of=NOW - timedelta(minutes=31))}, "sms-failures", "blind"),
        ("from the future", {"assessment": replace(HEALTHY, as_of=NOW + timedelta(hours=2))}, "sms-failures", "blind"),
        ("alarm deleted", {"alarms": without("sms-critical")}, "sms-failures", "blind"),
        ("actions off", {"alarms": changed("sms-critical", acts=False)}, "sms-failures", "blind"),
        ("no runs", {"alarms": changed("sms-blind", state=State.ALARM)}, "sms-blind", "blind"),
        ("no data", {"alarms": changed("sms-blind", state=State.INSUFFICIENT_DATA)}, "sms-blind", "too_little"),
        (
            "OK for want of data",
            {"alarms": changed("sms-blind", reason="Threshold Crossed: no datapoints were received for 3 periods")},
            "sms-blind",
            "too_little",
        ),
        ("alarm of an alarm watch deleted", {"alarms": without("sms-blind")}, "sms-blind", "blind"),
        ("unreadable context", {"objects": {"state/sms.json": b"half a docu"}}, "sms-failures", "blind"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_watch_has_one_of_four_verdicts(name: str, arguments: dict[str, Any], watch: str, verdict: str) -> None:
    status = seen(**arguments)
    assert verdicts(status)[watch] == verdict, name
    # What is blind is named, and nothing else is.
    assert bool(status.unseen) == (verdict == "blind")
    assert document(status)["is_everything_seen"] == (verdict != "blind")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"objects": {incident_key("sms-overdue"): b"{}"}}, "The record of sms-overdue cannot be read"),
        ({"objects": {"state/queries.x.json": b"<html>"}}, "state/queries.x.json cannot be read"),
        ({"status": "UPDATE_IN_PROGRESS"}, "being changed"),
        ({"status": "UPDATE_ROLLBACK_COMPLETE"}, "rolled back"),
        ({"status": "UPDATE_ROLLBACK_FAILED"}, "half deployed"),
        ({"status": "CREATE_FAILED"}, "half deployed"),
    ],
)
def test_what_keeps_nothing_is_open_from_being_true_is_named(arguments: dict[str, Any], sentence: str) -> None:
    status = seen(**arguments)
    assert any(sentence in one for one in status.unseen)
    assert document(status)["unseen"] == list(status.unseen)


class Denied(Memory):
    """A lake of which some objects are refused."""

    prefix = ""

    def read(self, key: str) -> Any:
        if key.startswith(self.prefix):
            raise StoreUnavailable("S3 denies GetObject.")
        return super().read(key)

    def keys(self, prefix: str) -> list[str]:
        if prefix.startswith(self.prefix):
            raise StoreUnavailable("S3 denies ListBucket.")
        return super().keys(prefix)


@pytest.mark.parametrize("prefix", ["", "incidents/", "incidents/sms-overdue/current.json", "state/", "mails/"])
def test_what_s3_refuses_is_named_and_hides_nothing_else(prefix: str) -> None:
    opened = Incident("sms-blind", "INC-1121-1204", Level.BLIND, opened_at=NOW, changed_at=NOW)
    store: Any = Denied({"state/sms.json": left(sms_failures=HEALTHY), incident_key("sms-blind"): to_record(opened)})
    store.objects[incident_key("sms-overdue")] = to_record(replace(opened, watch="sms-overdue"))
    store.prefix = prefix
    ports: Any = (Alarms(ALARMS), Rules())
    status = current_status(stack(), store, *ports, NOW, lambda: (FAILURES, SIGHT))
    assert any(f"{prefix}" in one and "S3 denies" in one for one in status.unseen)
    if not prefix.startswith("incidents/") and prefix:
        assert len(status.open) == 2


class Fails:
    """A source of which every reading ends so."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _: str) -> Any:
        return self

    def __call__(self, *_: object) -> Any:
        raise self._error


@pytest.mark.parametrize("error", [CloudRefused("AWS denies it."), KeyError("Rule"), TypeError("a string")])
@pytest.mark.parametrize(
    ("part", "members", "unseen"),
    [("mutes", {"mutes", "ended_mutes"}, 0), ("alarms", {"raised_alarms"}, 1), ("watches", {"watches"}, 1)],
)
def test_what_cannot_be_read_is_unknown_and_the_rest_is_there(
    part: str, members: set[str], unseen: int, error: Exception
) -> None:
    opened = Incident("sms-blind", "INC-1121-1204", Level.BLIND, opened_at=NOW, changed_at=NOW)
    store = Memory({"state/sms.json": left(sms_failures=HEALTHY), incident_key("sms-blind"): to_record(opened)})
    ports: dict[str, Any] = {"alarms": Alarms(ALARMS), "mutes": Rules(), "watches": lambda: (FAILURES, SIGHT)}
    ports[part] = Fails(error)
    status = current_status(stack(), store, ports["alarms"], ports["mutes"], NOW, ports["watches"])
    told = document(status)
    assert [incident["id"] for incident in told["incidents"]] == ["INC-1121-1204"]
    assert {name for name, value in told.items() if value is None} == members
    assert (list(told["unknown"]), len(told["unseen"])) == ([part], unseen)
    assert str(error) in told["unknown"][part]


def test_without_its_alarms_a_watch_is_no_better_than_its_data() -> None:
    failing = left(sms_failures=replace(HEALTHY, verdict=Verdict.FAILING))
    for context, verdict in ((failing, "failing"), (left(sms_failures=HEALTHY), "blind")):
        port: Any = Fails(CloudRefused("AWS denies it."))
        rules: Any = Rules()
        status = current_status(
            stack(), Memory({"state/sms.json": context}), port, rules, NOW, lambda: (FAILURES, SIGHT)
        )
        assert verdicts(status) == {"sms-failures": verdict, "sms-blind": "blind"}


@pytest.mark.parametrize(("hours", "is_late"), [(10, False), (40, True)])
def test_a_night_without_the_checks_is_named(hours: int, is_late: bool) -> None:
    made = {findings.KEY: findings.to_json(findings.Findings(NOW - timedelta(hours=hours)))}
    store: Any = Memory({"state/sms.json": left(sms_failures=HEALTHY), **made})
    port: Any = Alarms(ALARMS)
    rules: Any = Rules()
    checked = replace(stack(), parameters={"NightlyDoctor": "true"})
    status = current_status(checked, store, port, rules, NOW, lambda: (FAILURES, SIGHT))
    assert bool(status.unseen) == is_late


def test_a_stack_without_a_lake_is_no_quiet_stack() -> None:
    status = without_lake(stack("CREATE_IN_PROGRESS"), NOW)
    assert len(status.unseen) == 2
    assert document(status)["watches"] == []


def test_what_has_to_be_looked_at_stands_first() -> None:
    status = seen(replace(HEALTHY, verdict=Verdict.TOO_LITTLE), changed("sms-blind", state=State.ALARM))
    assert [one.verdict.value for one in status.watches] == ["blind", "too_little"]


def rule(name: str, status: str, start: str) -> dict[str, Any]:
    schedule = {"Expression": f"at({start})", "Duration": "PT2H", "Timezone": "UTC"}
    targets = {"AlarmNames": [f"{PREFIX}-sms-warning"]}
    return {"Name": name, "Status": status, "Rule": {"Schedule": schedule}, "MuteTargets": targets}


def test_a_mute_that_ended_is_shown_for_a_week() -> None:
    rules = Rules(
        rule("on", "ACTIVE", "2026-11-21T11:00"),
        rule("over", "EXPIRED", "2026-11-20T11:00"),
        rule("long over", "EXPIRED", "2026-11-10T11:00"),
    )
    shown = document(seen(rules=rules))
    assert [mute["name"] for mute in shown["mutes"]] == ["on"]
    assert [(mute["name"], mute["end"]) for mute in shown["ended_mutes"]] == [("over", "2026-11-20T13:00:00Z")]


def test_the_watches_are_those_that_the_deployed_template_declares() -> None:
    item = {"name": "sms-credit", "title": "SMS credit", "rungs": [], "context": "state/sms.json", "assessed": True}
    optional = {**item, "name": "sms-silence", "condition": "WatchesSilence"}
    template = {
        "Metadata": {"DeliveryWatch": {"Version": "0.3.0", "Watches": [item, optional]}},
        "Parameters": {"SilenceWatch": {"Type": "String", "Default": "true"}},
        "Conditions": {"WatchesSilence": {"Fn::Equals": [{"Ref": "SilenceWatch"}, "true"]}},
        "Resources": {},
    }
    assert [one.name for one in declared_watches(template, {}, PREFIX)] == ["sms-credit", "sms-silence"]
    (watch,) = declared_watches(template, {"SilenceWatch": "false"}, PREFIX)
    assert (watch.name, watch.is_assessed, watch.alarms) == ("sms-credit", True, ())
    assert declared_watches({"Resources": {}}, {}, PREFIX) == ()


@pytest.mark.parametrize("golden", sorted(GOLDENS.glob("*.json")), ids=lambda path: path.stem)
def test_no_alarm_is_called_switched_off_as_it_is_deployed(golden: Path) -> None:
    """A recovery alarm has actions for OK only: its watch was called blind from the first day on."""
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    resources = json.loads(golden.read_text(encoding="utf-8"))["Resources"].items()
    alarms = {name: made["Properties"] for name, made in resources if made["Type"] in kinds}
    actions = {
        name: {kind: one.get(kind, []) for kind in ("AlarmActions", "OKActions")} for name, one in alarms.items()
    }
    assert actions
    assert [name for name, one in actions.items() if not from_description({"AlarmName": name, **one}).acts] == []
    assert not from_description({"AlarmName": "cut off", "AlarmActions": [], "OKActions": []}).acts


def test_what_a_system_could_not_read_stands_beside_its_last_reading() -> None:
    missing = "12 of 621 rows of 10:30 to 10:40 UTC could not be read"
    facts = (("Other", "fact"), (NOT_READ, missing))
    status = seen(objects={"state/sms.json": to_json(Context(system="sms", updated_at=NOW, facts=facts))})
    assert [one["problem"] for one in document(status)["heartbeats"]] == [missing]

"""Only evidence of failure opens, only evidence of health resolves; what is neither holds the level and says so."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alerting_fakes import ASSESSED, PREFIX, SETTINGS, World, at, sns

CRITICAL = f"{PREFIX}-sms-critical"
SPELL = {"last_seen": "2026-11-21T12:20:00Z", "seen_count": 4}


@pytest.fixture
def world() -> World:
    """A world whose watch of failing messages is assessed, with a critical incident since 12:04."""
    world = World(watches=ASSESSED)
    world.cloudwatch.measure(349, 1204)
    world.assess("12:02", "failing", holds="critical")
    world.alarm("sms-critical", "ALARM", "12:04")
    assert world.ses.events == ["OPENED"]
    return world


def without_data(world: World) -> None:
    """Let the alarm ignore that there are no datapoints: it keeps its state."""
    world.cloudwatch.values = {}


SITUATIONS: dict[str, tuple[dict[str, Any] | None, list[str]]] = {
    "healthy": ({"verdict": "healthy"}, ["RESOLVED"]),
    "still failing": ({"verdict": "failing", "holds": "critical"}, []),
    "failing less": ({"verdict": "failing", "holds": "warning"}, ["DOWNGRADED"]),
    "between the thresholds, of warning": (
        {"verdict": "failing", "holds": "warning", "opens": "warning"},
        ["DOWNGRADED"],
    ),
    "too little to tell": ({"verdict": "too_little"}, []),
    "blind": ({"verdict": "blind"}, []),
    "no assessment": (None, []),
    "stale": ({"verdict": "healthy", "as_of": "2026-11-21T12:09:00Z"}, []),
    "from the future": ({"verdict": "healthy", "as_of": "2026-11-22T12:00:00Z"}, []),
    "unreadable": ({"verdict": "healthy", "as_of": "yesterday"}, []),
    "a verdict that nobody knows": ({"verdict": "splendid"}, []),
}


@pytest.mark.parametrize(("judged", "expected"), SITUATIONS.values(), ids=SITUATIONS)
@pytest.mark.parametrize("how", ["ok", "no data"])
def test_an_assessed_incident_steps_down_on_evidence_alone(
    world: World, judged: dict[str, Any] | None, expected: list[str], how: str
) -> None:
    if judged is None:
        world.store.memory.delete("state/sms.json")
    else:
        world.assess("12:42", **judged)
    without_data(world)
    if how == "ok":
        world.cloudwatch.set("sms-critical", "OK", at("12:44"))
    world.sweep(at("12:45"))
    assert world.ses.events[1:] == expected


def test_the_end_that_rests_on_data_counts_the_whole_incident(world: World) -> None:
    world.assess("12:42", "healthy")
    without_data(world)
    world.cloudwatch.totals = {"failed": 700, "total": 3000}
    world.alarm("sms-critical", "OK", "12:44", old="ALARM")
    text = " ".join(world.ses.mails[-1].get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    assert "Failed 700 (of 3,000 sent since" in text


def test_an_alarm_that_is_raised_with_data_holds_whatever_the_assessment_says(world: World) -> None:
    world.assess("12:42", "healthy")
    world.sweep(at("12:45"))
    assert world.ses.events == ["OPENED"]


def test_unreadable_alarms_hold_whatever_the_assessment_says(world: World) -> None:
    world.assess("12:42", "healthy")
    world.cloudwatch.is_down = True
    world.sweep(at("12:45"))
    world.alarm("sms-critical", "OK", "12:46", old="ALARM")
    assert world.ses.events == ["OPENED"]


def test_an_assessment_opens_without_any_alarm(world: World) -> None:
    world = World(watches=ASSESSED)
    world.assess("12:02", "failing", opens="critical", sentence="All of the last 3 SMS failed.", value=100)
    world.sweep(at("12:05"))
    (mail,) = world.ses.mails
    assert (mail["X-DeliveryWatch-Event"], mail["X-DeliveryWatch-Level"]) == ("OPENED", "critical")


@pytest.mark.parametrize("verdict", ["healthy", "too_little", "blind"])
def test_what_proves_no_failure_opens_nothing(verdict: str) -> None:
    world = World(watches=ASSESSED)
    world.assess("12:02", verdict)
    world.sweep(at("12:05"))
    assert not world.ses.messages


def notice(verdict: str, clock: str, **more: Any) -> dict[str, Any]:
    assessment = {"verdict": verdict, "as_of": at(clock).isoformat()} | more
    time = at(clock).isoformat()
    return sns(
        {"deliverywatch": 1, "watch": "sms-failures", "level": "critical", "time": time, "assessment": assessment}
    ) | {"time": time}


def test_a_notice_makes_the_notifier_look_and_the_newer_assessment_counts() -> None:
    world = World(watches=ASSESSED)
    world.assess("12:03", "healthy")
    world.tell(notice("failing", "12:02", opens="critical"))
    assert not world.ses.messages
    world.tell(notice("failing", "12:22", opens="critical"))
    assert world.ses.events == ["OPENED"]


def test_a_notice_changes_nothing_while_the_alarms_are_muted() -> None:
    world = World(watches=ASSESSED)
    world.cloudwatch.muted = {CRITICAL}
    world.assess("12:02", "failing", opens="critical")
    world.tell(notice("failing", "12:02", opens="critical"))
    assert not world.ses.messages
    world.cloudwatch.muted = set()
    world.sweep(at("12:05"))
    assert world.ses.events == ["OPENED"]


def quiet_until(world: World, hours: float) -> None:
    """Sweep every ten minutes, while the system sees too little to tell."""
    without_data(world)
    world.cloudwatch.set("sms-critical", "OK", at("12:14"))
    for number in range(round(6 * hours)):
        now = at("12:30") + timedelta(minutes=10 * number)
        world.assess("12:30", "too_little", as_of=now.isoformat(), **SPELL)
        world.sweep(now)


def test_an_incident_of_which_too_little_is_seen_is_quiet_once_and_in_the_end_closed_as_unknown(world: World) -> None:
    quiet_until(world, 30)
    assert world.ses.events == ["OPENED", "QUIET", "CLOSED"]
    times = [mail["Date"].datetime - at("12:00") for mail in world.ses.mails]
    assert (times[1], times[2] - times[1]) == (timedelta(hours=1, minutes=20), timedelta(hours=24))


def test_the_mail_that_it_is_quiet_has_what_was_seen(world: World) -> None:
    quiet_until(world, 2)
    (quiet,) = [change for change in world.incident("sms-failures").timeline if change.event == "QUIET"]
    assert quiet.assessment is not None
    assert (quiet.level, quiet.assessment.last_seen, quiet.assessment.seen_count) == ("critical", at("12:20"), 4)


def test_an_incident_that_is_quiet_again_and_again_is_mailed_as_such_once_a_day(world: World) -> None:
    """As where messages are sent in bursts: all of each fail, and between them nothing is seen."""
    without_data(world)
    for number in range(6 * 54):
        now, verdict = at("12:30") + timedelta(minutes=10 * number), "failing" if number % 12 == 11 else "too_little"
        world.assess("12:30", verdict, as_of=now.isoformat(), holds="critical" if verdict == "failing" else "ok")
        world.sweep(now)
    assert [event for event in world.ses.events if event != "REMINDER"] == ["OPENED", *["QUIET"] * 3]


def test_what_a_system_cannot_see_is_mailed_as_blind_and_not_as_quiet_too() -> None:
    world = World(watches=ASSESSED)
    for number in range(6 * 30):
        now = at("12:04") + timedelta(minutes=10 * number)
        seen = {"opens": "blind", "sentence": "The data could not be read.", "last_seen": "2026-11-20T11:00:00Z"}
        world.assess("12:02", "blind", as_of=now.isoformat(), **seen)
        world.sweep(now)
    assert world.ses.events == ["OPENED", "REMINDER"]
    assert world.incident("sms-failures").level == "blind"


def test_an_incident_that_goes_quiet_again_unsaid_is_closed_as_unknown_all_the_same(world: World) -> None:
    quiet_until(world, 2)
    world.assess("14:32", "failing", holds="critical")
    world.sweep(at("14:35"))
    for number in range(6 * 26):
        now = at("14:45") + timedelta(minutes=10 * number)
        world.assess("14:45", "too_little", as_of=now.isoformat())
        world.sweep(now)
    assert world.ses.events == ["OPENED", "QUIET", "REMINDER", "CLOSED"]


def test_what_is_closed_as_unknown_does_not_open_again_by_the_state_that_was_kept(world: World) -> None:
    without_data(world)
    for number in range(60):
        world.sweep(at("12:30") + timedelta(minutes=30 * number))
    assert world.ses.events == ["OPENED", "QUIET", "CLOSED"]
    world.cloudwatch.measure(300, 1000)
    world.sweep(at("12:30") + timedelta(hours=31))
    assert world.ses.events == ["OPENED", "QUIET", "CLOSED", "OPENED"]


def test_an_alarm_that_knows_nothing_is_quiet_and_closed_as_unknown_too() -> None:
    world = World()
    world.alarm("sms-overdue", "ALARM", "12:04")
    world.alarm("sms-overdue", "INSUFFICIENT_DATA", "12:34", old="ALARM")
    for number in range(6 * 26):
        world.sweep(at("12:40") + timedelta(minutes=10 * number))
    assert world.ses.events == ["OPENED", "QUIET", "CLOSED"]


def test_an_ok_without_a_datapoint_is_no_evidence() -> None:
    world = World()
    world.alarm("sms-overdue", "ALARM", "12:04")
    world.cloudwatch.set("sms-overdue", "OK", at("12:34"))
    name = f"{PREFIX}-sms-overdue"
    reason = (
        "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [x]."
    )
    world.cloudwatch.alarms[name] = replace(world.cloudwatch.alarms[name], reason=reason)
    world.sweep(at("12:35"))
    assert world.ses.events == ["OPENED"]
    world.cloudwatch.values = {name: {"value": 0.0}}
    world.sweep(at("12:45"))
    assert world.ses.events == ["OPENED", "RESOLVED"]


def test_an_open_incident_is_recalled_once_a_day(world: World) -> None:
    for number in range(1, 6 * 73):
        now = at("12:04") + timedelta(minutes=10 * number)
        world.assess("12:00", "failing", as_of=now.isoformat(), holds="critical")
        world.sweep(now)
    assert world.ses.events == ["OPENED", "REMINDER", "REMINDER", "REMINDER"]


def test_a_system_that_reported_it_is_recalled_too_and_never_quiet() -> None:
    world = World()
    world.tell({"deliverywatch": 1, "watch": "queries.sales", "level": "warning", "time": "2026-11-21T12:00:00Z"})
    for number in range(1, 6 * 49):
        world.sweep(at("12:05") + timedelta(minutes=10 * number))
    assert world.ses.events == ["OPENED", "REMINDER", "REMINDER"]


def test_no_hours_mean_no_reminder_and_a_mute_holds_them(world: World) -> None:
    world.settings = replace(SETTINGS, reminder_hours=0)
    world.assess("12:00", "failing", as_of="2026-11-22T13:00:00Z", holds="critical")
    world.sweep(at("12:04") + timedelta(hours=25))
    world.settings, world.cloudwatch.muted = SETTINGS, {CRITICAL}
    world.sweep(at("12:14") + timedelta(hours=25))
    assert world.ses.events == ["OPENED"]


def test_an_alarm_that_is_gone_is_loss_of_sight_told_once_and_never_an_all_clear(world: World) -> None:
    alarm = world.cloudwatch.alarms.pop(CRITICAL)
    for clock in ("12:14", "12:24", "12:34"):
        world.assess(clock, "healthy")
        world.sweep(at(clock))
    assert world.ses.events == ["OPENED", "UNSEEN"]
    assert world.incident("sms-failures").timeline[-1].missing == (CRITICAL,)
    world.cloudwatch.alarms[CRITICAL] = alarm
    world.cloudwatch.set("sms-critical", "INSUFFICIENT_DATA", at("12:40"))
    world.assess("12:42", "too_little")
    world.sweep(at("12:44"))
    assert world.ses.events == ["OPENED", "UNSEEN"]
    world.cloudwatch.set("sms-critical", "OK", at("12:50"))
    world.cloudwatch.measure(1, 1000)
    world.assess("12:52", "healthy")
    world.sweep(at("12:54"))
    assert world.ses.events == ["OPENED", "UNSEEN", "RESOLVED"]


def test_an_alarm_that_is_back_without_data_is_made_up_for_by_the_data_of_its_system(world: World) -> None:
    alarm = world.cloudwatch.alarms.pop(CRITICAL)
    world.sweep(at("12:14"))
    world.cloudwatch.alarms[CRITICAL] = alarm
    world.cloudwatch.set("sms-critical", "INSUFFICIENT_DATA", at("12:20"))
    without_data(world)
    world.assess("12:22", "healthy")
    world.sweep(at("12:24"))
    assert world.ses.events == ["OPENED", "UNSEEN", "RESOLVED"]


def test_an_alarm_that_is_gone_without_an_incident_is_one_mail_for_its_watch() -> None:
    world = World()
    kept = {name: world.cloudwatch.alarms.pop(name) for name in (CRITICAL, f"{PREFIX}-sms-warning")}
    for clock in ("12:14", "12:24", "12:34"):
        world.sweep(at(clock))
    assert [(mail["X-DeliveryWatch-Event"], mail["X-DeliveryWatch-Level"]) for mail in world.ses.mails] == [
        ("UNSEEN", "blind")
    ]
    world.cloudwatch.alarms |= kept
    world.sweep(at("12:44"))
    assert world.ses.events == ["UNSEEN", "RESOLVED"]


def test_failure_that_is_seen_while_an_alarm_is_gone_is_mailed() -> None:
    world = World()
    del world.cloudwatch.alarms[CRITICAL]
    world.sweep(at("12:14"))
    world.alarm("sms-warning", "ALARM", "12:20")
    assert [(mail["X-DeliveryWatch-Event"], mail["X-DeliveryWatch-Level"]) for mail in world.ses.mails] == [
        ("UNSEEN", "blind"),
        ("ESCALATED", "warning"),
    ]


def test_a_gone_alarm_is_closed_as_unknown_and_not_told_every_day() -> None:
    world = World()
    del world.cloudwatch.alarms[CRITICAL]
    for number in range(6 * 24 * 4):
        world.sweep(at("12:05") + timedelta(minutes=10 * number))
    assert world.ses.events == ["UNSEEN", "CLOSED"]


def test_a_stack_that_is_changed_on_purpose_loses_nothing_and_is_asked_once_a_sweep(world: World) -> None:
    world.stack.changing = True
    alarms, world.cloudwatch.alarms = world.cloudwatch.alarms, {}
    world.sweep(at("12:14"))
    assert (world.ses.events, world.stack.asked) == (["OPENED"], 1)
    world.cloudwatch.alarms, world.stack.changing = alarms, False
    world.sweep(at("12:24"))
    assert (world.ses.events, world.stack.asked) == (["OPENED"], 1)


def test_a_stack_that_is_deleted_says_so_once() -> None:
    world = World()
    world.stack.changing, world.stack.deleted = True, at("12:09")
    world.cloudwatch.alarms = {}
    for clock in ("12:14", "12:24"):
        world.sweep(at(clock))
    assert world.ses.events == ["NOTICE"]
    assert world.ses.subjects[0].startswith("[NOTICE] deliverywatch-prod is being deleted - prod")


def test_a_late_message_of_a_deleted_alarm_proves_nothing() -> None:
    world = World()
    alarm = {"AlarmName": "foreign", "OldStateValue": "ALARM", "NewStateValue": "OK"}
    world.tell(alarm | {"NewStateValue": "ALARM", "OldStateValue": "OK", "StateChangeTime": "2026-11-21T12:04:00Z"})
    world.tell(alarm | {"StateChangeTime": "2026-11-21T12:00:00Z"})
    assert world.ses.events == ["OPENED", "UNSEEN"]
    world.tell(alarm | {"StateChangeTime": "2026-11-21T12:30:00Z"})
    assert world.ses.events == ["OPENED", "UNSEEN", "RESOLVED"]


def test_a_watch_that_is_switched_off_while_it_is_open_is_no_all_clear(world: World) -> None:
    world.watches = world.watches[1:]
    for number in range(6 * 27):
        world.sweep(at("12:14") + timedelta(minutes=10 * number))
    assert world.ses.events == ["OPENED", "REMINDER"]
    world.cloudwatch.alarms.clear()
    world.watches = ()
    for number in range(6 * 26):
        world.sweep(at("12:14") + timedelta(hours=28, minutes=10 * number))
    assert world.ses.events == ["OPENED", "REMINDER", "UNSEEN", "CLOSED"]


def test_a_switched_off_watch_without_alarms_is_closed_as_unknown() -> None:
    world = World(watches=ASSESSED)
    world.assess("12:02", "failing", opens="critical")
    world.sweep(at("12:05"))
    world.watches = world.watches[1:]
    for number in range(6 * 27):
        world.sweep(at("12:15") + timedelta(minutes=10 * number))
    assert world.ses.events == ["OPENED", "QUIET", "CLOSED"]


def test_the_alarm_of_a_watch_that_is_no_more_ends_its_incident_by_its_own_ok(world: World) -> None:
    world.watches = ()
    world.cloudwatch.set("sms-critical", "OK", at("12:44"))
    world.cloudwatch.measure(1, 1000)
    world.sweep(at("12:45"))
    assert world.ses.events == ["OPENED", "RESOLVED"]


def elsewhere(state: str, clock: str, old: str = "OK") -> dict[str, Any]:
    """Return the message of an alarm of another account, where one here has the same name."""
    alarm = f"arn:aws:cloudwatch:eu-west-1:210987654321:alarm:{CRITICAL}"
    time = at(clock).isoformat()
    values = {"NewStateValue": state, "OldStateValue": old, "StateChangeTime": time, "NewStateReason": "[7.0 ("}
    return {"AlarmName": CRITICAL, "AlarmArn": alarm} | values


HERE = replace(SETTINGS, account="123456789012")


def test_an_alarm_of_another_account_ends_by_its_own_messages_and_is_not_looked_for_here() -> None:
    world = World(settings=HERE)
    world.tell(elsewhere("ALARM", "12:04"))
    for number in range(6 * 25):
        world.sweep(at("12:14") + timedelta(minutes=10 * number))
    assert world.ses.events == ["OPENED", "REMINDER"]
    assert "210987654321" in str(world.ses.mails[0].get_body(("plain",)))
    world.tell(elsewhere("INSUFFICIENT_DATA", "38:00", "ALARM"))
    assert world.ses.events == ["OPENED", "REMINDER"]
    world.tell(elsewhere("OK", "38:04", "INSUFFICIENT_DATA"))
    assert world.ses.events == ["OPENED", "REMINDER", "RESOLVED"]


def test_a_message_of_another_account_that_its_end_overtook_opens_nothing() -> None:
    world = World(settings=HERE)
    world.tell(elsewhere("OK", "12:10", "ALARM"))
    world.tell(elsewhere("ALARM", "12:04"))
    assert world.ses.events == []


def test_an_incident_that_0_2_0_opened_for_a_line_of_text_is_closed_as_unknown() -> None:
    world = World()
    record = {"watch": "message-Disk-full-d9aee2e6", "id": "INC-1121-1200", "level": "alarm", "told": "alarm"}
    record |= {"opened_at": at("12:00").isoformat(), "title": "Disk full", "seq": 1}
    world.store.memory.write("incidents/message-Disk-full-d9aee2e6/current.json", json.dumps(record).encode())
    for number in range(6 * 27):
        world.sweep(at("12:10") + timedelta(minutes=10 * number))
    assert world.ses.events == ["QUIET", "CLOSED"]


ALONE = {"holds": "critical", "sentence": "97 % of the failures are list 4711; all others are at 0.7 %."}


def test_one_client_alone_stays_a_warning_and_the_mail_says_why() -> None:
    world = World(watches=ASSESSED)
    world.cloudwatch.measure(349, 1204)
    world.assess("12:02", "failing", at_most="warning", **ALONE)
    world.alarm("sms-warning", "ALARM", "12:03")
    world.alarm("sms-critical", "ALARM", "12:04")
    (mail,) = world.ses.mails
    assert mail["X-DeliveryWatch-Level"] == "warning"
    text = " ".join(mail.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    assert f"It does not rise above warning: {ALONE['sentence']}" in text


@pytest.mark.parametrize(
    "later",
    [{}, {"at_most": "warning", "as_of": "2026-11-21T11:20:00Z"}, {"at_most": "splendid"}],
    ids=["others fail too", "too old", "a word that nobody knows"],
)
def test_without_fresh_evidence_that_the_others_are_well_it_is_critical(later: dict[str, str]) -> None:
    world = World(watches=ASSESSED)
    world.cloudwatch.measure(349, 1204)
    world.assess("12:02", "failing", at_most="warning", **ALONE)
    world.alarm("sms-warning", "ALARM", "12:03")
    world.assess("12:12", "failing", **ALONE | later)
    world.alarm("sms-critical", "ALARM", "12:13")
    assert [mail["X-DeliveryWatch-Level"] for mail in world.ses.mails] == ["warning", "critical"]

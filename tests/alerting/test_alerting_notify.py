"""From messages to mails: one per change, none for repeats, none lost to faults."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from alerting_fakes import PREFIX, SETTINGS, World, at, message, sns
from alerting_stories import context

from deliverywatch.alerting.incidents.incident import from_json
from deliverywatch.alerting.ports import Unrecorded
from deliverywatch.errors import MailUnavailable, StoreConflict, StoreUnavailable
from deliverywatch.messages.level import Level

INCIDENT = "incidents/sms-failures/current.json"


@pytest.fixture
def world() -> World:
    return World()


def record(
    world: World, seq: int = 1, day: str = "2026-11-21", incident: str = "INC-1121-1204-sms-failures"
) -> dict[str, object]:
    stored = world.store.memory.read(f"mails/dt={day}/{incident}-{seq}.json")
    assert stored is not None
    line = stored.body.decode()
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    found: dict[str, object] = json.loads(line)
    return found


def test_a_warning_is_mailed_once_to_all_recipients(world: World) -> None:
    world.cloudwatch.measure(72, 1185)
    (outcome,) = world.alarm("sms-warning", "ALARM", "12:04")
    assert world.ses.subjects == ["[WARNING] SMS failures 6.1% - prod - INC-1121-1204"]
    assert world.ses.envelopes == [("alerts@example.com", ("support@example.com", "duty@example.com"))]
    assert (outcome.incident, outcome.level, outcome.sent) == (
        "INC-1121-1204",
        Level.WARNING,
        tuple(world.ses.subjects),
    )


def test_the_same_message_three_times_is_one_mail(world: World) -> None:
    world.cloudwatch.set("sms-warning", "ALARM", at("12:04"))
    for _ in range(3):
        world.tell(sns(message("sms-warning", "ALARM", "12:04")))
    assert len(world.ses.messages) == 1


@pytest.mark.parametrize("order", [("sms-warning", "sms-critical"), ("sms-critical", "sms-warning")])
def test_an_outage_is_one_critical_mail_whichever_message_comes_first(world: World, order: tuple[str, str]) -> None:
    world.cloudwatch.measure(480, 1200)
    for name in order:
        world.alarm(name, "ALARM", "12:04")
    assert world.ses.subjects == ["[CRITICAL] SMS failures 40% - prod - INC-1121-1204"]


def test_an_incident_shows_each_change_and_its_end(world: World) -> None:
    world.alarm("sms-warning", "ALARM", "12:04")
    world.alarm("sms-critical", "ALARM", "12:14")
    world.alarm("sms-critical", "OK", "12:44", old="ALARM")
    world.alarm("sms-warning", "OK", "13:04", old="ALARM")
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == [
        "OPENED",
        "ESCALATED",
        "DOWNGRADED",
        "RESOLVED",
    ]
    assert [record(world, seq)["event"] for seq in (1, 2, 3, 4)] == ["OPENED", "ESCALATED", "DOWNGRADED", "RESOLVED"]


def test_a_rate_that_hovers_at_the_threshold_does_not_open_and_resolve_all_day(world: World) -> None:
    world.cloudwatch.set("sms-warning-recovery", "ALARM", at("12:04"))
    for hour in range(12, 20):
        world.alarm("sms-warning", "ALARM", f"{hour}:04")
        world.alarm("sms-warning", "OK", f"{hour}:34", old="ALARM")
    world.alarm("sms-warning-recovery", "OK", "20:04", old="ALARM")
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["OPENED", "RESOLVED"]


def test_messages_in_the_wrong_order_do_not_flip_the_state_back(world: World) -> None:
    world.cloudwatch.set("sms-warning", "ALARM", at("12:04"))
    world.tell(message("sms-warning", "ALARM", "12:04"))
    world.cloudwatch.set("sms-warning", "OK", at("12:34"))
    world.tell(message("sms-warning", "OK", "12:34", old="ALARM"))
    world.tell(message("sms-warning", "ALARM", "12:04"))
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["OPENED", "RESOLVED"]


def test_a_message_that_is_newer_than_what_describe_alarms_knows_is_believed(world: World) -> None:
    world.tell(message("sms-warning", "ALARM", "12:04"))
    assert world.ses.subjects == ["[WARNING] SMS failures - prod - INC-1121-1204"]


def test_the_first_state_after_a_deploy_mails_nothing(world: World) -> None:
    for name in ("sms-critical", "sms-warning", "sms-blind"):
        world.alarm(name, "INSUFFICIENT_DATA", "12:00")
        world.alarm(name, "OK", "12:04", old="INSUFFICIENT_DATA")
    assert not world.ses.messages
    assert world.store.memory.keys("incidents/") == []


def test_an_alarm_that_warms_up_has_no_say_whatever_its_expression_makes_of_nothing(world: World) -> None:
    world.alarm("sms-blind", "INSUFFICIENT_DATA", "12:00")
    world.cloudwatch.values[f"{PREFIX}-sms-blind"] = {"filled": 0.0}
    world.alarm("sms-ingest-errors", "OK", "12:04", old="INSUFFICIENT_DATA")
    assert not world.ses.messages


def configured(world: World, clock: str) -> None:
    """Let sms-blind be created or changed."""
    name = f"{PREFIX}-sms-blind"
    world.cloudwatch.alarms[name] = replace(world.cloudwatch.alarms[name], configured_at=at(clock))


def test_a_new_stack_without_data_is_blind_only_once_it_has_had_the_time_for_a_run(world: World) -> None:
    configured(world, "12:00")
    world.alarm("sms-blind", "ALARM", "12:01", old="INSUFFICIENT_DATA")
    world.sweep(at("12:35"))
    assert not world.ses.messages
    world.sweep(at("12:45"))
    assert world.ses.subjects == ["[BLIND] SMS monitoring is blind - prod - INC-1121-1245"]


def test_an_update_delays_nothing_of_a_watch_that_was_at_work(world: World) -> None:
    configured(world, "12:00")
    world.alarm("sms-blind", "ALARM", "12:01", old="OK")
    assert len(world.ses.messages) == 1


def test_an_update_neither_ends_nor_hides_what_was_raised_before_it(world: World) -> None:
    world.cloudwatch.set("sms-blind", "ALARM", at("11:30"))
    configured(world, "12:00")
    world.sweep(at("12:05"))
    world.sweep(at("12:15"))
    assert len(world.ses.messages) == 1


def test_an_alarm_that_falls_silent_after_an_update_is_mailed_at_once(world: World) -> None:
    configured(world, "12:00")
    world.cloudwatch.set("sms-blind", "ALARM", at("12:21"))
    world.sweep(at("12:25"))
    assert len(world.ses.messages) == 1


def test_blindness_does_not_resolve(world: World) -> None:
    world.alarm("sms-critical", "ALARM", "12:04")
    world.alarm("sms-critical", "INSUFFICIENT_DATA", "12:34", old="ALARM")
    assert len(world.ses.messages) == 1
    world.alarm("sms-critical", "OK", "12:54", old="INSUFFICIENT_DATA")
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["OPENED", "RESOLVED"]


def test_two_watches_that_open_in_one_minute_both_mail(world: World) -> None:
    world.alarm("sms-warning", "ALARM", "12:04")
    world.alarm("sms-overdue", "ALARM", "12:04")
    assert len(world.ses.messages) == 2
    assert len(world.store.memory.keys("mails/")) == 2


def test_two_errors_of_three_do_not_make_it_blind_before_cloudwatch_says_so(world: World) -> None:
    world.cloudwatch.values[f"{PREFIX}-sms-ingest-errors"] = {"value": 1.0}
    world.alarm("sms-blind", "OK", "12:04", old="INSUFFICIENT_DATA")
    assert not world.ses.messages


def test_an_end_shows_the_sums_of_the_whole_incident_with_its_first_window(world: World) -> None:
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:04")
    world.cloudwatch.measure(5, 1200)
    world.cloudwatch.totals = {"failed": 812, "total": 2950}
    world.alarm("sms-critical", "OK", "12:46", old="ALARM")
    assert world.cloudwatch.summed == [(f"{PREFIX}-sms-critical", at("11:34"), at("12:46"))]
    assert (record(world, 2)["failed"], record(world, 2)["total"]) == (812, 2950)


def test_an_end_with_a_few_failures_left_does_not_say_zero(world: World) -> None:
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:04")
    world.cloudwatch.measure(2, 400)
    world.alarm("sms-critical", "OK", "12:46", old="ALARM")
    assert "SMS failures: over after 42 min, now at 0.5 %." in text(world, 1)


def test_the_sweep_keeps_the_peak_of_an_open_incident_and_mails_nothing(world: World) -> None:
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:04")
    world.cloudwatch.measure(500, 1204)
    world.sweep(at("12:10"))
    assert len(world.ses.messages) == 1
    stored = world.store.memory.read(INCIDENT)
    assert stored is not None
    assert round(json.loads(stored.body)["peak"], 1) == 41.5


def test_the_sweep_ends_an_incident_whose_last_message_was_lost(world: World) -> None:
    world.alarm("sms-critical", "ALARM", "12:04")
    world.cloudwatch.set("sms-critical", "OK", at("12:44"))
    world.sweep(at("12:50"))
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["OPENED", "RESOLVED"]


def test_the_sweep_opens_what_no_message_reported(world: World) -> None:
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    world.sweep(at("12:10"))
    assert world.ses.subjects == ["[CRITICAL] SMS failures - prod - INC-1121-1210"]


def test_a_sweep_describes_all_alarms_at_once_and_reads_values_only_where_something_is_raised(world: World) -> None:
    world.sweep(at("12:10"))
    assert (world.cloudwatch.described, world.cloudwatch.asked_at) == (1, [])
    world.cloudwatch.set("sms-critical", "ALARM", at("12:14"))
    world.sweep(at("12:20"))
    assert (world.cloudwatch.described, world.cloudwatch.asked_at) == (3, [at("12:20")])


@pytest.mark.parametrize("silence", ["muted", "actions disabled"])
def test_the_sweep_opens_nothing_whose_actions_are_held_back(world: World, silence: str) -> None:
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    name = f"{PREFIX}-sms-critical"
    if silence == "muted":
        world.cloudwatch.muted = {name}
    else:
        world.cloudwatch.alarms[name] = replace(world.cloudwatch.alarms[name], acts=False)
    world.sweep(at("12:10"))
    assert not world.ses.messages


def test_the_sweep_does_not_end_what_it_cannot_see(world: World) -> None:
    world.alarm("sms-critical", "ALARM", "12:04")
    world.cloudwatch.is_down = True
    world.sweep(at("12:10"))
    world.tell({"deliverywatch": 1, "watch": "queries.sales", "level": "warning", "time": "2026-11-21T12:11:00Z"})
    world.sweep(at("12:20"))
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["OPENED", "OPENED"]


def test_without_cloudwatch_the_message_is_believed_unless_it_is_old(world: World) -> None:
    world.cloudwatch.is_down = True
    world.tell(message("sms-overdue", "ALARM", "12:04"))
    world.tell(message("sms-overdue", "OK", "12:34", old="ALARM"))
    world.tell(message("sms-overdue", "ALARM", "12:04"))
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["OPENED", "RESOLVED"]


def test_without_cloudwatch_a_watch_is_not_resolved_before_its_other_alarms_are_seen(world: World) -> None:
    world.cloudwatch.is_down = True
    world.tell(message("sms-critical", "ALARM", "12:04"))
    world.tell(message("sms-critical", "OK", "12:34", old="ALARM"))
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["OPENED"]
    world.cloudwatch.is_down = False
    world.sweep(at("12:40"))
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["OPENED", "RESOLVED"]


def test_a_system_notice_is_mailed_once_and_resolved_by_level_ok(world: World) -> None:
    own = {"deliverywatch": 1, "watch": "queries.sales", "title": "Daily sales", "sentence": "No rows."}
    for clock in ("12:04", "12:14"):
        world.tell(own | {"level": "warning", "time": at(clock).isoformat()})
    world.tell(own | {"level": "ok", "time": at("12:24").isoformat()})
    assert world.ses.subjects == [
        "[WARNING] Daily sales - prod - INC-1121-1204",
        "[RESOLVED 20m] Daily sales - prod - INC-1121-1204",
    ]


def test_a_broken_record_in_an_event_does_not_keep_the_next_one_from_being_mailed(world: World) -> None:
    world.tell(sns("not JSON", message("sms-warning", "ALARM", "12:04")))
    assert [mail["X-DeliveryWatch-Level"] for mail in world.ses.mails] == ["alarm", "warning"]


def test_every_record_is_tried_before_a_failure_is_raised(world: World) -> None:
    world.ses.refusal, world.ses.topic_refusal = "SES is down.", "SNS is down."
    with pytest.raises(MailUnavailable):
        world.tell(sns(message("sms-warning", "ALARM", "12:04"), message("sms-overdue", "ALARM", "12:05")))
    assert len(world.store.memory.keys("incidents/")) == 2


def test_two_invocations_at_once_send_one_mail(world: World) -> None:
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    other = world.notifier("the other")
    world.store.before_write = [lambda: other.run(message("sms-critical", "ALARM", "12:04"), at("12:04"))]
    world.tell(message("sms-critical", "ALARM", "12:04"))
    assert len(world.ses.messages) == 1
    assert record(world)["claimed_by"] == "the other"


def test_a_mail_that_another_invocation_is_sending_is_left_to_it_and_taken_over_when_it_died(world: World) -> None:
    world.ses.refusal, world.ses.topic_refusal = "SES is down.", "SNS is down."
    with pytest.raises(MailUnavailable):
        world.alarm("sms-critical", "ALARM", "12:04")
    world.ses.refusal = ""
    world.sweep(at("12:08"))
    assert not world.ses.messages
    world.sweep(at("12:10"))
    assert len(world.ses.messages) == 1
    world.sweep(at("12:20"))
    assert len(world.ses.messages) == 1


def test_lambda_starting_the_same_invocation_again_sends_at_once(world: World) -> None:
    world.ses.refusal, world.ses.topic_refusal = "SES is down.", "SNS is down."
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    with pytest.raises(MailUnavailable):
        world.tell(message("sms-critical", "ALARM", "12:04"), "request-a")
    world.ses.refusal = ""
    world.tell(message("sms-critical", "ALARM", "12:04"), "request-a")
    assert len(world.ses.messages) == 1


def test_the_mail_of_an_end_that_was_not_sent_is_sent_by_the_sweep(world: World) -> None:
    world.alarm("sms-critical", "ALARM", "12:04")
    world.ses.refusal, world.ses.topic_refusal = "SES is down.", "SNS is down."
    with pytest.raises(MailUnavailable):
        world.alarm("sms-critical", "OK", "12:44", old="ALARM")
    world.ses.refusal = ""
    world.sweep(at("12:50"))
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["OPENED", "RESOLVED"]


def test_a_mail_sent_late_says_so(world: World) -> None:
    world.ses.refusal, world.ses.topic_refusal = "SES is down.", "SNS is down."
    with pytest.raises(MailUnavailable):
        world.alarm("sms-critical", "ALARM", "12:04")
    world.ses.refusal = ""
    world.sweep(at("12:20"))
    assert "This mail is late: it was due at 23:04." in text(world)


def text(world: World, number: int = 0) -> str:
    part = world.ses.mails[number].get_body(("plain",))
    assert part is not None
    return " ".join(str(part.get_content()).split())


@pytest.mark.parametrize(
    "refusal",
    [
        "ThrottlingException: Maximum sending rate exceeded.",
        "MessageRejected: Email address is not verified. These failed the check: support@example.com",
        "AccountSuspendedException: sending is paused",
    ],
)
def test_what_ses_does_not_take_goes_to_the_fallback_topic_with_all_its_facts(world: World, refusal: str) -> None:
    world.ses.refusal = refusal
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:04")
    ((subject, body),) = world.ses.texts
    assert subject == "[CRITICAL] SMS failures 29% - prod - INC-1121-1204"
    assert body.startswith(f"SES did not confirm this mail, so it comes this way: {refusal}")
    assert "349 of 1,204 SMS" in body.replace("messages", "SMS")
    assert (record(world)["channel"], record(world)["problem"]) == ("fallback", refusal)
    assert record(world)["sent_at"]


def test_a_mail_that_nobody_takes_fails_loudly_with_a_next_step(world: World) -> None:
    world.ses.refusal, world.ses.topic_refusal = "SES is down.", "SNS is down."
    with pytest.raises(MailUnavailable, match="SNS is down") as caught:
        world.alarm("sms-critical", "ALARM", "12:04")
    assert "Check in SES" in caught.value.next_step


@pytest.mark.parametrize("broken", ["is_down", "down_for_writes"])
def test_without_s3_the_mail_is_sent_anyway_and_lambda_is_told_to_come_again(world: World, broken: str) -> None:
    setattr(world.store, broken, True)
    with pytest.raises(StoreUnavailable) as caught:
        world.alarm("sms-critical", "ALARM", "12:04")
    assert caught.value.next_step
    assert world.ses.subjects == ["[CRITICAL] SMS failures - prod - INC-1121-1204"]
    setattr(world.store, broken, False)
    world.tell(message("sms-critical", "ALARM", "12:04"))
    assert record(world)["sent_at"]


def test_s3_that_is_down_is_asked_once_and_not_waited_for_again(world: World) -> None:
    world.store.is_down = True
    with pytest.raises(StoreUnavailable):
        world.alarm("sms-critical", "ALARM", "12:04")
    assert world.store.asked == 1


def test_without_s3_an_end_is_mailed_from_the_message_alone(world: World) -> None:
    world.store.is_down = True
    with pytest.raises(StoreUnavailable):
        world.alarm("sms-critical", "OK", "12:44", old="ALARM")
    assert world.ses.subjects == ["[RESOLVED] SMS failures - prod - INC-1121-1244"]
    assert "Over since 23:44" in text(world)


def test_without_s3_nothing_is_mailed_after_a_deploy(world: World) -> None:
    world.store.is_down = True
    with pytest.raises(StoreUnavailable):
        world.alarm("sms-critical", "OK", "12:44", old="INSUFFICIENT_DATA")
    assert not world.ses.messages


def test_a_damaged_record_is_begun_anew_and_mailed(world: World) -> None:
    world.store.memory.write(INCIDENT, b"{broken")
    world.alarm("sms-critical", "ALARM", "12:04")
    assert len(world.ses.messages) == 1
    stored = world.store.memory.read(INCIDENT)
    assert stored is not None
    assert from_json(stored.body) is not None


def test_a_damaged_claim_is_taken_over(world: World) -> None:
    world.store.memory.write("mails/dt=2026-11-21/INC-1121-1204-sms-failures-1.json", b"{broken")
    world.alarm("sms-critical", "ALARM", "12:04")
    assert len(world.ses.messages) == 1


def test_a_record_that_always_changes_under_us_is_a_conflict_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 0)  # the pauses between tries

    def disturb() -> None:
        world.store.memory.objects[INCIDENT] = world.store.memory.objects.get(INCIDENT, b"{}") + b" "

    world.store.before_write = [disturb] * 20
    with pytest.raises(StoreConflict, match="Other writers were faster 10 times in a row at incidents/sms-failures/"):
        world.alarm("sms-critical", "ALARM", "12:04")


def test_the_sent_mail_is_kept_beside_its_record(world: World) -> None:
    world.alarm("sms-critical", "ALARM", "12:04")
    (key,) = world.store.memory.keys("mail-bodies/")
    stored = world.store.memory.read(key)
    assert key == "mail-bodies/dt=2026-11-21/INC-1121-1204-sms-failures-1.eml"
    assert stored is not None
    assert stored.body == world.ses.messages[0]


def test_a_context_that_cannot_be_read_costs_details_and_no_mail(world: World) -> None:
    world.store.memory.write(
        "state/sms.json", b'{"slots": 3, "window": [], "steps": "x", "links": [{"url": "javascript:1"}]}'
    )
    world.alarm("sms-critical", "ALARM", "12:04")
    assert len(world.ses.messages) == 1


def test_the_picture_is_drawn_from_the_alarms_own_metrics_with_the_thresholds(world: World) -> None:
    world.store.memory.write("state/sms.json", context("12:00", [(400, 30)]))
    world.alarm("sms-critical", "ALARM", "12:04")
    widget = json.loads(world.cloudwatch.widgets[0])
    assert [row[-1]["id"] for row in widget["metrics"]] == ["share", "total", "failed"]
    assert widget["metrics"][1][:4] == ["DeliveryWatch/Sms", "Total", "Environment", "prod"]
    assert [(line["value"], line["label"]) for line in widget["annotations"]["horizontal"]] == [
        (25, "critical"),
        (3, "warning"),
    ]
    assert (widget["period"], widget["timezone"]) == (600, "+1100")
    assert (widget["start"], widget["end"]) == ("2026-11-21T09:04:00Z", "2026-11-21T12:04:00Z")


@pytest.mark.parametrize("count", [1, 50])
def test_all_recipients_stand_in_one_mail(world: World, count: int) -> None:
    addresses = tuple(f"person-{number:02}@example.com" for number in range(count))
    world.settings = replace(SETTINGS, recipients=addresses)
    world.alarm("sms-critical", "ALARM", "12:04")
    (mail,) = world.ses.mails
    assert [address.addr_spec for address in mail["To"].addresses] == list(addresses)
    assert world.ses.envelopes[0][1] == addresses


def of_series(state: str, clock: str, series: str) -> dict[str, Any]:
    """Return the message about one series of an alarm over many."""
    return message("sms-critical", state, clock) | {"AlarmContributorId": series, "OldStateValue": "ALARM"}


def test_one_series_that_is_fine_again_ends_nothing_while_the_alarm_stands(world: World) -> None:
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    world.tell(of_series("ALARM", "12:04", "north"))
    world.tell(of_series("OK", "12:14", "north"))
    assert [subject.split()[0] for subject in world.ses.subjects] == ["[CRITICAL]"]


def test_nor_while_cloudwatch_cannot_be_read(world: World) -> None:
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    world.tell(of_series("ALARM", "12:04", "north"))
    world.cloudwatch.is_down = True
    world.tell(of_series("OK", "12:14", "north"))
    assert len(world.ses.subjects) == 1


def test_the_last_series_that_is_fine_again_ends_it(world: World) -> None:
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    world.tell(of_series("ALARM", "12:04", "north"))
    world.cloudwatch.set("sms-critical", "OK", at("12:14"))
    world.tell(of_series("OK", "12:14", "north"))
    assert [subject.split()[0] for subject in world.ses.subjects] == ["[CRITICAL]", "[RESOLVED"]


@pytest.mark.parametrize("is_same_process", [True, False])
def test_what_was_mailed_without_s3_is_recorded_when_it_is_back_so_that_its_end_is_mailed(
    world: World, *, is_same_process: bool
) -> None:
    world.store.is_down = True
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            world.alarm("sms-critical", "ALARM", "12:04")
    world.store.is_down = False
    if not is_same_process:
        world.unrecorded = Unrecorded()
    world.sweep(at("12:14"))
    world.alarm("sms-critical", "OK", "12:34", old="ALARM")
    again = [] if is_same_process else ["OPENED"]
    assert world.ses.events == ["OPENED", *again, "RESOLVED"]
    if is_same_process:
        assert record(world)["sent_at"]


@pytest.mark.parametrize("prefix", ["mail-bodies/", "mails/"])
def test_a_record_or_copy_that_cannot_be_written_causes_no_second_mail(world: World, prefix: str) -> None:
    memory, write, create = world.store.memory, world.store.memory.write, world.store.memory.write_if_unchanged

    def refused(key: str) -> None:
        if key.startswith(prefix):
            raise StoreUnavailable("S3 denies it.")

    memory.write = lambda key, body: (refused(key), write(key, body))[1]  # type: ignore[method-assign]
    memory.write_if_unchanged = lambda key, *rest: (refused(key), create(key, *rest))[1]  # type: ignore[method-assign]
    world.alarm("sms-critical", "ALARM", "12:04")
    for clock in ("12:14", "12:24", "12:34"):
        world.sweep(at(clock))
    assert world.ses.events == ["OPENED"]


def test_a_mail_waits_for_an_earlier_one_of_its_watch_that_is_claimed_and_not_sent(world: World) -> None:
    world.ses.refusal = world.ses.topic_refusal = "down"
    with pytest.raises(MailUnavailable):
        world.alarm("sms-critical", "ALARM", "12:04")
    world.ses.refusal = world.ses.topic_refusal = ""
    world.alarm("sms-critical", "OK", "12:08", old="ALARM")
    assert not world.ses.messages
    world.sweep(at("12:14"))
    assert world.ses.events == ["OPENED", "RESOLVED"]


def test_a_late_message_is_mailed_once_though_a_sweep_runs_in_the_middle(world: World) -> None:
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    world.sweep(at("12:00"))
    world.now, other = at("12:20"), world.notifier("sweep")
    world.store.before_write = [lambda: None, lambda: other.run({"sweep": at("12:20").isoformat()}, at("12:20"))]
    world.tell(message("sms-critical", "ALARM", "12:04"))
    assert world.ses.events == ["OPENED"]

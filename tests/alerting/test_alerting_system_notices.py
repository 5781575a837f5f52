"""What a system tells of a watch itself: with its context, and side by side with the watch's alarms."""

import json
from typing import Any

import pytest
from alerting_fakes import World, at

CONTEXT = {
    "deliverywatch": 1,
    "noun": "runs",
    "facts": [{"name": "Failed step", "value": "Ingest"}, {"name": "", "value": "lost"}],
    "steps": ["Open the execution."],
    "links": [{"title": "Execution", "url": "https://example.com/run"}],
}


@pytest.fixture
def world() -> World:
    return World()


def notice(watch: str, level: str, clock: str) -> dict[str, Any]:
    time = f"{at(clock):%Y-%m-%dT%H:%M:%SZ}"
    told = {"title": "sf_user: ingest failed", "sentence": "The job ran out of memory.", "facts": {"Attempt": 2}}
    return {"deliverywatch": 1, "watch": watch, "level": level, "time": time, **told}


def test_a_system_notice_is_mailed_with_the_context_that_its_system_left(world: World) -> None:
    world.store.write("state/pipeline.sf_user.ingest.json", json.dumps(CONTEXT).encode())
    world.tell(notice("pipeline.sf_user.ingest", "critical", "12:00"))
    (mail,) = world.ses.mails
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mail["Subject"] == "[CRITICAL] sf_user: ingest failed - prod - INC-1121-1200"
    for part in ("The job ran out of memory.", "Attempt: 2", "Failed step: Ingest", "1. Open the execution.", "/run"):
        assert part in text
    assert "#dashboards" not in text


def test_it_is_mailed_once_however_often_it_is_told_and_once_more_when_it_is_over(world: World) -> None:
    for clock in ("12:00", "12:10", "12:20"):
        world.tell(notice("pipeline.sf_user.ingest", "critical", clock))
    world.tell(notice("pipeline.sf_user.ingest", "ok", "18:00"))
    world.tell(notice("pipeline.sf_user.ingest", "ok", "18:10"))
    assert [subject.split(" ")[0] for subject in world.ses.subjects] == ["[CRITICAL]", "[RESOLVED"]


def test_an_alarm_of_the_same_watch_adds_no_mail(world: World) -> None:
    world.tell(notice("sms-failures", "warning", "12:00"))
    world.cloudwatch.measure(72, 1185)
    world.alarm("sms-warning", "ALARM", "12:04")
    assert len(world.ses.subjects) == 1


def test_what_was_told_is_over_only_when_it_is_taken_back_and_no_alarm_calls(world: World) -> None:
    world.tell(notice("sms-failures", "warning", "12:00"))
    world.cloudwatch.measure(72, 1185)
    world.alarm("sms-warning", "ALARM", "12:04")
    world.tell(notice("sms-failures", "ok", "12:20"))
    assert len(world.ses.subjects) == 1
    world.cloudwatch.measure(0, 1185)
    world.alarm("sms-warning", "OK", "12:30", "ALARM")
    assert world.ses.subjects[1:] == ["[RESOLVED 30m] sf_user: ingest failed - prod - INC-1121-1200"]


def test_neither_an_alarm_that_ends_nor_the_sweep_takes_back_what_was_told(world: World) -> None:
    world.tell(notice("sms-failures", "warning", "12:00"))
    world.alarm("sms-warning", "OK", "12:04", "ALARM")
    world.sweep(at("12:15"))
    assert len(world.ses.subjects) == 1
    world.tell(notice("sms-failures", "ok", "12:20"))
    assert len(world.ses.subjects) == 2


def test_a_table_of_its_context_is_shown_while_it_lasts(world: World) -> None:
    table = [["country", "refused"], ["AU", "<120>"], ["NZ", 7]]
    world.store.write("state/queries.daily.rows.json", json.dumps({"table": table}).encode())
    world.tell(notice("queries.daily.rows", "warning", "12:00"))
    world.tell(notice("queries.daily.rows", "ok", "13:00"))
    opened, resolved = world.ses.mails
    text, html = (opened.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    assert "country | refused" in text
    assert "AU | <120>" in text
    assert "NZ | 7" in text
    assert "&lt;120&gt;" in html
    assert "refused" not in resolved.get_body(("plain",)).get_content()  # type: ignore[union-attr]


@pytest.mark.parametrize("given", [["team@example.com"], ["team@example.com", "a b@example.com", "nobody", 7]])
def test_whom_its_context_names_is_told_instead_of_everybody(world: World, given: list[Any]) -> None:
    world.store.write("state/queries.daily.rows.json", json.dumps({"recipients": given}).encode())
    world.tell(notice("queries.daily.rows", "warning", "12:00"))
    assert world.ses.envelopes[-1][1] == ("team@example.com",)


def test_the_reason_at_the_foot_is_true_for_whom_its_context_names(world: World) -> None:
    world.store.write("state/queries.daily.rows.json", json.dumps({"recipients": ["team@example.com"]}).encode())
    world.tell(notice("queries.daily.rows", "warning", "12:00"))
    (mail,) = world.ses.mails
    text = " ".join(mail.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    assert mail["To"] == "team@example.com"
    assert (
        "is set as a recipient of 'sf_user: ingest failed' (queries.daily.rows), which has recipients of its own"
        in text
    )
    assert "among the alert recipients" not in text


@pytest.mark.parametrize("given", [[], None, "team@example.com", {"x": 1}])
def test_without_such_names_everybody_is_told(world: World, given: Any) -> None:
    world.store.write("state/queries.daily.rows.json", json.dumps({"recipients": given, "table": given}).encode())
    world.tell(notice("queries.daily.rows", "warning", "12:00"))
    assert world.ses.envelopes[-1][1] == ("support@example.com", "duty@example.com")


def test_a_system_with_a_dashboard_of_its_own_has_that_one_linked_alone(world: World) -> None:
    links = [{"title": "Dashboard", "url": "https://example.com/own"}]
    world.store.write("state/sms.json", json.dumps({"deliverywatch": 1, "noun": "SMS", "links": links}).encode())
    world.cloudwatch.measure(72, 1185)
    world.alarm("sms-warning", "ALARM", "12:04")
    text = world.ses.mails[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert ("https://example.com/own" in text, "#dashboards" in text) == (True, False)


def blind_mails(world: World, **known: str) -> list[str]:
    world.store.write("state/sms.json", json.dumps({"deliverywatch": 1, **known}).encode())
    world.cloudwatch.values["deliverywatch-prod-sms-blind"] = {"filled": 0.0, "runs": 0.0}
    world.alarm("sms-blind", "ALARM", "12:01")
    world.cloudwatch.values["deliverywatch-prod-sms-blind"] = {"filled": 1.0, "runs": 1.0}
    world.alarm("sms-blind", "OK", "12:41", old="ALARM")
    return [" ".join(mail.get_body(("plain",)).get_content().split()) for mail in world.ses.mails]  # type: ignore[union-attr]


def test_a_noun_of_several_words_stands_behind_its_failures(world: World) -> None:
    lost, found = blind_mails(world, noun="newsletter mails")
    assert "We cannot see failures of newsletter mails since" in lost
    assert "We can see failures of newsletter mails again" in found
    assert "We cannot see failures of messages since" in blind_mails(World())[0]


def test_a_system_says_what_became_of_the_time_in_which_nothing_was_seen(world: World) -> None:
    _, found = blind_mails(world, noun="mails", blind_end="What was not told is lost.")
    assert "What was not told is lost." in found
    assert "are being counted" not in found


def test_a_system_with_a_workgroup_of_its_own_has_that_one_linked(world: World) -> None:
    lost, _ = blind_mails(world, noun="mails", workgroup="email-analytics-prod")
    assert "saved-queries?workgroup=email-analytics-prod" in lost
    assert "workgroup=deliverywatch-prod" not in lost


def told_at(world: World, level: str, clock: str, watch: str = "queries.sales") -> None:
    world.tell({"deliverywatch": 1, "watch": watch, "level": level, "time": f"{at(clock).isoformat()}"})


def test_notices_that_come_late_do_not_open_their_watch_again(world: World) -> None:
    told_at(world, "ok", "12:05")
    told_at(world, "warning", "12:04")
    assert not world.ses.messages
    told_at(world, "warning", "12:06")
    told_at(world, "ok", "12:08")
    told_at(world, "critical", "12:07")
    world.sweep(at("12:15"))
    assert world.ses.events == ["OPENED", "RESOLVED"]


def test_an_alarm_that_changed_meanwhile_does_not_make_a_notice_late(world: World) -> None:
    told_at(world, "warning", "12:00", "sms-failures")
    world.cloudwatch.measure(300, 1000)
    world.alarm("sms-critical", "ALARM", "12:20")
    told_at(world, "ok", "12:10", "sms-failures")
    world.cloudwatch.measure(1, 1000)
    world.alarm("sms-critical", "OK", "12:40", old="ALARM")
    assert world.ses.events == ["OPENED", "ESCALATED", "RESOLVED"]


def test_a_notice_from_the_future_counts_from_its_receipt_and_says_so(world: World) -> None:
    world.sweep(at("12:00"))
    world.tell({"deliverywatch": 1, "watch": "q", "level": "warning", "time": "2099-01-01T00:00:00Z", "title": "Q"})
    told_at(world, "ok", "12:10", "q")
    told_at(world, "critical", "12:20", "q")
    assert world.ses.events == ["OPENED", "RESOLVED", "OPENED"]
    assert str(world.ses.mails[0]["Subject"]).endswith("INC-1121-1200")
    text = " ".join(world.ses.mails[0].get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    assert "2099-01-01T00:00:00Z is later than its receipt, which counts instead." in text


def test_a_reminder_says_what_the_system_said(world: World) -> None:
    world.tell(notice("pipeline.sf_user.ingest", "critical", "12:00"))
    world.sweep(at("36:10"))
    text = world.ses.mails[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert world.ses.events == ["OPENED", "REMINDER"]
    assert "The job ran out of memory." in text and "Attempt: 2" in text

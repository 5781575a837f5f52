"""A test mail takes the way of every mail, says that it is one, and leaves no incident."""

import json
from dataclasses import replace
from typing import Any

import pytest
from alerting_fakes import SETTINGS, World, at, sns

from deliverywatch.alerting.test_message import incident_id
from deliverywatch.errors import MailUnavailable, StoreUnavailable

TEST: dict[str, Any] = {
    "deliverywatch": 1,
    "watch": "test",
    "level": "critical",
    "test": True,
    "by": "Kim",
    "time": "2026-11-21T12:04:00Z",
}
KEY = "mails/dt=2026-11-21/TEST-1121-120400-test-1.json"


@pytest.fixture
def world() -> World:
    return World(settings=replace(SETTINGS, critical_recipients=("boss@example.com",)))


def text(world: World) -> str:
    return str(world.ses.mails[0].get_body(("plain",)).get_content())  # type: ignore[union-attr]


def test_it_goes_to_whom_a_real_one_of_that_level_would_go(world: World) -> None:
    world.tell(sns(TEST))
    assert world.ses.envelopes == [
        ("alerts@example.com", ("support@example.com", "duty@example.com", "boss@example.com"))
    ]


def test_it_goes_to_one_address_if_that_is_asked_for(world: World) -> None:
    world.tell(sns({**TEST, "to": ["me@example.com"]}))
    assert world.ses.envelopes == [("alerts@example.com", ("me@example.com",))]
    assert "Sent to              1 address  (this mail)" in text(world)


@pytest.mark.parametrize("level", ["critical", "warning", "blind"])
def test_the_subject_says_first_that_it_is_a_test(world: World, level: str) -> None:
    world.tell(sns({**TEST, "level": level}))
    assert world.ses.subjects == [f"[TEST] {level.upper()} mail of DeliveryWatch - prod - TEST-1121-120400"]
    assert "This is a test: nothing is wrong." in text(world)


def test_it_leaves_no_incident_and_one_line_in_the_outbox(world: World) -> None:
    (outcome,) = world.tell(sns(TEST))
    assert world.store.memory.keys("incidents/") == []
    line = json.loads(world.store.memory.objects[KEY])
    assert (line["event"], line["level"], line["channel"], line["recipients"]) == ("TEST", "critical", "ses", 3)
    assert line["sent_at"]
    assert outcome.sent == tuple(world.ses.subjects)
    assert len(world.store.memory.keys("mail-bodies/")) == 1


def test_a_test_that_is_delivered_twice_is_one_mail(world: World) -> None:
    world.tell(sns(TEST))
    world.tell(sns(TEST))
    assert len(world.ses.messages) == 1


def test_an_open_incident_is_left_as_it_is(world: World) -> None:
    world.alarm("sms-warning", "ALARM", "12:04")
    before = world.store.memory.objects["incidents/sms-failures/current.json"]
    world.tell(sns(TEST))
    assert world.store.memory.objects["incidents/sms-failures/current.json"] == before


def test_when_ses_refuses_it_comes_by_the_fallback_and_says_why(world: World) -> None:
    world.ses.refusal = "Email address is not verified."
    world.tell(sns(TEST))
    ((subject, body),) = world.ses.texts
    assert subject.startswith("[TEST]")
    assert "Email address is not verified." in body
    assert json.loads(world.store.memory.objects[KEY])["channel"] == "fallback"


def test_when_nothing_takes_it_the_invocation_fails(world: World) -> None:
    world.ses.refusal = world.ses.topic_refusal = "down"
    with pytest.raises(MailUnavailable):
        world.tell(sns(TEST))


def test_without_the_bucket_no_test_is_sent(world: World) -> None:
    world.store.is_down = True
    with pytest.raises(StoreUnavailable):
        world.tell(sns(TEST))
    assert world.ses.messages == []


@pytest.mark.parametrize("to", ["me@example.com", ["nobody"], [None, 5], {}])
def test_what_is_no_list_of_addresses_is_not_a_recipient(world: World, to: object) -> None:
    world.tell(sns({**TEST, "to": to}))
    assert len(world.ses.envelopes[0][1]) == 3


@pytest.mark.parametrize("test", ["yes", 1, None])
def test_only_true_makes_a_test(world: World, test: object) -> None:
    world.tell(sns({**TEST, "test": test}))
    assert world.store.memory.keys("incidents/") == ["incidents/test/current.json"]


def test_two_tests_have_two_ids() -> None:
    assert incident_id(at("12:04")) != incident_id(at("12:05"))

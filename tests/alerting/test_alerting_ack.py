"""Somebody takes an incident on: it is kept, shown in every later mail, and changes nothing else."""

import random

import pytest
from alerting_fakes import World, at
from alerting_stories import context, put

from deliverywatch.alerting.incidents.ack import ACK_LIMIT, acknowledge
from deliverywatch.alerting.incidents.incident import Ack, from_json, to_json
from deliverywatch.alerting.incidents.incident_store import earlier_keys, read
from deliverywatch.errors import InputError, StoreConflict

KIM = Ack("Kim", at("12:10"), "calling the carrier")


@pytest.fixture
def world() -> World:
    """An open warning since 12:04."""
    world = World()
    put(world, context("12:00", [(388, 3), (402, 25), (395, 44)]))
    world.cloudwatch.measure(72, 1185)
    world.alarm("sms-warning", "ALARM", "12:04")
    return world


def take(world: World, ack: Ack = KIM, incident: str = "INC-1121-1204") -> None:
    acknowledge(world.store, "sms-failures", incident, ack)


def body(world: World) -> str:
    return str(world.ses.mails[-1].get_body(("plain",)).get_content())  # type: ignore[union-attr]


def test_an_acknowledgement_is_kept_in_the_record_and_survives_being_written(world: World) -> None:
    take(world)
    incident = read(world.store, "sms-failures")
    assert incident is not None
    assert incident.acks == (KIM,)
    assert from_json(to_json(incident)) == incident


def test_it_sends_no_mail_and_leaves_the_level(world: World) -> None:
    take(world)
    world.sweep(at("12:20"))
    incident = read(world.store, "sms-failures")
    assert incident is not None
    assert (incident.level.value, incident.acks, len(world.ses.messages)) == ("warning", (KIM,), 1)


def test_the_next_mail_says_who_has_it(world: World) -> None:
    take(world)
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:14")
    assert "Kim has taken it on, at 23:10." in body(world)
    assert "23:10  ACK        Kim: calling the carrier" in body(world)


def test_the_mail_of_the_end_shows_it_in_the_timeline_only(world: World) -> None:
    take(world)
    world.cloudwatch.measure(1, 1204)
    world.cloudwatch.set("sms-warning-recovery", "OK", at("12:30"))
    world.alarm("sms-warning", "OK", "12:34", old="ALARM")
    assert world.ses.subjects[-1].startswith("[RESOLVED")
    assert "ACK        Kim: calling the carrier" in body(world)
    assert "taken it on" not in body(world)


def test_a_mail_that_is_sent_late_shows_nothing_that_came_after_its_change(world: World) -> None:
    world.ses.refusal = world.ses.topic_refusal = "down"
    world.cloudwatch.measure(349, 1204)
    with pytest.raises(Exception, match="down"):
        world.alarm("sms-critical", "ALARM", "12:08")
    take(world)
    world.ses.refusal = world.ses.topic_refusal = ""
    world.sweep(at("12:30"))
    assert "[CRITICAL]" in world.ses.subjects[-1]
    assert "Kim" not in body(world)


def test_what_is_over_cannot_be_acknowledged(world: World) -> None:
    world.cloudwatch.measure(1, 1204)
    world.alarm("sms-warning", "OK", "12:34", old="ALARM")
    with pytest.raises(InputError, match="INC-1121-1204 is over") as refused:
        take(world)
    assert "explain INC-1121-1204" in refused.value.next_step


def test_another_incident_is_not_acknowledged_in_its_place(world: World) -> None:
    with pytest.raises(InputError, match="INC-1120-0900 is over"):
        take(world, incident="INC-1120-0900")


def test_the_record_does_not_grow_without_end(world: World) -> None:
    for number in range(ACK_LIMIT):
        take(world, Ack(f"person {number}", at("12:10")))
    with pytest.raises(InputError, match=f"has {ACK_LIMIT} acknowledgements"):
        take(world)


def test_who_loses_every_race_gets_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 0)  # the pauses between tries

    def others() -> None:
        world.store.memory.objects["incidents/sms-failures/current.json"] += b" "

    world.store.before_write = [others] * 20
    with pytest.raises(StoreConflict, match="Other writers were faster"):
        take(world)


def test_an_incident_is_kept_when_the_next_one_opens(world: World) -> None:
    take(world)
    world.cloudwatch.measure(1, 1204)
    world.alarm("sms-warning", "OK", "12:34", old="ALARM")
    assert earlier_keys(world.store, "sms-failures") == []
    world.cloudwatch.measure(72, 1185)
    world.alarm("sms-warning", "ALARM", "14:04")
    assert earlier_keys(world.store, "sms-failures") == ["incidents/sms-failures/past/2026-11-21-INC-1121-1204.json"]
    kept = from_json(world.store.memory.objects[earlier_keys(world.store, "sms-failures")[0]])
    assert kept is not None
    assert (kept.id, kept.is_open, kept.acks) == ("INC-1121-1204", False, (KIM,))

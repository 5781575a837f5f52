"""Who gets the mail of a change: everybody, and from the first critical change on those for critical ones too."""

from dataclasses import replace

import pytest
from alerting_fakes import SETTINGS, World, at
from alerting_stories import incident, outage

from deliverywatch.alerting.inputs.settings import Settings, from_environment
from deliverywatch.alerting.mail.recipients import of_level
from deliverywatch.messages.level import Level

BOSS = replace(SETTINGS, critical_recipients=("boss@example.com", "duty@example.com"))
ALL = ("support@example.com", "duty@example.com")


def addressed(world: World) -> list[tuple[str, ...]]:
    return [to for _, to in world.ses.envelopes]


def test_who_hears_that_it_is_critical_hears_of_its_end_too() -> None:
    world = World(settings=BOSS)
    incident(world)
    assert addressed(world) == [ALL, *[(*ALL, "boss@example.com")] * 3]


def test_the_header_names_those_that_it_goes_to() -> None:
    world = World(settings=BOSS)
    outage(world)
    assert world.ses.mails[0]["To"] == "support@example.com, duty@example.com, boss@example.com"


def test_the_reason_at_the_foot_is_true_for_both_lists() -> None:
    world = World(settings=BOSS)
    incident(world)
    first, second, *_ = [" ".join(mail.get_body(("plain",)).get_content().split()) for mail in world.ses.mails]  # type: ignore[union-attr]
    assert "among the alert recipients of the stack deliverywatch-prod. To be taken off" in first
    assert (
        "among the alert recipients of the stack deliverywatch-prod, or among those of its critical incidents."
        in second
    )


def test_an_incident_that_was_never_critical_stays_with_the_team() -> None:
    world = World(settings=BOSS)
    world.alarm("sms-warning", "ALARM", "12:04")
    world.alarm("sms-warning", "OK", "12:34", old="ALARM")
    assert addressed(world) == [ALL, ALL]


def test_the_next_incident_begins_with_the_team_again() -> None:
    world = World(settings=BOSS)
    world.cloudwatch.measure(480, 1200)
    world.alarm("sms-critical", "ALARM", "12:04")
    world.cloudwatch.measure(1, 1200)
    world.alarm("sms-critical", "OK", "12:34", old="ALARM")
    world.cloudwatch.measure(72, 1185)
    world.alarm("sms-warning", "ALARM", "14:04")
    assert addressed(world)[-1] == ALL


@pytest.mark.parametrize("level", [Level.WARNING, Level.BLIND, Level.ALARM, Level.OK])
def test_every_other_level_goes_to_the_team(level: Level) -> None:
    assert of_level(BOSS, level) == ALL


def test_an_address_in_both_lists_gets_one_mail() -> None:
    assert of_level(BOSS, Level.CRITICAL) == (*ALL, "boss@example.com")


def settings_of(critical: str) -> Settings:
    return from_environment(
        {
            "DELIVERYWATCH_ENVIRONMENT": "prod",
            "DELIVERYWATCH_SENDER": "alerts@example.com",
            "DELIVERYWATCH_RECIPIENTS": "a@example.com",
            "DELIVERYWATCH_CRITICAL_RECIPIENTS": critical,
        }
    )


@pytest.mark.parametrize(
    ("text", "found"), [("", ()), ("b@example.com, c@example.com", ("b@example.com", "c@example.com"))]
)
def test_the_stack_shows_them(text: str, found: tuple[str, ...]) -> None:
    assert settings_of(text).critical_recipients == found


def test_a_muted_incident_waits_for_the_end_of_the_mute_and_then_shows_where_it_stands() -> None:
    world = World()
    world.cloudwatch.measure(72, 1185)
    world.alarm("sms-warning", "ALARM", "12:04")
    world.cloudwatch.muted = {"deliverywatch-prod-sms-warning"}
    world.cloudwatch.measure(480, 1200)
    world.cloudwatch.set("sms-critical", "ALARM", at("12:14"))
    world.sweep(at("12:15"))
    assert len(world.ses.messages) == 1
    world.cloudwatch.muted = set()
    world.sweep(at("12:25"))
    assert [subject.split("]")[0] for subject in world.ses.subjects] == ["[WARNING", "[CRITICAL"]


def test_where_mutes_cannot_be_read_the_mail_goes_out() -> None:
    world = World()
    world.alarm("sms-warning", "ALARM", "12:04")
    world.cloudwatch.muted = None
    world.cloudwatch.measure(480, 1200)
    world.sweep(at("12:15"))
    assert len(world.ses.messages) == 2

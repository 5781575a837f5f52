"""Signed links: for one incident and one action of one stack, for a time; whatever else arrives is refused."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from alerting_fakes import SETTINGS, World, at
from alerting_stories import context, put
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.alerting.incidents.signed_link import (
    Action,
    Link,
    LinkExpired,
    LinkRefused,
    Signer,
    keys_of,
)
from deliverywatch.errors import ConfigurationError

KEY = b"0123456789abcdef0123456789abcdef"
OTHER = b"another-key-another-key-another-"
SIGNER = Signer("stack/prod", (KEY,), timedelta(hours=24))
NOW = at("12:04")
PAGE = "https://abc.lambda-url.eu-west-1.on.aws/"


def link(signer: Signer = SIGNER, now: datetime = NOW, action: Action = Action.ACKNOWLEDGE) -> str:
    return signer.path(action, "sms-failures", "INC-1121-1204", now)


def test_a_link_says_what_it_is_for_and_until_when() -> None:
    verified = SIGNER.verified("/" + link(action=Action.MUTE), NOW)
    assert (verified.action, verified.watch, verified.incident) == (Action.MUTE, "sms-failures", "INC-1121-1204")
    assert verified.expires_at == NOW + timedelta(hours=24)


@pytest.mark.parametrize(
    "signer",
    [
        Signer("stack/test", (KEY,), SIGNER.lifetime),  # another stack or account, though with the same key
        Signer("stack/prod", (OTHER,), SIGNER.lifetime),
    ],
)
def test_a_link_of_another_stack_or_key_is_refused(signer: Signer) -> None:
    with pytest.raises(LinkRefused):
        SIGNER.verified(link(signer), NOW)


def test_a_key_is_replaced_without_breaking_the_links_of_the_one_before() -> None:
    both = Signer("stack/prod", keys_of(f"{OTHER.decode()}, {KEY.decode()}"), SIGNER.lifetime)
    assert both.verified(link(), NOW)
    only_other = Signer("stack/prod", (OTHER,), SIGNER.lifetime)
    assert only_other.verified(link(both), NOW)
    with pytest.raises(LinkRefused):
        only_other.verified(link(), NOW)


@pytest.mark.parametrize("value", ["", " , ", "short", f"{KEY.decode()},short", ",".join([KEY.decode()] * 5)])
def test_a_key_that_could_be_guessed_is_none(value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        keys_of(value)
    assert "short" not in str(refused.value)


@pytest.mark.parametrize(("after", "is_valid"), [(-6, False), (-4, True), (0, True), (1444, True), (1446, False)])
def test_a_link_is_valid_for_its_hours_and_what_clocks_differ_by(after: int, is_valid: bool) -> None:
    """A clock that is five minutes ahead or behind is borne, and no more."""
    moment = NOW + timedelta(minutes=after)
    if is_valid:
        assert SIGNER.verified(link(), moment)
        return
    with pytest.raises(LinkExpired):
        SIGNER.verified(link(), moment)


def test_links_that_would_live_longer_than_links_do_are_worth_nothing() -> None:
    shorter = Signer("stack/prod", (KEY,), timedelta(hours=1))
    with pytest.raises(LinkExpired):
        shorter.verified(link(), NOW)


def test_no_byte_of_a_link_can_be_changed() -> None:
    path = link()
    for place, character in enumerate(path):
        changed = path[:place] + ("A" if character != "A" else "B") + path[place + 1 :]
        with pytest.raises(LinkRefused):
            SIGNER.verified(changed, NOW)


def test_the_signature_of_one_action_is_none_of_another() -> None:
    payload = base64.urlsafe_b64encode(b'["mute","sms-failures","INC-1121-1204",1800000000]').decode().rstrip("=")
    with pytest.raises(LinkRefused):
        SIGNER.verified(f"{payload}.{link().partition('.')[2]}", NOW)


@given(st.text(max_size=200) | st.builds("/{}.{}".format, st.text(max_size=40), st.text(max_size=60)))
def test_whatever_arrives_is_refused_and_nothing_worse(path: str) -> None:
    with pytest.raises(LinkRefused):
        SIGNER.verified(path, NOW)


@given(st.text(min_size=1, max_size=120), st.text(min_size=1, max_size=40))
def test_any_watch_and_incident_come_back_as_they_were(watch: str, incident: str) -> None:
    verified = SIGNER.verified(SIGNER.path(Action.MUTE, watch, incident, NOW), NOW)
    assert (verified.watch, verified.incident) == (watch, incident)


@pytest.fixture
def world() -> World:
    """A stack with the page, and a warning since 12:04."""
    world = World(settings=replace(SETTINGS, page_url=PAGE), signer=lambda _: SIGNER)
    put(world, context("12:00", [(388, 3), (402, 25), (395, 44)]))
    world.cloudwatch.measure(72, 1185)
    world.alarm("sms-warning", "ALARM", "12:04")
    return world


def parts(world: World) -> tuple[str, str]:
    mail = world.ses.mails[-1]
    return tuple(str(mail.get_body((kind,)).get_content()) for kind in ("plain", "html"))  # type: ignore[return-value,union-attr]


def verified(part: str, clock: str = "12:05") -> list[Link]:
    return [SIGNER.verified(path, at(clock)) for path in re.findall(re.escape(PAGE) + r"([\w.-]+)", part)]


def test_a_mail_has_one_link_for_each_action_in_both_parts(world: World) -> None:
    for part in parts(world):
        links = verified(part)
        assert [one.action for one in links] == [Action.ACKNOWLEDGE, Action.MUTE]
        assert {(one.watch, one.incident) for one in links} == {("sms-failures", "INC-1121-1204")}


def test_the_mail_of_the_end_has_none(world: World) -> None:
    world.cloudwatch.measure(3, 1185)
    world.alarm("sms-warning", "OK", "12:44", "ALARM")
    assert world.ses.events[-1] == "RESOLVED"
    assert not any(PAGE in part for part in parts(world))


def test_what_has_no_alarm_of_the_stack_cannot_be_muted(world: World) -> None:
    notice = {"deliverywatch": 1, "watch": "queries-x", "level": "warning", "time": at("12:10").isoformat()}
    world.tell({**notice, "title": "Query x", "sentence": "It failed."})
    assert [one.action for one in verified(parts(world)[0])] == [Action.ACKNOWLEDGE]


def test_a_key_that_cannot_be_read_costs_a_mail_its_links_and_nothing_else() -> None:
    def refuse(_: datetime) -> Signer:
        raise ConfigurationError("The key of links, /a/key, cannot be read from SSM: AccessDenied.")

    world = World(settings=replace(SETTINGS, page_url=PAGE), signer=refuse)
    world.cloudwatch.measure(72, 1185)
    world.alarm("sms-warning", "ALARM", "12:04")
    text = " ".join(parts(world)[0].split())
    assert "has no links to acknowledge or mute: The key of links, /a/key, cannot be read from SSM" in text
    assert world.ses.events == ["OPENED"]


def test_a_mail_that_cannot_be_worded_keeps_its_links(world: World) -> None:
    world.store.memory.write("state/sms.json", b'{"reasons": [{"code": {}}], "slots": 7}')
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:14")
    assert len(verified(parts(world)[0], "12:14")) == 2

"""What others wrote comes into a chat as text: it calls nobody, leads nowhere, and makes no message too large."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from alerting_fakes import at
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.alerting.channels import slack, teams, webhook
from deliverywatch.alerting.channels.protocol.notification import Notification
from deliverywatch.alerting.channels.protocol.plain import links
from deliverywatch.alerting.mail.headline_numbers import HeadlineNumber
from deliverywatch.alerting.mail.view import View
from deliverywatch.local.channels import teams as teams_server
from deliverywatch.local.channels.slack import Post
from deliverywatch.messages.context import Reason
from deliverywatch.messages.level import Level

HOSTILE = [
    "@channel @here @everyone",
    "<!here> <!channel> <!everyone> <!subteam^S123|@duty> <@U123> <#C123>",
    "<https://evil.example/|click> https://evil.example http://evil.example www.evil.example",
    "[click](https://evil.example) ![x](https://evil.example/x.png) **bold** `code`",
    "<at>everyone</at> <a href='https://evil.example'>x</a> <script>alert(1)</script>",
    '"}],"actions":[{"type":"Action.OpenUrl","url":"https://evil.example"}],"x":[{"y":"',
    "mailto:victim@evil.example tel:+15550100 \u202eright to left\x00\x1b[31m",
    "half an emoji \ud83d & <b> &lt;!here&gt; {{DATE(2026-11-21)}} @{triggerBody()}",
    "x" * 100_000,
    "<!here>" * 5_000,
    "\u20ac\U0001f600" * 4_000,
    "",
]
WORDS = st.one_of(st.text(max_size=60), st.text(alphabet="<!@>#|&[]():/.hw ", max_size=40))
OWN_LINK = "https://console.example.com/alarm?a=1&b=2"


def notification(text: str, url: str = "javascript:alert(1)") -> Notification:
    """A notification in which everything that may come from others is one text."""
    view = View(
        subject=f"[CRITICAL] {text}",
        preheader=text,
        tone="critical",
        word="CRITICAL",
        event="OPENED",
        title=text,
        incident=text,
        sentence=text,
        notes=(text,) * 5,
        headline_numbers=(HeadlineNumber(text, text, text),) * 12,
        timeline=(),
        footer=(("Stack", text), ("Incident", text)),
        why=text,
        verdict=text,
        reasons=(Reason(text, text, text, 3, 1.0),) * 5,
        facts=((text, text),) * 30,
        facts_title=text,
        steps=(text,) * 9,
        links=((text, OWN_LINK), (text, url), (text, f"{OWN_LINK}{'x' * 1900}"), *[(text, OWN_LINK)] * 9),
    )
    opened, time = at("12:04"), at("12:14")
    event = {"id": "evt_1", "stack": "deliverywatch-prod", "environment": "prod", "watch": text, "incident": text}
    levels = {"level": Level.CRITICAL, "before": Level.OK}
    return Notification(**event, **levels, number=1, event="OPENED", opened_at=opened, time=time, view=view)


def is_own(links: list[str]) -> bool:
    return all(link.replace("&amp;", "&").startswith(OWN_LINK) for link in links)


def check_slack(text: str) -> None:
    post = Post("1", json.loads(slack.render(notification(text))))
    assert not post.problem
    assert not post.mentions
    assert is_own(post.links)
    raw = json.dumps(post.message, ensure_ascii=False)
    assert not any(order in raw for order in ("<!", "<@", "<#", "@channel", "@here", "@everyone"))


def check_teams(text: str) -> None:
    payload = teams.render(notification(text))
    assert len(payload) <= 20_000
    card = json.loads(payload)["attachments"][0]["content"]
    assert not teams_server.mentions(card)
    assert is_own(teams_server.links(card))
    assert not any(mark in json.dumps(card) for mark in ("<at>", "](", '"TextBlock"', '"FactSet"', '"entities"'))
    assert {action["type"] for action in card["actions"]} == {"Action.OpenUrl"}


def check_parts(text: str) -> None:
    for service in (slack, teams, webhook):
        payload = service.render(notification(text))
        assert len(payload.decode()) <= 20_000
        assert keys(json.loads(payload)) <= keys(json.loads(service.render(notification("a word"))))


CHECKS = [check_slack, check_teams, check_parts]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("check", CHECKS, ids=["slack", "teams", "parts"])
def test_a_hostile_text_stays_a_text(check: Callable[[str], None], text: str) -> None:
    check(text)


@pytest.mark.parametrize("check", CHECKS, ids=["slack", "teams", "parts"])
@given(text=WORDS)
def test_any_text_stays_a_text(check: Callable[[str], None], text: str) -> None:
    check(text)


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for part in value.values() for key in keys(part)}
    return {key for part in value for key in keys(part)} if isinstance(value, list) else set()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://a.example", "https://", "https://[", "//a.example"])
def test_only_a_whole_address_of_https_becomes_a_link(url: str) -> None:
    assert links([("a", url), ("b", "https://b.example")], 9) == [("b", "https://b.example")]


def test_an_address_cannot_end_the_link_that_it_is_in() -> None:
    post = Post(
        "1", json.loads(slack.render(notification("a word", "https://a.example/|x> <!here> <https://evil.example")))
    )
    assert not post.mentions
    assert all(" " not in link for link in post.links)


def test_a_payload_of_nothing_is_still_one() -> None:
    empty = notification("")
    bare = replace(empty, view=replace(empty.view, headline_numbers=(), links=(), footer=(), subject="", sentence=""))
    for service in (slack, teams, webhook):
        assert json.loads(service.render(bare))


def test_what_a_reader_of_a_chat_can_do_comes_first_and_a_machine_gets_no_such_link() -> None:
    page = "https://page.example.com/token"
    shown = replace(notification("a word"), view=replace(notification("a word").view, actions=(("Acknowledge", page),)))
    assert Post("1", json.loads(slack.render(shown))).links[0] == page
    assert teams_server.links(json.loads(teams.render(shown))["attachments"][0]["content"])[0] == page
    assert page not in webhook.render(shown).decode()

"""Channels on their worst days: what one service, message or secret does to a channel stays there, and is mailed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from alerting_fakes import at, message, sns
from channel_fakes import ChannelWorld, subjects

from deliverywatch.alerting.channels.protocol.answers import retry_after
from deliverywatch.alerting.channels.protocol.http import Answer, checked
from deliverywatch.alerting.inputs.channel_settings import Kind
from deliverywatch.errors import ConfigurationError
from deliverywatch.local.channels.receiver import Fault
from deliverywatch.local.channels.slack import SlackServer
from deliverywatch.local.channels.teams import TeamsServer
from deliverywatch.local.channels.webhook import WebhookServer

if TYPE_CHECKING:
    from deliverywatch.alerting.notify import Notifier

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def two_incidents(world: ChannelWorld) -> None:
    """Let two watches open an incident in the same minute, told of in one event."""
    for name in ("sms-critical", "sms-blind"):
        world.cloudwatch.set(name, "ALARM", at("12:04"))
    world.tell(sns(message("sms-critical", "ALARM", "12:04"), message("sms-blind", "ALARM", "12:04")))


@pytest.fixture
def world() -> ChannelWorld:
    return ChannelWorld()


def test_two_incidents_of_one_minute_are_two_messages_of_a_bot(world: ChannelWorld) -> None:
    with SlackServer() as slack:
        world.add(Kind.SLACK, slack.bot, room=slack.room)
        two_incidents(world)
        assert world.incident("sms-failures").id == world.incident("sms-blind").id
        assert [(post.thread, len(post.versions)) for post in slack.posts] == [("", 0), ("", 0)]
        assert world.incident("sms-failures").threads != world.incident("sms-blind").threads


def test_a_message_that_is_refused_is_mailed_though_the_next_one_arrives(world: ChannelWorld) -> None:
    with WebhookServer(now=lambda: at("12:04")) as webhook:
        world.add(Kind.WEBHOOK, webhook.secret)
        webhook.faults.append(Fault(400))
        two_incidents(world)
        assert len(webhook.messages) == 1
        assert world.incident("channel-webhook").is_open


def test_a_message_that_cannot_be_made_keeps_no_other_from_its_channel(
    world: ChannelWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deliverywatch.alerting.channels import webhook as module

    whole = module.render

    def failing(notification: object) -> bytes:
        if getattr(notification, "watch", "") == "sms-failures":
            raise RecursionError
        return whole(notification)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "render", failing)
    with WebhookServer(now=lambda: world.now or at("12:04")) as webhook:
        world.add(Kind.WEBHOOK, webhook.secret)
        two_incidents(world)
        assert [one["data"]["watch"] for one in webhook.messages] == ["sms-blind"]
        assert world.incident("channel-webhook").is_open
        monkeypatch.setattr(module, "render", whole)
        world.sweep(at("12:14"))
        assert [one["data"]["watch"] for one in webhook.messages] == ["sms-blind", "sms-failures"]


@dataclass
class Slow:
    """A service that answers after some seconds of a clock that only it moves."""

    seconds: float
    passed: float = 0.0
    waited: list[float] = field(default_factory=list)

    def post(self, url: str, _body: bytes, _headers: Mapping[str, str], seconds: float = 10.0) -> Answer:
        self.waited.append(min(self.seconds, seconds))
        self.passed += self.waited[-1]
        return Answer(503 if "fails" in url else 200, b"ok")


class SlowWorld(ChannelWorld):
    """A world whose channels all take so long."""

    http: Slow

    def notifier(self, invocation: str = "") -> Notifier:
        notifier = super().notifier(invocation)
        assert notifier.ports.channels is not None
        channels = replace(notifier.ports.channels, http=self.http, clock=lambda: self.http.passed)
        return replace(notifier, ports=replace(notifier.ports, channels=channels))


@pytest.mark.parametrize("seconds", [1.0, 3.0, 9.0])
@pytest.mark.parametrize("path", ["taken", "fails"])
def test_a_slow_channel_takes_twelve_seconds_however_much_is_due(seconds: float, path: str) -> None:
    world = SlowWorld()
    world.http = Slow(seconds)
    world.add(Kind.SLACK, f"https://hooks.example.com/{path}")
    messages = [message(name, "ALARM", "12:04") for name in ("sms-warning", "sms-critical", "sms-blind")]
    others = [{**messages[0], "AlarmName": f"of-somebody-{number}"} for number in range(9)]
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    world.tell(sns(*messages, *others))
    assert world.http.waited
    assert world.http.passed <= 12


def test_a_slow_channel_that_takes_all_it_gets_is_no_failing_one() -> None:
    world = SlowWorld()
    world.http = Slow(9.0)
    world.add(Kind.SLACK, "https://hooks.example.com/taken")
    two_incidents(world)
    world.sweep(at("12:14"))
    assert len(world.http.waited) == 2
    assert not world.store.read("incidents/channel-slack/current.json")


_FAILED = b"Webhook message delivery failed with error: "
TEAMS_FAILURES = [
    _FAILED + b"Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0,server=made-up",
    _FAILED + b"Microsoft Teams endpoint returned HTTP error 413 with ContextId tcid=0,server=made-up",
    _FAILED + b"Error contacting Microsoft Teams endpoint",
    b"System.Net.Http.HttpRequestException: Error while copying content to a stream.",
    b'{"error":{"code":"TriggerConditionNotMet","message":"no"}}',
    b"<!doctype html><title>Sign in</title>",
]


@pytest.mark.parametrize("body", TEAMS_FAILURES, ids=["429", "413", "lost", "exception", "json", "page"])
def test_teams_that_says_200_and_an_error_took_nothing(body: bytes, world: ChannelWorld) -> None:
    with TeamsServer() as teams:
        world.add(Kind.TEAMS, teams.secret)
        teams.error = (200, body)
        world.alarm("sms-critical", "ALARM", "12:04")
        assert world.incident("channel-teams").is_open


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b'{"ok":false,"error":"no_team"}', b"no_team", b""])
def test_a_hook_of_slack_that_says_200_without_ok_is_not_known_to_have_taken_it(
    body: bytes, world: ChannelWorld
) -> None:
    with SlackServer() as slack:
        world.add(Kind.SLACK, slack.hook)
        slack.hook_error = (200, body)
        world.alarm("sms-critical", "ALARM", "12:04")
        assert world.incident("channel-slack").is_open


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """Serve every connection these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client, client.makefile("rb") as request:
                    lines = list(iter(request.readline, b"\r\n"))
                    lengths = [int(line.split()[1]) for line in lines if line.lower().startswith(b"content-length")]
                    request.read(*lengths)
                    client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("level", ["WARNING", "DEBUG"])
def test_no_log_has_the_address_whatever_the_service_answers(level: str) -> None:
    code = (
        f"import logging, sys; logging.basicConfig(level='{level}', stream=sys.stdout);"
        "from deliverywatch.alerting.channels.protocol.http import Web;"
        "print(Web(5).post(sys.argv[1], b'{}', {}).status)"
    )
    with raw_server(b"HTTP/1.1 200 OK\r\nno header at all\r\nA: b\r\n\r\nok") as url:
        command = [sys.executable, "-c", code, f"{url}/made-up-key"]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout == "200\n"


WAITS = {
    "5": 5.0,
    "1.5": 1.5,
    "-5": None,
    "soon": None,
    "inf": None,
    "999999999": 86_400.0,
    "Sat, 21 Nov 2026 12:00:30 GMT": 30.0,
    "Sat, 21 Nov 2026 11:00:00 GMT": 0.0,
    "Fri, 31 Dec 9999 23:59:59 -1200": 86_400.0,
    "Mon, 1 Jan 99999999999999999999 00:00:00 GMT": None,
}


@pytest.mark.parametrize("value", WAITS)
def test_a_time_to_wait_is_a_number_of_at_most_a_day_or_none(value: str) -> None:
    assert retry_after(Answer(429, headers={"retry-after": value}), NOW) == WAITS[value]


@pytest.mark.parametrize("value", list(WAITS))
def test_no_time_to_wait_costs_a_channel_its_message(value: str, world: ChannelWorld) -> None:
    with WebhookServer(now=lambda: at("12:04")) as webhook:
        world.add(Kind.WEBHOOK, webhook.secret)
        webhook.faults += [Fault(429, retry_after=value)] * 2
        world.alarm("sms-critical", "ALARM", "12:04")
        assert world.incident("sms-failures").undelivered or webhook.messages
        assert "could not be made" not in str(
            world.incident("channel-webhook").timeline if len(subjects(world)) > 1 else ""
        )


REFUSED_ADDRESSES = [
    "https://169.254.169.254/latest/meta-data",
    "https://169.254.170.2/v2/credentials",
    "https://[fd00:ec2::254]/latest",
    "https://[::ffff:169.254.169.254]/latest",
    "https://2852039166/latest",
    "https://0xA9FEA9FE/latest",
    "https://169.254.43518/latest",
    "https://10.0.0.1/hook",
    "https://172.16.9.9/hook",
    "https://192.168.1.1/hook",
    "https://100.64.0.1/hook",
    "https://0.0.0.0/hook",
    "https://[::]/hook",
    "https://224.0.0.1/hook",
    "https://[fe80::1]/hook",
    "http://hooks.example.com/hook",
    "https://hooks.example.com/one two",
    "https://hooks.example.com/one\ntwo",
    "https://hooks.example.com/one\ttwo",
    "https://hooks.exa mple.com/",
    "ftp://hooks.example.com/",
    '"https://hooks.example.com/"',
]


@pytest.mark.parametrize("url", REFUSED_ADDRESSES)
def test_an_address_that_no_service_has_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        checked(url, "Slack")
    assert url not in str(caught.value)


@pytest.mark.parametrize("url", ["https://hooks.example.com/a", "https://8.8.8.8/a", "http://127.0.0.1:8080/a"])
def test_an_address_that_a_service_may_have_is_taken(url: str) -> None:
    assert checked(url, "Slack") == url


def test_a_secret_with_a_broken_address_waits_until_it_is_right(world: ChannelWorld) -> None:
    with SlackServer() as slack:
        world.add(Kind.SLACK, f"{slack.hook}\n# the channel of those on call")
        world.alarm("sms-critical", "ALARM", "12:04")
        assert not slack.requests
        world.secrets.values["/deliverywatch/prod/slack"] = slack.hook
        world.sweep(at("12:14"))
        assert len(slack.posts) == 1
        assert not world.incident("channel-slack").is_open


def test_a_watch_of_somebody_whose_name_begins_like_a_channels_is_one_like_others(world: ChannelWorld) -> None:
    with WebhookServer(now=lambda: world.now or at("12:04")) as webhook:
        world.add(Kind.WEBHOOK, webhook.secret)
        notice = {
            "deliverywatch": 1,
            "watch": "channel-feed",
            "level": "warning",
            "title": "Feed",
            "time": at("12:04").isoformat(),
        }
        world.tell(notice)
        world.sweep(at("12:14"))
        assert world.incident("channel-feed").is_open
        assert [one["data"]["watch"] for one in webhook.messages] == ["channel-feed"]


def test_what_slack_returns_of_a_long_message_is_read_whole(world: ChannelWorld) -> None:
    message = {
        "ok": True,
        "channel": "C0123456789",
        "ts": "1795600000.000001",
        "message": {"text": "\U0001f600" * 12_000},
    }
    with raw_server(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + json.dumps(message).encode()) as url:
        world.add(Kind.SLACK, f"xoxb-made-up {url}", room="C0123456789")
        world.alarm("sms-critical", "ALARM", "12:04")
    assert dict(world.incident("sms-failures").threads) == {"slack": "C0123456789 1795600000.000001"}


def test_no_picture_is_drawn_for_a_channel(world: ChannelWorld) -> None:
    with SlackServer() as slack:
        world.alarm("sms-critical", "ALARM", "12:04")
        drawn = len(world.cloudwatch.widgets)
        world = ChannelWorld().add(Kind.SLACK, slack.hook)
        world.alarm("sms-critical", "ALARM", "12:04")
        assert slack.posts
        assert len(world.cloudwatch.widgets) == drawn

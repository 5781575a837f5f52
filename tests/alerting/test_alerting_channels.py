"""Channels beside mail: every message arrives once in its channel, and what fails there keeps nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alerting_fakes import at
from alerting_stories import requested_test
from channel_fakes import ChannelWorld, Everything, subjects

from deliverywatch.alerting.inputs.channel_settings import Kind, channels
from deliverywatch.alerting.inputs.route import EVERYTHING, route_of
from deliverywatch.errors import InputError, MailUnavailable, StoreUnavailable
from deliverywatch.local.channels.receiver import Fault
from deliverywatch.local.channels.slack import Post, SlackServer
from deliverywatch.local.channels.teams import TeamsServer
from deliverywatch.local.channels.webhook import WebhookServer


@pytest.fixture
def world() -> ChannelWorld:
    return ChannelWorld()


@pytest.fixture
def webhook(world: ChannelWorld) -> Iterator[WebhookServer]:
    with WebhookServer(now=lambda: world.now or at("12:00")) as server:
        world.add(Kind.WEBHOOK, server.secret)
        yield server


def events(server: WebhookServer) -> list[str]:
    return [f"{message['data']['event']} {message['data']['level']}" for message in server.messages]


def test_an_incident_reaches_the_webhook_as_it_reaches_the_mailbox(world: ChannelWorld, webhook: WebhookServer) -> None:
    world.alarm("sms-critical", "ALARM", "12:04")
    world.alarm("sms-critical", "OK", "12:44")
    assert events(webhook) == ["OPENED critical", "RESOLVED ok"]
    assert world.ses.events == ["OPENED", "RESOLVED"]
    assert not world.incident("sms-failures").undelivered


def test_a_message_that_comes_twice_reaches_the_webhook_once(world: ChannelWorld, webhook: WebhookServer) -> None:
    world.alarm("sms-critical", "ALARM", "12:04")
    world.alarm("sms-critical", "ALARM", "12:04")
    world.sweep(at("12:20"))
    assert len(webhook.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 408])
def test_what_a_channel_cannot_take_comes_with_the_next_sweep(
    status: int, world: ChannelWorld, webhook: WebhookServer
) -> None:
    webhook.faults += [Fault(status), Fault(status)]
    world.alarm("sms-critical", "ALARM", "12:04")
    assert [subject.split("]")[0] for subject in world.ses.subjects] == ["[CRITICAL", "[WARNING"]
    assert not webhook.messages
    world.sweep(at("12:14"))
    assert events(webhook) == ["OPENED critical"]
    assert subjects(world)[2].startswith("[RESOLVED")


def test_retry_after_is_waited_for_if_it_is_short(world: ChannelWorld, webhook: WebhookServer) -> None:
    webhook.faults.append(Fault(429, retry_after="5"))
    world.alarm("sms-critical", "ALARM", "12:04")
    assert world.pauses == [5.0]
    assert events(webhook) == ["OPENED critical"]
    assert len(world.ses.mails) == 1


def test_retry_after_is_kept_if_it_is_long(world: ChannelWorld, webhook: WebhookServer) -> None:
    webhook.faults.append(Fault(429, retry_after="1500"))
    world.alarm("sms-critical", "ALARM", "12:04")
    world.sweep(at("12:14"))
    assert len(webhook.requests) == 1
    world.sweep(at("12:34"))
    assert events(webhook) == ["OPENED critical"]


def test_a_time_out_after_acceptance_leaves_one_message(world: ChannelWorld, webhook: WebhookServer) -> None:
    webhook.faults.append(Fault(is_silent=True))
    world.alarm("sms-critical", "ALARM", "12:04")
    world.sweep(at("12:14"))
    assert len(webhook.requests) == 2
    assert events(webhook) == ["OPENED critical"]


def test_a_revoked_hook_is_mailed_once_and_left_alone(world: ChannelWorld, webhook: WebhookServer) -> None:
    webhook.is_revoked = True
    world.alarm("sms-critical", "ALARM", "12:04")
    world.sweep(at("12:14"))
    world.sweep(at("12:24"))
    assert len(webhook.requests) == 1
    assert len(world.ses.mails) == 2
    assert "revoked" in world.ses.mails[1].get_body(("plain",)).get_content()  # type: ignore[union-attr]


@pytest.fixture
def slack(world: ChannelWorld) -> Iterator[SlackServer]:
    with SlackServer() as server:
        world.add(Kind.SLACK, server.hook)
        yield server


@pytest.fixture
def bot(world: ChannelWorld) -> Iterator[SlackServer]:
    with SlackServer() as server:
        world.add(Kind.SLACK, server.bot, room=server.room)
        yield server


@pytest.fixture
def teams(world: ChannelWorld) -> Iterator[TeamsServer]:
    with TeamsServer() as server:
        world.add(Kind.TEAMS, server.secret)
        yield server


def story(world: ChannelWorld) -> None:
    world.alarm("sms-warning", "ALARM", "12:04")
    world.alarm("sms-critical", "ALARM", "12:14")
    world.cloudwatch.set("sms-warning", "OK", at("12:43"))
    world.alarm("sms-critical", "OK", "12:44")


def words(posts: list[Post]) -> list[str]:
    return [post.text.split("]")[0].partition("[")[2] for post in posts]


def test_a_webhook_of_slack_gets_one_message_per_change(world: ChannelWorld, slack: SlackServer) -> None:
    story(world)
    assert words(slack.posts) == ["WARNING", "CRITICAL", "RESOLVED 40m"]


def test_a_bot_of_slack_updates_its_message_and_replies_to_it(world: ChannelWorld, bot: SlackServer) -> None:
    story(world)
    first, *replies = bot.posts
    assert words([first]) == ["RESOLVED 40m"]
    assert len(first.versions) == 2
    assert words(replies) == ["CRITICAL", "RESOLVED 40m"]
    assert {reply.thread for reply in replies} == {first.stamp}


def test_a_message_that_somebody_deleted_is_begun_anew(world: ChannelWorld, bot: SlackServer) -> None:
    world.alarm("sms-warning", "ALARM", "12:04")
    bot.posts.clear()
    world.alarm("sms-critical", "ALARM", "12:14")
    assert words(bot.posts) == ["CRITICAL"]
    assert not bot.posts[0].thread
    assert len(world.ses.mails) == 2


def test_an_update_that_is_not_confirmed_is_done_again_without_a_second_reply(
    world: ChannelWorld, bot: SlackServer
) -> None:
    world.alarm("sms-warning", "ALARM", "12:04")
    bot.faults.append(Fault(is_silent=True))
    world.alarm("sms-critical", "ALARM", "12:14")
    world.sweep(at("12:24"))
    assert words(bot.posts) == ["CRITICAL", "CRITICAL"]


def test_teams_gets_one_card_per_change(world: ChannelWorld, teams: TeamsServer) -> None:
    story(world)
    assert [card["body"][0]["style"] for card in teams.cards] == ["warning", "attention", "good"]
    assert not teams.failed_runs


HOOK_ERRORS = [
    (400, b"invalid_payload"),
    (403, b"action_prohibited"),
    (404, b"no_service"),
    (410, b"channel_is_archived"),
]


@pytest.mark.parametrize("error", HOOK_ERRORS, ids=lambda error: error[1].decode())
def test_what_slack_refuses_is_mailed_with_its_word(
    error: tuple[int, bytes], world: ChannelWorld, slack: SlackServer
) -> None:
    slack.hook_error = error
    world.alarm("sms-critical", "ALARM", "12:04")
    world.sweep(at("12:14"))
    assert len(slack.requests) == 1
    assert f"Slack answered {error[0]}" in text_of(world, 1)
    assert error[1].decode() in text_of(world, 1)


@pytest.mark.parametrize(
    "word", ["invalid_auth", "token_revoked", "not_in_channel", "is_archived", "channel_not_found"]
)
def test_what_slack_refuses_a_bot_is_mailed_with_its_word(word: str, world: ChannelWorld, bot: SlackServer) -> None:
    bot.api_error = word
    world.alarm("sms-critical", "ALARM", "12:04")
    world.sweep(at("12:14"))
    assert len(bot.requests) == 1
    assert f"Slack refused the message: {word}" in text_of(world, 1)


def text_of(world: ChannelWorld, number: int) -> str:
    body = world.ses.mails[number].get_body(("plain",))
    assert body is not None
    return " ".join(str(body.get_content()).split())


def test_a_time_out_after_acceptance_is_tried_once_more_and_then_given_up(
    world: ChannelWorld, teams: TeamsServer
) -> None:
    teams.faults += [Fault(is_silent=True)] * 5
    world.alarm("sms-critical", "ALARM", "12:04")
    for clock in ("12:14", "12:24", "12:34"):
        world.sweep(at(clock))
    assert len(teams.requests) == 2
    assert not world.incident("sms-failures").undelivered


def test_a_channel_that_hangs_or_refuses_keeps_no_other_from_its_message() -> None:
    with Everything() as world:
        world.slack.faults.append(Fault(is_silent=True))
        world.teams.error = (410, b"")
        world.alarm("sms-critical", "ALARM", "12:04")
        assert events(world.webhook) == ["OPENED critical"]
        assert [mail["X-DeliveryWatch-Level"] for mail in world.ses.mails] == ["critical", "warning", "warning"]


def test_a_mail_that_cannot_be_sent_keeps_no_channel_from_its_message(
    world: ChannelWorld, webhook: WebhookServer
) -> None:
    world.ses.refusal = world.ses.topic_refusal = "SES and SNS are down."
    with pytest.raises(MailUnavailable):
        world.alarm("sms-critical", "ALARM", "12:04")
    assert events(webhook) == ["OPENED critical"]
    world.ses.refusal = world.ses.topic_refusal = ""
    world.sweep(at("12:14"))
    assert world.ses.events == ["OPENED"]
    assert len(webhook.requests) == 1


def test_without_s3_the_message_goes_out_all_the_same_and_only_once(
    world: ChannelWorld, webhook: WebhookServer
) -> None:
    world.store.is_down = True
    with pytest.raises(StoreUnavailable):
        world.alarm("sms-critical", "ALARM", "12:04")
    assert events(webhook) == ["OPENED critical"]
    world.store.is_down = False
    world.alarm("sms-critical", "ALARM", "12:04")
    world.sweep(at("12:14"))
    assert len(webhook.requests) == 1
    assert not world.incident("sms-failures").undelivered


ROUTES = {
    "critical": ["ESCALATED critical", "RESOLVED ok"],
    "all": ["OPENED warning", "ESCALATED critical", "RESOLVED ok"],
    "warning@sms-*": ["OPENED warning", "ESCALATED critical", "RESOLVED ok"],
    "all@email-*,sms-blind": [],
    "blind critical@sms-failures": ["ESCALATED critical", "RESOLVED ok"],
}


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_chooses_by_level_and_watch_and_keeps_an_incident_to_its_end(route: str, world: ChannelWorld) -> None:
    with WebhookServer(now=lambda: world.now or at("12:00")) as server:
        world.add(Kind.WEBHOOK, server.secret, route)
        story(world)
        assert events(server) == ROUTES[route]
    assert len(world.ses.mails) == 3


@pytest.mark.parametrize("word", ["loud", "critical@", "critical,", "@sms-*", "critical loud@sms"])
def test_a_route_that_says_nothing_is_refused(word: str) -> None:
    with pytest.raises(InputError):
        route_of(word)


SECRETS = [
    "",
    "made-up-word",
    "http://a.example.com/key",
    "https://",
    "https://hooks.example.com/key whsec_short",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("kind", Kind)
def test_a_secret_that_cannot_be_used_is_mailed_without_being_repeated(
    kind: Kind, secret: str, world: ChannelWorld
) -> None:
    if kind is not Kind.WEBHOOK and secret.startswith("https://hooks"):
        return
    world.add(kind, secret)
    world.alarm("sms-critical", "ALARM", "12:04")
    assert len(world.ses.mails) == 2
    kept = b"".join([*world.ses.messages, *world.store.memory.objects.values()]).decode()
    assert not any(part in kept for part in secret.split() if part != "https://")


def test_a_secret_never_leaves_with_an_error(world: ChannelWorld, capsys: pytest.CaptureFixture[str]) -> None:
    with Everything() as everything:
        secrets = [part for value in everything.secrets.values.values() for part in value.split()]
        for server in everything.servers.values():
            server.faults += [Fault(500, body=" ".join(secrets).encode()), Fault(is_cut=True)]
        outcomes = everything.alarm("sms-critical", "ALARM", "12:04")
        memory = everything.store.memory.objects.values()
        kept = b"".join([*everything.ses.messages, *memory]).decode() + str(outcomes) + capsys.readouterr().out
        assert not any(secret in kept for secret in secrets)


def test_a_channel_that_is_taken_away_leaves_nothing_waiting(world: ChannelWorld) -> None:
    world.add(Kind.TEAMS, "http://127.0.0.1:9/")
    world.alarm("sms-critical", "ALARM", "12:04")
    assert world.incident("sms-failures").undelivered
    world.settings = replace(world.settings, channels=())
    world.sweep(at("12:14"))
    assert not world.incident("sms-failures").undelivered


def test_a_failing_channel_that_is_taken_away_is_over(world: ChannelWorld) -> None:
    world.add(Kind.TEAMS, "http://127.0.0.1:9/")
    world.alarm("sms-critical", "ALARM", "12:04")
    world.sweep(at("12:14"))
    assert world.incident("channel-teams").is_open
    world.settings = replace(world.settings, channels=())
    world.sweep(at("12:24"))
    assert not world.incident("channel-teams").is_open
    assert subjects(world)[-1] == "[RESOLVED 20m] Messages to Teams"


def test_a_route_that_cannot_be_read_keeps_neither_mails_nor_incidents() -> None:
    (channel,) = channels({"DELIVERYWATCH_TEAMS_PARAMETER": "/teams", "DELIVERYWATCH_TEAMS_ROUTE": "loud@"})
    assert channel.route == EVERYTHING


@pytest.mark.parametrize("stored", [None, 7, "slack", {"slack": 1}, [["slack"]], [{"channel": "slack"}], [7]])
def test_a_record_whose_channels_cannot_be_read_is_the_incident_all_the_same(
    stored: object, world: ChannelWorld
) -> None:
    world.alarm("sms-critical", "ALARM", "12:04")
    key = "incidents/sms-failures/current.json"
    record = json.loads(world.store.memory.objects[key]) | {"undelivered": stored, "threads": stored}
    world.store.memory.write(key, json.dumps(record).encode())
    assert world.incident("sms-failures").is_open
    assert not world.incident("sms-failures").waiting_channels


def test_a_message_that_is_a_day_old_is_given_up(world: ChannelWorld) -> None:
    world.add(Kind.TEAMS, "http://127.0.0.1:9/")
    world.alarm("sms-critical", "ALARM", "12:04")
    world.sweep(at("12:04") + timedelta(hours=25))
    assert ("teams", 1) not in world.incident("sms-failures").undelivered


def test_a_test_message_reaches_every_channel_of_its_level_once_and_opens_nothing() -> None:
    with Everything() as world:
        requested_test(world)
        requested_test(world)
        (message,) = world.webhook.messages
        assert (message["type"], message["data"]["is_open"]) == ("incident.test", False)
        assert [post.text.split("]")[0] for post in world.slack.posts] == ["▲ [TEST"]
        assert len(world.teams.cards) == 1
        assert not [key for key in world.store.memory.objects if key.startswith("incidents/")]


def test_a_test_message_that_a_channel_refuses_is_mailed() -> None:
    with Everything() as world:
        world.teams.error = (404, b"")
        requested_test(world)
        assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["TEST", "OPENED"]
        assert "Teams answered 404" in text_of(world, 1)


def test_without_channels_nothing_of_them_is_imported() -> None:
    code = (
        "import sys; import deliverywatch.alerting.handle_notify; from alerting_fakes import World;"
        "from alerting_stories import incident; incident(World());"
        "print([name for name in sys.modules if 'alerting.channels.' in name and 'protocol' not in name], "
        "'deliverywatch.alerting.dispatch' in sys.modules)"
    )
    path = ":".join(["src", "tests/alerting", "tests"])
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, check=False, cwd=root, env=environment, capture_output=True, text=True)
    assert run.stdout == "[] False\n", run.stderr

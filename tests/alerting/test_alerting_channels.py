"""Channels beside mail: every message arrives once in its channel, and what fails there keeps nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alerting_fakes import at
from channel_fakes import ChannelWorld, subjects

from deliverywatch.alerting.inputs.channel_settings import Kind
from deliverywatch.local.channels.receiver import Fault
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

"""A world whose notifier also has channels: real servers on loopback, and secrets that tests change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import urllib3  # noqa: F401 - the first message must not wait for its import
from alerting_fakes import DAY, World

from deliverywatch.alerting.channels.protocol.http import Web
from deliverywatch.alerting.inputs.channel_settings import Channel, Kind
from deliverywatch.alerting.inputs.route import route_of
from deliverywatch.alerting.ports import ChannelPorts
from deliverywatch.errors import ChannelUnavailable
from deliverywatch.local.channels.slack import SlackServer
from deliverywatch.local.channels.teams import TeamsServer
from deliverywatch.local.channels.webhook import WebhookServer

if TYPE_CHECKING:
    from deliverywatch.alerting.notify import Notifier
    from deliverywatch.local.channels.receiver import Receiver

ANSWER_SECONDS = 0.4


@dataclass
class Secrets:
    """SSM parameters."""

    values: dict[str, str] = field(default_factory=dict)

    def read(self, parameter: str) -> str:
        if parameter not in self.values:
            raise ChannelUnavailable(f"The SSM parameter {parameter} cannot be read: ParameterNotFound.")
        return self.values[parameter]


@dataclass
class ChannelWorld(World):
    """A world with channels; a pause takes no time, and is only noted."""

    secrets: Secrets = field(default_factory=Secrets)
    pauses: list[float] = field(default_factory=list)

    def add(self, kind: Kind, secret: str, route: str = "", **more: Any) -> ChannelWorld:
        """Give the stack one more channel."""
        parameter = f"/deliverywatch/prod/{kind}"
        self.secrets.values[parameter] = secret
        channel = Channel(kind=kind, parameter=parameter, route=route_of(route), **more)
        self.settings = replace(self.settings, channels=(*self.settings.channels, channel))
        return self

    def notifier(self, invocation: str = "") -> Notifier:
        notifier = super().notifier(invocation)
        channels = ChannelPorts(
            secrets=self.secrets, http=Web(ANSWER_SECONDS), clock=lambda: sum(self.pauses), sleep=self.pauses.append
        )
        return replace(notifier, ports=replace(notifier.ports, channels=channels))


def subjects(world: World) -> Sequence[str]:
    return [subject.split(" - ")[0] for subject in world.ses.subjects]


class Everything(ChannelWorld):
    """A world with a server of every kind, in a `with`; Slack has a webhook, or a bot."""

    def __init__(self, *, has_bot: bool = False) -> None:
        super().__init__()
        self.slack, self.teams = SlackServer(), TeamsServer()
        self.webhook = WebhookServer(now=lambda: self.now or DAY)
        self.servers: dict[str, Receiver] = {"slack": self.slack, "teams": self.teams, "webhook": self.webhook}
        if has_bot:
            self.add(Kind.SLACK, self.slack.bot, room=self.slack.room)
        else:
            self.add(Kind.SLACK, self.slack.hook)
        self.add(Kind.TEAMS, self.teams.secret)
        self.add(Kind.WEBHOOK, self.webhook.secret)

    def __enter__(self) -> Self:
        for server in self.servers.values():
            server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            server.__exit__()

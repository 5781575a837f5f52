"""A world whose notifier also has channels: real servers on loopback, and secrets that tests change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from alerting_fakes import World

from deliverywatch.alerting.channels.protocol.http import Web
from deliverywatch.alerting.inputs.channel_settings import Channel, Kind
from deliverywatch.alerting.inputs.route import route_of
from deliverywatch.alerting.ports import ChannelPorts
from deliverywatch.errors import ChannelUnavailable

if TYPE_CHECKING:
    from deliverywatch.alerting.notify import Notifier

ANSWER_SECONDS = 0.3


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

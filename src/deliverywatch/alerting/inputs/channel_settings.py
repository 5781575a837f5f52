"""Environment variables -> the channels beside mail: those whose secret's SSM parameter is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from deliverywatch.alerting.inputs.route import EVERYTHING, Route, route_of
from deliverywatch.errors import InputError


class Kind(StrEnum):
    """The channels beside mail."""

    SLACK = "slack"
    TEAMS = "teams"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel of a stack, as its parameters describe it.

    Attributes:
        parameter: The name of the SSM SecureString with its secret.
        room: The id of the chat's channel that a bot posts to; empty where the secret's address says it.
    """

    kind: Kind
    parameter: str
    route: Route = EVERYTHING
    room: str = ""


def channels(environ: Mapping[str, str]) -> tuple[Channel, ...]:
    """Return the channels of a function's environment."""
    named = {kind: environ.get(f"DELIVERYWATCH_{kind.name}_PARAMETER", "") for kind in Kind}
    return tuple(
        Channel(
            kind=kind,
            parameter=parameter,
            route=_route(environ.get(f"DELIVERYWATCH_{kind.name}_ROUTE", "")),
            room=environ.get(f"DELIVERYWATCH_{kind.name}_ROOM", ""),
        )
        for kind, parameter in named.items()
        if parameter
    )


def _route(text: str) -> Route:
    """Return a route; one that cannot be read is no reason to mail nothing, nor to keep an incident from a channel."""
    try:
        return route_of(text)
    except InputError:
        return EVERYTHING

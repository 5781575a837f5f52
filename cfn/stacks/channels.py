"""Channels beside mail, off unless their secret's parameter is named: what the notifier knows of them and may read."""

from typing import Any

from troposphere import If, Ref

from blocks.parameters import Parameter, given, text
from blocks.parts import NO_VALUE
from deliverywatch.alerting.inputs.channel_settings import Kind
from stacks.shared import may_read_secret

_LEVEL = "(all|critical|alarm|warning|blind)"
_WATCH = r"(\*|[A-Za-z0-9._-]+\*?)"
_RULE = f"{_LEVEL}(,{_LEVEL})*(@{_WATCH}(,{_WATCH})*)?"
_SECRETS = {
    Kind.SLACK: "the address of an incoming webhook of Slack, or the token of a bot",
    Kind.TEAMS: "the address of a workflow of Teams that posts what its webhook gets",
    Kind.WEBHOOK: "the address of a webhook, a blank, and the key whsec_... that it is signed with",
}


def _parameter(kind: Kind) -> str:
    return f"{kind.capitalize()}Parameter"


def _route(kind: Kind) -> str:
    return f"{kind.capitalize()}Route"


def _is_on(kind: Kind) -> str:
    return f"Has{kind.capitalize()}"


def environment() -> dict[str, Any]:
    """Return what the notifier knows of its channels; the secrets themselves are in none of it."""
    named = {f"DELIVERYWATCH_{kind.name}_PARAMETER": Ref(_parameter(kind)) for kind in Kind}
    routed = {f"DELIVERYWATCH_{kind.name}_ROUTE": Ref(_route(kind)) for kind in Kind}
    return {**named, **routed, "DELIVERYWATCH_SLACK_ROOM": Ref("SlackChannel")}


def may_read_secrets() -> list[Any]:
    """Return the rights to read just the secrets that are named."""
    return [If(_is_on(kind), statement, NO_VALUE) for kind in Kind for statement in may_read_secret(_parameter(kind))]


CONDITIONS = {_is_on(kind): given(_parameter(kind)) for kind in Kind}


def _secret(kind: Kind) -> Parameter:
    return text(
        _parameter(kind),
        f"{kind.capitalize()}: SSM parameter of its secret",
        r"^(|/[A-Za-z0-9_.\-/]{1,900})$",
        f"Name of a SecureString with {_SECRETS[kind]}. Empty for none.",
        f"must be empty or the name of an SSM parameter, such as /deliverywatch/prod/{kind}.",
    )


def _routed(kind: Kind) -> Parameter:
    return text(
        _route(kind),
        f"{kind.capitalize()}: what it gets",
        f"^{_RULE}( {_RULE})*$",
        "Levels, and after an @ the watches: critical warning@sms-*. An incident comes from then on to its end.",
        "must be levels (all, critical, alarm, warning, blind), such as critical or all@sms-*,email-*.",
        default="all",
    )


PARAMETERS: list[Parameter] = [
    *(parameter for kind in Kind for parameter in (_secret(kind), _routed(kind))),
    text(
        "SlackChannel",
        "Slack: channel of a bot",
        r"^(|[CGD][A-Z0-9]{1,30})$",
        "Id of the channel that a bot posts to, such as C0123456789; empty for a webhook.",
        "must be empty or the id of a channel of Slack, such as C0123456789.",
    ),
]

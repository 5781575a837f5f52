"""The parameters of a stack -> who gets the mails of each level, and which channels; and the change of one of them.

Decision: recipients and routes are parameters of the stack, and nothing else is. They are seen where everything else of
the stack is seen, CloudFormation checks and logs every change, a deploy keeps them because it keeps what is not set
anew, and the notifier needs no further read. The price is that a change is an update of the stack: half a minute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from deliverywatch.alerting.inputs.channel_settings import Channel, Kind
from deliverywatch.alerting.inputs.route import is_named, route_of
from deliverywatch.alerting.inputs.settings import RECIPIENT_LIMIT, Settings, addresses
from deliverywatch.alerting.mail.recipients import of_level
from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.operate.account.deployment import Deployment

LEVELS = (Level.CRITICAL, Level.WARNING, Level.BLIND, Level.ALARM)
# As many as the parameter takes.
_FURTHER_LIMIT = 10
_ADDRESS = re.compile(r"[^@\s,]+@(?=[^@\s,]+\.[^@\s,])[^@\s,]+")


def routes(stack: Deployment) -> dict[Level, tuple[str, ...]]:
    """Return the addresses of each level; RESOLVED and every other change go where the incident's worst level went."""
    parameters = stack.parameters
    settings = Settings(
        environment=stack.environment,
        prefix=stack.prefix,
        sender=parameters.get("SenderAddress", ""),
        recipients=addresses(parameters.get("AlertRecipients", "")),
        critical_recipients=addresses(parameters.get("CriticalRecipients", "")),
    )
    return {level: of_level(settings, level) for level in LEVELS}


def change(level: Level, wanted: Sequence[str]) -> tuple[str, str]:
    """Return the parameter that holds a level's addresses, and its new value; InputError if some cannot be taken.

    Those of `critical` get critical mails besides; those of any other level get every mail.
    """
    wrong = [address for address in wanted if not _ADDRESS.fullmatch(address)]
    if wrong:
        raise InputError(f"'{wrong[0]}' is not an e-mail address.", next_step="Write it like duty@example.com.")
    unique = list(dict.fromkeys(wanted))
    lowest, highest = (0, _FURTHER_LIMIT) if level is Level.CRITICAL else (1, RECIPIENT_LIMIT)
    if not lowest <= len(unique) <= highest:
        raise InputError(
            f"{len(unique)} addresses are given; there may be {lowest} to {highest} of them for level {level.value}.",
            next_step="Use a distribution list for more people.",
        )
    return ("CriticalRecipients" if level is Level.CRITICAL else "AlertRecipients"), ",".join(unique)


def channels(stack: Deployment) -> tuple[Channel, ...]:
    """Return the channels beside mail that a stack has, with their routes."""
    named = {kind: stack.parameters.get(f"{kind.capitalize()}Parameter", "") for kind in Kind}
    return tuple(
        Channel(kind=kind, parameter=name, route=route_of(stack.parameters.get(_route_name(kind), "")))
        for kind, name in named.items()
        if name
    )


def change_channel(stack: Deployment, kind: Kind, wanted: str) -> tuple[str, str]:
    """Return the parameter that holds a channel's route, and its new value.

    Raises InputError if the stack has no such channel, or the route says nothing.
    """
    if not wanted.strip():
        raise InputError(
            "A route says which levels a channel gets.",
            next_step=f"Write all for every incident, or take the channel away: --set {kind.capitalize()}Parameter=.",
        )
    if kind not in {channel.kind for channel in channels(stack)}:
        name = f"{kind.capitalize()}Parameter"
        raise InputError(
            f"The stack {stack.name} has no channel {kind}: {name} is empty.",
            next_step=f"Store its secret in SSM, then deliverywatch deploy --set {name}=/deliverywatch/prod/{kind}.",
        )
    return _route_name(kind), route_of(wanted).text


def unknown_watches(wanted: str, declared: Iterable[str]) -> list[str]:
    """Return the names of a route that no declared watch has; those of alarms of others are `alarm.NAME`."""
    known = list(declared)
    names = [name for rule in route_of(wanted).rules for name in rule.watches]
    return [name for name in dict.fromkeys(names) if known and not any(is_named(watch, name) for watch in known)]


def fitting(stack: Deployment, level: Level, watch: str = "") -> tuple[str, ...]:
    """Return the channels that get incidents of a level, and of which watches if not of all; or those of one watch."""
    return tuple(name for channel in channels(stack) if (name := _fitting(channel, level, watch)))


def _fitting(channel: Channel, level: Level, watch: str) -> str:
    if watch:
        return channel.kind.value if channel.route.fits(level, watch) else ""
    rules = [rule for rule in channel.route.rules if level in rule.levels]
    if not rules or any(not rule.watches for rule in rules):
        return channel.kind.value if rules else ""
    return f"{channel.kind.value} ({', '.join(dict.fromkeys(name for rule in rules for name in rule.watches))})"


def _route_name(kind: Kind) -> str:
    return f"{kind.capitalize()}Route"

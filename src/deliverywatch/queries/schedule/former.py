"""Where queries were imported from -> the schedules that are still there, and run beside ours until deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from deliverywatch.errors import DeliveryWatchError

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Origin

_NAMED = 5

# What is left by group; None for a group that cannot be read, so that nobody takes it for empty.
Remaining = Mapping[str, list[str] | None]
# Names of the schedules of a group that begin so; none if there is no such group.
Names = Callable[[str, str], Iterable[str]]


def remaining(origins: Iterable[Origin], names_in: Names, ours: Origin) -> Remaining:
    """Return the schedules that are still where queries came from, but for ours."""
    return {origin.group: left for origin in origins if (left := _left(origin, names_in, ours)) != []}


def lines(left: Remaining) -> list[str]:
    """Return what the log says of them."""
    return [_line(group, names) for group, names in left.items()]


def _left(origin: Origin, names_in: Names, ours: Origin) -> list[str] | None:
    try:
        names = list(names_in(origin.group, origin.prefix))
    except DeliveryWatchError:
        return None
    return [name for name in names if origin.group != ours.group or not name.startswith(ours.prefix)]


def _line(group: str, names: list[str] | None) -> str:
    if names is None:
        return f"FORMER The group {group}, where queries came from, cannot be read: what is left there is not known."
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"FORMER {len(names)} still run in the group {group}, beside ours: {', '.join(names[:_NAMED])}{more}"

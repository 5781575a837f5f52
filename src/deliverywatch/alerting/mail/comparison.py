"""Groups of messages -> one sentence: is it one of them, or all? The healthy ones say most about the broken ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deliverywatch.alerting.mail import formatting
from deliverywatch.alerting.mail.formatting import percent

if TYPE_CHECKING:
    from deliverywatch.messages.context import Context
    from deliverywatch.messages.group import Group

# One group is to blame if it holds most of the failures and fails at least this many times as often as the others
# together.
_BLAME_SHARE = 0.6
_BLAME_FACTOR = 3

# And its share of the failures must be this many times its share of the messages: a country to which nearly everything
# is sent has nearly all failures whatever the cause.
_BLAME_LIFT = 1.5

# All groups are affected if each one of at least this size fails at least at this part of the overall rate.
_SPREAD_PART = 0.5
_TELLING_COUNT = 20

# Two failures of one carrier prove nothing.
_TELLING_FAILURES = 5

_PLURALS = {"country": "countries"}
# Their names say nothing by themselves: "list 4711".
_NUMBERED = ("list", "subaccount", "sender")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One sentence, and whom it blames by which grouping; empty where the groups do not show it."""

    sentence: str = ""
    by: str = ""
    blamed: str = ""


def compare(context: Context) -> Comparison:
    """Return whether failures are concentrated or spread."""
    concentrated = [(by, groups) for by, groups in context.groups if _is_concentrated(groups)]
    if concentrated:
        by, groups = max(concentrated, key=lambda pair: _lift(pair[1]))
        return Comparison(_concentrated(by, groups), by, _full_name(by, groups[0]))
    spread = [(by, groups) for by, groups in context.groups if _is_spread(groups)]
    return Comparison(_spread(*spread[0])) if spread else Comparison()


def _full_name(by: str, group: Group) -> str:
    """Return the name of a group as a sentence has it."""
    return f"{by} {group.name}" if by in _NUMBERED else group.name


def _is_concentrated(groups: Sequence[Group]) -> bool:
    failed = sum(group.failed for group in groups)
    if len(groups) < 2 or groups[0].is_rest or failed < _TELLING_FAILURES:
        return False
    is_worse = _factor(groups) >= _BLAME_FACTOR and _lift(groups) >= _BLAME_LIFT
    return is_worse and groups[0].failed >= _BLAME_SHARE * failed


def _is_spread(groups: Sequence[Group]) -> bool:
    telling = _telling(groups)
    overall = _rate_percent(groups)
    return len(telling) > 1 and overall > 0 and all(group.rate_percent >= _SPREAD_PART * overall for group in telling)


def _telling(groups: Sequence[Group]) -> list[Group]:
    return [group for group in groups if group.total >= _TELLING_COUNT and not group.is_rest]


def _factor(groups: Sequence[Group]) -> float:
    return groups[0].rate_percent / max(_rate_percent(groups[1:]), 0.1)


def _lift(groups: Sequence[Group]) -> float:
    return groups[0].rate_percent / max(_rate_percent(groups), 0.1)


def _rate_percent(groups: Iterable[Group]) -> float:
    pairs = [(group.failed, group.total) for group in groups]
    total = sum(total for _, total in pairs)
    return 100 * sum(failed for failed, _ in pairs) / total if total else 0.0


def _concentrated(by: str, groups: Sequence[Group]) -> str:
    worst = groups[0]
    share = 100 * worst.failed / sum(group.failed for group in groups)
    return (
        f"Concentrated: {_share(share)} of the failures are {_full_name(by, worst)}, "
        f"where {_share(worst.rate_percent)} fail; "
        f"all other {_plural(by)} together are at {_share(_rate_percent(groups[1:]))}."
    )


def _share(value: float) -> str:
    """Return a share that does not look like all or none if it is neither."""
    return f"{formatting.beside(value, 100 if value > 50 else 0, formatting.percent_bare)}\u00a0%"


def _spread(by: str, groups: Sequence[Group]) -> str:
    least = min(_telling(groups), key=lambda group: group.rate_percent)
    return (
        f"Spread over all {_plural(by)} (even {_full_name(by, least)} is at {percent(least.rate_percent)}): "
        f"this points at the provider or at what we send, not at one {by}."
    )


def _plural(by: str) -> str:
    return _PLURALS.get(by, f"{by}s")

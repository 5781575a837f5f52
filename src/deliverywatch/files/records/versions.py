"""Items of one key -> those of which any may be the newest: one, unless nothing tells them apart.

S3's own word comes first: the sequencers of events, and which version a listing calls the latest. Only between items
that neither of them puts in order the clock decides, and a listing rounds its times to the second: what may be of one
moment is not told apart, nor what was there already when an upload in parts ended.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from deliverywatch.files.records.events import is_in_parts

_SECOND = timedelta(seconds=1)
_UNKNOWN = datetime.min.replace(tzinfo=UTC)


def newest(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the items that are older than none of the others; all of them if what is known contradicts itself."""
    return [item for item in items if not any(_is_older(item, other) for other in items)] or [*items]


def is_by_event(item: Mapping[str, Any]) -> bool:
    """Return whether an event gave an item its place; what a listing put over it has only kept its sequencer."""
    return bool(item["sequencer"]) and "listed_at" not in item


def _has_place(item: Mapping[str, Any]) -> bool:
    """Return whether it is known when an item came about; of an upload in parts the event tells only its end."""
    return not (is_by_event(item) and is_in_parts(str(item.get("event"))))


def _is_older(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if is_by_event(one) and is_by_event(other):
        return _has_place(other) and bool(one["sequencer"] < other["sequencer"])
    is_under, is_over = _was_under(one, other), _was_under(other, one)
    if is_under != is_over:
        return is_under
    return _has_place(other) and _ended(one) <= _time(other, "event_time")


def _was_under(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether S3 called the other one the latest when this one was there, or this one came before the latest.

    It also holds if this one was the latest, and the other one came by an event after that.
    """
    if one.get("is_latest") and other.get("is_latest"):
        return _time(one, "listed_at") < _time(other, "listed_at")
    if other.get("is_latest") and _existed(one, _time(other, "listed_at")):
        return True
    since = _time(one, "listed_at") + _SECOND
    is_after = is_by_event(other) and _has_place(other) and _time(other, "event_time") >= since
    return bool(one.get("is_latest")) and is_after


def _existed(item: Mapping[str, Any], at: datetime) -> bool:
    if is_by_event(item):
        return _time(item, "event_time") < at
    return _ended(item) <= at or ("listed_at" in item and _time(item, "listed_at") <= at)


def _ended(item: Mapping[str, Any]) -> datetime:
    """Return the last moment at which an item can have come about."""
    time = _time(item, "event_time")
    return time if is_by_event(item) else time + _SECOND


def _time(item: Mapping[str, Any], name: str) -> datetime:
    try:
        return datetime.fromisoformat(str(item.get(name)))
    except ValueError:
        return _UNKNOWN

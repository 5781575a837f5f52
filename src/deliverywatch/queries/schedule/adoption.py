"""Schedules that somebody made, and the file of queries -> the file with an entry for each of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.queries.schedule.specification import Schedule

# What a schedule does not say of its query, and a former file can.
_TAKEN = ("type", "query", "alerts", "alert_threshold", "csv_export", "parameters", "owner", "channel")


@dataclass(frozen=True, slots=True)
class Adoption:
    """The new file; the ids that came into it, and those of them whose SQL is still to be written."""

    document: dict[str, Any]
    adopted: tuple[str, ...]
    incomplete: tuple[str, ...]


def document(body: bytes) -> dict[str, Any]:
    """Return a file of queries, checked no further; raise InputError if it has no object `queries`."""
    try:
        content = json.loads(body)
    except ValueError as error:
        raise InputError(f"The file is not JSON: {error}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("queries"), dict):
        raise InputError("The file has no object `queries`.")
    return content


def adopt(
    content: Mapping[str, Any], schedules: Iterable[Schedule], prefix: str, former: Mapping[str, Any]
) -> Adoption:
    """Return the file with an entry for each schedule that it does not have.

    Names of schedules are the prefix and the query's id; `former` is a file that may hold their SQL.
    """
    entries = content["queries"]
    new: dict[str, dict[str, Any]] = {}
    for schedule in schedules:
        query_id = schedule.name.removeprefix(prefix)
        if query_id not in entries:
            new[query_id] = _entry(schedule, former.get("queries", {}).get(query_id) or {})
    incomplete = tuple(query_id for query_id, entry in new.items() if not entry["query"])
    return Adoption({**content, "queries": entries | new}, tuple(new), incomplete)


def _entry(schedule: Schedule, former: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "description": schedule.description,
        "schedule": schedule.expression,
        "timezone": schedule.timezone,
        "enabled": schedule.is_enabled,
    }
    taken = {name: former[name] for name in _TAKEN if name in former}
    return {name: value for name, value in entry.items() if value not in ("", "UTC", True)} | {"query": ""} | taken

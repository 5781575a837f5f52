"""Schedules that somebody made, and the file of queries -> the file with an entry for each of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import InputError
from deliverywatch.queries.config.file import database_of, is_former

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Origin
    from deliverywatch.queries.schedule.specification import Schedule

# What a schedule does not say of its query, and a former file can.
_TAKEN = (
    "type", "query", "alerts", "alert_threshold", "csv_export", "filename_template", "parameters", "owner", "channel",
    "database", "days_back",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Adoption:
    """The new file, the ids that came into it, and what somebody has to look at.

    Attributes:
        incomplete: Those adopted whose SQL is still to be written.
        unscheduled: Queries of the former file that are not in the new one, because they have no schedule.
    """

    document: dict[str, Any]
    adopted: tuple[str, ...]
    incomplete: tuple[str, ...]
    unscheduled: tuple[str, ...]


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
    content: Mapping[str, Any], schedules: Iterable[Schedule], origin: Origin, former: Mapping[str, Any], ours: Origin
) -> Adoption:
    """Return the file with an entry for each schedule of `origin` that it does not have.

    Names of schedules are the prefix and the query's id; `former` is a file that may hold their SQL. Schedules that are
    not among `ours` stay where they are, so the file says where that is.
    """
    entries, queries = content["queries"], former.get("queries", {})
    # The database of the former file goes with its queries: this one may have another.
    inherited: dict[str, Any] = {"database": database_of(former)} if database_of(former) != database_of(content) else {}
    # Their scheduler fills in the day before the run.
    inherited |= {"days_back": 1} if is_former(former) else {}
    new: dict[str, dict[str, Any]] = {}
    for schedule in schedules:
        query_id = schedule.name.removeprefix(origin.prefix)
        if query_id not in entries:
            new[query_id] = _entry(schedule, queries[query_id], inherited) if query_id in queries else _entry(schedule)
    return Adoption(
        document={**content, **_origins(content, origin, ours), "queries": entries | new},
        adopted=tuple(new),
        incomplete=tuple(query_id for query_id, entry in new.items() if not entry["query"]),
        unscheduled=tuple(query_id for query_id in queries if query_id not in {**entries, **new}),
    )


def _origins(content: Mapping[str, Any], origin: Origin, ours: Origin) -> dict[str, Any]:
    before, here = content.get("imported_from"), asdict(origin)
    known = before if isinstance(before, list) else []
    return {} if origin == ours or here in known else {"imported_from": [*known, here]}


def _entry(schedule: Schedule, former: Any = None, inherited: Mapping[str, Any] | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "description": schedule.description,
        "schedule": schedule.expression,
        "timezone": schedule.timezone,
        "enabled": schedule.is_enabled,
    }
    written = {name: value for name, value in entry.items() if value not in ("", "UTC", True)}
    return written | {"query": ""} | (_taken(former, inherited or {}) if isinstance(former, dict) else {})


def _taken(former: Mapping[str, Any], inherited: Mapping[str, Any]) -> dict[str, Any]:
    taken = {**inherited, **{name: former[name] for name in _TAKEN if name in former}}
    if "csv_filename_template" in former:
        taken.setdefault("filename_template", former["csv_filename_template"])
    return taken

"""Pages of schedules: MiniStack returns the first hundred and no token."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deliverywatch.local.cloud.emulator import hooks

_EVERYTHING = "100000"


def install(placed: hooks.Hooks) -> None:
    """Let lists have pages."""
    placed.replace("services.scheduler", "_list_schedules", _in_pages)


def _in_pages(original: Callable[..., Any]) -> Callable[..., Any]:
    def page(query: Mapping[str, str]) -> Any:
        status, headers, body = original({**query, "MaxResults": _EVERYTHING})
        schedules = sorted(json.loads(body)["Schedules"], key=lambda each: str(each["Name"]))
        first, size = int(query.get("NextToken") or 0), int(query.get("MaxResults") or 100)
        answer: dict[str, Any] = {"Schedules": schedules[first : first + size]}
        if first + size < len(schedules):
            answer["NextToken"] = str(first + size)
        return status, headers, json.dumps(answer).encode()

    return page

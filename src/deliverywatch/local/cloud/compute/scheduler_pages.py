"""What scheduled queries need of EventBridge Scheduler and MiniStack lacks: pages of schedules, and groups in rights.

MiniStack returns the first hundred schedules and no token, and checks the right to the schedule in the group `default`,
whichever group it is in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from deliverywatch.local.cloud.emulator.emulator import ACCOUNT, REGION

if TYPE_CHECKING:
    from deliverywatch.local.cloud.emulator import hooks

_SCHEDULER = "services.scheduler"
_EVERYTHING = "100000"


def install(placed: hooks.Hooks) -> None:
    """Let lists have pages, and rights the group of the schedule."""
    placed.replace(_SCHEDULER, "_list_schedules", _in_pages)
    placed.replace("core.iam_actions", "extract_resource_arn", _with_group)


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


def _with_group(original: Callable[..., str]) -> Callable[..., str]:
    def resource(
        service: str, method: str, path: str, headers: Any, body: bytes, query: Mapping[str, Any], *rest: Any
    ) -> str:
        name = path.removeprefix("/schedules/")
        if service != "scheduler" or name == path:
            return original(service, method, path, headers, body, query, *rest)
        group = json.loads(body).get("GroupName") if body else _first(query.get("groupName"))
        return f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{group or 'default'}/{unquote(name)}"

    return resource


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value

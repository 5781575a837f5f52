"""Operations of CloudWatch that are answered here, not by MiniStack: CBOR for newer clients, JSON for older ones."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from deliverywatch.errors import InputError
from deliverywatch.local.cloud.emulator import hooks

CLOUDWATCH = "services.cloudwatch"
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")


def serve(placed: hooks.Hooks, operations: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]) -> None:
    """Answer requests of these operations by name; an InputError or LookupError refuses one."""

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
            operation = operations.get((headers.get("x-amz-target") or path).replace("/", ".").rpartition(".")[2])
            if not operation:
                return await original(method, path, headers, body, query)
            return _answer(operation, body, is_cbor="cbor" in headers.get("content-type", ""))

        return handle

    placed.replace(CLOUDWATCH, "handle_request", around)


def _answer(operation: Callable[[dict[str, Any]], dict[str, Any]], body: bytes, *, is_cbor: bool) -> Any:
    try:
        content = operation(_decoded(body, is_cbor=is_cbor))
    except InputError as error:
        return _refusal("InvalidParameterValue", str(error), 400, is_cbor=is_cbor)
    except LookupError as error:
        return _refusal("ResourceNotFoundException", str(error.args[0]), 404, is_cbor=is_cbor)
    if is_cbor:
        return hooks.inside(CLOUDWATCH, "_cbor_ok")(content)
    return hooks.inside(CLOUDWATCH, "_json_ok")(json.loads(json.dumps(content, default=_as_json)))


def _decoded(body: bytes, *, is_cbor: bool) -> dict[str, Any]:
    if not is_cbor:
        return dict(json.loads(body or b"{}"))
    import cbor2  # of the extra `local`

    return dict(cbor2.loads(body)) if body else {}


def _as_json(value: datetime | bytes) -> float | str:
    return value.timestamp() if isinstance(value, datetime) else base64.b64encode(value).decode()


def _refusal(code: str, sentence: str, status: int, *, is_cbor: bool) -> Any:
    return hooks.inside(CLOUDWATCH, "_error")(code, sentence, status, use_json=not is_cbor, use_cbor=is_cbor)


def on_queries(record: dict[str, Any], queries: Any) -> dict[str, Any]:
    """Return an alarm's record as one on metric math: with these queries, and nothing of an alarm on one metric."""
    plain = {key: value for key, value in record.items() if key not in _OF_ONE_METRIC}
    return plain | {"Metrics": queries}

"""Function URLs: who is let in, and the metrics that Lambda publishes about each request.

MiniStack lets in whoever may use the URL. Since October 2025 AWS also asks for the right to invoke the function
(docs.aws.amazon.com/lambda/latest/dg/urls-auth.html).
"""

import json
from collections.abc import Callable
from typing import Any

from deliverywatch.local.cloud.cloudwatch import metrics
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Clock

_LAMBDA = "services.lambda_svc"
_FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_BOTH = {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}


class FunctionUrls:
    """The URLs of deployed functions."""

    def __init__(self, clock: Clock, publisher: metrics.Publisher) -> None:
        self._clock = clock
        self._publisher = publisher

    def install(self, placed: hooks.Hooks) -> None:
        """Put the bridge into MiniStack."""
        placed.replace(_LAMBDA, "handle_function_url_request", self._around)

    def _around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(url_id: str, *request: Any, **more: Any) -> Any:
            resolved = more.get("resolved") or hooks.inside(_LAMBDA, "resolve_function_url")(url_id)
            if resolved is None:
                return await original(url_id, *request, **more)
            name = resolved[2]
            answer = await original(url_id, *request, **more) if _lets_in(name) else _refusal()
            self._publisher.submit(f"/aws/lambda/{name}", self._points(name, int(answer[0])))
            return answer

        return handle

    def _points(self, name: str, status: int) -> list[metrics.Point]:
        dimensions = (("FunctionName", name),)
        values = {
            "UrlRequestCount": 1,
            "Url4xxCount": int(400 <= status < 500),
            "Url5xxCount": int(status >= 500),
        }
        return [
            metrics.Point("AWS/Lambda", metric, dimensions, self._clock.now, value, "Count")
            for metric, value in values.items()
        ]


def _lets_in(name: str) -> bool:
    """Return whether the function's own policy lets everybody use its URL, and invoke it by that."""
    function, _config, _name = hooks.inside(_LAMBDA, "_get_func_record_for_ref")(name)
    statements = ((function or {}).get("policy") or {}).get("Statement", [])
    granted = {one["Action"] for one in statements if one["Principal"] == "*" and one["Effect"] == "Allow"}
    return granted >= _BOTH


def _refusal() -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"}
    return 403, headers, json.dumps({"Message": _FORBIDDEN}).encode()

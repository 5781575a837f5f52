"""Functions started over boto3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deliverywatch.operate.account.aws import translated

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud


class Runner:
    """Starts functions of one account and region."""

    def __init__(self, cloud: Cloud) -> None:
        self._client = cloud.client("lambda")

    def run(self, function: str, event: Mapping[str, Any]) -> tuple[Any, str]:
        """Start a function, wait, and return what it returned and what went wrong, empty if nothing did."""
        with translated(f"The function {function}"):
            answer = self._client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
            payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" not in answer:
            return payload, ""
        return None, str(payload.get("errorMessage", "it did not say why"))

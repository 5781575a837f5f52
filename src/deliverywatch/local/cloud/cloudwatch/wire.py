"""Requests and answers of CloudWatch's API in MiniStack: CBOR for newer clients, JSON for older ones."""

import json
from typing import Any

from deliverywatch.local.cloud.emulator import hooks

CLOUDWATCH = "services.cloudwatch"


def decoded(body: bytes, *, is_cbor: bool) -> dict[str, Any]:
    """Return the fields of a request."""
    if not is_cbor:
        return dict(json.loads(body or b"{}"))
    import cbor2  # of the extra `local`

    return dict(cbor2.loads(body)) if body else {}


def answer(content: dict[str, Any], *, is_cbor: bool) -> Any:
    """Return MiniStack's answer with this content."""
    return hooks.inside(CLOUDWATCH, "_cbor_ok" if is_cbor else "_json_ok")(content)


def refusal(code: str, sentence: str, *, is_cbor: bool, status: int = 400) -> Any:
    """Return MiniStack's answer to a request that is refused."""
    return hooks.inside(CLOUDWATCH, "_error")(code, sentence, status, use_json=not is_cbor, use_cbor=is_cbor)

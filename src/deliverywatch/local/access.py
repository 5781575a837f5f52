"""Who may do what: MiniStack's evaluation of roles and policies, switched on, and mended where it asks too much."""

from __future__ import annotations

import json
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from deliverywatch.local import hooks
from deliverywatch.local.emulator import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable


def install(placed: hooks.Hooks) -> None:
    """Let roles, resource policies and permissions hold, as in AWS: a function that lacks a right fails here too."""
    placed.replace("app", "AUTH", lambda _: True)
    # Policies that insist on TLS are content with loopback, on which nothing is encrypted.
    placed.replace("app", "pin_request_origin", lambda pin: lambda address, _is_tls: pin(address, True))  # noqa: FBT003
    placed.replace("core.iam_actions", "extract_resource_arn", _with_parameters)
    placed.replace("app", "_enforce_ses_v2", _with_sender)


def _with_parameters(original: Callable[..., str]) -> Callable[..., str]:
    """GetParameters names several resources; MiniStack would ask whether the role may read everything."""

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        if service == "ssm" and str(headers.get("x-amz-target", "")).endswith(".GetParameters"):
            # One question for all of them; ours lie under one path, and so does what a role may read.
            body = json.dumps({"Name": json.loads(body)["Names"][0]}).encode()
        return original(service, method, path, headers, body, *rest)

    return resource


def _with_sender(original: Callable[..., Any]) -> Callable[..., Any]:
    """A mail needs a right to the sender's identity; MiniStack would ask whether the role may send as anybody."""

    def enforce(method: str, path: str, headers: Any, body: bytes, query: Any, request_id: str) -> Any:
        if not (method == "POST" and path.rstrip("/").endswith("/outbound-emails")):
            return original(method, path, headers, body, query, request_id)
        request = json.loads(body)
        sender = parseaddr(request.get("FromEmailAddress", ""))[1]
        identity = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{sender}"
        action = "ses:SendRawEmail" if "Raw" in request["Content"] else "ses:SendEmail"
        return hooks.inside("app", "_enforce_data_plane")(
            "sesv2", action, headers, query, request_id, resource_arn=identity, named_resource=identity,
            service_context={"ses:FromAddress": sender},
        )  # fmt: skip

    return enforce

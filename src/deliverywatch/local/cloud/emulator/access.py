"""Who may do what: MiniStack's evaluation of roles and policies, switched on, and fixed where it demands too much."""

import fnmatch
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any
from urllib.parse import unquote

from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.emulator import ACCOUNT, REGION

# Between the ARNs of one request; none can hold it.
_AND = " and "


@dataclass(frozen=True, slots=True)
class Use:
    """A right that a role needed; `is_allowed` says whether it had it."""

    role: str
    action: str
    resource: str
    is_allowed: bool


def install(placed: hooks.Hooks, uses: set[Use]) -> None:
    """Let roles, resource policies and permissions hold, as in AWS; each right that a role needs goes into `uses`."""
    placed.replace("app", "AUTH", lambda _: True)
    # Policies that insist on TLS are content with loopback, on which nothing is encrypted.
    placed.replace("app", "pin_request_origin", lambda pin: lambda address, _is_tls: pin(address, True))  # noqa: FBT003
    placed.replace("core.iam_actions", "extract_resource_arn", _with_narrower_resources)
    placed.replace("core.iam_actions", "_lambda_action", _with_concurrency)
    placed.replace("core.iam_evaluator", "enforce", lambda original: _enforcing(original, uses))
    placed.replace("app", "_enforce_ses_v2", _with_sender)


def may_take(role_arn: str, service: str, source: str) -> bool:
    """Return whether the trust policy of a role lets a service take it for a source; empty if it says for none.

    docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    role = hooks.inside("services.iam", "_roles").get(role_arn.rpartition("/")[2])
    document = role["AssumeRolePolicyDocument"] if role else "{}"
    policy = json.loads(document) if isinstance(document, str) else document
    keys = {"aws:sourceaccount": ACCOUNT, "aws:sourcearn": source} if source else {}
    return any(
        service in _listed(statement["Principal"].get("Service", [])) and _holds(statement.get("Condition", {}), keys)
        for statement in policy.get("Statement", [])
        if statement["Effect"] == "Allow"
    )


def _holds(conditions: Mapping[str, Mapping[str, Any]], keys: Mapping[str, str]) -> bool:
    """Return whether all conditions hold; a key that the service does not send equals nothing, unless `IfExists`."""
    return all(
        (operator.endswith("IfExists") and key.lower() not in keys)
        or any(fnmatch.fnmatchcase(keys.get(key.lower(), ""), pattern) for pattern in _listed(patterns))
        for operator, pairs in conditions.items()
        for key, patterns in pairs.items()
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _with_narrower_resources(original: Callable[..., str]) -> Callable[..., str]:
    """Name what a request is about, where MiniStack would demand a right to everything, or to another resource."""

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, *rest: Any) -> str:
        bodies = [body]
        if service == "scheduler" and path.startswith("/schedules/"):
            return _schedule_arn(path.removeprefix("/schedules/"), body, query)
        if service == "ssm" and str(headers.get("x-amz-target", "")).endswith(".GetParameters"):
            bodies = [json.dumps({"Name": name}).encode() for name in json.loads(body)["Names"]]
        if path.endswith("/PutAlarmMuteRule") or str(headers.get("x-amz-target", "")).endswith(".PutAlarmMuteRule"):
            return _AND.join(_muted_arns(body, is_cbor="cbor" in headers.get("content-type", "")))
        if service == "athena" and body:
            execution = hooks.inside("services.athena", "_executions").get(json.loads(body).get("QueryExecutionId"))
            bodies = [json.dumps({"WorkGroup": execution["WorkGroup"]}).encode() if execution else body]
        return _AND.join(original(service, method, path, headers, body, query, *rest) for body in bodies)

    return resource


def _muted_arns(body: bytes, *, is_cbor: bool) -> list[str]:
    """Return the rule and each alarm that it mutes: CloudWatch asks for the right to all of them."""
    import cbor2  # of the extra `local`

    request = cbor2.loads(body) if is_cbor else json.loads(body)
    alarms = (request.get("MuteTargets") or {}).get("AlarmNames") or ()
    names = [f"alarm-mute-rule:{request['Name']}", *(f"alarm:{name}" for name in alarms)]
    return [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:{name}" for name in names]


def _with_concurrency(original: Callable[[str, str], str | None]) -> Callable[[str, str], str | None]:
    """Name the right to read or to lift a reserved concurrency, where MiniStack would demand the one to set it."""
    verbs = {"GET": "GetFunctionConcurrency", "DELETE": "DeleteFunctionConcurrency"}

    def action(method: str, path: str) -> str | None:
        return verbs.get(method, "PutFunctionConcurrency") if path.endswith("/concurrency") else original(method, path)

    return action


def _schedule_arn(name: str, body: bytes, query: Mapping[str, Any]) -> str:
    """Return the ARN with the schedule's own group; MiniStack assumes the group `default`."""
    group = json.loads(body).get("GroupName") if body else query.get("groupName")
    group = group[0] if isinstance(group, list) else group
    return f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{group or 'default'}/{unquote(name)}"


def _enforcing(original: Callable[..., Any], uses: set[Use]) -> Callable[..., Any]:
    """Ask about each of several resources, and note which role needs which right; the first refusal counts."""

    def enforce(key: str, action: str, service: str, region: str, resource_arn: str = "*", **more: Any) -> Any:
        # A batch for SQS needs the right to one.
        single = action.removesuffix("Batch") if action.startswith("sqs:") else action
        arn = getattr(hooks.inside("core.iam_evaluator", "resolve_principal")(key or "", ACCOUNT), "arn", "")
        for resource in resource_arn.split(_AND):
            answer = original(key, single, service, region, resource, **more)
            # arn:aws:sts::<account>:assumed-role/<role>/<session>
            if ":assumed-role/" in arn:
                uses.add(Use(arn.split("/")[1], single, resource, answer is None))
            if answer:
                return answer
        return None

    return enforce


def _with_sender(original: Callable[..., Any]) -> Callable[..., Any]:
    """A mail needs a right to the sender's identity; MiniStack would demand the right to send as anybody."""

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

"""What CloudFormation refuses before anything happens: a second change at once, and what its early validation finds.

MiniStack takes a change of a stack in any status, and validates only once a change is carried out. The words are those
that users of AWS recorded: github.com/aws/aws-cdk-cli/issues/1000, github.com/aws-cloudformation/rain/pull/744.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.operate.account.stack_status import Phase, phase

_CLOUDFORMATION = "services.cloudformation"
_STACKS, _HELPERS = f"{_CLOUDFORMATION}.stacks", f"{_CLOUDFORMATION}.helpers"
_REASON = (
    "The following hook(s)/validation failed: [{}]. To troubleshoot Early Validation errors, use the DescribeEvents "
    "API for detailed failure information."
)
_CHECKS = {
    "PROPERTY_VALIDATION": "AWS::EarlyValidation::PropertyValidation",
    "NAME_CONFLICT_VALIDATION": "AWS::EarlyValidation::ResourceExistenceCheck",
}
# Kinds with a name of ours, and where MiniStack keeps those that exist; of buckets it looks itself.
_NAMED = {
    "AWS::SQS::Queue": ("QueueName", "services.sqs", "_queue_name_to_url"),
    "AWS::Lambda::Function": ("FunctionName", "services.lambda_svc", "_functions"),
    "AWS::Logs::LogGroup": ("LogGroupName", "services.cloudwatch_logs", "_log_groups"),
}
_HALF_UPDATED = (
    "This stack is currently in a non-terminal [UPDATE_FAILED] state. To update the stack from this state, please use "
    "the disable-rollback parameter with update-stack API. To rollback to the last known good state, use the "
    "rollback-stack API"
)

_Handler = Callable[[dict[str, Any]], Any]


def _without_empty_lists(original: Callable[..., None]) -> Callable[..., None]:
    """Refuse a rule that looks for a value in an empty list; MiniStack takes it for one that never holds."""

    def check(node: Any, rule: str) -> None:
        if isinstance(node, dict) and node.get("Fn::Contains", [None])[:1] == [[]]:
            raise ValueError(f"Template format error: Fn::Contains in rule {rule} must have a list that is not empty")
        original(node, rule)

    return check


def install(placed: hooks.Hooks) -> None:
    """Put the refusals before MiniStack's handlers."""
    placed.replace(f"{_CLOUDFORMATION}.engine", "_check_rule_expression", _without_empty_lists)
    handlers = hooks.inside(f"{_CLOUDFORMATION}.handlers", "_ACTION_HANDLERS")
    for action, wrapped in (
        ("CreateChangeSet", _creating),
        ("ExecuteChangeSet", _executing),
        ("UpdateStack", _updating),
        ("DeleteStack", _deleting),
        ("DescribeEvents", _describing),
    ):
        placed.register(handlers, action, wrapped(handlers[action]))


def _creating(original: _Handler) -> _Handler:
    def create(request: dict[str, Any]) -> Any:
        name = _given(request, "StackName")
        if _given(request, "ChangeSetType") == "CREATE":
            if _phase(name) not in (Phase.GONE, Phase.EMPTY):
                change_set = _given(request, "ChangeSetName")
                sentence = (
                    f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set}]."
                )
                return _refused(sentence)
        elif refusal := _not_updatable(name):
            return refusal
        answer = original(request)
        if answer[0] == 200:
            change_set_id = re.findall(rb"<Id>([^<]+)", answer[2])[0].decode()
            _validate(hooks.inside(_CLOUDFORMATION, "_change_sets")[change_set_id])
        return answer

    return create


def _executing(original: _Handler) -> _Handler:
    def execute(request: dict[str, Any]) -> Any:
        change_sets = hooks.inside(_CLOUDFORMATION, "_change_sets")
        change_set = change_sets.get(_given(request, "ChangeSetName"))
        if change_set is None:
            return original(request)
        name = change_set["StackName"]
        if _phase(name) is not Phase.EMPTY and (refusal := _not_updatable(name)):
            return refusal
        # MiniStack makes an empty stack anew for each first change set, and would leave those of the earlier ones.
        for other in [id_ for id_, other in change_sets.items() if other["StackName"] == name]:
            if other != change_set["ChangeSetId"]:
                change_sets.pop(other)
        return original(request)

    return execute


def _updating(original: _Handler) -> _Handler:
    return lambda request: _not_updatable(_given(request, "StackName")) or original(request)


def _deleting(original: _Handler) -> _Handler:
    def delete(request: dict[str, Any]) -> Any:
        stack = _stack(_given(request, "StackName"))
        status = stack["StackStatus"] if stack else ""
        if phase(status) is Phase.MOVING and not status.startswith(("CREATE_", "DELETE_")):
            return _refused(f"Stack [{stack['StackName']}] cannot be deleted while in status {status}")
        return original(request)

    return delete


def _describing(original: _Handler) -> _Handler:
    def describe(request: dict[str, Any]) -> Any:
        change_set = _given(request, "ChangeSetName")
        if not change_set:
            return original(request)
        made = hooks.inside(_CLOUDFORMATION, "_change_sets").get(change_set)
        if made is None:
            # A name without its stack's id is not enough: github.com/aws-cloudformation/cloudformation-cli/issues/1116.
            return _refused("One of ChangeSetName, OperationId or StackName must be specified")
        plain = {key: value for key, value in request.items() if key != "ChangeSetName"}
        return original({**plain, "StackName": [made["StackName"]], "OperationId": [change_set]})

    return describe


def _validate(change_set: dict[str, Any]) -> None:
    """Let a change set fail for what early validation finds, and keep the reasons for DescribeEvents."""
    stack = _stack(change_set["StackName"])
    errors = list(_errors(change_set, stack)) if change_set["Status"] == "CREATE_COMPLETE" else []
    if not errors:
        return
    checks = dict.fromkeys(_CHECKS[check] for _, _, check, _, _ in errors)
    reason = _REASON.format(", ".join(checks))
    change_set.update(Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=reason, Changes=[])
    event = hooks.inside(_STACKS, "_operation_event")
    stack["_operation_events"] = [
        *(stack.get("_operation_events") or ()),
        *(
            event(
                stack["StackId"], change_set["ChangeSetId"], "VALIDATION_ERROR", "CREATE_CHANGESET",
                LogicalResourceId=resource, ResourceType=kind, ValidationFailureMode="FAIL", ValidationName=check,
                ValidationStatus="FAILED", ValidationStatusReason=reason, ValidationPath=path,
            )
            for resource, kind, check, path, reason in errors
        ),
    ]  # fmt: skip


def _errors(change_set: Mapping[str, Any], stack: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    template, values = change_set["_template"], change_set["_resolved_params"]
    resources, mappings = template["Resources"], template.get("Mappings", {})
    conditions = hooks.inside(_STACKS, "_evaluate_conditions")(template, values)
    names = (stack["StackName"], stack["StackId"])
    owned = frozenset(made["PhysicalResourceId"] for made in stack["_resources"].values())
    yield from hooks.inside(_STACKS, "_validation_errors")(
        resources, list(resources), values, conditions, mappings, *names, owned
    )
    for id_, made in resources.items():
        kind, is_made = made["Type"], conditions.get(made.get("Condition"), True)
        if kind not in _NAMED or id_ in stack["_resources"] or not is_made:
            continue
        property_name, module, table = _NAMED[kind]
        given = made.get("Properties", {}).get(property_name)
        name = hooks.inside(_STACKS, "_static_property")(given, resources, values, conditions, mappings, *names)
        if name in hooks.inside(module, table):
            reason = f"Resource of type '{kind}' with identifier '{name}' already exists."
            yield id_, kind, "NAME_CONFLICT_VALIDATION", f"/Resources/{id_}", reason


def _not_updatable(name: str) -> Any:
    """Return CloudFormation's refusal to update a stack in its present status; nothing if it may be."""
    stack = _stack(name)
    if stack is None or _phase(name) in (Phase.STANDING, Phase.GONE):
        return None
    if _phase(name) is Phase.HALF_UPDATED:
        return _refused(_HALF_UPDATED)
    return _refused(f"Stack:{stack['StackId']} is in {stack['StackStatus']} state and can not be updated.")


def _phase(name: str) -> Phase:
    stack = _stack(name)
    return phase(stack["StackStatus"] if stack else "")


def _stack(name: str) -> Any:
    return hooks.inside(f"{_CLOUDFORMATION}.handlers", "_resolve_stack")(name)


def _given(request: Mapping[str, Any], name: str) -> str:
    return str(hooks.inside(_HELPERS, "_p")(request, name))


def _refused(sentence: str) -> Any:
    return hooks.inside(_HELPERS, "_error")("ValidationError", sentence)

"""A packaged template -> a deployed stack: plan, then carry out. Interrupted anywhere and run again, it ends the same.

Whatever an earlier run left is dealt with first: a change set that waits is dropped, a stack that moves is followed,
one whose first deployment failed is removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import CloudRefused
from deliverywatch.operate.deploy.changes import Change, from_change_set
from deliverywatch.operate.deploy.cloudformation import EMPTY, STILLBORN, Stack

if TYPE_CHECKING:
    from deliverywatch.operate.deploy.aws_formation import CloudFormation
    from deliverywatch.operate.deploy.cloudformation import Event, Following

_STUCK = ("UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_FAILED")
# What CloudFormation says of a change set in which nothing changes.
_NOTHING = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deployment would change, by the id of its change set; that is empty if nothing changes."""

    stack: str
    change_set: str
    is_new: bool
    changes: Sequence[Change]


def ready(formation: CloudFormation, name: str, following: Following) -> Stack | None:
    """Bring a stack to where it can be deployed to, and return it; none if it has to be made."""
    stack = formation.find(name)
    if stack and stack.is_moving:
        stack, _ = follow(formation, stack.id, following, None)
    if stack and stack.status in _STUCK:
        raise _stuck(stack)
    if stack and stack.status in STILLBORN:
        removed(formation, stack, following)
        return None
    if stack is None or stack.status == "DELETE_COMPLETE":
        return None
    for change_set in formation.change_sets(name):
        formation.drop(change_set)
    return stack


def removed(formation: CloudFormation, stack: Stack, following: Following) -> None:
    """Delete a stack and wait until it is gone."""
    after = formation.newest_event(stack.id)
    formation.delete(stack.id)
    ended, failures = follow(formation, stack.id, following, after)
    if ended.status != "DELETE_COMPLETE":
        raise CloudRefused(
            f"The stack {stack.name} could not be deleted: {_reasons(failures) or ended.status}",
            kind="not-deleted",
            next_step="Fix what the reason names and run the same command again; it goes on where it stopped.",
        )


def follow(
    formation: CloudFormation, stack_id: str, following: Following, after: str | None
) -> tuple[Stack, list[Event]]:
    """Follow a stack until it stands still; return it as it is then, and what failed, oldest first.

    `after` is the newest event from before the stack was set in motion: it has not begun before another one. None if it
    moves already.
    """
    failures: list[Event] = []
    seen = after or formation.newest_event(stack_id)
    has_begun = after is None
    while True:
        # The stack first: once it stands still, all its events are there.
        stack = formation.find(stack_id)
        if stack is None:
            return Stack(stack_id, stack_id, "DELETE_COMPLETE"), failures
        for event in formation.events(stack_id, seen):
            following.report(event)
            seen, has_begun = event.id, True
            failures += [event] if event.is_failure else []
        if has_begun and not stack.is_moving:
            return stack, failures
        following.pause()


def plan(
    formation: CloudFormation,
    request: Mapping[str, Any],
    stack: Stack | None,
    following: Following,
    *,
    reverts_drift: bool = False,
) -> Plan:
    """Return what a request would change, as a change set that waits to be carried out or dropped.

    With `reverts_drift` the change set compares with what is there, not with what was deployed.
    """
    is_new = stack is None or stack.status == EMPTY
    mode = {"DeploymentMode": "REVERT_DRIFT"} if reverts_drift and not is_new else {}
    change_set = formation.create(
        {**request, "ChangeSetType": "CREATE" if is_new else "UPDATE", "Capabilities": ["CAPABILITY_IAM"], **mode}
    )
    while (made := formation.change_set(change_set)).status in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
        following.pause()
    if made.status == "FAILED":
        formation.drop(made.id)
        if any(words in made.reason for words in _NOTHING):
            return Plan(request["StackName"], "", is_new, ())
        raise CloudRefused(f"CloudFormation refuses the change: {made.reason}", kind="change-refused")
    return Plan(request["StackName"], made.id, is_new, from_change_set(made.changes))


def drop(formation: CloudFormation, planned: Plan) -> None:
    """Forget a plan, and the empty stack that it may have made."""
    if planned.change_set:
        formation.drop(planned.change_set)
    stack = formation.find(planned.stack) if planned.is_new else None
    if stack and stack.status == EMPTY:
        formation.delete(stack.id)


def carry_out(formation: CloudFormation, planned: Plan, following: Following) -> None:
    """Let a plan happen and wait for its end."""
    stack = formation.find(planned.stack)
    if stack is None or not planned.change_set:
        return
    after = formation.newest_event(stack.id)
    formation.execute(planned.change_set)
    ended, failures = follow(formation, stack.id, following, after)
    if ended.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise CloudRefused(
            f"The deployment failed and was taken back: {_reasons(failures) or ended.status}",
            kind="rolled-back",
            next_step="Fix what the reason names and run the same command again.",
        )


def _stuck(stack: Stack) -> CloudRefused:
    next_step = "Run 'deliverywatch destroy', which says what holds it back."
    if stack.status != "DELETE_FAILED":
        next_step = (
            f"Run 'aws cloudformation continue-update-rollback --stack-name {stack.name}', wait until it has ended, "
            "and run the same command again."
        )
    return CloudRefused(
        f"The stack {stack.name} is in status {stack.status}: CloudFormation could not take an earlier change back.",
        kind="stuck-stack",
        next_step=next_step,
    )


def _reasons(failures: Sequence[Event]) -> str:
    return " ".join(f"{failure.resource}: {failure.reason.rstrip('.')}." for failure in failures[:3])

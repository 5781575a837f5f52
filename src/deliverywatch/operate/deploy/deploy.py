"""A packaged template -> a deployed stack: plan, then carry out. Interrupted anywhere and run again, it ends the same.

Whatever an earlier run left is dealt with first: a stack that moves is followed, one whose first deployment failed is
removed. A change set that nobody carried out is deleted by CloudFormation when another one is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import CloudRefused
from deliverywatch.operate.account.remedies import remedy
from deliverywatch.operate.account.stack_status import Phase, way_out
from deliverywatch.operate.deploy.changes import Change, from_change_set
from deliverywatch.operate.deploy.cloudformation import Stack, overtaken

if TYPE_CHECKING:
    from deliverywatch.operate.deploy.aws_formation import CloudFormation
    from deliverywatch.operate.deploy.cloudformation import ChangeSet, Event, Following, Refusal

# SQS refuses the name of a queue for so long after its deletion (API_CreateQueue, QueueDeletedRecently).
NAME_KEPT_SECONDS = 60
# What CloudFormation says of a change set in which nothing changes.
_NOTHING = ("didn't contain changes", "No updates are to be performed")
# How it points to the reasons that only DescribeEvents has.
_ELSEWHERE = "DescribeEvents"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deployment would change, by the id of its change set; that is empty if nothing changes."""

    stack: str
    change_set: str
    is_new: bool
    changes: Sequence[Change]


def settled(formation: CloudFormation, name: str, following: Following, *, may_wait: bool) -> Stack | None:
    """Wait, if that may be, until a stack can be deployed to or made anew, and return it; none if there is none.

    Raises:
        CloudRefused: A person has to bring it out of its status first.
    """
    stack = formation.find(name)
    if stack and stack.phase is Phase.MOVING and may_wait:
        following.explain(f"CloudFormation is changing {name} ({stack.status}): waiting until it is done.")
        stack, _ = follow(formation, stack.id, following, None)
    if stack and (next_step := way_out(stack.status, name)):
        raise CloudRefused(
            f"The stack {name} is in status {stack.status}, in which CloudFormation changes nothing.",
            kind="stuck-stack",
            next_step=next_step,
        )
    return None if stack is None or stack.phase is Phase.GONE else stack


def cleared(formation: CloudFormation, name: str, seen: Stack | None, following: Following) -> Stack | None:
    """Return a stack as it was seen, none if it is to be made; what is left of a first deployment is removed.

    Raises:
        CloudRefused: Somebody else has deployed since it was seen.
    """
    stack = formation.find(name)
    if _is_fresh(stack) != _is_fresh(seen) or (stack and stack.phase is Phase.MOVING):
        raise overtaken(name)
    if stack and stack.phase is Phase.STILLBORN:
        removed(formation, stack, following)
        return None
    return None if stack is None or stack.phase is Phase.GONE else stack


def wait_for_names(formation: CloudFormation, name: str, following: Following) -> None:
    """Wait, a minute at most, until the names of the queues that a stack's deletion deleted can be used again."""
    began_at = following.now()
    deleted_at = formation.queues_deleted_at(name)
    until = min(deleted_at or began_at, began_at) + timedelta(seconds=NAME_KEPT_SECONDS)
    if deleted_at is None or until <= began_at:
        return
    following.explain(f"SQS keeps the names of deleted queues for a minute: waiting until {until:%H:%M:%S} UTC.")
    while following.now() < until:
        following.pause()


def removed(formation: CloudFormation, stack: Stack, following: Following) -> None:
    """Delete a stack and wait until it is gone."""
    after = formation.newest_event(stack.id)
    formation.delete(stack.id)
    ended, failures = follow(formation, stack.id, following, after)
    if ended.status != "DELETE_COMPLETE":
        raise CloudRefused(
            f"The stack {stack.name} could not be deleted: {_reasons(failures) or ended.status}",
            kind="not-deleted",
            next_step="Fix what the reason names and run the same command again; it goes on where it stopped."
            + _left_behind(stack, failures),
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
        if has_begun and stack.phase is not Phase.MOVING:
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
    is_new = stack is None or stack.phase is Phase.EMPTY
    mode = {"DeploymentMode": "REVERT_DRIFT"} if reverts_drift and not is_new else {}
    change_set = formation.create(
        {**request, "ChangeSetType": "CREATE" if is_new else "UPDATE", "Capabilities": ["CAPABILITY_IAM"], **mode}
    )
    while (made := formation.change_set(change_set)).status in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
        following.pause()
    if made.status == "FAILED":
        if not any(words in made.reason for words in _NOTHING):
            raise _refused(formation, made)
        formation.drop(made.id)
        return Plan(request["StackName"], "", is_new, ())
    for warning in formation.refusals(ChangeSetName=made.id) or ():
        following.explain(f"CloudFormation warns of {warning.words()}")
    return Plan(request["StackName"], made.id, is_new, from_change_set(made.changes))


def drop(formation: CloudFormation, planned: Plan) -> None:
    """Forget a plan, and the empty stack that it may have made."""
    if planned.change_set:
        formation.drop(planned.change_set)
    stack = formation.find(planned.stack) if planned.is_new else None
    if stack and stack.phase is Phase.EMPTY:
        formation.delete(stack.id)


def carry_out(formation: CloudFormation, planned: Plan, following: Following) -> None:
    """Let a plan happen and wait for its end."""
    if not planned.change_set:
        return
    stack = formation.find(planned.stack)
    if stack is None:
        raise overtaken(planned.stack)
    after = formation.newest_event(stack.id)
    formation.execute(planned.change_set, stack.name)
    ended, failures = follow(formation, stack.id, following, after)
    if ended.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        reasons = _details(formation, failures, StackName=stack.id) or _reasons(failures) or ended.status
        raise CloudRefused(
            f"The deployment failed and was taken back: {reasons}",
            kind="rolled-back",
            next_step=remedy(reasons) or "Fix what the reason names and run the same command again.",
        )


def _is_fresh(stack: Stack | None) -> bool:
    return stack is None or stack.phase in (Phase.GONE, Phase.EMPTY, Phase.STILLBORN)


def _refused(formation: CloudFormation, made: ChangeSet) -> CloudRefused:
    """Return why a change set failed: by resource and property where CloudFormation can be asked for that."""
    refusals = formation.refusals(ChangeSetName=made.id)
    if refusals is None and _ELSEWHERE in made.reason:
        # It stays: without it there would be no events to read.
        next_step = f"Run 'aws cloudformation describe-events --change-set-name {made.id}', which says what is wrong."
        return CloudRefused(
            f"CloudFormation refuses the change: {made.reason}", kind="change-refused", next_step=next_step
        )
    formation.drop(made.id)
    reasons = _words(refusals) or made.reason
    next_step = remedy(reasons) or CloudRefused.next_step
    return CloudRefused(f"CloudFormation refuses the change: {reasons}", kind="change-refused", next_step=next_step)


def _details(formation: CloudFormation, failures: Sequence[Event], **of: str) -> str:
    if not any(_ELSEWHERE in failure.reason for failure in failures):
        return ""
    return _words(formation.refusals(**of))


def _words(refusals: Sequence[Refusal] | None) -> str:
    return " ".join(refusal.words() for refusal in refusals or () if not refusal.is_warning)


def _reasons(failures: Sequence[Event]) -> str:
    return " ".join(f"{failure.resource}: {failure.reason.rstrip('.')}." for failure in failures[:3])


def _left_behind(stack: Stack, failures: Sequence[Event]) -> str:
    """Return how to delete a stack without what cannot be deleted."""
    names = dict.fromkeys(failure.resource for failure in failures if failure.resource != stack.name)
    if not names:
        return ""
    kept = " ".join(names)
    return f" To leave them behind: aws cloudformation delete-stack --stack-name {stack.name} --retain-resources {kept}"

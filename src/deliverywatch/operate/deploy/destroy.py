"""A deployed stack -> nothing but what its owner keeps: the history, unless it is to go too.

Interrupted anywhere and run again, it ends the same: a stack that is gone leaves behind what its deletion skipped, and
CloudFormation remembers that for 90 days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deliverywatch.operate.account.deployment import missing
from deliverywatch.operate.account.stack_status import Phase
from deliverywatch.operate.deploy.deploy import follow, removed

if TYPE_CHECKING:
    from deliverywatch.operate.account.resources import Resource
    from deliverywatch.operate.deploy.aws_formation import CloudFormation
    from deliverywatch.operate.deploy.aws_storage import Held, KeptBuckets
    from deliverywatch.operate.deploy.cloudformation import Following, Stack

_BUCKET = "AWS::S3::Bucket"
# DeleteParameters takes no more.
_NAMES_PER_CALL = 10


@dataclass(frozen=True, slots=True)
class Removal:
    """What a removal would do: delete `stack`, unless it is gone, and leave `kept`, whose buckets hold `data`."""

    name: str
    stack: Stack | None
    removed: Sequence[Resource]
    kept: Sequence[Resource]
    data: Sequence[Held]


def plan(
    stacks: CloudFormation, storage: KeptBuckets, name: str, region: str, following: Following, *, may_wait: bool
) -> Removal:
    """Return what a removal would do; nothing is changed. A stack that moves is waited for, if that may be."""
    stack = stacks.find(name)
    if stack and stack.phase is Phase.MOVING and may_wait:
        following.explain(f"CloudFormation is changing {name} ({stack.status}): waiting until it is done.")
        stack, _ = follow(stacks, stack.id, following, None)
    if stack is None or stack.phase is Phase.GONE:
        deleted = stacks.last_deleted(name)
        if deleted is None:
            raise missing(name, region)
        stack, gone, kept = None, [], stacks.skipped(deleted)
    else:
        # A stack that only has change sets has no template either.
        ids = set() if stack.phase is Phase.EMPTY else stacks.kept(name)
        resources = stacks.resources(stack.id)
        gone = [resource for resource in resources if resource.id not in ids]
        kept = [resource for resource in resources if resource.id in ids]
    data = [storage.held(resource.name) for resource in kept if resource.kind == _BUCKET]
    return Removal(name, stack, gone, kept, [held for held in data if held])


def carry_out(
    stacks: CloudFormation,
    storage: KeptBuckets,
    removal: Removal,
    following: Following,
    emptied: Callable[[int], None],
    *,
    with_data: bool,
) -> None:
    """Delete the stack and then, if asked to, its data: nothing writes to it any more by then."""
    if removal.stack:
        removed(stacks, removal.stack, following)
    if with_data:
        for held in removal.data:
            storage.remove(held.bucket, emptied)


def left(removal: Removal, secrets: Sequence[str], artifacts: str, again: str, *, with_data: bool) -> dict[str, str]:
    """Return what is left, each with the command that deletes it."""
    lasting: dict[str, str] = {}
    for held in () if with_data else removal.data:
        size = f"{held.object_count:,} objects, {held.size_bytes / 1e6:,.1f} MB"
        lasting[f"s3://{held.bucket}, {size}: the history"] = f"deliverywatch destroy{again} --with-data"
    if secrets:
        batches = [secrets[first : first + _NAMES_PER_CALL] for first in range(0, len(secrets), _NAMES_PER_CALL)]
        commands = [f"aws ssm delete-parameters --names {' '.join(batch)}" for batch in batches]
        lasting[f"{len(secrets)} SSM parameters with the ClickSend credentials"] = " && ".join(commands)
    if artifacts:
        lasting[f"s3://{artifacts}: code that was deployed, of all stacks here"] = f"aws s3 rb --force s3://{artifacts}"
    return lasting

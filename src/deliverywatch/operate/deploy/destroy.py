"""A deployed stack -> nothing but what its owner keeps: the history, unless told otherwise.

Interrupted anywhere and run again, it ends the same: a stack that is gone leaves behind what its deletion skipped, and
CloudFormation remembers that for 90 days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from deliverywatch.operate.account.deployment import missing
from deliverywatch.operate.deploy.cloudformation import Formation, follow
from deliverywatch.operate.deploy.deploy import removed

if TYPE_CHECKING:
    from deliverywatch.operate.deploy.cloudformation import Following, Resource, Stack

_BUCKET = "AWS::S3::Bucket"


@dataclass(frozen=True, slots=True)
class Held:
    """What a bucket holds: its objects, without the older versions of them."""

    bucket: str
    object_count: int
    size_bytes: int


class Stacks(Formation, Protocol):
    """CloudFormation, with what a removal asks besides."""

    def resources(self, stack_id: str) -> list[Resource]:
        """Return the resources of a stack that is there."""

    def kept(self, name: str) -> set[str]:
        """Return the ids of the resources that outlive the stack, by its template."""

    def last_deleted(self, name: str) -> str | None:
        """Return the id of the stack of this name that was deleted last."""

    def skipped(self, stack_id: str) -> list[Resource]:
        """Return what the deletion of a stack left."""


class Storage(Protocol):
    """The buckets of the account."""

    def held(self, bucket: str) -> Held | None:
        """Return what a bucket holds, or none if there is no such bucket."""

    def remove(self, bucket: str, deleted: Callable[[int], None]) -> None:
        """Delete a bucket with every version of every object, and report how many more are gone."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What a removal would do.

    Attributes:
        stack: The stack to delete; none if it is gone already.
        removed: What of it is deleted.
        kept: What it leaves.
        data: What the buckets among these hold.
    """

    name: str
    stack: Stack | None
    removed: Sequence[Resource]
    kept: Sequence[Resource]
    data: Sequence[Held]


def plan(stacks: Stacks, storage: Storage, name: str, region: str, following: Following) -> Removal:
    """Return what a removal would do; nothing is changed."""
    stack = stacks.find(name)
    if stack and stack.is_moving:
        stack, _ = follow(stacks, stack.id, following, None)
    if stack and stack.status != "DELETE_COMPLETE":
        ids = stacks.kept(name)
        everything = stacks.resources(stack.id)
        gone, kept = (
            [each for each in everything if each.id not in ids],
            [each for each in everything if each.id in ids],
        )
    else:
        deleted = stacks.last_deleted(name)
        if deleted is None:
            raise missing(name, region)
        stack, gone, kept = None, [], stacks.skipped(deleted)
    data = [storage.held(each.name) for each in kept if each.kind == _BUCKET]
    return Removal(name, stack, gone, kept, [each for each in data if each])


def carry_out(
    stacks: Stacks,
    storage: Storage,
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
        for each in removal.data:
            storage.remove(each.bucket, emptied)


def left(removal: Removal, secrets: Sequence[str], artifacts: str, again: str, *, with_data: bool) -> dict[str, str]:
    """Return what is left, each with the command that deletes it."""
    lasting = (
        {}
        if with_data
        else {
            f"s3://{each.bucket}, {each.object_count:,} objects, {each.size_bytes / 1e6:,.1f} MB: the history": (
                f"deliverywatch destroy{again} --with-data"
            )
            for each in removal.data
        }
    )
    if secrets:
        lasting[f"{len(secrets)} SSM parameters with the ClickSend credentials"] = (
            f"aws ssm delete-parameters --names {' '.join(secrets)}"
        )
    if artifacts:
        lasting[f"s3://{artifacts}: code that was deployed, of all stacks here"] = f"aws s3 rb --force s3://{artifacts}"
    return lasting

"""A stack's status in CloudFormation's words -> what can be done with the stack.

Facts: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-console-stack-status.
"""

from enum import StrEnum


class Phase(StrEnum):
    """What state a stack is in, as far as a verb has to know."""

    # There is none, or none any more.
    GONE = "gone"
    # It has change sets that nobody carried out, and nothing else.
    EMPTY = "empty"
    # CloudFormation works on it.
    MOVING = "moving"
    # It can be updated.
    STANDING = "standing"
    # Its very first deployment failed: it can only be deleted.
    STILLBORN = "stillborn"
    # An update that was not to be taken back failed: it has to be taken back first.
    HALF_UPDATED = "half-updated"
    # A change could not be taken back.
    NOT_ROLLED_BACK = "not-rolled-back"
    # It could not be deleted: it can only be deleted again.
    NOT_DELETED = "not-deleted"


_PHASES = {
    "": Phase.GONE,
    "DELETE_COMPLETE": Phase.GONE,
    "REVIEW_IN_PROGRESS": Phase.EMPTY,
    "ROLLBACK_COMPLETE": Phase.STILLBORN,
    "ROLLBACK_FAILED": Phase.STILLBORN,
    "CREATE_FAILED": Phase.STILLBORN,
    "UPDATE_FAILED": Phase.HALF_UPDATED,
    "UPDATE_ROLLBACK_FAILED": Phase.NOT_ROLLED_BACK,
    "IMPORT_ROLLBACK_FAILED": Phase.NOT_ROLLED_BACK,
    "DELETE_FAILED": Phase.NOT_DELETED,
}
# Nothing of a stack runs while it is made for the first time, or taken back from that.
_FIRST_TIME = ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")


def phase(status: str) -> Phase:
    """Return the phase of a status; an empty one stands for no stack."""
    return _PHASES.get(status) or (Phase.MOVING if status.endswith("_IN_PROGRESS") else Phase.STANDING)


def is_unfinished(status: str) -> bool:
    """Return whether a stack was never deployed as a whole, so that nothing can be asked of it."""
    return status in _FIRST_TIME or phase(status) in (Phase.EMPTY, Phase.STILLBORN)


def way_out(status: str, name: str) -> str:
    """Return what a person has to do before a stack can be deployed to; empty if nothing."""
    again = "wait until it has ended, and run 'deliverywatch deploy' again."
    return {
        Phase.HALF_UPDATED: f"Run 'aws cloudformation rollback-stack --stack-name {name}', {again}",
        Phase.NOT_ROLLED_BACK: f"Run 'aws cloudformation continue-update-rollback --stack-name {name}', {again}",
        Phase.NOT_DELETED: f"Run 'deliverywatch destroy --stack {name}', which says what holds it back.",
    }.get(phase(status), "")

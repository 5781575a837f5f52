"""Why a message could not be processed: stored by message id, because a dead letter itself gives no reason.

The processor stores it at every failed attempt, in a table of its own whose items outlive the dead letters. A message
whose function was killed leaves none, and `deliverywatch files dlq show` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import DeliveryWatchError, Retryable
from deliverywatch.files.records.events import as_text

if TYPE_CHECKING:
    from deliverywatch.files.records.sqs import Message

NAMESPACE = "DeliveryWatch/Files"

# Longer than the 14 days that SQS keeps a dead letter at most.
KEPT_DAYS = 21
# DynamoDB bills by the kilobyte; a mail shows a few.
_OBJECT_COUNT = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt.

    Attributes:
        kind: The error's stable word, such as `malformed` or `table`.
        problem: One sentence.
        objects: The first objects that the message is about, as bucket/key; empty if it cannot be read.
        receive_count: How often SQS has delivered the message, this attempt included.
    """

    message_id: str
    kind: str
    problem: str
    next_step: str
    is_retryable: bool
    objects: tuple[str, ...]
    receive_count: int
    at: datetime
    sent_at: datetime

    def as_fields(self) -> dict[str, Any]:
        """Return the fields for the log and the table."""
        return {
            "message_id": self.message_id,
            "kind": self.kind,
            "problem": self.problem,
            "next_step": self.next_step,
            "is_retryable": "true" if self.is_retryable else "false",
            "objects": ", ".join(self.objects),
            "receive_count": self.receive_count,
            "sent_at": as_text(self.sent_at),
            "failed_at": as_text(self.at),
        }

    def as_item(self) -> dict[str, Any]:
        """Return the item of the table of failures."""
        return {**self.as_fields(), "expires_at": int((self.at + timedelta(days=KEPT_DAYS)).timestamp())}


def failure(message: Message, objects: tuple[str, ...], error: Exception, at: datetime) -> Failure:
    """Return the failure of an attempt that ended in this error."""
    if isinstance(error, DeliveryWatchError):
        fields = (error.kind, str(error), error.next_step, isinstance(error, Retryable))
    else:
        # An unforeseen error's text may hold anything: only its name is kept. Another attempt may still succeed.
        sentence = f"Processing failed with {type(error).__name__}."
        fields = ("error", sentence, "Read the function's log at this time for the traceback.", True)
    return Failure(message.id, *fields, objects[:_OBJECT_COUNT], message.receive_count, at, message.sent_at or at)

"""The queue of dead letters -> why each of them failed, and what a redrive would do.

The reason is the one that the processor wrote down by message id (`failures`). Where it wrote none, the message itself
may give it: what the pusher dropped carries the error, and a body that cannot be read still cannot.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from deliverywatch.errors import InputError, MessageMalformed
from deliverywatch.files.records import messages
from deliverywatch.files.records.events import as_text

_OBJECT_COUNT = 5
_UNKNOWN = (
    "No reason was written down: the function was killed or ran out of time, or DynamoDB could not be reached either."
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message in the queue of dead letters."""

    message_id: str
    body: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Explained:
    """A dead letter with why it is one.

    Attributes:
        kind: The error's stable word; `pusher` for what the pusher dropped, `unknown` where nobody wrote a reason.
        will_fail_again: Whether a redrive is in vain, because the message itself is wrong.
    """

    dead_letter: DeadLetter
    kind: str
    problem: str
    next_step: str
    objects: str
    will_fail_again: bool
    failed_at: str = ""

    def as_fields(self) -> dict[str, Any]:
        """Return it as JSON has it, without the body."""
        return {
            "message_id": self.dead_letter.message_id,
            "sent_at": as_text(self.dead_letter.sent_at),
            "failed_at": self.failed_at or None,
            "kind": self.kind,
            "problem": self.problem,
            "next_step": self.next_step,
            "objects": self.objects,
            "will_fail_again": self.will_fail_again,
        }


class DeadLetters(Protocol):
    """The queue of dead letters."""

    def peek(self, limit: int) -> list[DeadLetter]:
        """Return up to so many messages, and leave them in the queue."""


class Reasons(Protocol):
    """What the processor wrote down."""

    def of(self, message_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the items of the table of failures, by message id."""


def explained(queue: DeadLetters, reasons: Reasons, limit: int) -> list[Explained]:
    """Return up to so many dead letters with their reasons, oldest first."""
    dead_letters = sorted(queue.peek(limit), key=lambda each: (each.sent_at, each.message_id))
    reason_of = reasons.of([each.message_id for each in dead_letters])
    return [explain(each, reason_of.get(each.message_id)) for each in dead_letters]


def explain(dead_letter: DeadLetter, reason: Mapping[str, Any] | None) -> Explained:
    """Return a dead letter with its reason, as far as the processor could write one down."""
    failed_at = str(reason.get("failed_at", "")) if reason else ""
    try:
        objects = ", ".join(messages.read(dead_letter.body).objects[:_OBJECT_COUNT])
    except MessageMalformed as error:
        return Explained(dead_letter, error.kind, str(error), error.next_step, "", True, failed_at)  # noqa: FBT003
    if reason is not None:
        kind, problem, next_step = (str(reason[name]) for name in ("kind", "problem", "next_step"))
        in_vain = reason.get("is_retryable") == "false"
        return Explained(dead_letter, kind, problem, next_step, objects, in_vain, failed_at)
    if dropped := _of_pusher(dead_letter.body):
        next_step = "Fix what the sentence names, then redrive."
        return Explained(dead_letter, "pusher", dropped, next_step, objects, will_fail_again=False)
    next_step = f"Read the log of files-process after {as_text(dead_letter.sent_at)}; a redrive does no harm."
    return Explained(dead_letter, "unknown", _UNKNOWN, next_step, objects, will_fail_again=False)


def one(queue: DeadLetters, reasons: Reasons, message_id: str, limit: int) -> Explained:
    """Return the dead letter with this id, or with an id that begins so.

    Raises:
        InputError: There is none among the first `limit`, or several.
    """
    explanations = explained(queue, reasons, limit)
    matching = [each for each in explanations if each.dead_letter.message_id.startswith(message_id)]
    if len(matching) != 1:
        problem = "names several dead letters" if matching else f"is none of the first {limit} dead letters"
        raise InputError(
            f"{message_id} {problem}.", next_step="'deliverywatch files dlq list' shows the ids of those there are."
        )
    return matching[0]


def by_kind(explanations: Iterable[Explained]) -> list[tuple[str, str, int, bool]]:
    """Return kind, sentence, count and whether a redrive is in vain, the most frequent first."""
    counts = Counter((each.kind, each.problem, each.will_fail_again) for each in explanations)
    return [(kind, problem, count, in_vain) for (kind, problem, in_vain), count in counts.most_common()]


def _of_pusher(body: str) -> str:
    """What Lambda says of an event that the pusher could not send on; empty for any other message."""
    document = json.loads(body)
    answer = document.get("responsePayload") if isinstance(document, Mapping) else None
    if not isinstance(answer, Mapping):
        return ""
    return f"The pusher gave up: {str(answer.get('errorMessage', 'it said no more'))[:300]}"

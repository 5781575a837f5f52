"""The queue of dead letters -> why each of them failed, and whether a redrive would help.

The processor stored the reason by message id (`failures`). If there is none, the message itself may give it: what the
pusher dropped carries the error, and a body that could not be read still cannot.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from deliverywatch.errors import InputError, MessageMalformed, TableUnavailable
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
    """A dead letter with its reason.

    Attributes:
        kind: The error's stable word; `pusher` for what the pusher dropped, `unknown` without a reason.
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
        """Return the fields of the JSON document; the body is left out."""
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
        """Return at most `limit` messages and leave them in the queue."""


class Reasons(Protocol):
    """The table of failures."""

    def of(self, message_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the items of messages, by message id."""


def explained(queue: DeadLetters, reasons: Reasons, limit: int) -> list[Explained]:
    """Return at most `limit` dead letters with their reasons, oldest first."""
    dead_letters = sorted(queue.peek(limit), key=lambda dead: (dead.sent_at, dead.message_id))
    reason_of: Mapping[str, Mapping[str, Any]] = {}
    unknown = _UNKNOWN
    try:
        reason_of = reasons.of([dead.message_id for dead in dead_letters])
    except TableUnavailable as error:
        unknown = str(error)
    return [explain(dead, reason_of.get(dead.message_id), unknown) for dead in dead_letters]


def explain(dead_letter: DeadLetter, reason: Mapping[str, Any] | None, unknown: str = _UNKNOWN) -> Explained:
    """Return a dead letter with its reason: the stored one, what the message itself says, or that it is `unknown`."""
    failed_at = str(reason.get("failed_at", "")) if reason else ""
    try:
        reading = messages.read(dead_letter.body)
    except MessageMalformed as error:
        return _in_vain(dead_letter, error, "", failed_at)
    objects = ", ".join(reading.objects[:_OBJECT_COUNT])
    if reading.problems:
        return _in_vain(dead_letter, reading.problems[0], objects, failed_at)
    if reason is not None:
        kind, problem, next_step = (str(reason.get(name, "")) for name in ("kind", "problem", "next_step"))
        in_vain = reason.get("is_retryable") == "false"
        return Explained(dead_letter, kind, problem, next_step, objects, in_vain, failed_at)
    if dropped := _of_pusher(dead_letter.body):
        next_step = "Fix what the sentence names, then redrive."
        return Explained(dead_letter, "pusher", dropped, next_step, objects, will_fail_again=False)
    next_step = f"Read the log of files-process after {as_text(dead_letter.sent_at)}; a redrive does no harm."
    return Explained(dead_letter, "unknown", unknown, next_step, objects, will_fail_again=False)


def _in_vain(dead_letter: DeadLetter, error: MessageMalformed, objects: str, failed_at: str) -> Explained:
    return Explained(dead_letter, error.kind, str(error), error.next_step, objects, True, failed_at)  # noqa: FBT003


def one(queue: DeadLetters, reasons: Reasons, message_id: str, limit: int) -> Explained:
    """Return the dead letter whose id begins so; InputError if the first `limit` hold none such, or several."""
    explanations = explained(queue, reasons, limit)
    matching = [one for one in explanations if one.dead_letter.message_id.startswith(message_id)]
    if len(matching) != 1:
        problem = "names several dead letters" if matching else f"is none of the first {limit} dead letters"
        next_step = "'deliverywatch files dlq list' shows the ids of those there are."
        raise InputError(f"{message_id} {problem}.", next_step=next_step)
    return matching[0]


def by_kind(explanations: Iterable[Explained]) -> list[tuple[str, str, int, bool]]:
    """Return kind, sentence, count and whether a redrive is in vain, most frequent first."""
    counts = Counter((one.kind, one.problem, one.will_fail_again) for one in explanations)
    return [(kind, problem, count, in_vain) for (kind, problem, in_vain), count in counts.most_common()]


def _of_pusher(body: str) -> str:
    """Return what Lambda says about an event that the pusher could not forward; empty for any other message."""
    document = json.loads(body)
    answer = document.get("responsePayload") if isinstance(document, Mapping) else None
    if not isinstance(answer, Mapping):
        return ""
    return f"The pusher gave up: {str(answer.get('errorMessage', 'it said no more'))[:300]}"

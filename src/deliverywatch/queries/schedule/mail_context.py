"""The result of a round -> `state/queries.json`, from which the mails of its alarms take their words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.context import Context, Problem, key_of, to_json

if TYPE_CHECKING:
    from deliverywatch.queries.schedule.apply import Result

KEY = key_of("queries")
_NAMED = 5

_STEPS = (
    "Run 'deliverywatch queries plan --config FILE', FILE being the file of queries: it shows what should be changed.",
    "Read the last lines of the log of the function queries-reconcile: those with ERROR say what could not be done.",
    "A query that failed has a mail of its own, with the reason and a link to Athena.",
)
_LIFT = (
    "FILE is the file of queries. Look with 'deliverywatch queries plan --config FILE'. If it is meant, run "
    "'deliverywatch queries apply --config FILE --allow-deletes'; if not, put the queries back into the file."
)


def of_result(result: Result, problem: DeliveryWatchError | None, now: datetime) -> bytes:
    """Return the document after a reconciliation; `problem` is why it worked with the last good copy, if it did."""
    troubles = list(_troubles(result, problem))
    sentence = " ".join(sentence for sentence, _ in troubles)
    steps = (*dict.fromkeys(step for _, step in troubles), *_STEPS[1:])
    return _document(now, Problem("reconcile", sentence, steps) if troubles else None)


def of_failure(error: Exception, now: datetime) -> bytes:
    """Return the document after a reconciliation that changed nothing, because of this."""
    if isinstance(error, DeliveryWatchError):
        return _document(now, Problem(error.kind, str(error), (error.next_step, *_STEPS[1:])))
    return _document(now, Problem("error", f"The reconciler failed: {type(error).__name__}.", _STEPS[1:]))


def _troubles(result: Result, problem: DeliveryWatchError | None) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, each with what to do."""
    if problem is not None:
        yield f"The file of queries cannot be had: {problem}", problem.next_step
    if result.guard:
        yield (
            f"{result.guard} {len(result.withheld)} are kept: {_listed(result.withheld)}.",
            _LIFT,
        )
    if result.failed:
        reasons = " ".join(f"{name}: {reason}" for name, reason in list(result.failed.items())[:_NAMED])
        yield f"{len(result.failed)} schedules could not be brought to what the file says. {reasons}", _STEPS[0]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _document(now: datetime, problem: Problem | None) -> bytes:
    context = Context(system="queries", noun="scheduled queries", updated_at=now, steps=_STEPS, problem=problem)
    return to_json(context)

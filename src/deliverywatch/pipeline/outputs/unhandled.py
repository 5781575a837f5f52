"""Runs whose end a function did not handle -> `state/pipeline-blind.json`, the context of the mail that says so.

A run is written down before it is handled and taken out afterwards: of a function that is killed the record stays, too.
Lambda's retries have the request id of the first try, so they are one record.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.errors import StoreConflict, StoreUnavailable
from deliverywatch.messages.console import log_url
from deliverywatch.messages.context import Context, Problem, decoded, key_of, to_json
from deliverywatch.messages.untrusted import count, mapping, moment, objects, text
from deliverywatch.pipeline.declaration.pipelines import Pipeline
from deliverywatch.storage.store import Change, Store, update

log = logging.getLogger(__name__)

KEY = key_of("pipeline-blind")
# The alarm looks minutes later: a run that was handled at the second try is still the one that it is about.
_KEPT = timedelta(hours=1)
_MOST, _SHOWN = 20, 3
_STEPS = (
    "Open the log below and read the last error: it says what to do.",
    "What could not be handled waits in the queue pipeline-dead-letters: invoke the function with it again.",
    "Until then look at the runs in Step Functions: pipelines go on, whether they are watched or not.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """One run that a function handles, or tried to; `problem` is empty while it goes on, and if it was killed."""

    function: str
    pipeline: str
    run: str
    region: str
    request: str
    log_group: str
    log_stream: str
    at: datetime
    tries: int = 0
    problem: str = ""
    is_handled: bool = False


def handling_of(event: object, context: Any, pipelines: Sequence[Pipeline], at: datetime) -> Handling:
    """Return what is known of a function's work before it begins; whatever is missing is empty."""
    body = mapping(event)
    parts = text(mapping(body.get("detail")).get("executionArn") or body.get("execution")).split(":")
    function = text(getattr(context, "invoked_function_arn", "")).split(":")
    machine = parts[6] if len(parts) > 7 else ""
    return Handling(
        function=text(getattr(context, "function_name", "")),
        pipeline=next((one.name for one in pipelines if one.state_machine == machine), machine),
        run=parts[7] if len(parts) > 7 else "",
        region=function[3] if len(function) > 3 else parts[3] if len(parts) > 7 else "",
        request=text(getattr(context, "aws_request_id", "")),
        log_group=text(getattr(context, "log_group_name", "")),
        log_stream=text(getattr(context, "log_stream_name", "")),
        at=at,
    )


@contextmanager
def written_down(store: Store, handling: Handling) -> Iterator[None]:
    """Write down that a run is being handled, and how that ended; a store that does not take it stops nobody."""
    _noted(store, handling)
    try:
        yield
    except Exception as error:
        _noted(store, replace(handling, problem=text(str(error) or type(error).__name__, 300)), is_new=False)
        raise
    _noted(store, replace(handling, is_handled=True), is_new=False)


def write_down_failure(store: Store, handling: Handling, error: Exception) -> None:
    """Write down what failed that is about no run, and that the next run of the function does anew."""
    _noted(store, replace(handling, problem=text(str(error), 300)))


def _noted(store: Store, handling: Handling, *, is_new: bool = True) -> None:
    def changed(body: bytes | None) -> Change[None]:
        earlier = [read for one in objects(decoded(body).get("unhandled")) if (read := _read(one))]
        return Change(_document(_with(earlier, handling, is_new=is_new), handling.at, body), None)

    try:
        update(store, KEY, changed)
    except (StoreUnavailable, StoreConflict) as error:
        log.warning("%s", json.dumps({"event": "handling_not_written_down", "problem": str(error)}))


def _with(earlier: Sequence[Handling], handling: Handling, *, is_new: bool) -> list[Handling]:
    same = [one for one in earlier if (one.request, one.function) == (handling.request, handling.function)]
    before = same[-1] if same else replace(handling, tries=0)
    tried = replace(handling, tries=before.tries + is_new, problem=handling.problem or before.problem)
    kept = [one for one in earlier if one not in same and not (_is_past(one) and handling.at - one.at > _KEPT)]
    # One that was handled at once is no news.
    return [*kept, *([] if tried.is_handled and tried.tries < 2 else [tried])][-_MOST:]


def _is_past(one: Handling) -> bool:
    """Whether nobody waits for it any more."""
    return one.is_handled or not one.run


def _document(handlings: Sequence[Handling], at: datetime, before: bytes | None) -> bytes:
    shown = [*reversed(handlings)][:_SHOWN]
    sentences = [*map(_sentence, shown)] or ["A function that watches the pipelines failed."]
    context = Context(
        system="pipeline",
        noun="pipeline",
        updated_at=at,
        problem=Problem("function", " ".join(sentences), _STEPS),
        facts=tuple(fact for one in shown for fact in _facts(one)),
        links=tuple(
            (f"Log of {one.function}", log_url(one.region, one.log_group, one.log_stream))
            for one in shown
            if one.region
        ),
        blind_end="The ends of runs are handled again.",
    )
    return to_json(context, before, unhandled=[_members(one) for one in handlings])


def _sentence(one: Handling) -> str:
    if not one.run:
        return f"{one.function} failed: {one.problem.rstrip('.')}."
    end = "was handled at the next try after" if one.is_handled else "could not be handled:"
    reason = one.problem or "the function was killed before it ended, for want of time or memory"
    return f"The end of the run {one.run} of {one.pipeline} {end} {reason.rstrip('.')}."


def _facts(one: Handling) -> Iterator[tuple[str, str]]:
    if one.run:
        yield ("Run", f"{one.run} of {one.pipeline}, {one.function}, try {one.tries}")
    yield ("Log", f"{one.log_group}, request {one.request}")


def _members(one: Handling) -> dict[str, Any]:
    return asdict(one) | {"at": one.at.isoformat()}


def _read(document: Mapping[str, Any]) -> Handling | None:
    at = moment(document.get("at"))
    names = ("function", "pipeline", "run", "region", "request", "log_group", "log_stream", "problem")
    words = {name: text(document.get(name), 300) for name in names}
    is_handled, tries = document.get("is_handled") is True, count(document.get("tries"))
    return Handling(**words, at=at, tries=tries, is_handled=is_handled) if at else None

"""An error with its cause, as AWS services and their SDKs word it -> what went wrong, the innermost part first.

A cause is a text, or a JSON object as text: a nested execution, an ECS task, a Batch job, an EMR step or job run, an
Athena query, the exception of a Lambda function, a Glue job run, a build, a training job. Step Functions cuts it at
32,768 characters, so the JSON may end anywhere. Shapes: the `Describe` and `Get` answers of each service.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deliverywatch.pipeline.declaration.values import decoded, text

# Step Functions keeps 32,768 characters of a cause; beyond these limits nothing is said that a person wrote.
_LONGEST_TEXT = 100_000
_DEEPEST = 8
_MOST_PARTS = 2_000

# Fields that say what went wrong, the most telling first, in small letters: APIs write their names with large and small
# ones. The reason of a container says more than why its task stopped.
_MESSAGES = (
    "cause",
    "errormessage",
    "error_message",
    "lastfailuremessage",
    "failurereason",
    "statedetails",
    "exitmessage",
    "message",
    "reason",
    "statechangereason",
    "statusreason",
    "statedetail",
    "stoppedreason",
)
_CODES = ("errortype", "error", "errorcode", "error_code", "code", "statuscode", "stopcode", "failurecode")
_STATES = ("jobrunstate", "status", "state", "buildstatus", "trainingjobstatus", "processingjobstatus")
_TELLING_STATES = ("TIMEOUT", "TIMED_OUT", "STOPPED", "ABORTED", "CANCELLED", "EXPIRED")
# What was put in says nothing of what went wrong, and may hold any words.
_INPUTS = frozenset(
    (
        *("input", "inputdetails", "arguments", "parameters", "payload", "query", "querystring", "command"),
        *("environment", "tags", "overrides", "containeroverrides", "hyperparameters", "jobdriver", "sparksubmit"),
        *("configurations", "stacktrace", "trace"),
    )
)
_CODE = re.compile(r"[\w.$:\-]{1,200}")
_CUT_FIELD = re.compile(rf'"({"|".join((*_MESSAGES, *_CODES, *_STATES))})" ?: ?"((?:[^"\\]|\\.)*)', re.IGNORECASE)
_CUT_EXIT_CODE = re.compile(r'"ExitCode" ?: ?(\d{1,5})')


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """What one layer of an error says: its code, such as `S3.AccessDenied`, its words, whether to try again."""

    code: str
    message: str = ""
    is_retryable: bool | None = None


def details_of(error: str, cause: str, depth: int = _DEEPEST) -> tuple[ErrorDetail, ...]:
    """Return what the layers of an error say, the innermost first; each once, none empty."""
    body = decoded(cause[:_LONGEST_TEXT])
    code, words = (error, "") if _CODE.fullmatch(error) else ("", error)
    if isinstance(body, str) and body.lstrip().startswith(("{", "[")):
        body = _of_cut_json(body)
    if isinstance(body, str) or not depth:
        return _unique([ErrorDetail(code, ": ".join(filter(None, (words, cause[:_LONGEST_TEXT]))))])
    return _unique([*_of_parts(body, depth), ErrorDetail(code, words)])


def _unique(details: list[ErrorDetail]) -> tuple[ErrorDetail, ...]:
    return tuple(dict.fromkeys(detail for detail in details if detail.code or detail.message))


def _of_parts(body: object, depth: int) -> list[ErrorDetail]:
    """Return what the objects of a decoded cause say, ordered by how much the field tells that they stand in."""
    ranked = [ranked for part in _parts(body) for ranked in _of_part(part, depth)]
    return [detail for _, detail in sorted(ranked, key=lambda pair: pair[0])]


def _parts(body: object) -> Iterator[Mapping[str, object]]:
    """Yield the objects of a JSON value, the outer before the inner, without those that were put in."""
    waiting = deque([body])
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        value = waiting.popleft()
        if isinstance(value, dict):
            part = {name.lower(): inner for name, inner in value.items()}
            yield part
            waiting.extend(inner for name, inner in part.items() if name not in _INPUTS)
        elif isinstance(value, list):
            waiting.extend(value[:_MOST_PARTS])


def _of_part(part: Mapping[str, object], depth: int) -> Iterator[tuple[int, ErrorDetail]]:
    code = next((text(part[name]) for name in _CODES if text(part.get(name))), "")
    retryable = part.get("retryable")
    messages = [(rank, text(part[name])) for rank, name in enumerate(_MESSAGES) if text(part.get(name))]
    for rank, message in messages:
        for detail in details_of(code, message, depth - 1):
            yield rank, ErrorDetail(detail.code, detail.message, retryable if isinstance(retryable, bool) else None)
    if code and not messages:
        yield len(_MESSAGES), details_of(code, "", 0)[0]
    yield from _of_ending(part)


def _of_ending(part: Mapping[str, object]) -> Iterator[tuple[int, ErrorDetail]]:
    """Yield an exit code and the state in which it ended, where they tell something."""
    exit_code = part.get("exitcode")
    if isinstance(exit_code, int) and not isinstance(exit_code, bool) and exit_code:
        yield len(_MESSAGES), ErrorDetail(f"ExitCode.{str(exit_code)[:6]}")
    state = next((text(part[name]).upper() for name in _STATES if text(part.get(name)).upper() in _TELLING_STATES), "")
    if state:
        yield len(_MESSAGES) + 1, ErrorDetail(f"State.{state}")


def _of_cut_json(words: str) -> object:
    """Return the telling fields of JSON that was cut off, or the text itself if it has none."""
    fields: list[object] = [{match[1]: _unescaped(match[2])} for match in _CUT_FIELD.finditer(words)]
    fields += [{"ExitCode": int(match[1])} for match in _CUT_EXIT_CODE.finditer(words)]
    return fields or words


def _unescaped(words: str) -> str:
    try:
        return str(json.loads(f'"{words}"', strict=False))
    except ValueError:
        return words.replace('\\"', '"')

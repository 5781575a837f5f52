"""What the AWS SDK at hand cannot send -> one sentence; and the oldest SDK with which every function works.

Functions use the boto3 of Lambda's runtime, of which AWS promises no version. Our own, trimmed to what a function
calls, would add 2.8 MB to each zip (8.0 unpacked, with bytecode): the notifier's is 1.1. Its imports take 0.92 times as
long from a warm disk, but each cold start would fetch it first. What is newer than the floor has a way without it.
Nothing of botocore is imported here: a function that calls nothing does not pay for it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from deliverywatch.errors import DeliveryWatchError

# Of July 2024, four months before Lambda had python3.13. `tests/sdk` runs the functions against its parameters.
FLOOR = "1.34.145"
_UPDATE = (
    "Let Lambda choose the runtime's version (aws lambda put-runtime-management-config --update-runtime-on Auto), or "
    "update boto3 where the command runs."
)
_CORRECT = "Nothing was sent. Correct the value that it names and run again."
# Nothing left the machine: the SDK has no such parameter, operation, pages or service, or the value breaks its rules.
_UNSENT = {"ParamValidationError", "UnknownServiceError", "OperationNotPageableError", "UnknownClientMethodError"}
# How a client says that it has no such operation, no pages of it, or no such waiter.
_RAISED_IN = {"AttributeError": "__getattr__", "KeyError": "can_paginate", "ValueError": "get_waiter"}


@contextmanager
def sendable(kind: type[DeliveryWatchError]) -> Iterator[None]:
    """Raise `kind`, with the word `sdk` or `request`, where the SDK refuses a request before anything is sent."""
    try:
        yield
    except Exception as error:
        if not _is_unsent(error):
            raise
        if type(error).__name__ == "ParamValidationError" and "Unknown parameter" not in str(error):
            raise kind(f"AWS was not asked: {_words(error)}.", kind="request", next_step=_CORRECT) from error
        raise kind(f"The AWS SDK here is too old: {_words(error)}.", kind="sdk", next_step=_UPDATE) from error


def is_below_floor(version: str) -> bool:
    """Return whether a version of botocore is older than the functions work with."""
    return _numbers(version) < _numbers(FLOOR)


def _is_unsent(error: Exception) -> bool:
    name = type(error).__name__
    return name in _UNSENT or (name in _RAISED_IN and _raised_in(error) == _RAISED_IN[name])


def _raised_in(error: Exception) -> str:
    """Return the name of the function that raised it: of what we call, only clients make their attributes up."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_name if trace else ""


def _words(error: Exception) -> str:
    """Return botocore's own words in one line, without its heading and the list of what it does know."""
    text = f"it has no operation {error}" if isinstance(error, KeyError) else str(error)
    text = text.removeprefix("Parameter validation failed:").partition(", must be one of")[0]
    return " ".join(text.partition(" Valid services")[0].split()).rstrip(".")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])

"""An event of EventBridge Scheduler -> an event whose placeholders are filled in, or a refusal.

A schedule's input holds `<aws.scheduler.scheduled-time>` and the like, which only EventBridge Scheduler fills in: an
input that is copied into a test of the console still has them, and says neither a time nor an id.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from deliverywatch.errors import InputError
from deliverywatch.messages.untrusted import mapping, moment

_PLACEHOLDER = re.compile(r"<\s*aws\.scheduler\.[^<>]{0,60}>")
_Handler = TypeVar("_Handler", bound=Callable[..., Any])


def filled_in(handler: _Handler) -> _Handler:
    """Let a Lambda's handler refuse an event with a placeholder in it, before anything is done.

    Only what a schedule says is looked at: deeper in an event stands what others wrote.
    """

    @wraps(handler)
    def checked(event: Any, context: Any) -> Any:
        for value in event.values() if isinstance(event, Mapping) else (event,):
            if isinstance(value, str) and (placeholder := _PLACEHOLDER.search(value)):
                raise InputError(
                    f"The event holds {placeholder[0]} as it is, which only EventBridge Scheduler fills in.",
                    next_step="Leave that field out of the test, or write what would stand there, such as a time like "
                    "2026-11-21T12:10:00Z.",
                )
        return handler(event, context)

    return checked  # type: ignore[return-value]


def scheduled_at(event: object, now: datetime) -> datetime:
    """Return the time in the field `scheduled_time` of an event, or `now` if it has none.

    Raises:
        InputError: It is not a time.
    """
    given = mapping(event).get("scheduled_time")
    at = moment(given) if given else now
    if at is None:
        raise InputError(f"'{given}' is not a time such as 2026-11-21T02:00:00Z.")
    return at

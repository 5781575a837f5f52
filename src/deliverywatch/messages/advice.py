"""What one alarm means and what to do about it, where that is more than its watch says: in the context document.

`alarm_advice` of `context` holds it by the name of the alarm. `{name}` in a text is a dimension of the alarm's metrics.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deliverywatch.messages.untrusted import mapping, text

_ALARM_COUNT, _STEP_COUNT = 50, 10


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence for the alarm's mail, and the steps in place of all others."""

    sentence: str
    steps: tuple[str, ...]


def to_document(by_alarm: Mapping[str, Advice]) -> dict[str, Any]:
    """Return the member of a document that holds it."""
    return {alarm: {"sentence": advice.sentence, "steps": advice.steps} for alarm, advice in by_alarm.items()}


def from_document(document: object) -> dict[str, Advice]:
    """Return the advice of an untrusted document; what is of the wrong type is empty."""
    items = [(text(alarm, 255), mapping(item)) for alarm, item in list(mapping(document).items())[:_ALARM_COUNT]]
    return {alarm: Advice(text(item.get("sentence"), 500), _steps(item.get("steps"))) for alarm, item in items}


def _steps(value: object) -> tuple[str, ...]:
    return tuple(text(item, 300) for item in value[:_STEP_COUNT] if text(item)) if isinstance(value, list) else ()

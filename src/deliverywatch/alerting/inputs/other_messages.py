"""Messages that are the state of nothing -> what they say they are: events, feedback, budgets, plain text.

EventBridge: docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html. SES feedback:
docs.aws.amazon.com/ses/latest/dg/notification-contents.html. RDS: docs.aws.amazon.com/AmazonRDS/latest/UserGuide
/USER_Events.Messages.html. No shape is required: a message is titled by the first of its members that is a title.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from deliverywatch.messages.notice import FACT_COUNT, FACT_LIMIT
from deliverywatch.messages.untrusted import mapping, objects, text

UNTITLED = "Message without a title"
_TITLE_LIMIT = 100
_SENTENCE_LIMIT = 300
# Where services say what happened, the most telling first. A dot leads into a member.
_TITLES = ("detail-type", "detailType", "content.title")
_FURTHER_TITLES = (
    *("title", "subject", "Subject", "messageType", "eventName", "Event", "detail.title", "Event Source", "source"),
    *("name", "type"),
)
_SENTENCES = (
    *("detail.title", "detail.description", "content.description", "Event Message", "Description", "description"),
    *("message", "Message", "summary"),
)
# Deeper members are shown as JSON.
_DEPTH = 2


def title_of(message: object, subject: str) -> str:
    """Return what a message says it is, its kind before the subject of its envelope; for a text its first line."""
    body = mapping(message)
    if isinstance(message, str):
        return subject or text(message.strip().partition("\n")[0], _TITLE_LIMIT) or UNTITLED
    kind = _first(body, _TITLES, _TITLE_LIMIT) or _feedback(body)
    return kind or subject or _first(body, _FURTHER_TITLES, _TITLE_LIMIT) or UNTITLED


def sentence_of(message: object) -> str:
    """Return the one sentence in which a message says what happened; empty if none of its members is one."""
    if isinstance(message, str):
        return text(message, _SENTENCE_LIMIT)
    body = mapping(message)
    return _first(body, _SENTENCES, _SENTENCE_LIMIT) or _described(body) or _state(mapping(body.get("detail")))


def facts_of(message: object) -> tuple[tuple[str, str], ...]:
    """Return what a message says by the names of its members, those of its detail first."""
    body = mapping(message)
    ordered = {name: body[name] for name in sorted(body, key=lambda name: name not in ("detail", "content"))}
    pairs = [(text(name, 60), text(value, FACT_LIMIT)) for name, value in _members(ordered, "", _DEPTH)]
    shown = tuple((name, value) for name, value in pairs if name and value)[:FACT_COUNT]
    return shown or (("Message", text(message)),)


def _feedback(body: Mapping[str, Any]) -> str:
    """Return the title of SES feedback, which names the mail and what became of it."""
    kind = text(body.get("notificationType") or body.get("eventType"), 40)
    return f"SES: {kind}" if kind and "mail" in body else kind


def _described(body: Mapping[str, Any]) -> str:
    """Return the description of an AWS Health event, which has one in each of several languages."""
    descriptions = objects(mapping(body.get("detail")).get("eventDescription"))
    return text(descriptions[0].get("latestDescription"), _SENTENCE_LIMIT) if descriptions else ""


def _state(detail: Mapping[str, Any]) -> str:
    state = text(detail.get("state") or detail.get("status"), 40)
    names = (text(value, 100) for name, value in detail.items() if name.lower().endswith(("name", "pipeline", "-id")))
    return f"{next(names, 'It')} is {state}." if state else ""


def _first(body: Mapping[str, Any], paths: tuple[str, ...], limit: int) -> str:
    values = (_at(body, path) for path in paths)
    return next((text(value, limit) for value in values if isinstance(value, str) and text(value)), "")


def _at(body: Mapping[str, Any], path: str) -> object:
    outer, _, inner = path.partition(".")
    return mapping(body.get(outer)).get(inner) if inner else body.get(outer)


def _members(body: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    for name, value in list(body.items())[:FACT_COUNT]:
        if isinstance(value, dict) and value and depth > 1:
            # "detail" says nothing: what is in it stands for itself.
            yield from _members(value, "" if name in ("detail", "content") else f"{prefix}{name}.", depth - 1)
        else:
            yield f"{prefix}{name}", value

"""A notification -> the JSON of the webhook, as `schema.json` documents it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.untrusted import iso, number, text

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.notification import Notification

_LINE_LIMIT, _ITEM_COUNT = 500, 10


def render(notification: Notification) -> bytes:
    """Return the body: type and time of the event, and the incident after it."""
    document = {
        "type": f"incident.{notification.event.lower()}",
        "timestamp": iso(notification.time),
        "data": _incident(notification),
    }
    return json.dumps(document, ensure_ascii=True, allow_nan=False).encode()


def _incident(notification: Notification) -> dict[str, Any]:
    view = notification.view
    counts = {name: number(getattr(notification, name)) for name in ("value", "failed", "total", "peak")}
    return {
        "version": 1,
        "id": notification.id,
        "stack": notification.stack,
        "environment": notification.environment,
        "watch": notification.watch,
        "incident": notification.incident,
        "number": notification.number,
        "event": notification.event,
        "level": notification.level.value,
        "level_before": notification.before.value,
        "is_open": not notification.is_over,
        "opened_at": iso(notification.opened_at),
        "time": iso(notification.time),
        **counts,
        "title": text(view.title, _LINE_LIMIT),
        "subject": text(view.subject, _LINE_LIMIT),
        "sentence": text(view.sentence, _LINE_LIMIT),
        "verdict": text(view.verdict, _LINE_LIMIT),
        "facts": [{"name": text(name, 60), "value": text(value)} for name, value in view.facts[:_ITEM_COUNT]],
        "steps": [text(step, _LINE_LIMIT) for step in view.steps[:_ITEM_COUNT]],
        "links": [{"title": text(title, 60), "url": text(url)} for title, url in view.links[:_ITEM_COUNT]],
    }

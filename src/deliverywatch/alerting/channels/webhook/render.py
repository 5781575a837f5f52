"""A notification -> the JSON of the webhook, as `schema.json` documents it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.channels.protocol.plain import links
from deliverywatch.messages.untrusted import iso, number, text

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.notification import Notification

# Receivers of Standard Webhooks expect less than 20 kB.
_LIMIT_BYTES = 20_000
_LINE, _NAME, _ITEMS = 500, 120, 10


def render(notification: Notification) -> bytes:
    """Return the body, with fewer facts, steps and links if it is too large."""
    for items in (_ITEMS, 3, 0):
        body = _body(notification, items)
        if len(body) <= _LIMIT_BYTES:
            break
    return body


def _body(notification: Notification, items: int) -> bytes:
    """Return type and time of the event, and the incident after it."""
    document = {
        "type": f"incident.{notification.event.lower()}",
        "timestamp": iso(notification.time),
        "data": _incident(notification, items),
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def _incident(notification: Notification, items: int) -> dict[str, Any]:
    view = notification.view
    counts = {name: number(getattr(notification, name)) for name in ("value", "failed", "total", "peak")}
    return {
        "version": 1,
        "id": notification.id,
        "stack": notification.stack,
        "environment": notification.environment,
        "watch": text(notification.watch, _LINE),
        "incident": text(notification.incident, _NAME),
        "number": notification.number,
        "event": notification.event,
        "level": notification.level.value,
        "level_before": notification.before.value,
        "is_open": notification.is_open,
        "opened_at": iso(notification.opened_at),
        "time": iso(notification.time),
        **counts,
        "title": text(view.title, _LINE),
        "subject": text(view.subject, _LINE),
        "sentence": text(view.sentence, _LINE),
        "verdict": text(view.verdict, _LINE),
        "facts": [{"name": text(name, _NAME), "value": text(value, _LINE)} for name, value in view.facts[:items]],
        "steps": [text(step, _LINE) for step in view.steps[:items]],
        "links": [{"title": title, "url": url} for title, url in links(view.links, items)],
    }

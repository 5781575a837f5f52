"""A notification -> an Adaptive Card 1.4 in the message that a workflow of Teams takes.

Texts are runs of a RichTextBlock, in which Teams reads no Markdown, unlike those of a TextBlock or a FactSet
(learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.channels.protocol.words import words_of

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.notification import Notification
    from deliverywatch.alerting.channels.protocol.words import Words

# Teams takes 28,672 bytes after the workflow encoded the card once more: 24,453 became 28,897
# (github.com/MicrosoftDocs/msteams-docs/issues/11274). Whoever sends more is not told: the workflow fails later.
LIMIT_BYTES = 20_000
_STYLES = {"critical": "attention", "alarm": "attention", "warning": "warning", "resolved": "good", "ok": "good"}


def render(notification: Notification) -> bytes:
    """Return the message with the whole card, or with as many of its last parts left out as make it too large."""
    words, style = words_of(notification), _STYLES.get(notification.view.tone, "emphasis")
    paragraphs = list(words.paragraphs)
    while len(message := _message(words, paragraphs, style)) > LIMIT_BYTES and paragraphs:
        paragraphs.pop()
    return message


def _message(words: Words, paragraphs: list[tuple[str, str]], style: str) -> bytes:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": _body(words, paragraphs, style),
        "actions": [{"type": "Action.OpenUrl", "title": title, "url": url} for title, url in words.links],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False).encode()


def _body(words: Words, paragraphs: list[tuple[str, str]], style: str) -> list[dict[str, Any]]:
    head = {
        "type": "Container",
        "style": style,
        "bleed": True,
        "items": [_text(words.headline, weight="Bolder", size="Medium"), _text(words.sentence)],
    }
    columns = [_column(label, value) for label, value in words.numbers]
    shown = [element for heading, text in paragraphs for element in _paragraph(heading, text)]
    footer = [_text(words.footer, isSubtle=True, size="Small")] if words.footer else []
    return [head, *([{"type": "ColumnSet", "columns": columns}] if columns else []), *shown, *footer]


def _column(label: str, value: str) -> dict[str, Any]:
    items = [_text(label, isSubtle=True, size="Small"), _text(value, weight="Bolder")]
    return {"type": "Column", "width": "stretch", "items": items}


def _paragraph(heading: str, text: str) -> list[dict[str, Any]]:
    return [*([_text(heading, weight="Bolder")] if heading else []), _text(text)]


def _text(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **look}]}

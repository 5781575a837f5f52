"""A notification -> a message of Slack's Block Kit (docs.slack.dev/block-kit).

Texts are `plain_text`, in which Slack reads no markup; where it takes `mrkdwn` alone, they are escaped besides
(docs.slack.dev/messaging/formatting-message-text).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.channels.protocol.words import words_of

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.notification import Notification
    from deliverywatch.alerting.channels.protocol.words import Words

# Slack takes 50 blocks and, of all of them together, about 12,000 characters.
_BLOCK_COUNT, _CHARACTER_LIMIT = 40, 8000
_BLOCK_LIMIT = 2900
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def render(notification: Notification) -> bytes:
    """Return the message; its blocks stand in an attachment, which has the colour of the level."""
    words = words_of(notification)
    message = {
        # Of a notification on a telephone it is all there is.
        "text": escaped(f"{words.headline}\n{words.sentence}"),
        "attachments": [{"color": words.tone.line, "fallback": escaped(words.headline), "blocks": _blocks(words)}],
        "unfurl_links": False,
        "unfurl_media": False,
        "link_names": False,
        "parse": "none",
        "mrkdwn": False,
    }
    return json.dumps(message, ensure_ascii=False).encode()


def escaped(text: str) -> str:
    """Return a text for `mrkdwn`, where these three characters begin what Slack acts on."""
    return text.translate(_ESCAPES)


def _blocks(words: Words) -> list[dict[str, Any]]:
    fields = [_plain(f"{label}\n{value}") for label, value in words.numbers]
    shown = [
        *([{"type": "section", "fields": fields}] if fields else []),
        *(_section(heading, text) for heading, text in words.paragraphs),
    ]
    ends = [
        *([_linked(words)] if words.links else []),
        {"type": "context", "elements": [_plain(words.footer or words.headline)]},
    ]
    return [*_fitting(shown, _CHARACTER_LIMIT - _size(ends)), *ends]


def _fitting(blocks: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """Return the first blocks that fit: they stand in the order of what they are worth."""
    kept: list[dict[str, Any]] = []
    for block in blocks[:_BLOCK_COUNT]:
        if _size([*kept, block]) > limit:
            break
        kept.append(block)
    return kept


def _size(blocks: list[dict[str, Any]]) -> int:
    return len(json.dumps(blocks, ensure_ascii=False))


def _section(heading: str, text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(f"{heading}\n{text}" if heading else text)}


def _linked(words: Words) -> dict[str, Any]:
    """Return the links, as many as a section takes."""
    text = ""
    for title, url in words.links:
        link = f"{' · ' if text else ''}<{escaped(url)}|{escaped(title).replace('|', ' ')}>"
        text += link if len(text) + len(link) <= _BLOCK_LIMIT else ""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text or "-", "verbatim": True}}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text[:_BLOCK_LIMIT], "emoji": False}

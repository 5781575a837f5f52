"""A workflow of Teams on loopback: its webhook answers 202, and what is wrong with a card shows in its runs only.

The card is encoded once more on its way and may then have 28,672 bytes, which whoever sent it does not learn
(github.com/MicrosoftDocs/msteams-docs/issues/11274).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from deliverywatch.local.channels.receiver import Receiver, Reply, Request

_PATH = "/workflows/made-up/triggers/manual/paths/invoke"
_SIGNATURE = "made-up"
_LIMIT_BYTES = 28_672
# By what the card grew of whoever reported it: 24,453 bytes became 28,897.
_GROWTH = 1.18
_CARD = "application/vnd.microsoft.card.adaptive"
_MENTION = re.compile(r"<at>([^<]*)</at>")
_MARKDOWN_LINK = re.compile(r"\[[^\[\]]*\]\(([^()]*)\)")


class TeamsServer(Receiver):
    """A workflow that posts to one channel.

    Attributes:
        cards: What is in the channel.
        failed_runs: Why the workflow posted nothing of what it had taken.
        error: What its webhook answers instead: status and body.
    """

    def __init__(self) -> None:
        super().__init__(self._taken)
        self.cards: list[dict[str, Any]] = []
        self.failed_runs: list[str] = []
        self.error: tuple[int, bytes] | None = None

    @property
    def secret(self) -> str:
        """What the SSM parameter holds."""
        return f"{self.url}{_PATH}?api-version=1&sig={_SIGNATURE}"

    def _taken(self, request: Request) -> Reply:
        if self.error:
            return Reply(*self.error)
        if not request.path.startswith(f"{_PATH}?"):
            return Reply(404, b'{"error":{"code":"WorkflowNotFound"}}', "application/json")
        if f"sig={_SIGNATURE}" not in request.path:
            return Reply(401, b'{"error":{"code":"DirectApiAuthorizationRequired"}}', "application/json")
        self._run(request.body)
        return Reply(202, b"")

    def _run(self, body: bytes) -> None:
        if len(body) * _GROWTH > _LIMIT_BYTES:
            self.failed_runs.append("MessageSizeExceeded")
            return
        try:
            attachments = json.loads(body)["attachments"]
        except (ValueError, KeyError, TypeError):
            self.failed_runs.append("InvalidTemplate")
            return
        self.cards += [attached["content"] for attached in attachments if attached.get("contentType") == _CARD]


def mentions(card: dict[str, Any]) -> list[str]:
    """Return whom Teams would call to a card: who stands in a text and among its entities."""
    entities = card.get("msteams", {}).get("entities", [])
    return [name for text in _texts(card) for name in _MENTION.findall(text) if entities]


def links(card: dict[str, Any]) -> list[str]:
    """Return where a click would lead: the card's actions, and Markdown where Teams reads it."""
    own = [action["url"] for action in card.get("actions", []) if action.get("type") == "Action.OpenUrl"]
    marked = [node.get("text", "") for node in _nodes(card) if node.get("type") == "TextBlock"]
    marked += [str(fact) for node in _nodes(card) if node.get("type") == "FactSet" for fact in node["facts"]]
    return own + [url for text in marked for url in _MARKDOWN_LINK.findall(text)]


def _texts(card: dict[str, Any]) -> list[str]:
    return [str(node["text"]) for node in _nodes(card) if "text" in node]


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from _nodes(part)
    elif isinstance(value, list):
        for part in value:
            yield from _nodes(part)

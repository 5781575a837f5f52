"""Slack on loopback: an incoming webhook, and the methods of the Web API that a bot posts with.

What its readers would see is worked out as Slack documents it: which mentions and links it would make of a message, and
which blocks it refuses (docs.slack.dev/reference/block-kit, docs.slack.dev/messaging/formatting-message-text).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deliverywatch.local.channels.receiver import Receiver, Reply, Request

_HOOK = "/services/T00000000/B00000000/made-up"
_TOKEN = "xoxb-made-up"  # noqa: S105 - nobody's
_ROOM = "C0123456789"
_CONTROL = re.compile(r"<([^<>]+)>")
_BARE_LINK = re.compile(r"(?:https?://|www\.)\S+")
_NAMES = re.compile(r"(?<!\w)@(?:channel|here|everyone)\b")
_SECTION, _FIELD, _FIELDS, _BLOCKS, _TOTAL = 3000, 2000, 10, 50, 12_000


@dataclass(slots=True)
class Post:
    """A message in Slack's channel, as it is now.

    Attributes:
        thread: The stamp of the message that it replies to; empty for one of the channel.
        versions: What it was before it was updated.
    """

    stamp: str
    message: Mapping[str, Any]
    thread: str = ""
    versions: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What is above the attachment."""
        return str(self.message.get("text", ""))

    @property
    def problem(self) -> str:
        """Slack's word for what is wrong with it; empty if it takes it."""
        return _problem(self.message)

    @property
    def mentions(self) -> list[str]:
        """Whom Slack would call to it."""
        orders = [order for text in _marked(self.message) for order in _CONTROL.findall(text) if order[0] in "!@#"]
        if self.message.get("link_names") or self.message.get("parse") == "full":
            orders += [name for text in _marked(self.message) for name in _NAMES.findall(text)]
        return orders

    @property
    def links(self) -> list[str]:
        """Where a click would lead."""
        marked = list(_marked(self.message))
        own = [order.partition("|")[0] for text in marked for order in _CONTROL.findall(text) if order[0] not in "!@#"]
        is_parsed = self.message.get("parse") != "none"
        return own + [link for text in marked if is_parsed for link in _BARE_LINK.findall(_CONTROL.sub("", text))]


class SlackServer(Receiver):
    """A workspace with one channel, one incoming webhook and one bot.

    Attributes:
        posts: What is in the channel, threads included, in the order of arrival.
        hook_error: What the webhook answers instead: status and word.
        api_error: The word with which the methods answer instead.
    """

    def __init__(self) -> None:
        super().__init__(self._taken)
        self.posts: list[Post] = []
        self.hook_error: tuple[int, bytes] | None = None
        self.api_error = ""

    @property
    def hook(self) -> str:
        """What the SSM parameter holds of a webhook."""
        return f"{self.url}{_HOOK}"

    @property
    def bot(self) -> str:
        """What the SSM parameter holds of a bot that posts to this Slack."""
        return f"{_TOKEN} {self.url}/api"

    room = _ROOM

    def _taken(self, request: Request) -> Reply:
        if request.path.startswith("/api/"):
            return self._called(request.path.removeprefix("/api/"), request)
        if self.hook_error:
            return Reply(*self.hook_error)
        if request.path != _HOOK:
            return Reply(404, b"no_service")
        message = _message(request.body)
        if message is None:
            return Reply(400, b"invalid_payload")
        if problem := _problem(message):
            return Reply(400, problem.encode())
        self._post(message, "")
        return Reply(200, b"ok")

    def _called(self, method: str, request: Request) -> Reply:
        message = _message(request.body) or {}
        if request.headers.get("authorization") != f"Bearer {_TOKEN}":
            return _json(ok=False, error="invalid_auth")
        if self.api_error or message.get("channel") != _ROOM:
            return _json(ok=False, error=self.api_error or "channel_not_found")
        if problem := _problem(message):
            return _json(ok=False, error=problem)
        if method == "chat.update":
            return self._updated(message)
        if method != "chat.postMessage":
            return _json(ok=False, error="unknown_method")
        return _json(ok=True, channel=_ROOM, ts=self._post(message, str(message.get("thread_ts", ""))).stamp)

    def _post(self, message: Mapping[str, Any], thread: str) -> Post:
        post = Post(f"1795600000.{len(self.posts):06}", message, thread)
        self.posts.append(post)
        return post

    def _updated(self, message: Mapping[str, Any]) -> Reply:
        posts = [post for post in self.posts if post.stamp == message.get("ts")]
        if not posts:
            return _json(ok=False, error="message_not_found")
        posts[0].versions.append(posts[0].message)
        posts[0].message = message
        return _json(ok=True, channel=_ROOM, ts=posts[0].stamp)


def _json(**document: Any) -> Reply:
    return Reply(200, json.dumps(document).encode(), "application/json")


def _message(body: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _blocks(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    attached = [block for attachment in message.get("attachments", []) for block in attachment.get("blocks", [])]
    return [*message.get("blocks", []), *attached]


def _problem(message: Mapping[str, Any]) -> str:
    """Return Slack's word for what is wrong with a message; empty if it takes it."""
    blocks = _blocks(message)
    if not message.get("text") and not blocks:
        return "no_text"
    if len(blocks) > _BLOCKS or not all(_is_valid(block) for block in blocks):
        return "invalid_blocks"
    if len(json.dumps(blocks, ensure_ascii=False)) > _TOTAL:
        return "msg_blocks_too_long"
    return ""


def _is_valid(block: Mapping[str, Any]) -> bool:
    fields = block.get("fields", [])
    texts = [block["text"]] if "text" in block else []
    return (
        block.get("type") in {"section", "context", "divider"}
        and len(fields) <= _FIELDS
        and all(0 < len(text["text"]) <= _SECTION for text in [*texts, *block.get("elements", [])])
        and all(0 < len(text["text"]) <= _FIELD for text in fields)
    )


def _marked(message: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts in which Slack looks for orders: all but those that are `plain_text`."""
    yield str(message.get("text", ""))
    for attachment in message.get("attachments", []):
        yield str(attachment.get("fallback", ""))
    for block in _blocks(message):
        texts = [block.get("text", {}), *block.get("fields", []), *block.get("elements", [])]
        yield from (text["text"] for text in texts if text.get("type") == "mrkdwn")

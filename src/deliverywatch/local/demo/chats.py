"""Slack, Teams and a webhook on loopback beside a play's stack; and what it sent them, as their readers see it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.incidents import outbox
from deliverywatch.alerting.inputs.channel_settings import Kind
from deliverywatch.local.channels.slack import SlackServer
from deliverywatch.local.channels.teams import TeamsServer
from deliverywatch.local.channels.webhook import WebhookServer

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.local.cloud.cloud import LocalCloud

# What each channel of a play gets: the webhook is that of the people on call.
ROUTES = {Kind.SLACK: "all", Kind.TEAMS: "all", Kind.WEBHOOK: "critical"}
_SLACK_LINK = re.compile(r"<([^<|>]+)\|([^<>]+)>")

# Of which incident's watch, and its number.
Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a message: `text`, a `number` with its label, a `link` with its url, something `small`, or `code`."""

    kind: str
    text: str
    label: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """What a channel got of one change; `headline` is its first line."""

    channel: str
    sent_at: datetime
    headline: str
    lines: tuple[Line, ...]

    @property
    def preview(self) -> str:
        """Return what the page shows before it is opened: the first sentence, since the headline is the mail's."""
        return next((line.text for line in self.lines if line.kind == "text"), self.headline)


@contextmanager
def opened(cloud: LocalCloud) -> Iterator[None]:
    """Run the three services, and keep their secrets where the stack's operator would."""
    with SlackServer() as slack, TeamsServer() as teams, WebhookServer(now=lambda: cloud.clock.now) as webhook:
        secrets = {Kind.SLACK: slack.bot, Kind.TEAMS: teams.secret, Kind.WEBHOOK: webhook.secret}
        for kind, secret in secrets.items():
            cloud.client("ssm").put_parameter(Name=_name(kind), Value=secret, Type="SecureString")
        yield


def parameters(cloud: LocalCloud) -> dict[str, str]:
    """Return the stack's parameters of the channels whose secrets are there."""
    held = cloud.client("ssm").get_parameters(Names=[_name(kind) for kind in Kind])["Parameters"]
    kinds = [kind for kind in Kind if _name(kind) in {one["Name"] for one in held}]
    chosen = {f"{kind.capitalize()}Parameter": _name(kind) for kind in kinds}
    routed = {f"{kind.capitalize()}Route": ROUTES[kind] for kind in kinds}
    return chosen | routed | ({"SlackChannel": SlackServer.room} if Kind.SLACK in kinds else {})


def messages(cloud: LocalCloud, bucket: str) -> dict[Key, list[ChatMessage]]:
    """Return what every channel took, by the change that it is about."""
    store, sent = cloud.bucket(bucket), dict[Key, list[ChatMessage]]()
    for key in store.keys(f"{outbox.CHANNELS}/"):
        stored = store.read(key)
        record = outbox.from_json(stored.body) if stored else None
        body = store.read(outbox.body_key(record)) if record and record.sent_at else None
        if record and record.sent_at and body:
            message = _message(record, record.sent_at, json.loads(body.body))
            sent.setdefault((record.incident, record.watch, record.seq), []).append(message)
    return sent


def _name(kind: Kind) -> str:
    return f"/deliverywatch/prod/{kind.value}"


def _message(record: Record, sent_at: datetime, payload: Mapping[str, Any]) -> ChatMessage:
    kind = Kind(str(record.channel))
    headline, lines = {Kind.SLACK: _slack, Kind.TEAMS: _teams, Kind.WEBHOOK: _webhook}[kind](payload)
    return ChatMessage(kind.capitalize(), sent_at, headline, tuple(lines))


def _slack(payload: Mapping[str, Any]) -> tuple[str, list[Line]]:
    headline, _, sentence = str(payload["text"]).partition("\n")
    blocks = [block for attachment in payload["attachments"] for block in attachment["blocks"]]
    return _unescaped(headline), [Line("text", _unescaped(sentence)), *_slack_lines(blocks)]


def _slack_lines(blocks: Iterable[Mapping[str, Any]]) -> Iterator[Line]:
    for block in blocks:
        for field in block.get("fields", ()):
            label, _, value = field["text"].partition("\n")
            yield Line("number", value, label)
        if "text" in block:
            yield from _slack_text(block["text"])
        yield from (Line("small", element["text"]) for element in block.get("elements", ()))


def _slack_text(text: Mapping[str, str]) -> Iterator[Line]:
    if text["type"] == "plain_text":
        yield Line("text", text["text"])
        return
    for url, title in _SLACK_LINK.findall(text["text"]):
        yield Line("link", _unescaped(title), url=_unescaped(url))


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _teams(payload: Mapping[str, Any]) -> tuple[str, list[Line]]:
    card = payload["attachments"][0]["content"]
    head, *rest = card["body"]
    headline, *lead = map(_run, head["items"])
    links = [Line("link", action["title"], url=action["url"]) for action in card.get("actions", ())]
    return headline, [*(Line("text", text) for text in lead), *_card_lines(rest), *links]


def _card_lines(elements: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    for element in elements:
        if element["type"] == "ColumnSet":
            yield from (Line("number", _run(value), _run(label)) for label, value in _columns(element))
        else:
            is_small = any(run.get("isSubtle") for run in element["inlines"])
            yield Line("small" if is_small else "text", _run(element))


def _columns(element: Mapping[str, Any]) -> list[Sequence[Mapping[str, Any]]]:
    return [column["items"] for column in element["columns"]]


def _run(element: Mapping[str, Any]) -> str:
    return "".join(str(run["text"]) for run in element["inlines"])


def _webhook(payload: Mapping[str, Any]) -> tuple[str, list[Line]]:
    return str(payload["type"]), [Line("code", json.dumps(payload, indent=1, ensure_ascii=False))]

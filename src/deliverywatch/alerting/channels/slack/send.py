"""A message -> Slack: an incoming webhook, or `chat.postMessage` and `chat.update` where the secret is a bot's token.

Errors: docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, and the pages of both methods.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.channels.protocol import answers
from deliverywatch.alerting.channels.protocol.http import checked
from deliverywatch.alerting.channels.protocol.notification import Outcome, Result
from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.untrusted import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deliverywatch.alerting.channels.protocol.http import Answer, Http
    from deliverywatch.alerting.channels.protocol.notification import Delivery

_NAME = "Slack"
_TOKEN = "xox"  # noqa: S105 - how all tokens of Slack begin
# Slack for governments has another, which may follow the token.
_API = "https://slack.com/api"
_ROOM = re.compile(r"[CGD][A-Z0-9]{1,30}")
# Slack's own words for what went wrong: never more than a word of an answer is repeated.
_WORD = re.compile(r"[a-z][a-z_]{0,60}")
_LATER = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
# The first message cannot be updated any more: the incident begins a new one.
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})


def send(payload: bytes, secret: str, http: Http, delivery: Delivery) -> Result:
    """Post a message to a webhook; or as a bot, the first of an incident, or an update of that and a reply to it."""
    if not secret.startswith(_TOKEN):
        checked(secret, "Slack")
        return _posted(payload, secret, http, delivery)
    if not _ROOM.fullmatch(delivery.channel.room):
        raise ConfigurationError("A bot of Slack needs SlackChannel, the id of a channel like C0123456789.")
    token, *apis = secret.split()
    bot = _Bot(token, checked(apis[0] if apis else _API, "Slack"), http, delivery)
    return bot.follow_up(json.loads(payload)) if delivery.thread else bot.begin(json.loads(payload))


def _posted(payload: bytes, url: str, http: Http, delivery: Delivery) -> Result:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer, result = answers.attempt(lambda: http.post(url, payload, headers), _NAME, delivery.time)
    said = answer.body.decode("ascii", "replace").strip() if answer else ""
    if result.outcome is Outcome.SENT and said != "ok":
        result = Result(Outcome.UNCONFIRMED, "Slack did not answer that it took the message.")
    return _with_word(result, _word(said))


class _Bot:
    """One attempt of a bot."""

    def __init__(self, token: str, api: str, http: Http, delivery: Delivery) -> None:
        self._token, self._api, self._http, self._delivery = token, api, http, delivery

    def begin(self, message: dict[str, Any]) -> Result:
        """Post the first message of an incident; its place is the thread."""
        return self._called("chat.postMessage", message | {"channel": self._delivery.channel.room})[0]

    def follow_up(self, message: dict[str, Any]) -> Result:
        """Update the first message, which does no harm if it is done twice, and then reply to it."""
        room, _, stamp = self._delivery.thread.partition(" ")
        updated, word = self._called("chat.update", message | {"channel": room, "ts": stamp})
        if word in _GONE:
            return self.begin(message)
        if updated.outcome is Outcome.UNCONFIRMED:
            return replace(updated, outcome=Outcome.UNAVAILABLE)
        if updated.outcome is not Outcome.SENT:
            return updated
        replied, _ = self._called("chat.postMessage", message | {"channel": room, "thread_ts": stamp})
        return replace(replied, thread="")

    def _called(self, method: str, message: dict[str, Any]) -> tuple[Result, str]:
        """Call a method, and return what came of it, and Slack's word for what went wrong."""
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {self._token}"}
        url = f"{self._api}/{method}"
        body = json.dumps(message).encode()
        answer, result = answers.attempt(lambda: self._http.post(url, body, headers), _NAME, self._delivery.time)
        if answer is None or result.outcome is not Outcome.SENT:
            return result, ""
        return _judged(answer, self._delivery)


def _judged(answer: Answer, delivery: Delivery) -> tuple[Result, str]:
    """Return what the JSON of a method says: its status is 200 for most errors."""
    try:
        document = mapping(json.loads(answer.body))
    except ValueError:
        return Result(Outcome.UNCONFIRMED, "Slack answered something that is not JSON."), ""
    if document.get("ok") is True:
        return Result(Outcome.SENT, thread=_thread(document)), ""
    word = _word(str(document.get("error", "")))
    outcome = Outcome.UNAVAILABLE if word in _LATER else Outcome.REFUSED
    seconds = answers.retry_after(answer, delivery.time)
    problem = f"Slack refused the message: {word or 'it gave no reason'}."
    return Result(outcome, problem, retry_after_seconds=seconds), word


def _thread(document: Mapping[str, Any]) -> str:
    room, stamp = document.get("channel"), document.get("ts")
    return f"{room} {stamp}" if isinstance(room, str) and isinstance(stamp, str) else ""


def _with_word(result: Result, word: str) -> Result:
    if result.outcome is Outcome.SENT or not word:
        return result
    return replace(result, problem=f"{result.problem.removesuffix('.')} ({word}).")


def _word(text: str) -> str:
    return text if _WORD.fullmatch(text) else ""

"""A card -> the webhook of a workflow of Teams, which answers 202 and posts it later."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from deliverywatch.alerting.channels.protocol import answers
from deliverywatch.alerting.channels.protocol.http import Answer, checked
from deliverywatch.alerting.channels.protocol.notification import Outcome, Result

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.http import Http
    from deliverywatch.alerting.channels.protocol.notification import Delivery

_NAME = "Teams"
# Connectors, which workflows replace, answer 200 to what Teams did not take, and say the status in words
# (github.com/MicrosoftDocs/msteams-docs/issues/7425, github.com/rveachkc/pymsteams/issues/146).
_STATUS = re.compile(rb"HTTP error ([1-5]\d\d)\b")
# And what else is said in place of an answer to what was taken: words of a connector, an error in JSON, a page.
_STRANGE = re.compile(rb'\s*(?:<|\{\s*"error"|Webhook message delivery failed|System\.)')


def send(payload: bytes, secret: str, http: Http, delivery: Delivery) -> Result:
    """Post a card; its signature is part of the address, which is the secret."""
    checked(secret, "Teams")
    headers = {"Content-Type": "application/json"}
    answer, result = answers.attempt(lambda: http.post(secret, payload, headers), _NAME, delivery.time)
    return _judged(answer, delivery.time) if answer and result.outcome is Outcome.SENT else result


def _judged(answer: Answer, now: datetime) -> Result:
    """Return what the text of a success says."""
    if status := _STATUS.search(answer.body):
        return answers.by_status(Answer(int(status[1]), headers=answer.headers), _NAME, now)
    if _STRANGE.match(answer.body):
        return Result(Outcome.UNCONFIRMED, "Teams did not answer as a workflow that took the message does.")
    return Result(Outcome.SENT)

"""What leaves the local cloud: mails sent through SES, and the e-mails of SNS subscriptions.

MiniStack records a mail without its source and never sends an SNS e-mail; here both are kept, with the simulated time.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Clock


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it left, in RFC 5322 form; its channel is `ses`, or `sns` for the e-mail of a subscription."""

    sent_at: datetime
    source: bytes
    channel: str = "ses"

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        parsed = message_from_bytes(self.source, policy=policy.default)
        assert isinstance(parsed, EmailMessage)  # noqa: S101 - the default policy makes no other
        return parsed

    @property
    def subject(self) -> str:
        """The subject in one line."""
        return str(self.message["Subject"] or "").strip()

    def text(self, kind: str = "plain") -> str:
        """Return the body of a kind, `plain` or `html`; empty if the mail has none."""
        body = self.message.get_body((kind,))
        return str(body.get_content()) if body else ""


class Outbox:
    """Keeps every mail that leaves, and can make SES refuse.

    A mail with a configuration set is one of those that are watched, not an alert about them: `accept` takes it.
    """

    def __init__(self, clock: Clock, accept: Callable[[dict[str, Any], str], None]) -> None:
        self._clock = clock
        self._accept = accept
        self._refusal: tuple[str, str] | None = None
        self.mails: list[Mail] = []

    def refuse(self, code: str = "", sentence: str = "") -> None:
        """Make SES answer every mail with an error of this code; without a code it accepts mails again."""
        self._refusal = (code, sentence) if code else None

    def install(self, placed: hooks.Hooks) -> None:
        """Put the bridges into MiniStack."""
        placed.replace("services.ses_v2", "handle_request", self._around_ses)
        placed.replace("services.sns", "_fanout", self._around_sns)

    def _around_ses(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
            sending = method == "POST" and path.rstrip("/").endswith("/outbound-emails")
            if sending and self._refusal:
                return _error(*self._refusal)
            answer = await original(method, path, headers, body, query)
            if sending and answer[0] == 200:
                request = json.loads(body)
                if request.get("ConfigurationSetName"):
                    self._accept(request, json.loads(answer[2])["MessageId"])
                else:
                    self.mails.append(Mail(self._clock.now, _source(request)))
            return answer

        return handle

    def _around_sns(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def fan_out(topic_arn: str, message_id: str, message: str, subject: str, *rest: Any, **more: Any) -> None:
            original(topic_arn, message_id, message, subject, *rest, **more)
            topic = hooks.inside("services.sns", "_topic_by_arn_any_scope")(topic_arn) or {}
            for subscription in topic.get("subscriptions", ()):
                if subscription.get("protocol") in ("email", "email-json"):
                    self.mails.append(Mail(self._clock.now, _plain(subscription["endpoint"], subject, message), "sns"))

        return fan_out


def _source(request: dict[str, Any]) -> bytes:
    content = request["Content"]
    if "Raw" in content:
        return base64.b64decode(content["Raw"]["Data"])
    simple = content["Simple"]
    body = simple["Body"]
    recipients = ", ".join((request.get("Destination") or {}).get("ToAddresses", []))
    return _plain(recipients, simple["Subject"]["Data"], (body.get("Text") or body.get("Html"))["Data"])


def _plain(recipient: str, subject: str, text: str) -> bytes:
    mail = EmailMessage(policy=policy.SMTP)
    mail["To"] = recipient
    mail["From"] = "AWS Notifications <no-reply@sns.amazonaws.com>"
    mail["Subject"] = (subject or "AWS Notification Message").replace("\n", " ")
    mail.set_content(text)
    return mail.as_bytes()


def _error(code: str, sentence: str) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"__type": code, "message": sentence}).encode()
    return 400, {"Content-Type": "application/json", "x-amzn-ErrorType": code}, body

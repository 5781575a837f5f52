"""A stream's events, minute by minute, through the transform and the judge, the deployed alarms and the notifier.

All of it is what is deployed; only CloudWatch is our engine, S3 memory, and SES's mailer a list. Firehose hands a batch
over each minute, the judge runs every ten, and so does the notifier's sweep.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from email_world import ARN, line

from cwalarm.definitions import alarm as definitions
from cwalarm.definitions import documents
from cwalarm.definitions.alarm import Metric, State
from cwalarm.evaluation.evaluate import evaluate
from cwalarm.evaluation.message import Outcome, sns_message
from cwalarm.evaluation.series import Series
from cwalarm.replay.backtest import Change
from deliverywatch.alerting.dry_run import Pile
from deliverywatch.alerting.incidents.severity import watches
from deliverywatch.alerting.inputs.settings import Settings
from deliverywatch.alerting.notify import Notifier
from deliverywatch.alerting.ports import Ports
from deliverywatch.backtest.inputs.account import ACCOUNT, REGION, Account
from deliverywatch.email.counts import NAMESPACE
from deliverywatch.email.events.mail_context import key_of
from deliverywatch.email.events.streams import Stream
from deliverywatch.email.judge import Addition, Judge, Share
from deliverywatch.email.rates.record import digest_of
from deliverywatch.email.rates.rules import Limits
from deliverywatch.email.transform import transformed
from deliverywatch.local.cloud.mail.ses_events import Sent
from deliverywatch.storage.memory import Memory

START = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PREFIX = "deliverywatch-prod"
SETTINGS = Settings("prod", PREFIX, "alerts@example.com", ("support@example.com",), "UTC", "d", "w", REGION)

Event = tuple[datetime, dict[str, Any]]


def sending(
    count: int,
    minutes: float,
    bad: int = 0,
    *,
    late: timedelta = timedelta(),
    late_count: int = 0,
    at: datetime = START,
    name: str = "m",
    kind: str = "bounce",
) -> list[Event]:
    """Return the events of mails that are sent evenly; of the bad ones, spread evenly, some bounce late."""
    every = [count * number // bad for number in range(bad)]
    in_time = bad - late_count
    # Those whose event comes soon are spread evenly, too.
    early = {every[number * bad // in_time] for number in range(in_time)}
    events: list[Event] = []
    for number in range(count):
        time = at + timedelta(seconds=60 * minutes * number / count)
        mail = Sent(f"{name}-{number}", time, "news", (f"p{number}@{('example.com', 'example.net')[number % 2]}",))
        events.append((time, mail.event("Send", time)))
        soon = time + timedelta(seconds=5)
        then = soon if number in early else soon + late
        if number not in every or kind == "complaint":
            events.append((soon, mail.delivery(soon)))
        if number in every:
            events.append((then, mail.bounce(then) if kind == "bounce" else mail.complaint(then)))
    return events


@dataclass
class Play:
    """One stream of a stack, in which nothing has happened yet."""

    built: Path
    stream: Stream = Stream.NEWSLETTER
    limits: Limits = field(default_factory=Limits)
    store: Memory = field(default_factory=Memory)
    pile: Pile = field(default_factory=Pile)
    series: Series = field(default_factory=Series)
    shares: list[tuple[datetime, str, float]] = field(default_factory=list)
    sent_at: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        defined = definitions.from_template(documents.read(self.built / "template.json"))
        part = f"{PREFIX}-email-{self.stream}-"
        self.alarms = [one for one in defined if one.name.startswith((f"{part}bounces", f"{part}complaints"))]
        self.account = Account({one.name: one for one in self.alarms}, {}, self.series)
        declared = watches(json.loads((self.built / "watches.json").read_text()), PREFIX)
        chosen = tuple(
            one for one in declared if one.name.startswith(part.removeprefix(f"{PREFIX}-")) and "blind" not in one.name
        )
        ports = Ports(alarms=self.account, store=self.store, mailer=self.pile, fallback=self.pile, charts=self.account)
        self.notifier = Notifier(ports, SETTINGS, chosen, "play")
        self.judge = Judge(self.store, self.limits, "prod")

    def run(self, events: Iterable[Event], hours: float, start: datetime = START, *, repeats: int = 1) -> Play:
        """Let time go by; events come in the batch of the minute after them."""
        batches: dict[datetime, list[dict[str, Any]]] = defaultdict(list)
        for time, event in events:
            batches[time.replace(second=0, microsecond=0) + MINUTE].append(event)
        now, end = start, start + timedelta(hours=hours)
        while now <= end:
            if now in batches:
                for _ in range(repeats):
                    self.batch(batches[now], now)
            if now.minute % 10 == 0:
                self.publish(self.judge.judge(self.stream, now), now)
            self.look(now)
            now += MINUTE
        return self

    def batch(self, events: list[dict[str, Any]], now: datetime) -> None:
        """Hand a batch of Firehose over."""
        stamp = int(now.timestamp() * 1000)
        records = [
            {"recordId": str(number), "approximateArrivalTimestamp": stamp, "data": b64encode(line(event)).decode()}
            for number, event in enumerate(events)
        ]
        arn = ARN.replace("newsletter", self.stream.value)
        event = {"deliveryStreamArn": arn, "records": records}
        made = transformed(event, "campaign")
        self.publish(self.judge.judge(self.stream, now, Addition(tally=made.tally, digest=digest_of(event))), now)

    def publish(self, shares: Iterable[Share], now: datetime) -> None:
        for share in shares:
            dimensions = (("Environment", "prod"), ("Stream", self.stream.value))
            self.series.add(Metric(NAMESPACE, share.metric, dimensions), now, share.percent)
            self.shares.append((now, share.metric, share.percent))

    def look(self, now: datetime) -> None:
        """Let CloudWatch judge its alarms a minute later, and the notifier hear of those that changed."""
        at = now + MINUTE
        for alarm in self.alarms if self._has_data(now) else ():
            before = self.account.changes.get(alarm.name)
            previous = before.state if before else State.INSUFFICIENT_DATA
            outcome = evaluate(alarm, self.series, at, previous)
            if outcome.state is not previous:
                self.account.changes[alarm.name] = Change(at, alarm.name, outcome.state, previous)
                message = sns_message(
                    alarm, Outcome(outcome.state.value, outcome.reason), previous.value, ACCOUNT, REGION, at
                )
                self._notify(message, at)
        if at.minute % 10 == 5:
            self._notify({"sweep": at.isoformat()}, at)

    def _has_data(self, now: datetime) -> bool:
        return bool(self.shares) and now - self.shares[-1][0] < timedelta(minutes=45)

    def _notify(self, message: Any, now: datetime) -> None:
        before = len(self.pile.messages)
        self.notifier.run(message, now)
        self.sent_at += [now] * (len(self.pile.messages) - before)

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(one, policy=policy.default) for one in self.pile.messages]  # type: ignore[misc]

    def events(self, what: str) -> list[tuple[str, str]]:
        """Return event and level of the mails about a watch."""
        title = f"{self.stream.value.capitalize()} {what}"
        return [
            (str(mail["X-DeliveryWatch-Event"]), str(mail["X-DeliveryWatch-Level"]))
            for mail in self.mails
            if title in str(mail["Subject"])
        ]

    def text(self, number: int) -> str:
        """Return a mail's plain part on one line."""
        part = self.mails[number].get_body(("plain",))
        return " ".join(str(part.get_content()).split()) if part else ""

    def document(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.store.objects[key_of(self.stream)])
        return content

"""A mail that is sent with a configuration set -> its events, to the destinations that the set names.

What becomes of a mail says the local part of its address, as in SES's mailbox simulator: `bounce...`, `complaint...`,
`suppressionlist...`; any other is delivered (docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html).
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email import message_from_bytes
from typing import Any

from deliverywatch.local.cloud.cloudwatch.metrics import Point, Publisher
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Agenda, Clock
from deliverywatch.local.cloud.mail.ses_events import Sent

_DELIVERED_AFTER = timedelta(seconds=2)
_COMPLAINED_AFTER = timedelta(minutes=20)


class SesEvents:
    """Publishes what SES would publish, when its time has come."""

    def __init__(self, clock: Clock, publisher: Publisher, client: Callable[[str], Any]) -> None:
        self._clock = clock
        self._publisher = publisher
        self._client = client
        # Events, each with the destinations that its set had when it was sent.
        self._waiting: Agenda[tuple[dict[str, Any], dict[str, Any]]] = Agenda()
        self._destinations: dict[str, dict[str, Any]] = {}
        self.sent: list[Sent] = []

    def publish(self, sent: Sent, at: datetime, event: dict[str, Any]) -> None:
        """Publish an event of a mail at a time: an open or a click, which only the world can bring about."""
        self._waiting.add(at, (event, self._destinations.get(sent.configuration_set, {})))

    def run_due(self) -> None:
        """Hand over what has happened by now; SES hands events of many mails over together."""
        batches: dict[str, list[dict[str, Any]]] = {}
        while due := self._waiting.next_due(self._clock.now):
            at, (event, targets) = due
            self._hand_over(event, at, targets, batches)
        for stream, events in batches.items():
            for first in range(0, len(events), 500):
                records = [{"Data": json.dumps(event).encode() + b"\n"} for event in events[first : first + 500]]
                self._client("firehose").put_record_batch(DeliveryStreamName=stream, Records=records)

    def _hand_over(
        self,
        event: dict[str, Any],
        at: datetime,
        targets: Mapping[str, Any],
        batches: dict[str, list[dict[str, Any]]],
    ) -> None:
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])| ", "_", event["eventType"]).upper()
        for target in targets.values():
            if not target.get("Enabled") or kind not in target["MatchingEventTypes"]:
                continue
            if "KinesisFirehoseDestination" in target:
                name = target["KinesisFirehoseDestination"]["DeliveryStreamArn"].rpartition("/")[2]
                batches.setdefault(name, []).append(event)
            if "SnsDestination" in target:
                self._client("sns").publish(
                    TopicArn=target["SnsDestination"]["TopicArn"], Message=json.dumps(event), Subject="SES event"
                )
            if "CloudWatchDestination" in target:
                self._count(event, at, target["CloudWatchDestination"])

    def _count(self, event: dict[str, Any], at: datetime, target: Mapping[str, Any]) -> None:
        tags = event["mail"]["tags"]
        dimensions = tuple(
            (dimension["DimensionName"], tags.get(dimension["DimensionName"], [dimension["DefaultDimensionValue"]])[0])
            for dimension in target["DimensionConfigurations"]
        )
        self._publisher.submit("ses", [Point("AWS/SES", event["eventType"], dimensions, at, 1)])

    def accept(self, request: Mapping[str, Any], message_id: str) -> None:
        """Let happen what becomes of a mail that SES took with a configuration set."""
        name = request["ConfigurationSetName"]
        record = hooks.inside("services.ses_v2", "_config_sets").get(name)
        if record is None:
            return
        self._destinations[name] = dict(record.get("EventDestinations") or {})
        content = (request["Content"].get("Simple") or {}).get("Subject") or {}
        raw = request["Content"].get("Raw")
        sent = Sent(
            message_id,
            self._clock.now,
            name,
            tuple(request["Destination"]["ToAddresses"]),
            subject=content.get("Data", ""),
            sender=request["FromEmailAddress"],
            headers=dict(message_from_bytes(base64.b64decode(raw["Data"])).items()) if raw else {},
            tags={tag["Name"]: tag["Value"] for tag in request.get("EmailTags") or ()},
        )
        self.sent.append(sent)
        for at, event in _outcome(sent):
            self.publish(sent, at, event)


def _outcome(sent: Sent) -> list[tuple[datetime, dict[str, Any]]]:
    begins = sent.recipients[0].lower().startswith
    arrived = sent.sent_at + _DELIVERED_AFTER
    events = [(sent.sent_at, sent.event("Send", sent.sent_at))]
    if begins("bounce"):
        return [*events, (arrived, sent.bounce(arrived))]
    if begins("suppressionlist"):
        return [*events, (arrived, sent.bounce(arrived, sub_type="OnAccountSuppressionList"))]
    events.append((arrived, sent.delivery(arrived)))
    if begins("complaint"):
        at = arrived + _COMPLAINED_AFTER
        events.append((at, sent.complaint(at)))
    return events

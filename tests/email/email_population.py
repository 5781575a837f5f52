"""Three months of two streams, with what the tests know of them: who got what, opened, clicked, bounced, complained."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from deliverywatch.local.cloud.mail.ses_events import Sent

NOW = datetime(2026, 11, 21, 14, 20, tzinfo=UTC)
DAY = timedelta(days=1)
DOMAINS = ("gmail.com", "example.net", "example.org")
LINKS = (
    "https://example.com/offer?u=1&utm_source=mail",
    "https://example.com/offer?u=2#top",
    "https://example.com/unsubscribe?u=3",
)


@dataclass(slots=True)
class Known:
    """What a test knows of one mail: its events, with when and how each happened."""

    stream: str
    sent: Sent
    facts: list[tuple[str, datetime, dict[str, Any]]] = field(default_factory=list)

    @property
    def campaign(self) -> str:
        return self.sent.tags.get("campaign", "(none)")

    def has(self, event_type: str, **about: Any) -> bool:
        return any(kind == event_type and about.items() <= facts.items() for kind, _, facts in self.facts)


@cache
def population() -> tuple[Known, ...]:
    draw = random.Random(20261121)
    weekly = [NOW - timedelta(days=7 * week, hours=5) for week in range(12)]
    newsletters = [
        _mail(draw, "newsletter", moment, person, f"issue-{week}")
        for week, moment in enumerate(weekly)
        for person in range(70 - 2 * week)
    ]
    orders = [
        _mail(draw, "transactional", NOW - timedelta(hours=1 + 3 * number), 500 + number % 40, None)
        for number in range(60)
    ]
    return tuple(newsletters + orders)


def _mail(draw: random.Random, stream: str, moment: datetime, person: int, campaign: str | None) -> Known:
    moment += timedelta(seconds=draw.randrange(600))
    address = f"person{person}@{DOMAINS[person % 3]}"
    tags = {"campaign": campaign} if campaign else {}
    message_id = f"{draw.getrandbits(64):016x}-{person}"
    known = Known(stream, Sent(message_id, moment, f"set-{stream}", (address,), f"About {campaign}", tags=tags))
    known.facts.append(("Send", moment, {}))
    _outcome(draw, known, moment, person)
    return known


def _outcome(draw: random.Random, known: Known, moment: datetime, person: int) -> None:
    arrived = moment + timedelta(milliseconds=draw.randrange(300, 9000))
    if draw.random() < 0.05:
        kind = draw.choice(["Permanent", "Transient"])
        known.facts.append(("Bounce", arrived, {"kind": kind}))
        return
    if draw.random() < 0.03:
        known.facts.append(("DeliveryDelay", moment + timedelta(seconds=60), {}))
    known.facts.append(("Delivery", arrived, {}))
    if draw.random() < 0.02:
        known.facts.append(("Complaint", arrived + DAY / 24, {}))
    # One person in five never looks at anything.
    if person % 5 and draw.random() < 0.6:
        _visits(draw, known, arrived)


def _visits(draw: random.Random, known: Known, arrived: datetime) -> None:
    verdict = draw.choice(["Unlikely", "Unlikely", "Likely", None])
    # Some open mails a day late, so that the event lies in another partition.
    opened = arrived + timedelta(minutes=draw.choice([2, 30, 30 * 60]))
    known.facts.append(("Open", opened, {"verdict": verdict}))
    if draw.random() < 0.5:
        known.facts.append(("Click", opened + timedelta(seconds=20), {"verdict": verdict, "link": draw.choice(LINKS)}))
    if draw.random() < 0.05:
        known.facts.append(("Subscription", opened + timedelta(seconds=40), {}))


def event_of(known: Known, kind: str, moment: datetime, about: dict[str, Any]) -> dict[str, Any]:
    sent = known.sent
    made = {
        "Send": lambda: sent.event("Send", moment),
        "Delivery": lambda: sent.delivery(moment),
        "Bounce": lambda: sent.bounce(
            moment, about["kind"], "General" if about["kind"] == "Permanent" else "MailboxFull"
        ),
        "Complaint": lambda: sent.complaint(moment),
        "Open": lambda: sent.visit("Open", moment, about["verdict"]),
        "Click": lambda: sent.visit("Click", moment, about["verdict"], link=about["link"], linkTags=None),
        "DeliveryDelay": lambda: sent.event(
            "DeliveryDelay", moment, delayType="MailboxFull", delayedRecipients=[{"emailAddress": sent.recipients[0]}]
        ),
        "Subscription": lambda: sent.event(
            "Subscription",
            moment,
            contactList="readers",
            source="UnsubscribeHeader",
            newTopicPreferences={"unsubscribeAll": True, "topicSubscriptionStatus": []},
        ),
    }
    return made[kind]()


def by_arrival() -> dict[tuple[str, datetime], list[dict[str, Any]]]:
    """All events until now, by stream and the hour in which Firehose got them: five minutes after they happened."""
    found: dict[tuple[str, datetime], list[dict[str, Any]]] = defaultdict(list)
    for known in population():
        for kind, moment, about in known.facts:
            if moment <= NOW:
                hour = (moment + timedelta(minutes=5)).replace(minute=59, second=0, microsecond=0)
                found[known.stream, hour].append(event_of(known, kind, moment, about))
    return dict(found)

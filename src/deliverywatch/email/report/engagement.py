"""Rows of the tables -> what an advertiser asks for: engagement by campaign and day, growth of the audience, links.

A mail counts for the time it was sent, however late it was opened; days and weeks are those in which something
happened. Whether a person or a bot opened it is SES's verdict; an event without one (before August 2026) is neither.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from deliverywatch.email.events.tally import counts_as_bounce, counts_as_complaint

# The columns that are read.
NAMES = (
    *("event_id", "event_type", "event_time", "sent_at", "message_id", "campaign", "recipients", "recipient_domain"),
    *(
        "bounce_type",
        "bounce_subtype",
        "complaint_type",
        "complaint_subtype",
        "bot_verdict",
        "link",
        "unsubscribed_all",
    ),
)

NO_CAMPAIGN = "(none)"
_PEOPLE, _BOTS = "Unlikely", "Likely"
_NOT_OF_A_LINK = re.compile(r"[?#].*", re.DOTALL)
_TOP_LINKS = 20

Row = dict[str, Any]


# What can become of a mail, in the order of the report.
_OUTCOMES = (
    *("sent", "delivered", "bounced", "complained", "unsubscribed", "opened", "opened_by_people", "opened_by_bots"),
    *("clicked", "clicked_by_people", "clicked_by_bots"),
)


@dataclass(slots=True)
class Mails:
    """Ids of the mails of a campaign by outcome: a mail that is opened twice counts once."""

    ids: dict[str, set[str]] = field(default_factory=lambda: {outcome: set() for outcome in _OUTCOMES})
    first_sent: datetime | None = None

    def add(self, row: Row) -> None:
        """Add an event of a mail."""
        for outcome in _outcomes(row):
            self.ids[outcome].add(row["message_id"])
        if row["event_type"] == "Send":
            self.first_sent = min(self.first_sent or row["sent_at"], row["sent_at"])

    def counts(self) -> dict[str, int]:
        """Return the number of mails by outcome."""
        return {outcome: len(ids) for outcome, ids in self.ids.items()}


@dataclass(slots=True)
class Audience:
    """The people of a week: who got a mail, and who opened or clicked one and is not a bot."""

    reached: set[str] = field(default_factory=set)
    engaged: set[str] = field(default_factory=set)


class Engagement:
    """The sums of a period's events."""

    def __init__(self, since: datetime, until: datetime) -> None:
        """Begin with nothing; the period goes from `since` to before `until`, both aware."""
        self.since, self.until = since, until
        self.campaigns: dict[tuple[str, str], Mails] = defaultdict(Mails)
        self.days: dict[tuple[str, date], Mails] = defaultdict(Mails)
        self.weeks: dict[tuple[str, date], Audience] = defaultdict(Audience)
        self.links: dict[tuple[str, str, str], Mails] = defaultdict(Mails)
        self.copies = 0
        self._seen: set[bytes] = set()

    def add(self, stream: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows of a stream, with the columns `NAMES`; copies of an event count once."""
        for values in rows:
            event_id = bytes.fromhex(values[0])
            if event_id in self._seen:
                self.copies += 1
                continue
            self._seen.add(event_id)
            self._add(stream, dict(zip(NAMES, values, strict=True)))

    def _add(self, stream: str, row: Row) -> None:
        campaign = row["campaign"] or NO_CAMPAIGN
        if self.since <= row["sent_at"] < self.until:
            self.campaigns[stream, campaign].add(row)
            if row["event_type"] == "Click" and row["link"]:
                self.links[stream, campaign, _NOT_OF_A_LINK.sub("", row["link"])].add(row)
        if self.since <= row["event_time"] < self.until:
            self.days[stream, row["event_time"].astimezone(UTC).date()].add(row)
            self._add_to_week(stream, row)

    def _add_to_week(self, stream: str, row: Row) -> None:
        day = row["event_time"].astimezone(UTC).date()
        week = self.weeks[stream, day - timedelta(days=day.weekday())]
        people = row["recipients"] or []
        if row["event_type"] == "Delivery":
            week.reached.update(people)
        # Of a mail to several people nobody knows which of them opened it.
        if row["event_type"] in ("Open", "Click") and row["bot_verdict"] != _BOTS and len(people) == 1:
            week.engaged.update(people)

    def document(self) -> dict[str, Any]:
        """Return the report's document: `period`, `copies`, `campaigns`, `days`, `weeks` and `links`."""
        return {
            "period": {"since": f"{self.since:%Y-%m-%dT%H:%M:%SZ}", "until": f"{self.until:%Y-%m-%dT%H:%M:%SZ}"},
            "copies": self.copies,
            "campaigns": [
                {"stream": stream, "campaign": campaign, **_rates(self.campaigns[stream, campaign].counts())}
                for stream, campaign in sorted(self.campaigns, key=self._by_sending)
            ],
            "days": [
                {"day": str(day), "stream": stream, **_rates(self.days[stream, day].counts())}
                for stream, day in sorted(self.days)
            ],
            "weeks": self._weeks(),
            "links": self._links(),
        }

    def _by_sending(self, key: tuple[str, str]) -> tuple[float, str, str]:
        first = self.campaigns[key].first_sent
        return (-first.timestamp() if first else 0.0, *key)

    def _weeks(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for stream, week in sorted(self.weeks):
            row: dict[str, Any] = {"week": str(week), "stream": stream}
            audience, before = (self.weeks.get((stream, day), Audience()) for day in (week, week - timedelta(days=7)))
            for name in ("reached", "engaged"):
                row[name] = len(getattr(audience, name))
                row[f"{name}_growth_percent"] = _growth(len(getattr(before, name)), row[name])
            rows.append(row)
        return rows

    def _links(self) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = [
            {"stream": stream, "campaign": campaign, "link": link, **_clicks(mails)}
            for (stream, campaign, link), mails in self.links.items()
            if "unsubscribe" not in link.lower()
        ]
        return sorted(shown, key=lambda row: (-row["clicked"], row["link"]))[:_TOP_LINKS]


def _outcomes(row: Row) -> tuple[str, ...]:
    kind, verdict = row["event_type"], row["bot_verdict"]
    who = {_PEOPLE: "_by_people", _BOTS: "_by_bots"}.get(verdict or "")
    if kind in ("Open", "Click"):
        name = "opened" if kind == "Open" else "clicked"
        return (name, f"{name}{who}") if who else (name,)
    if kind == "Bounce":
        return ("bounced",) if counts_as_bounce(row) else ()
    if kind == "Complaint":
        return ("complained",) if counts_as_complaint(row) else ()
    if kind == "Subscription":
        return ("unsubscribed",) if row["unsubscribed_all"] else ()
    return {"Send": ("sent",), "Delivery": ("delivered",)}.get(kind, ())


def _rates(counts: dict[str, int]) -> dict[str, Any]:
    delivered = counts["delivered"]
    return {
        **counts,
        "delivered_percent": _percent(delivered, counts["sent"]),
        "bounced_percent": _percent(counts["bounced"], counts["sent"]),
        "complained_percent": _percent(counts["complained"], counts["sent"], digits=3),
        "open_percent": _percent(counts["opened"], delivered),
        "open_percent_people": _percent(counts["opened_by_people"], delivered),
        "click_percent": _percent(counts["clicked"], delivered),
        "click_percent_people": _percent(counts["clicked_by_people"], delivered),
        "click_to_open_percent": _percent(counts["clicked"], counts["opened"]),
    }


def _clicks(mails: Mails) -> dict[str, int]:
    counts = mails.counts()
    return {name: counts[name] for name in ("clicked", "clicked_by_people", "clicked_by_bots")}


def _percent(part: int, whole: int, digits: int = 2) -> float | None:
    return round(100 * part / whole, digits) if whole else None


def _growth(before: int, now: int) -> float | None:
    return round(100 * (now - before) / before, 1) if before else None

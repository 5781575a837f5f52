"""Rows of the tables -> what an advertiser wants to know of the mails of a period, whenever something became of them.

Campaigns, days and weeks are those of sending: what is opened on another day counts for the day of its mail.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from deliverywatch.email.events.links import LinkRules
from deliverywatch.email.events.outcomes import Reader, counted_recipients, reader
from deliverywatch.email.events.streams import Stream
from deliverywatch.email.report.audience import weeks_of
from deliverywatch.email.report.domains import domains_of, providers_of
from deliverywatch.email.report.mails import NAMES, Mail, Row, rates, visit_counts

NO_CAMPAIGN = "(none)"
_TOP_LINKS = 20


class Engagement:
    """The mails of a period, with what became of them."""

    def __init__(self, since: datetime, until: datetime, links: LinkRules) -> None:
        """Begin with nothing; the period goes from `since` to before `until`, both aware."""
        self.since, self.until = since, until
        self.copies = 0
        self._links = links
        self._seen: set[bytes] = set()
        self._mails: dict[Stream, dict[str, Mail]] = {stream: {} for stream in Stream}
        self._clicks: dict[tuple[Stream, str, str], set[Reader]] = defaultdict(set)

    def add(self, stream: Stream, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows of a stream, with the columns `NAMES`; copies of an event count once."""
        for values in rows:
            event_id = bytes.fromhex(values[0])
            if event_id in self._seen:
                self.copies += 1
                continue
            self._seen.add(event_id)
            self._add(stream, dict(zip(NAMES, values, strict=True)))

    def _add(self, stream: Stream, row: Row) -> None:
        # A time of sending that could not be read: the event's own is the nearest that is known.
        sent_at, people = row["sent_at"] or row["event_time"], counted_recipients(row)
        if not people or not sent_at or not self.since <= sent_at < self.until:
            return
        self._mails[stream].setdefault(row["message_id"], Mail(sent_at)).add(row, people)
        link, who = row["link"], reader(row)
        if who and link and not self._links.is_unsubscribe(link):
            self._clicks[stream, row["message_id"], self._links.page(link)].add(who)

    def document(self) -> dict[str, Any]:
        """Return the report's document, by section."""
        return {
            "period": {"since": f"{self.since:%Y-%m-%dT%H:%M:%SZ}", "until": f"{self.until:%Y-%m-%dT%H:%M:%SZ}"},
            "copies": self.copies,
            "campaigns": self._campaigns(),
            "days": [
                {"day": day, "stream": stream, **rates(mails)}
                for (stream, day), mails in sorted(self._grouped(lambda mail: str(mail.sent_at.astimezone(UTC).date())))
            ],
            "weeks": [row for stream in Stream for row in weeks_of(stream, self._mails[stream].values())],
            "domains": [row for stream in Stream for row in domains_of(stream, self._mails[stream].values())],
            "providers": [row for stream in Stream for row in providers_of(stream, self._mails[stream].values())],
            "links": self._top_links(),
        }

    def _grouped(self, key: Callable[[Mail], str]) -> list[tuple[tuple[Stream, str], list[Mail]]]:
        groups: dict[tuple[Stream, str], list[Mail]] = defaultdict(list)
        for stream, mails in self._mails.items():
            for mail in mails.values():
                groups[stream, key(mail)].append(mail)
        return [*groups.items()]

    def _campaigns(self) -> list[dict[str, Any]]:
        groups = self._grouped(lambda mail: mail.campaign or NO_CAMPAIGN)
        newest_first = sorted(groups, key=lambda group: (-min(mail.sent_at for mail in group[1]).timestamp(), group[0]))
        return [{"stream": stream, "campaign": campaign, **rates(mails)} for (stream, campaign), mails in newest_first]

    def _top_links(self) -> list[dict[str, Any]]:
        groups: dict[tuple[Stream, str, str], list[set[Reader]]] = defaultdict(list)
        for (stream, message_id, page), readers in self._clicks.items():
            groups[stream, self._mails[stream][message_id].campaign or NO_CAMPAIGN, page].append(readers)
        links: list[dict[str, Any]] = [
            {"stream": stream, "campaign": campaign, "link": page, **visit_counts("clicked", messages)}
            for (stream, campaign, page), messages in groups.items()
        ]
        return sorted(links, key=lambda row: (-row["clicked"], row["link"], row["campaign"]))[:_TOP_LINKS]

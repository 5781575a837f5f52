"""What is kept of a stream's mails in its state document, beside what a mail shows: slots, reports, and recent batches.

Firehose may hand over a batch twice: one that is known by the digest of its bytes is not counted again. A record that
cannot be read, or is gone, begins anew and says so: mails sent before are not judged, as their sending is not counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch import thresholds
from deliverywatch.email.rates import delays, slots
from deliverywatch.email.rates import episodes as reports
from deliverywatch.email.rates.judgement import Evidence, judge
from deliverywatch.email.rates.rules import NOUNS, rules
from deliverywatch.email.rates.slots import MailSlots
from deliverywatch.messages.untrusted import iso, mapping, moment, text

if TYPE_CHECKING:
    from deliverywatch.email.rates.episodes import Episode
    from deliverywatch.email.rates.judgement import Judgement
    from deliverywatch.email.rates.minutes import MinuteCounts
    from deliverywatch.email.rates.rules import Limits
    from deliverywatch.messages.verdict import Assessment

# Firehose repeats a batch within minutes; at one a minute this is half a day.
_BATCHES = 720
# The bounces of a newsletter to 40,000 at 5 %; they take 22 KB.
_ONCE = 2_000
_SAID = timedelta(days=thresholds.EMAIL_COMPLAINT_LATE_DAYS)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a stream's mails prove at one time, by the rules of its shares and by receiving domain."""

    shares: Mapping[str, Judgement]
    delays: Assessment


@dataclass(slots=True)
class Record:
    """What is kept.

    Attributes:
        episodes: What was reported, by the rule's name.
        batches: Digests of the newest batches, the oldest first.
        once: Digests of the newest bounces and complaints: a replay sends them again in other batches.
        begun_at: When it began, or began anew because the one before could not be read; None if nobody knows.
        read_at: When the newest batch came; None if none ever did. Without one, the record is still judged and written.
    """

    mails: MailSlots = field(default_factory=MailSlots)
    episodes: dict[str, list[Episode]] = field(default_factory=dict)
    batches: list[str] = field(default_factory=list)
    once: list[str] = field(default_factory=list)
    begun_at: datetime | None = None
    read_at: datetime | None = None

    def add(
        self,
        minutes: Mapping[datetime, MinuteCounts],
        once: Mapping[str, tuple[datetime, MinuteCounts]],
        digest: str,
        now: datetime,
    ) -> bool:
        """Count a batch but for its bounces and complaints that are counted already; return whether it was new."""
        self.read_at = now
        if digest in self.batches:
            return False
        self.batches = [*self.batches, digest][-_BATCHES:]
        self.mails.add(minutes, now)
        known = set(self.once)
        for name in once.keys() & known:
            sent_at, counted = once[name]
            self.mails.add({sent_at: counted.negative()}, now)
        self.once = [*self.once, *(name for name in once if name not in known)][-_ONCE:]
        return True

    def judge(self, stream: str, now: datetime, limits: Limits) -> Judged:
        """Return what the mails prove, and keep what is reported by it."""
        counted = [slot for slot in self.mails if self._is_whole(slot.start) and not slot.counts.lacks_sends]
        noun, judged = NOUNS[stream], {}
        for rule in rules(limits):
            evidence = Evidence(slots=counted, now=now, rule=rule, noun=noun, note=self._note(now))
            judged[rule.what] = judge(evidence, self.episodes.get(rule.what, ()))
            self.episodes[rule.what] = [*judged[rule.what].episodes]
        return Judged(judged, delays.assess(counted, now, noun, limits))

    def members(self) -> dict[str, Any]:
        """Return the members of the document that hold it."""
        reported = {what: [one.document() for one in episodes] for what, episodes in self.episodes.items() if episodes}
        begun = {"begun_at": iso(self.begun_at)} if self.begun_at else {}
        kept = {"mails": self.mails.document(), "episodes": reported, "batches": self.batches, "once": self.once}
        return {**kept, "read_at": iso(self.read_at) or "", **begun}

    def _is_whole(self, start: datetime) -> bool:
        return self.begun_at is None or start >= self.begun_at

    def _note(self, now: datetime) -> str:
        if self.begun_at is None or now - self.begun_at > _SAID:
            return ""
        return (
            f"Counting began at {self.begun_at:%Y-%m-%d %H:%M} UTC, as there was no record before that could be read: "
            "mails sent earlier are not judged."
        )


def from_document(document: Mapping[str, Any], now: datetime) -> Record:
    """Return the record of an untrusted document; one without counted mails begins anew."""
    read_at = moment(document.get("read_at", document.get("updated_at")))
    if not isinstance(document.get("mails"), list):
        return Record(begun_at=now, read_at=read_at)
    batches, once = document.get("batches"), document.get("once")
    episodes = mapping(document.get("episodes")).items()
    return Record(
        mails=slots.from_document(document["mails"]),
        episodes={text(what, 30): reports.from_document(of_rule) for what, of_rule in episodes},
        batches=[text(digest, 32) for digest in batches][-_BATCHES:] if isinstance(batches, list) else [],
        once=[text(name, 32) for name in once][-_ONCE:] if isinstance(once, list) else [],
        begun_at=moment(document.get("begun_at")),
        read_at=read_at,
    )


def digest_of(event: Mapping[str, Any]) -> str:
    """Return the digest of a batch of Firehose: the same when it is handed over again."""
    digest = hashlib.blake2b(digest_size=8)
    for record in event["records"]:
        digest.update(str(record.get("data")).encode(errors="replace") + b"\n")
    return digest.hexdigest()

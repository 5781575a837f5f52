"""An incident with its changes, and its record in the lake.

The record of a watch's last incident is `incidents/<watch>/current.json` in the lake; it stays there when the incident
is resolved, so that a late message is recognised as late. Fields that an older release did not write have defaults.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from deliverywatch.messages import verdict
from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import count, moment, number, other_members, text
from deliverywatch.storage.records import document_of, readable

if TYPE_CHECKING:
    from deliverywatch.messages.verdict import Assessment

# Of an incident with more changes, only the first and the latest are kept.
TIMELINE_LIMIT = 40


class Event(StrEnum):
    """What can happen to an incident; each event is one mail.

    QUIET, UNSEEN and REMINDER change no level: too little is seen to tell, an alarm is gone, a day has passed. CLOSED
    ends an incident as unknown: it was quiet for so long that no evidence is expected. A NOTICE is mailed once.
    """

    OPENED = "OPENED"
    ESCALATED = "ESCALATED"
    DOWNGRADED = "DOWNGRADED"
    RESOLVED = "RESOLVED"
    QUIET = "QUIET"
    UNSEEN = "UNSEEN"
    REMINDER = "REMINDER"
    CLOSED = "CLOSED"
    NOTICE = "NOTICE"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a watch's alarms or a notice say at one time.

    Attributes:
        seen_at: When it was made, by the real clock.
        value: The newest value of the deciding alarm, in its own unit.
        is_low_bad: Whether lower values are worse, as for an alarm that goes off below its threshold.
        failed: How many of `total` failed in the alarm's window; None if the alarm has no such metrics.
        raised: The alarms that are raised now.
        noticed: The level of a system notice, if the finding is about one.
        is_live: Whether the level was computed from live alarms; if not, the finding counts only if it is newer than
            the last change.
        alarm: The alarm that the finding is about.
        assessment: What the system's data say about the watch, if it is assessed and they are fresh.
        is_held: Whether the level is only held: nothing that is seen proves failure or health.
        missing: The watch's alarms that CloudWatch does not have, unless its stack is being changed.
        known: The watch's alarms whose state is known.
    """

    level: Level
    time: datetime
    seen_at: datetime | None = None
    value: float | None = None
    is_low_bad: bool = False
    failed: float | None = None
    total: float | None = None
    raised: frozenset[str] = frozenset()
    noticed: Level | None = None
    is_live: bool = True
    alarm: str = ""
    title: str = ""
    reason: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    assessment: Assessment | None = None
    is_held: bool = False
    missing: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the timeline, with all that its mail needs to be rendered later.

    Attributes:
        assessment: What the system's data said at that time, of an assessed watch.
        missing: The alarms that CloudWatch does not have any more, of UNSEEN.
    """

    seq: int
    event: Event
    level: Level
    before: Level
    time: datetime
    value: float | None = None
    failed: float | None = None
    total: float | None = None
    alarm: str = ""
    reason: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    assessment: Assessment | None = None
    missing: tuple[str, ...] = ()
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Ack:
    """Somebody who has taken an incident on, and what they said."""

    by: str
    time: datetime
    note: str = ""
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Incident:
    """The last incident of a watch, open or over.

    Attributes:
        id: `INC-MMDD-HHMM` of the opening in UTC; with a number at the end if the watch used that one already. Empty
            in a record of a watch that had no incident: it remembers `noticed_at` alone.
        seq: The number of changes, and so of mails.
        peak: The worst value so far, in the alarm's unit.
        raised: The alarms that were raised since it opened.
        noticed: The level that a system notice reported and has not taken back; until then alarms alone do not end it.
        unsent: The numbers of the changes whose mails may not be sent yet.
        earlier: The incident before, as long as one of its mails or messages is due.
        is_presumed: Whether only its end was seen: its beginning and its peak are unknown.
        acks: The acknowledgements, oldest first.
        noticed_at: The time of the newest system notice that was applied; an older one comes late and counts no more.
        unseen: The alarms that were mailed as missing and whose state is not known again.
        held_since: Since when its level is only held, without evidence; None while there is some.
        quiet_at: When that was mailed; None if it was not.
        seen_at: When the last change was found, by the real clock.
        undelivered: The channels beside mail that have not got a change yet, with its number.
        threads: By channel, what later messages about the incident refer to.
        others: What a later version stored; also of each change and acknowledgement.
    """

    watch: str
    id: str
    level: Level
    opened_at: datetime
    changed_at: datetime
    title: str = ""
    seq: int = 0
    peak: float | None = None
    raised: frozenset[str] = frozenset()
    noticed: Level = Level.OK
    timeline: tuple[Change, ...] = ()
    unsent: tuple[int, ...] = ()
    earlier: Incident | None = None
    is_presumed: bool = False
    acks: tuple[Ack, ...] = ()
    noticed_at: datetime | None = None
    unseen: frozenset[str] = frozenset()
    held_since: datetime | None = None
    quiet_at: datetime | None = None
    seen_at: datetime | None = None
    undelivered: tuple[tuple[str, int], ...] = ()
    threads: tuple[tuple[str, str], ...] = ()
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_open(self) -> bool:
        """Whether it is still going on."""
        return self.level is not Level.OK

    @property
    def is_closed_as_unknown(self) -> bool:
        """Whether it ended because nothing was seen of it for too long."""
        return bool(self.timeline) and self.timeline[-1].event is Event.CLOSED

    @property
    def due(self) -> list[tuple[Incident, Change]]:
        """The changes whose mails are due, with their incidents, oldest first: they are sent in this order."""
        before = self.earlier.due if self.earlier else []
        return before + [(self, change) for change in self.timeline if change.seq in self.unsent]

    def due_to(self, channel: str) -> list[tuple[Incident, Change]]:
        """The changes that a channel has not got yet, with their incidents, oldest first."""
        before = self.earlier.due_to(channel) if self.earlier else []
        return before + [(self, change) for change in self.timeline if (channel, change.seq) in self.undelivered]

    @property
    def is_pending(self) -> bool:
        """Whether a mail or a channel's message about it is due."""
        return bool(self.due) or any(self.due_to(channel) for channel in self.waiting_channels)

    @property
    def waiting_channels(self) -> frozenset[str]:
        """The channels that have not got everything yet."""
        before = self.earlier.waiting_channels if self.earlier else frozenset()
        return before | {channel for channel, _ in self.undelivered}

    def sent(self, mails: frozenset[tuple[str, int]]) -> Incident:
        """Return the incident without these mails due; a mail is an incident's id and a change's number."""
        unsent = tuple(seq for seq in self.unsent if (self.id, seq) not in mails)
        earlier = self.earlier.sent(mails) if self.earlier else None
        return replace(self, unsent=unsent, earlier=_pending(earlier))

    def delivered(self, channel: str, incident_id: str, seq: int, thread: str) -> Incident:
        """Return the incident with a change handed to a channel, or given up; `thread` is empty if there is none."""
        if self.id != incident_id:
            earlier = self.earlier.delivered(channel, incident_id, seq, thread) if self.earlier else None
            return replace(self, earlier=_pending(earlier))
        undelivered = tuple(one for one in self.undelivered if one != (channel, seq))
        threads = dict(self.threads) | ({channel: thread} if thread else {})
        return replace(self, undelivered=undelivered, threads=tuple(threads.items()))

    def without_channel(self, channel: str) -> Incident:
        """Return the incident with nothing due to a channel."""
        earlier = self.earlier.without_channel(channel) if self.earlier else None
        undelivered = tuple(one for one in self.undelivered if one[0] != channel)
        return replace(self, undelivered=undelivered, earlier=_pending(earlier))


def _pending(incident: Incident | None) -> Incident | None:
    return incident if incident and incident.is_pending else None


def with_mailed(recorded: Incident | None, mailed: Incident | None, mailed_at: datetime | None) -> Incident | None:
    """Return the recorded incident at the level that was mailed last.

    Args:
        recorded: As the lake knows it.
        mailed: As it was mailed while S3 was out of reach; None if nothing was.
        mailed_at: When, by the real clock.
    """
    if mailed is None or mailed_at is None or recorded is None:
        return mailed or recorded
    recorded = _with_newest_notice(recorded, mailed)
    if recorded.seen_at and mailed_at < recorded.seen_at:
        return recorded
    is_same = recorded.id == mailed.id
    if (is_same and recorded.seq < mailed.seq) or not (is_same or recorded.is_open):
        earlier = recorded if recorded.is_pending and not is_same else mailed.earlier
        changed_at = max(recorded.changed_at, mailed.changed_at)
        return _with_newest_notice(replace(mailed, changed_at=changed_at, earlier=earlier), recorded)
    return replace(recorded, level=mailed.level, raised=recorded.raised | mailed.raised)


def _with_newest_notice(incident: Incident, other: Incident) -> Incident:
    """Return an incident with the system notice of another one if that is newer."""
    if other.noticed_at is None or (incident.noticed_at and incident.noticed_at >= other.noticed_at):
        return incident
    return replace(incident, noticed=other.noticed, noticed_at=other.noticed_at)


def to_json(incident: Incident) -> bytes:
    """Return the record for the lake, one line of JSON."""
    document = json.dumps({"deliverywatch": 1} | _record(incident), default=_plain, ensure_ascii=False)
    return document.encode(errors="replace")  # members of others may hold half a character


def from_json(body: bytes) -> Incident | None:
    """Return the incident of a record, or None if it is unreadable: the incident is then begun anew, and mailed."""
    return readable(parsed, body)


def parsed(body: bytes) -> Incident:
    """Return the incident of a record; what cannot be read raises one of `records.UNREADABLE`."""
    return _incident(document_of(body))


def _record(incident: Incident) -> dict[str, Any]:
    record = asdict(replace(incident, earlier=None))
    record["told"] = record.pop("noticed")  # its name in the stored format
    earlier = {"earlier": _record(incident.earlier) if incident.earlier else None}
    parts = {name: [_with_others(part) for part in record[name]] for name in ("timeline", "acks")}
    return _with_others(record | earlier | parts)


def _with_others(record: dict[str, Any]) -> dict[str, Any]:
    others = record.pop("others")
    return {**record, **others}


def _plain(value: object) -> Any:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _time(value: object) -> datetime:
    time = moment(value)
    if time is None:
        raise ValueError("no time")
    return time


def _incident(record: Mapping[str, Any]) -> Incident:
    watch, noticed_at = text(record["watch"]), moment(record.get("noticed_at"))
    # Version 0.2.0 opened incidents for messages that are the state of nothing. No system takes their level back.
    is_of_single = watch.startswith("message-") and noticed_at is None
    noticed = Level.OK if is_of_single else Level(record.get("told") or Level.OK)
    return Incident(
        watch=watch,
        id=text(record["id"]),
        level=Level(record["level"]),
        opened_at=_time(record["opened_at"]),
        changed_at=_time(record.get("changed_at") or record["opened_at"]),
        title=text(record.get("title")),
        seq=count(record.get("seq")),
        peak=number(record.get("peak")),
        raised=_names(record.get("raised")),
        noticed=noticed,
        timeline=tuple(_change(change) for change in record.get("timeline") or ()),
        unsent=tuple(count(seq) for seq in record.get("unsent") or ()),
        earlier=_incident(record["earlier"]) if record.get("earlier") else None,
        is_presumed=bool(record.get("is_presumed")),
        acks=tuple(_ack(ack) for ack in record.get("acks") or ()),
        noticed_at=noticed_at,
        unseen=_names(record.get("unseen")),
        held_since=moment(record.get("held_since")),
        quiet_at=moment(record.get("quiet_at")),
        seen_at=moment(record.get("seen_at")),
        undelivered=tuple((text(channel, 40), count(seq)) for channel, seq in _pairs(record.get("undelivered"))),
        threads=tuple((text(channel, 40), text(thread, 255)) for channel, thread in _pairs(record.get("threads"))),
        others=other_members(record, _KNOWN),
    )


def _pairs(value: object) -> list[list[Any]]:
    # What channels have not got is no reason to begin an incident anew.
    return [one for one in value if isinstance(one, list) and len(one) == 2] if isinstance(value, list) else []


def _names(value: Any) -> frozenset[str]:
    return frozenset(str(name) for name in value or ())


def _ack(record: Mapping[str, Any]) -> Ack:
    known = ("by", "time", "note")
    return Ack(text(record["by"]), _time(record["time"]), text(record.get("note")), other_members(record, known))


def _change(record: Mapping[str, Any]) -> Change:
    # A word that only a later version knows is written again as it was; until then it counts as one that opens nothing.
    strange = {"event": Event, "level": Level, "before": Level}
    known = {name: _known(kind, record.get(name)) for name, kind in strange.items()}
    unknown = {name: record[name] for name, word in known.items() if word is None and name in record}
    return Change(
        seq=count(record["seq"]),
        event=known["event"] or Event.NOTICE,
        level=known["level"] or Level.ALARM,
        before=known["before"] or Level.OK,
        time=_time(record["time"]),
        value=number(record.get("value")),
        failed=number(record.get("failed")),
        total=number(record.get("total")),
        alarm=text(record.get("alarm")),
        reason=text(record.get("reason")),
        facts=tuple((text(name), text(value)) for name, value in record.get("facts") or ()),
        assessment=verdict.from_document(record.get("assessment")),
        missing=tuple(text(name, 255) for name in record.get("missing") or ()),
        others=other_members(record, _KNOWN_OF_CHANGE) | unknown,
    )


def _known(kind: Callable[[Any], Any], word: object) -> Any:
    try:
        return kind(word)
    except ValueError:
        return None


_KNOWN = frozenset(part.name for part in fields(Incident)) - {"noticed"} | {"deliverywatch", "told"}
_KNOWN_OF_CHANGE = frozenset(part.name for part in fields(Change))

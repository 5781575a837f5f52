"""The level of a watch over time -> an incident with its changes: OPENED, ESCALATED, DOWNGRADED, RESOLVED, or nothing.

The record of a watch's last incident is `incidents/<watch>/current.json` in the lake; it stays there when the incident
is resolved, so that a late message is recognised as late.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import count, moment, number, other_members, text
from deliverywatch.storage.records import document_of, readable

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.severity import Severity, Watch

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
        value: The newest value of the deciding alarm, in its own unit.
        is_low_bad: Whether lower values are worse, as for an alarm that goes off below its threshold.
        failed: How many of `total` failed in the alarm's window; None if the alarm has no such metrics.
        raised: The alarms that are raised now.
        noticed: The level of a system notice, if the finding is about one.
        is_live: Whether the level was computed from live alarms; if not, the finding counts only if it is newer than
            the last change.
        alarm: The alarm that the finding is about.
    """

    level: Level
    time: datetime
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


@dataclass(frozen=True, slots=True)
class Change:
    """One change of level: an entry of the timeline, with all that its mail needs to be rendered later."""

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
    """The last incident of a watch, open or resolved.

    Attributes:
        id: `INC-MMDD-HHMM` of the opening in UTC; with a number at the end if the watch used that one already.
        seq: The number of changes, and so of mails.
        peak: The worst value so far, in the alarm's unit.
        raised: The alarms that were raised since it opened.
        noticed: The level that a system notice reported and has not taken back; until then alarms alone do not end it.
        unsent: The numbers of the changes whose mails may not be sent yet.
        earlier: The incident before, as long as one of its mails is due.
        is_presumed: Whether only its end was seen: its beginning and its peak are unknown.
        acks: The acknowledgements, oldest first.
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
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_open(self) -> bool:
        """Whether it is still going on."""
        return self.level is not Level.OK

    @property
    def due(self) -> list[tuple[Incident, Change]]:
        """The changes whose mails are due, with their incidents, oldest first."""
        before = self.earlier.due if self.earlier else []
        return before + [(self, change) for change in self.timeline if change.seq in self.unsent]

    def sent(self, mails: frozenset[tuple[str, int]]) -> Incident:
        """Return the incident without these mails due; a mail is an incident's id and a change's number."""
        unsent = tuple(seq for seq in self.unsent if (self.id, seq) not in mails)
        earlier = self.earlier.sent(mails) if self.earlier else None
        return replace(self, unsent=unsent, earlier=earlier if earlier and earlier.due else None)


def advance(incident: Incident | None, watch: str, finding: Finding) -> Incident | None:
    """Return the incident after a finding: with one more change if the level changed, else at most with a new peak.

    A finding from before the last change counts as made at its time.
    """
    if incident is not None and not finding.is_live and finding.time < incident.changed_at:
        return incident
    if incident is None or not incident.is_open:
        return _opened(incident, watch, finding) if finding.level is not Level.OK else incident
    after = replace(
        incident,
        peak=_worse(incident.peak, finding),
        raised=incident.raised | finding.raised,
        noticed=incident.noticed if finding.noticed is None else finding.noticed,
    )
    if finding.level.rank == incident.level.rank:
        return after
    return _changed(after, _event(incident.level, finding.level), finding)


def presumed(watch: Watch, severity: Severity, time: datetime) -> Incident:
    """Return the open incident that an alarm's return to OK implies, where no record can be read."""
    return Incident(
        watch=watch.name,
        id=_incident_id(None, time),
        level=severity.level,
        opened_at=time,
        changed_at=time,
        title=watch.title,
        raised=frozenset([severity.alarm]),
        is_presumed=True,
    )


def _opened(previous: Incident | None, watch: str, finding: Finding) -> Incident:
    incident = Incident(
        watch=watch,
        id=_incident_id(previous, finding.time),
        title=finding.title,
        level=Level.OK,
        opened_at=finding.time,
        changed_at=finding.time,
        peak=finding.value,
        raised=finding.raised,
        noticed=finding.noticed or Level.OK,
        earlier=previous if previous and previous.due else None,
    )
    return _changed(incident, Event.OPENED, finding)


def _changed(incident: Incident, event: Event, finding: Finding) -> Incident:
    time = max(finding.time, incident.changed_at)
    change = Change(
        seq=incident.seq + 1,
        event=event,
        level=finding.level,
        before=incident.level,
        time=time,
        value=finding.value,
        failed=finding.failed,
        total=finding.total,
        alarm=finding.alarm,
        reason=finding.reason,
        facts=finding.facts,
    )
    timeline = (*incident.timeline, change)
    return replace(
        incident,
        level=finding.level,
        changed_at=time,
        seq=change.seq,
        timeline=timeline if len(timeline) <= TIMELINE_LIMIT else (timeline[0], *timeline[2:]),
        unsent=(*incident.unsent, change.seq),
    )


def _event(before: Level, after: Level) -> Event:
    if after is Level.OK:
        return Event.RESOLVED
    return Event.ESCALATED if after.rank > before.rank else Event.DOWNGRADED


def _incident_id(previous: Incident | None, time: datetime) -> str:
    base = time.strftime("INC-%m%d-%H%M")
    if previous is None or not previous.id.startswith(base):
        return base
    return f"{base}-{count(previous.id[len(base) + 1 :], 1) + 1}"


def _worse(peak: float | None, finding: Finding) -> float | None:
    values = [value for value in (peak, finding.value) if value is not None]
    return min(values, default=None) if finding.is_low_bad else max(values, default=None)


def to_json(incident: Incident) -> bytes:
    """Return the record for the lake, one line of JSON."""
    return json.dumps({"deliverywatch": 1} | _record(incident), default=_plain, ensure_ascii=False).encode()


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
    return Incident(
        watch=text(record["watch"]),
        id=text(record["id"]),
        level=Level(record["level"]),
        opened_at=_time(record["opened_at"]),
        changed_at=_time(record.get("changed_at") or record["opened_at"]),
        title=text(record.get("title")),
        seq=count(record.get("seq")),
        peak=number(record.get("peak")),
        raised=frozenset(record.get("raised", ())),
        noticed=Level(record.get("told") or Level.OK),
        timeline=tuple(_change(change) for change in record.get("timeline") or ()),
        unsent=tuple(record.get("unsent") or ()),
        earlier=_incident(record["earlier"]) if record.get("earlier") else None,
        is_presumed=bool(record.get("is_presumed")),
        acks=tuple(_ack(ack) for ack in record.get("acks") or ()),
        others=other_members(record, _KNOWN),
    )


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
        others=other_members(record, _KNOWN_OF_CHANGE) | unknown,
    )


def _known(kind: Callable[[Any], Any], word: object) -> Any:
    try:
        return kind(word)
    except ValueError:
        return None


_KNOWN = frozenset(part.name for part in fields(Incident)) - {"noticed"} | {"deliverywatch", "told"}
_KNOWN_OF_CHANGE = frozenset(part.name for part in fields(Change))

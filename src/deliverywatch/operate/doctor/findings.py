"""What the nightly checks found last -> `state/operate-doctor.json`, and back; read by the digest and by `status`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.context import key_of
from deliverywatch.messages.untrusted import iso, moment, objects, other_members, text
from deliverywatch.operate.doctor.check import Verdict
from deliverywatch.storage.records import document_of, read_record
from deliverywatch.thresholds import DOCTOR_LATE_HOURS

if TYPE_CHECKING:
    from deliverywatch.operate.doctor.check import Check
    from deliverywatch.storage.store import Store

WATCH = "operate-doctor"
KEY = key_of(WATCH)
NAMESPACE, METRIC = "DeliveryWatch/Operate", "DoctorFindings"
_MEMBERS = ("deliverywatch", "at", "findings", "past")
_KEPT = timedelta(days=8)
# What cannot be looked at is no better than what fails: nobody would know if it did.
_NEWS = (Verdict.FAILED, Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Finding:
    """One failed check; `until` is when it passed again, None while it fails."""

    check: str
    sentence: str
    fix: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What the checks found.

    Attributes:
        at: When they ran last.
        failing: What is wrong.
        past: What was wrong within a week and is not any more.
        others: Members that a later version adds.
    """

    at: datetime
    failing: tuple[Finding, ...] = ()
    past: tuple[Finding, ...] = ()
    others: Mapping[str, Any] = field(default_factory=dict)

    def is_late(self, now: datetime) -> bool:
        """Whether a night went by without the checks."""
        return now - self.at > timedelta(hours=DOCTOR_LATE_HOURS)


def after(before: Findings | None, checks: Iterable[Check], now: datetime) -> Findings:
    """Return the findings after the checks ran; a check that was not made keeps what it found before."""
    made = {check.name: check for check in checks}
    known = {one.check: one for one in before.failing} if before else {}
    failing = [
        Finding(name, check.finding, check.fix, known[name].since if name in known else now)
        for name, check in made.items()
        if check.verdict in _NEWS
    ]
    unmade = [one for name, one in known.items() if name not in made]
    passed = [
        Finding(one.check, one.sentence, one.fix, one.since, now)
        for name, one in known.items()
        if name in made and made[name].verdict not in _NEWS
    ]
    earlier = [one for one in before.past if one.until and now - one.until <= _KEPT] if before else []
    return Findings(now, (*failing, *unmade), (*earlier, *passed), before.others if before else {})


def read(store: Store) -> Findings | None:
    """Return what the checks found last; None before they ran, or if that cannot be read."""
    return read_record(store, KEY, from_json)


def to_json(findings: Findings) -> bytes:
    """Return the document."""
    document = {
        **findings.others,
        "deliverywatch": 1,
        "at": iso(findings.at),
        "findings": [_document(one) for one in findings.failing],
        "past": [_document(one) for one in findings.past],
    }
    return json.dumps(document, indent=1).encode()


def from_json(body: bytes) -> Findings:
    """Return the findings of a document.

    Raises:
        ValueError: It is none, or does not say when the checks ran.
    """
    document = document_of(body)
    at = moment(document.get("at"))
    if at is None:
        raise ValueError("no time")
    failing, past = (tuple(_findings(document.get(name), at)) for name in ("findings", "past"))
    return Findings(at, failing, past, other_members(document, _MEMBERS))


def _document(one: Finding) -> dict[str, Any]:
    times = {"since": iso(one.since), "until": iso(one.until)}
    return {"check": one.check, "finding": one.sentence, "fix": one.fix, **times}


def _findings(value: object, at: datetime) -> Iterable[Finding]:
    for item in objects(value):
        since, until = moment(item.get("since")) or at, moment(item.get("until"))
        yield Finding(text(item.get("check"), 60), text(item.get("finding")), text(item.get("fix")), since, until)

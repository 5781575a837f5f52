"""What a stack did in the local cloud -> the mails that arrived, and a timeline of mails, alarms and acts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.cloudwatch.alarms import Transition
from deliverywatch.local.cloud.mail.outbox import Mail
from deliverywatch.local.demo import play

_MARK = re.compile(r"^\[([A-Z]+)[^\]]*\]")

# What a play did, and when.
Act = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class NumberedMail:
    """One mail that arrived; `mark` is the word in brackets that begins its subject, `stem` the name of its files."""

    number: int
    mail: Mail
    mark: str
    event: str
    stem: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline; `kind` is `alarm`, `mail` or `act` (what the play did)."""

    at: datetime
    kind: str
    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The mails, and everything that happened in order of time."""

    mails: tuple[NumberedMail, ...]
    entries: tuple[Entry, ...]


def timeline(cloud: LocalCloud, acts: Iterable[Act]) -> Timeline:
    """Return what happened to the deployed stack; each mail with the event that the notifier's own record names."""
    events = {str(each.get("subject")): str(each["event"]) for each in audit_trail(cloud) if "event" in each}
    mails = tuple(_numbered(number, mail, events) for number, mail in enumerate(cloud.outbox(), start=1))
    entries = [
        *(Entry(at, "act", text) for at, text in acts),
        *_alarm_entries(cloud.transitions),
        *(Entry(each.mail.sent_at, "mail", f"Mail {each.number}: {each.mail.subject}", each.mark) for each in mails),
    ]
    return Timeline(mails, tuple(sorted(entries, key=lambda each: each.at)))


def audit_trail(cloud: LocalCloud) -> list[dict[str, str]]:
    """Return the notifier's own record of each mail."""
    return play.documents(cloud, play.lake_bucket(cloud), "mails/")


def _numbered(number: int, mail: Mail, events: dict[str, str]) -> NumberedMail:
    match = _MARK.match(mail.subject)
    mark = match.group(1) if match else "NOTICE"
    event = events.get(mail.subject, mark)
    return NumberedMail(number, mail, mark, event, f"{number:02}-{event.lower()}-{mail.sent_at:%H%M}")


def _alarm_entries(transitions: Sequence[Transition]) -> list[Entry]:
    """One entry for each change, but one for all alarms that get their first data."""
    settled = [each for each in transitions if (each.old, each.new) == ("INSUFFICIENT_DATA", "OK")]
    entries = [
        Entry(
            each.at, "alarm", f"Alarm {each.alarm.removeprefix(f'{play.STACK}-')}: {each.old} -> {each.new}", each.new
        )
        for each in transitions
        if each not in settled
    ]
    if settled:
        entries.append(Entry(settled[-1].at, "alarm", f"{len(settled)} alarms have their first data and are OK", "OK"))
    return entries

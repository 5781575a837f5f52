"""What a stack did in the local cloud -> the mails that arrived, and a timeline of mails, alarms and acts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.cloudwatch.alarms import Transition
from deliverywatch.local.cloud.mail.outbox import Mail
from deliverywatch.local.demo import chats, play
from deliverywatch.local.demo.chats import ChatMessage, Key

_MARK = re.compile(r"^\[([A-Z]++)[^\]]*\]")

# What a play did, and when.
Act = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class NumberedMail:
    """One mail that arrived; `mark` is the word in brackets that begins its subject, `stem` the name of its files.

    `chats` is what other channels got of the same change.
    """

    number: int
    mail: Mail
    mark: str
    event: str
    stem: str
    chats: tuple[ChatMessage, ...] = ()


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
    lines = {str(line.get("subject")): line for line in audit_trail(cloud) if "event" in line}
    sent = chats.messages(cloud, play.lake_bucket(cloud))
    mails = tuple(_numbered(number, mail, lines, sent) for number, mail in enumerate(cloud.outbox(), start=1))
    entries = [
        *(Entry(at, "act", text) for at, text in acts),
        *_alarm_entries(cloud.transitions),
        *(Entry(mail.mail.sent_at, "mail", f"Mail {mail.number}: {mail.mail.subject}", mail.mark) for mail in mails),
    ]
    return Timeline(mails, tuple(sorted(entries, key=lambda entry: entry.at)))


def audit_trail(cloud: LocalCloud) -> list[dict[str, Any]]:
    """Return the notifier's own record of each mail."""
    return play.documents(cloud, play.lake_bucket(cloud), "mails/")


def _numbered(
    number: int, mail: Mail, lines: Mapping[str, Mapping[str, Any]], sent: Mapping[Key, Sequence[ChatMessage]]
) -> NumberedMail:
    match = _MARK.match(mail.subject)
    mark, line = match.group(1) if match else "NOTICE", lines.get(mail.subject, {})
    event = str(line.get("event", mark))
    key = (str(line.get("incident")), str(line.get("watch")), int(line.get("seq", 0)))
    stem = f"{number:02}-{event.lower()}-{mail.sent_at:%H%M}"
    return NumberedMail(number, mail, mark, event, stem, tuple(sent.get(key, ())))


def _alarm_entries(transitions: Sequence[Transition]) -> list[Entry]:
    """One entry for each change, but one for all alarms that get their first data."""
    settled = [change for change in transitions if (change.old, change.new) == ("INSUFFICIENT_DATA", "OK")]
    entries = [
        Entry(
            change.at,
            "alarm",
            f"Alarm {change.alarm.removeprefix(f'{play.STACK}-')}: {change.old} -> {change.new}",
            change.new,
        )
        for change in transitions
        if change not in settled
    ]
    if settled:
        entries.append(Entry(settled[0].at, "alarm", f"{len(settled)} alarms have their first data and are OK", "OK"))
    return entries

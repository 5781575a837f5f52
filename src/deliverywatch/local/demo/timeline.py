"""What a stack did in the local cloud -> the mails that arrived, and a timeline of mails, alarms and acts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud
    from deliverywatch.local.cloud.cloudwatch.alarms import Transition
    from deliverywatch.local.cloud.mail.outbox import Mail

_MARK = re.compile(r"^\[([A-Z]+)[^\]]*\]\s*")


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail that arrived; `mark` is the word in brackets that begins its subject, `stem` the name of its files."""

    number: int
    mail: Mail
    mark: str
    event: str
    stem: str

    @property
    def headline(self) -> str:
        """The subject without its mark."""
        return _MARK.sub("", self.mail.subject)


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the timeline; `kind` is `alarm`, `mail` or `act` (what the play did)."""

    at: datetime
    kind: str
    text: str
    mark: str = ""


def letters(cloud: LocalCloud, stack: str) -> tuple[Letter, ...]:
    """Return the mails that left, in order, each with the event that the notifier's own record names."""
    trail = audit_trail(cloud, stack)
    return tuple(_letter(number, mail, trail) for number, mail in enumerate(cloud.outbox(), start=1))


def _letter(number: int, mail: Mail, trail: dict[str, Any]) -> Letter:
    found = _MARK.match(mail.subject)
    mark = found.group(1) if found else "NOTICE"
    event = str(trail.get(mail.subject, {}).get("event", mark))
    return Letter(number, mail, mark, event, f"{number:02}-{event.lower()}-{mail.sent_at:%H%M}")


def audit_trail(cloud: LocalCloud, stack: str) -> dict[str, Any]:
    """Return the notifier's own record of each mail, by its subject."""
    bucket = bucket_of(cloud, stack)
    s3 = cloud.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="mails/").get("Contents", [])]
    records = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    return {str(record.get("subject")): record for record in records}


def bucket_of(cloud: LocalCloud, stack: str) -> str:
    """Return the bucket of the deployed stack of this name."""
    (found,) = cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return next(str(each["OutputValue"]) for each in found["Outputs"] if each["OutputKey"] == "LakeBucket")


def happenings(
    cloud: LocalCloud, stack: str, mails: Sequence[Letter], acts: Iterable[tuple[datetime, str]]
) -> tuple[Happening, ...]:
    """Return the timeline, in order of time.

    Args:
        cloud: Where it happened.
        stack: The deployed stack, whose name its alarms begin with.
        mails: As `letters` returns them.
        acts: What the play did, and when.
    """
    lines = [
        *(Happening(at, "act", text) for at, text in acts),
        *_alarm_lines(cloud.transitions, f"{stack}-"),
        *(_mail_line(each) for each in mails),
    ]
    return tuple(sorted(lines, key=lambda each: each.at))


def _mail_line(letter: Letter) -> Happening:
    return Happening(letter.mail.sent_at, "mail", f"Mail {letter.number}: {letter.mail.subject}", letter.mark)


def _alarm_lines(transitions: Iterable[Transition], prefix: str) -> list[Happening]:
    """Tell each change, but the many alarms that find their first data in one line."""
    settled = [each for each in transitions if each.old == "INSUFFICIENT_DATA" and each.new == "OK"]
    changed = [each for each in transitions if each not in settled]
    lines = [
        Happening(each.at, "alarm", f"Alarm {each.alarm.removeprefix(prefix)}: {each.old} -> {each.new}", each.new)
        for each in changed
    ]
    if settled:
        lines.append(
            Happening(settled[-1].at, "alarm", f"{len(settled)} alarms have their first data and are OK", "OK")
        )
    return lines

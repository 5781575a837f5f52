"""A message that is no state of anything -> one mail, sent like every other; it opens no incident.

An event, a budget or a line of text has no end that could be mailed, so nothing stays open because of it. Its line in
the outbox bears the id that SNS gave the message: delivered twice it is mailed once, published again it is mailed anew.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import Event
from deliverywatch.alerting.incidents.outbox import Claim, Record
from deliverywatch.alerting.mail.recipients import audience_of_level
from deliverywatch.errors import StoreUnavailable
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.inputs.notice import Notice
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.view import View
    from deliverywatch.alerting.ports import Ports

WATCH = "message"
# How bad it is nobody knows: as bad as an alarm that no stack declares.
LEVEL = Level.ALARM


def notice_id(notice: Notice) -> str:
    """Return the id that stands for an incident's, the same for every delivery of one message."""
    digest = hashlib.sha256(notice.message_id.encode("utf-8", "replace")).hexdigest()[:6].upper()
    return f"{notice.time:MSG-%m%d}-{digest}"


def outbox_record(notice: Notice, invocation: str) -> Record:
    """Return the outbox record of a single notice."""
    return Record(
        incident=notice_id(notice),
        watch=WATCH,
        seq=1,
        event=Event.NOTICE.value,
        level=LEVEL.value,
        time=notice.time,
        claimed_by=invocation,
        claimed_at=notice.received_at or notice.time,
    )


def send(notice: Notice, ports: Ports, settings: Settings, invocation: str) -> str:
    """Send the mail of a single notice and return its subject; empty if it is sent or another invocation has it.

    Without S3 it is sent all the same, and StoreUnavailable is raised: better twice than never.
    """
    from deliverywatch.alerting.deliver import claimed, deliver  # with its templates, only for what is sent
    from deliverywatch.alerting.mail.headers import Envelope
    from deliverywatch.alerting.mail.message import Message

    record = outbox_record(notice, invocation)
    try:
        claim = claimed(record, ports)
    except StoreUnavailable:
        claim = Claim.OURS
    if claim is not Claim.OURS:
        return ""
    audience = audience_of_level(settings, LEVEL)
    event = Event.NOTICE.value
    envelope = Envelope(record.incident, WATCH, 1, notice.time, notice.time, event, LEVEL, audience.addresses)
    return deliver(Message(view_of_notice(notice, settings, audience.why), envelope), record, ports, settings)


def view_of_notice(notice: Notice, settings: Settings, why: str) -> View:
    """Return what the mail of a single notice says: the message's own words, and that nothing stays open."""
    from deliverywatch.alerting.mail import formatting
    from deliverywatch.alerting.mail.footer import Entry
    from deliverywatch.alerting.mail.view import View, subject_of

    clock, name, word = formatting.clock(settings.time_zone), notice_id(notice), Event.NOTICE.value
    sentence = notice.sentence or f"{notice.title}."
    single = "It came as a single message, not as the state of an alarm: it is mailed once, and no incident is open."
    return View(
        subject=subject_of(word, notice.title, f" - {settings.environment} - {name}"),
        preheader=formatting.cut(sentence, 90),
        tone="notice",
        word=word,
        event=word,
        title=notice.title,
        incident=name,
        sentence=sentence,
        notes=tuple(note for note in (notice.problem, single) if note),
        headline_numbers=(),
        facts=notice.facts,
        timeline=(Entry(clock.time(notice.time), word, "notice", "came to the alerts topic"),),
        footer=(
            ("Stack", f"{settings.prefix} (environment {settings.environment})"),
            ("Message", notice.message_id),
            ("Time", clock.full_with_utc(notice.time)),
        ),
        why=why,
    )

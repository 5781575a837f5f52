"""One change of an incident -> one mail that went out: claim it, write it, send it, keep it, mark it.

If S3 cannot be reached the mail is sent all the same: better twice than never. If SES will not take it, the same facts
go as text to the fallback topic; if that fails too the invocation fails, Lambda tries again, and at last an alarm that
does not pass this code tells of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from deliverywatch.alerting.incidents import outbox
from deliverywatch.alerting.incidents.outbox import Claim
from deliverywatch.alerting.incidents.watch_state import focus
from deliverywatch.alerting.mail.recipients import recipients
from deliverywatch.errors import MailUnavailable, MetricsUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.alerting.incidents.watch_state import Alarms, Sight
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.message import Mail
    from deliverywatch.messages.context import Context
    from deliverywatch.storage.store import Store


class Mailer(Protocol):
    """SES."""

    def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> str:
        """Send a message and return its id, or raise MailUnavailable."""
        ...


class Fallback(Protocol):
    """The topic that works when SES does not."""

    def publish(self, subject: str, text: str) -> str:
        """Publish a text and return its id, or raise MailUnavailable."""
        ...


class Charts(Protocol):
    """Pictures of metrics."""

    def png(self, widget: str) -> bytes:
        """Return the picture of a widget definition, or raise MetricsUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What the notifier talks to."""

    alarms: Alarms
    store: Store
    mailer: Mailer
    fallback: Fallback
    charts: Charts


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one mail.

    Attributes:
        mail: The incident's id and the number of the change.
        is_sent: Whether it is out, by whomever.
        subject: Its subject if it was sent just now.
    """

    mail: tuple[str, int]
    is_sent: bool
    subject: str = ""


def deliver(
    incident: Incident, change: Change, sight: Sight, ports: Ports, settings: Settings, invocation: str
) -> Delivery:
    """Send the mail of one change unless it is sent already or another invocation is at it.

    Raises:
        MailUnavailable: Neither SES nor the fallback topic took it.
        StoreUnavailable: It was sent, and S3 did not take the note of it.
    """
    # Imported here: only an invocation that has something to send pays for templates and MIME.
    from deliverywatch.alerting.mail import chart, formatting
    from deliverywatch.alerting.mail.message import compose

    record = outbox.record_of(incident, change, invocation, sight.now)
    whose = _claimed(ports.store, record)
    if whose is not Claim.OURS:
        return Delivery((incident.id, change.seq), is_sent=whose is Claim.SENT)
    # A change that a system notice told is about no alarm, even where its watch has some.
    alarm = (
        focus(sight, change.before if change.level.rank == 0 else change.level, change.alarm) if change.alarm else None
    )
    known = _context(ports.store, sight.watch.context)
    picture = chart.widget(incident, change, sight, alarm, known, formatting.clock(settings.time_zone).zone)
    png = _png(ports.charts, picture)
    mail = compose(incident, change, sight, alarm, known, settings, png)
    # Whom a system names for its own watch is told instead of everybody.
    addresses = known.recipients or recipients(settings, incident, change)
    record = handed_over(mail, record, ports, settings.sender, addresses)
    ports.store.write(outbox.body_key(record), mail.message)
    outbox.mark_sent(ports.store, record, sight.now)
    return Delivery((incident.id, change.seq), is_sent=True, subject=mail.subject)


def _claimed(store: Store, record: Record) -> Claim:
    try:
        return outbox.claim(store, record)
    except StoreUnavailable:
        return Claim.OURS


def _context(store: Store, key: str) -> Context:
    from deliverywatch.messages import context  # as above

    try:
        stored = store.read(key) if key else None
    except StoreUnavailable:
        stored = None
    return context.from_json(stored.body if stored else None)


def _png(charts: Charts, picture: str | None) -> bytes | None:
    try:
        return charts.png(picture) if picture else None
    except MetricsUnavailable:
        return None


def handed_over(mail: Mail, record: Record, ports: Ports, sender: str, addresses: Sequence[str]) -> Record:
    """Hand a mail to SES, or its text to the fallback topic if SES will not take it; return its record with how.

    Raises:
        MailUnavailable: Neither took it.
    """
    record = replace(record, subject=mail.subject, recipients=len(addresses))
    try:
        return replace(record, channel="ses", message_id=ports.mailer.send(mail.message, sender, addresses))
    except MailUnavailable as error:
        problem = str(error)
    text = f"SES did not take this mail, so it comes this way: {problem}\n\n{mail.text}"
    return replace(record, channel="fallback", problem=problem, message_id=ports.fallback.publish(mail.subject, text))

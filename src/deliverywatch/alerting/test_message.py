"""A system notice that asks for a test -> one clearly marked mail, sent like every other; it opens no incident.

Decision: a system notice on the alerts topic, and not SetAlarmState. Forcing an alarm would prove one more step, that
CloudWatch may publish to the topic, which the alarm's history shows anyway; but it would open an incident that looks
real, mail everybody twice, and hide a real alarm until the next minute. The notice passes the topic, its subscription,
the notifier with its role, SES and the inbox, and leaves one line in the outbox, with the event TEST.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from deliverywatch.alerting.deliver import deliver
from deliverywatch.alerting.incidents import outbox
from deliverywatch.alerting.incidents.outbox import Claim, Record
from deliverywatch.alerting.mail.recipients import of_level
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.dispatch import Pending
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.view import View
    from deliverywatch.alerting.ports import Ports
    from deliverywatch.messages.notice import SystemNotice

WATCH = "test"
EVENT = "TEST"


def incident_id(time: datetime) -> str:
    """Return the id of a test, which stands for an incident's; two in one second are the same."""
    return time.strftime("TEST-%m%d-%H%M%S")


def outbox_record(time: datetime, level: Level, invocation: str) -> Record:
    """Return the outbox record of a test."""
    return Record(
        incident=incident_id(time),
        watch=WATCH,
        seq=1,
        event=EVENT,
        level=level.value,
        time=time,
        claimed_by=invocation,
        claimed_at=time,
    )


def send(test: SystemNotice, time: datetime, ports: Ports, settings: Settings, invocation: str) -> str:
    """Send the mail of a test and return its subject; empty if another invocation has claimed it.

    Without S3 it raises StoreUnavailable: a test that leaves no record proves nothing.
    """
    from deliverywatch.alerting.mail.headers import Envelope  # a test is rare
    from deliverywatch.alerting.mail.message import Message

    record = outbox_record(time, test.level, invocation)
    if outbox.claim(ports.store, record) is not Claim.OURS:
        return ""
    recipients = test.to or of_level(settings, test.level)
    envelope = Envelope(record.incident, WATCH, 1, time, time, EVENT, test.level, recipients)
    return deliver(Message(view_of_test(test, time, settings), envelope), record, ports, settings)


def pending(test: SystemNotice, time: datetime, settings: Settings, invocation: str) -> Pending:
    """Return what is due to the channels beside mail; a test to chosen addresses is for them alone."""
    from deliverywatch.alerting.dispatch import test_pending

    record = outbox_record(time, test.level, invocation)
    return test_pending(record, test.level, view_of_test(test, time, settings), settings.channels)


def view_of_test(test: SystemNotice, time: datetime, settings: Settings) -> View:
    """Return what the mail of a test says."""
    from deliverywatch.alerting.mail import formatting
    from deliverywatch.alerting.mail.footer import Entry
    from deliverywatch.alerting.mail.headline_numbers import HeadlineNumber
    from deliverywatch.alerting.mail.view import View

    level, clock = test.level, formatting.clock(settings.time_zone)
    name, by = incident_id(time), test.by or "somebody"
    real = of_level(settings, level)
    return View(
        subject=f"[TEST] {level.value.upper()} mail of DeliveryWatch - {settings.environment} - {name}",
        preheader="This is a test. Nothing is wrong, and there is nothing to do.",
        tone=level.value,
        word=EVENT,
        event=level.value.upper(),
        title="Test of the alert path",
        incident=name,
        sentence="This is a test: nothing is wrong.",
        notes=(f"{by} asked for it. A real mail of level {level.value} looks like this and says what is wrong here.",),
        headline_numbers=(
            HeadlineNumber("Level", level.value),
            HeadlineNumber("Sent to", _people(len(test.to or real)), "this mail"),
            HeadlineNumber("Real ones go to", _people(len(real)), f"of level {level.value}"),
        ),
        facts=(
            ("Proven", "the alerts topic, the notifier and its rights, SES, and this inbox."),
            ("Not proven", "that CloudWatch may publish to the topic: 'deliverywatch doctor' looks at that."),
            ("Critical goes to", ", ".join(of_level(settings, Level.CRITICAL))),
            ("All else goes to", ", ".join(of_level(settings, Level.WARNING))),
        ),
        facts_title="What it proves",
        steps=(
            "If this is in your inbox and not among the spam, there is nothing to do.",
            "If it was among the spam, mark the sender as known, in every inbox that it goes to.",
        ),
        timeline=(Entry(clock.time(time), EVENT, level.value, f"asked for by {by}"),),
        footer=(
            ("Stack", f"{settings.prefix} (environment {settings.environment})"),
            ("Test", name),
            ("Time", clock.full(time)),
        ),
        why=f"You get this mail because {by} asked for a test of the stack {settings.prefix}.",
    )


def _people(count: int) -> str:
    return "1 address" if count == 1 else f"{count} addresses"

"""A test notice -> one mail, clearly marked, on the way that every mail goes; it opens no incident.

    {"deliverywatch": 1, "watch": "test", "level": "critical", "test": true, "by": "kim", "to": ["me@example.com"]}

Decision: a notice of our own on the alerts topic, and not SetAlarmState. Forcing an alarm would prove one step more,
that CloudWatch may publish to the topic, which the alarm's history tells anyway; but it would open an incident that
looks real, mail everybody twice, and hide a real alarm until the next minute. The notice passes the topic, its
subscription, the notifier with its role, SES and the inbox, and leaves one line in the outbox, with the event TEST.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents import outbox
from deliverywatch.alerting.incidents.outbox import Claim, Record
from deliverywatch.alerting.incidents.severity import Level
from deliverywatch.alerting.mail.recipients import of_level

if TYPE_CHECKING:
    from deliverywatch.alerting.deliver import Ports
    from deliverywatch.alerting.inputs.notice import Notice
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.alerting.mail.view import View
    from deliverywatch.alerting.settings import Settings

WATCH = "test"
EVENT = "TEST"


def drill_id(time: datetime) -> str:
    """Return the id of a test, in the place of an incident's; two in one second are one."""
    return time.strftime("TEST-%m%d-%H%M%S")


def drill_record(time: datetime, level: Level, invocation: str) -> Record:
    """Return the outbox record of a test."""
    return Record(
        incident=drill_id(time),
        watch=WATCH,
        seq=1,
        event=EVENT,
        level=level.value,
        time=time,
        claimed_by=invocation,
        claimed_at=time,
    )


def drill(notice: Notice, ports: Ports, settings: Settings, invocation: str) -> str:
    """Send the mail of a test notice; return its subject, empty if another invocation has it.

    Raises:
        MailUnavailable: Neither SES nor the fallback topic took it.
        StoreUnavailable: S3 cannot be reached: a test that leaves no trace proves nothing.
    """
    from deliverywatch.alerting.deliver import handed_over  # it asks for the templates, which most runs do not need
    from deliverywatch.alerting.mail.message import Envelope, written

    level = notice.level or Level.ALARM
    record = drill_record(notice.time, level, invocation)
    if outbox.claim(ports.store, record) is not Claim.OURS:
        return ""
    to = notice.to or of_level(settings, level)
    envelope = Envelope(record.incident, WATCH, 1, notice.time, notice.time, EVENT, level, to)
    mail = written(drill_view(notice, settings), envelope, settings)
    record = handed_over(mail, record, ports, settings.sender, to)
    ports.store.write(outbox.body_key(record), mail.message)
    outbox.mark_sent(ports.store, record, notice.time)
    return mail.subject


def drill_view(notice: Notice, settings: Settings) -> View:
    """Return what the mail of a test says."""
    from deliverywatch.alerting.mail import formatting
    from deliverywatch.alerting.mail.footer import Entry
    from deliverywatch.alerting.mail.headline_numbers import Figure
    from deliverywatch.alerting.mail.view import View

    level, clock = notice.level or Level.ALARM, formatting.clock(settings.time_zone)
    name, by = drill_id(notice.time), notice.by or "somebody"
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
        figures=(
            Figure("Level", level.value),
            Figure("Sent to", _people(len(notice.to or of_level(settings, level))), "this mail"),
            Figure("Real ones go to", _people(len(of_level(settings, level))), f"of level {level.value}"),
        ),
        facts=_facts(settings),
        facts_title="What it proves",
        steps=(
            "If this is in your inbox and not among the spam, there is nothing to do.",
            "If it was among the spam, mark the sender as known, in every inbox that it goes to.",
        ),
        timeline=(Entry(clock.time(notice.time), EVENT, level.value, f"asked for by {by}"),),
        footer=_footer(notice, settings, clock),
        why=f"You get this mail because {by} asked for a test of the stack {settings.prefix}.",
    )


def _facts(settings: Settings) -> tuple[tuple[str, str], ...]:
    return (
        ("Proven", "the alerts topic, the notifier and its rights, SES, and this inbox."),
        ("Not proven", "that CloudWatch may publish to the topic: 'deliverywatch doctor' looks at that."),
        ("Critical goes to", ", ".join(of_level(settings, Level.CRITICAL))),
        ("All else goes to", ", ".join(of_level(settings, Level.WARNING))),
    )


def _footer(notice: Notice, settings: Settings, clock: Clock) -> tuple[tuple[str, str], ...]:
    return (
        ("Stack", f"{settings.prefix} (environment {settings.environment})"),
        ("Test", drill_id(notice.time)),
        ("Time", clock.full(notice.time)),
    )


def _people(count: int) -> str:
    return "1 address" if count == 1 else f"{count} addresses"

"""A change of an incident -> a view of nothing but its record, for when no other can be made."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from deliverywatch.alerting.mail.view import View, subject_of

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.inputs.settings import Settings

_REASON_LIMIT = 300


def bare_view(incident: Incident, change: Change, settings: Settings, why: str, problem: str) -> View:
    """Return what the record alone says; it calls nothing that could fail on a hostile value."""
    title, level, event = incident.title or incident.watch, change.level.value, change.event.value
    facts = [
        ("Event", event),
        ("Level", f"{change.before.value} before, {level} after"),
        ("Alarm", change.alarm),
        ("Reason", change.reason[:_REASON_LIMIT]),
        ("Value", "" if change.value is None else f"{change.value:.6g}"),
    ]
    return View(
        subject=subject_of(
            event if level == "ok" else level.upper(), title, f" - {settings.environment} - {incident.id}"
        ),
        preheader=f"{title}: {event}",
        tone=level,
        word=level.upper(),
        event=event,
        title=title,
        incident=incident.id,
        sentence=f"{title}: {event}, level {level}.",
        notes=(f"The details could not be written ({problem}). What is below is from the incident's record.",),
        headline_numbers=(),
        timeline=(),
        facts=tuple((name, value) for name, value in facts if value),
        facts_title="What is known",
        footer=(
            ("Stack", f"{settings.prefix} (environment {settings.environment})"),
            ("Watch", incident.watch),
            ("Incident", f"{incident.id}, mail {change.seq}"),
            ("Time", f"{change.time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"),
        ),
        why=why,
    )

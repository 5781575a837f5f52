"""A change of an incident -> its message: what it says, the picture, and who gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.errors import MetricsUnavailable, StoreUnavailable
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.incidents.watch_state import WatchState
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.message import Message
    from deliverywatch.alerting.ports import Charts, Ports
    from deliverywatch.messages.context import Context
    from deliverywatch.storage.store import Store


def collect(incident: Incident, change: Change, state: WatchState, ports: Ports, settings: Settings) -> Message:
    """Return the message of a change; what cannot be read or drawn is left out."""
    # Imported here: only an invocation with something to send pays for templates and MIME.
    from deliverywatch.alerting.mail import formatting
    from deliverywatch.alerting.mail.message import Envelope, Message
    from deliverywatch.alerting.mail.recipients import recipients
    from deliverywatch.alerting.mail.story import Story
    from deliverywatch.alerting.mail.view import view

    level = change.before if change.level is Level.OK else change.level
    context = _context(ports.store, state.watch.context)
    story = Story(
        incident=incident,
        change=change,
        # A change caused by a system notice is about no alarm, even if its watch has some.
        alarm=state.alarm_of(level, change.alarm) if change.alarm else None,
        context=context,
        clock=formatting.clock(settings.time_zone),
        title=incident.title or state.watch.title,
        is_declared=state.is_declared,
        thresholds=state.thresholds,
        written_at=state.now,
    )
    content = view(story, settings)
    envelope = Envelope(
        id=incident.id,
        watch=incident.watch,
        number=change.seq,
        opened_at=incident.opened_at,
        time=change.time,
        event=change.event.value,
        level=change.level,
        # Recipients that a system names for its watch replace the stack's.
        recipients=context.recipients or recipients(settings, incident, change),
    )
    return Message(content, envelope, _png(ports.charts, content.picture))


def _context(store: Store, key: str) -> Context:
    from deliverywatch.messages import context  # as above

    try:
        stored = store.read(key) if key else None
    except StoreUnavailable:
        stored = None
    return context.from_json(stored.body if stored else None)


def _png(charts: Charts, widget: str | None) -> bytes | None:
    try:
        return charts.png(widget) if widget else None
    except MetricsUnavailable:
        return None

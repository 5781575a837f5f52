"""A change of an incident -> its message: what it says, the picture, and who gets it.

What a system left for the mail can be anything. With it if that works, else without it, else with the bare facts of the
record: the message is made in any case.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from deliverywatch.errors import StoreUnavailable
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.incidents.signed_link import Signer
    from deliverywatch.alerting.incidents.watch_state import WatchState
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.message import Message
    from deliverywatch.alerting.mail.view import View
    from deliverywatch.alerting.ports import Charts, Ports
    from deliverywatch.messages.context import Context
    from deliverywatch.storage.store import Store


def collect(incident: Incident, change: Change, state: WatchState, ports: Ports, settings: Settings) -> Message:
    """Return the message of a change; what cannot be read, worded or drawn is left out."""
    # Imported here: only an invocation with something to send pays for templates and MIME.
    from deliverywatch.alerting.mail.headers import Envelope
    from deliverywatch.alerting.mail.message import Message
    from deliverywatch.alerting.mail.recipients import audience

    context = _context(ports.store, state.watch.context)
    people = audience(settings, incident, change, context.recipients)
    spare = partial(_spare, incident, change, state, settings, people.why)
    try:
        content = _view(incident, change, state, settings, people.why, context)
    except Exception as error:  # whatever the document holds, the news goes out
        content = spare(type(error).__name__)
    envelope = Envelope(
        id=incident.id,
        watch=incident.watch,
        number=change.seq,
        opened_at=incident.opened_at,
        time=change.time,
        event=change.event.value,
        level=change.level,
        recipients=people.addresses,
    )
    message = Message(content, envelope, _png(ports.charts, content.picture), spare)
    if ports.signer is None or not settings.page_url or not incident.is_open:
        return message
    return _with_links(message, incident, state, ports.signer, settings.page_url)


def _with_links(
    message: Message, incident: Incident, state: WatchState, signer: Callable[[datetime], Signer], url: str
) -> Message:
    """Return the message of an open incident with the links to what its readers can do, whichever view is shown."""
    from deliverywatch.alerting.mail.actions import actions_of  # as above

    has_alarms = state.is_declared and bool(state.watch.severities)
    actions = actions_of(incident, signer, url, state.seen_at, has_alarms=has_alarms)
    spare = message.spare
    return replace(
        message,
        view=actions.added(message.view),
        spare=(lambda problem: actions.added(spare(problem))) if spare else None,
    )


def _view(
    incident: Incident, change: Change, state: WatchState, settings: Settings, why: str, context: Context | None = None
) -> View:
    from deliverywatch.alerting.mail import formatting  # as above
    from deliverywatch.alerting.mail.story import Story
    from deliverywatch.alerting.mail.view import view
    from deliverywatch.messages.context import Context

    level = change.before if change.level is Level.OK else change.level
    story = Story(
        incident=incident,
        change=change,
        # A change caused by a system notice is about no alarm, even if its watch has some.
        alarm=state.alarm_of(level, change.alarm) if change.alarm else None,
        context=context or Context(),
        clock=formatting.clock(settings.time_zone),
        title=incident.title or state.watch.title,
        is_declared=state.is_declared,
        thresholds=state.thresholds,
        written_at=state.seen_at,
    )
    return view(story, settings, why)


def _spare(incident: Incident, change: Change, state: WatchState, settings: Settings, why: str, problem: str) -> View:
    """Return the view without the context, else that of the record alone; `problem` is what was wrong with the rest."""
    from deliverywatch.alerting.mail.bare import bare_view  # as above

    note = f"The details of this mail are left out: they could not be written ({problem})."
    try:
        content = _view(incident, change, state, settings, why)
    except Exception as error:  # as above
        return bare_view(incident, change, settings, why, type(error).__name__)
    return replace(content, notes=(*content.notes, note))


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
    except Exception:  # MetricsUnavailable, and whatever a picture of strangers' metrics comes to: bars take its place
        return None

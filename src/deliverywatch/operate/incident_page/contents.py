"""An incident, or what became of a link -> what the page says."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.ack import ACK_LIMIT
from deliverywatch.alerting.incidents.signed_link import Action
from deliverywatch.alerting.mail.formatting import amount, cut
from deliverywatch.operate.incident_page.page import Form, Page

if TYPE_CHECKING:
    from datetime import datetime

    from deliverywatch.alerting.incidents.incident import Ack, Change, Incident
    from deliverywatch.alerting.incidents.signed_link import Link
    from deliverywatch.alerting.mail.formatting import Clock

_ENTRIES = 8
_TEXT_LIMIT = 300
_BY_COMMAND = "'deliverywatch status' shows what is open, and 'deliverywatch ack INC-... --by NAME' takes it on."
_BUTTONS = {Action.ACKNOWLEDGE: "I have taken it on", Action.MUTE: "Mute for an hour"}
_HINTS = {
    Action.ACKNOWLEDGE: "Later mails and 'deliverywatch status' will name you. No mail is held back.",
    Action.MUTE: "Holds back the mails of this watch's alarms for an hour, under your name. What is still wrong then "
    "is mailed. Each link mutes once.",
}


def refused() -> Page:
    """Return what somebody sees who has no link of this stack."""
    note = f"It may have been cut when it was copied, or the key that signed it is gone. {_BY_COMMAND}"
    return Page(HTTPStatus.NOT_FOUND, "DeliveryWatch", "This link leads nowhere.", notes=(note,))


def expired() -> Page:
    """Return what a link shows after its time."""
    note = f"Mails that come later have links of their own. {_BY_COMMAND}"
    return Page(HTTPStatus.GONE, "DeliveryWatch", "This link has expired.", notes=(note,))


def too_many() -> Page:
    """Return what is shown to whoever asks too often."""
    sentence = "This incident was opened too often in the last minute: please try again in a minute."
    headers = {"retry-after": "60"}
    return Page(HTTPStatus.TOO_MANY_REQUESTS, "DeliveryWatch", sentence, notes=(_BY_COMMAND,), headers=headers)


def not_allowed() -> Page:
    """Return the answer to a method that the page does not know."""
    headers = {"allow": "GET, HEAD, POST"}
    return Page(HTTPStatus.METHOD_NOT_ALLOWED, "DeliveryWatch", "This page can be opened, and its form be sent.",
                headers=headers)  # fmt: skip


def unavailable(problem: str) -> Page:
    """Return what is shown while something that the page needs does not answer."""
    sentence = "Nothing was changed, or it is not certain: something did not answer. Please open the link again."
    headers = {"retry-after": "10"}
    return Page(HTTPStatus.SERVICE_UNAVAILABLE, "DeliveryWatch", sentence, "blind", (problem, _BY_COMMAND),
                headers=headers)  # fmt: skip


def over(link: Link, incident: Incident | None, clock: Clock) -> Page:
    """Return what a link shows whose incident is over; 'incident' is the last one of its watch."""
    if incident is None or incident.id != link.incident:
        later = (
            f"The watch has a newer incident, {incident.id}, whose mails have links of their own." if incident else ""
        )
        return Page(HTTPStatus.GONE, link.incident, f"{link.incident} is over.", notes=(later,) if later else ())
    sentence = f"{incident.id} is over since {clock.full(incident.changed_at)}: there is nothing to do here."
    if incident.is_closed_as_unknown:
        sentence = f"{incident.id} was closed as unknown at {clock.full(incident.changed_at)}: nothing is seen of it."
    return Page(HTTPStatus.GONE, _title(incident), sentence, "resolved", entries=_entries(incident, clock))


def opened(link: Link, incident: Incident, clock: Clock, rule: str, *, can_mute: bool) -> Page:
    """Return the page of an open incident with the one form of its link; 'rule' is the mute rule that it would make."""
    used = next((ack for ack in incident.acks if ack.others.get("mute_rule") == rule), None)
    is_full = len(incident.acks) >= ACK_LIMIT
    is_without = link.action is Action.MUTE and not can_mute
    form = None if used or is_full or is_without else Form(_BUTTONS[link.action], _HINTS[link.action])
    notes = (
        [f"{incident.acks[-1].by} has taken it on, at {clock.full(incident.acks[-1].time)}."] if incident.acks else []
    )
    if used:
        notes.append(f"This link was used by {used.by}. For longer: 'deliverywatch mute 2h --reason ...'.")
    if is_without:
        notes.append("No alarm of this stack belongs to it, and only alarms can be muted.")
    if is_full:
        notes.append(f"It has {ACK_LIMIT} acknowledgements already, and takes no more.")
    sentence = f"{incident.title or incident.watch}: {incident.level.value} since {clock.full(incident.opened_at)}"
    return Page(
        HTTPStatus.OK, _title(incident), sentence, incident.level.value, tuple(notes), _facts(incident, clock),
        _entries(incident, clock), form,
    )  # fmt: skip


def _title(incident: Incident) -> str:
    return f"{incident.id}: {cut(incident.title or incident.watch, 80)}"


def _facts(incident: Incident, clock: Clock) -> tuple[tuple[str, str], ...]:
    last = incident.timeline[-1] if incident.timeline else None
    counts = f"{amount(last.failed)} of {amount(last.total)}" if last and last.failed is not None and last.total else ""
    facts = (
        ("Watch", incident.watch),
        ("Last change", clock.full_with_utc(incident.changed_at)),
        ("Failed", counts),
        ("Reason", cut(last.reason, _TEXT_LIMIT) if last else ""),
    )
    return tuple((name, value) for name, value in facts if value)


def _entries(incident: Incident, clock: Clock) -> tuple[tuple[str, str], ...]:
    timed = [(change.time, _changed(change)) for change in incident.timeline]
    timed += [(ack.time, _acknowledged(ack)) for ack in incident.acks]
    latest = sorted(timed, key=_time_of)[-_ENTRIES:]
    return tuple((clock.day_time(time, incident.opened_at), text) for time, text in latest)


def _time_of(entry: tuple[datetime, str]) -> datetime:
    return entry[0]


def _changed(change: Change) -> str:
    return f"{change.event.value.lower()}: {change.level.value}"


def _acknowledged(ack: Ack) -> str:
    return f"{ack.by}: {ack.note}" if ack.note else f"{ack.by} has taken it on"

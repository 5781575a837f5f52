"""`state/<system>.json` in the lake -> Context: what a mail can say beyond the alarm.

The watch's own system leaves the document there after every run; the notifier knows its shape and no system. An example
with every field is tests/events/sms_context.json. Whatever is missing or of the wrong type is left out: a mail without
details is better than none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.messages.untrusted import count, mapping, moment, number, objects, text

# Of fewer messages a rate says nothing.
_TELLING_COUNT = 20
_FACT_COUNT = 30
# What fits into a mail's width, and into a screen of it.
_TABLE_ROWS, _TABLE_COLUMNS, _CELL_LIMIT = 11, 6, 60
_RECIPIENT_COUNT = 10


@dataclass(frozen=True, slots=True)
class Slot:
    """The counts of one slot; `recipients_last_failed` are those whose latest failure lies in it."""

    start: datetime
    total: int
    failed: int
    recipients_last_failed: int

    @property
    def rate_percent(self) -> float:
        """The failed share."""
        return 100 * self.failed / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why messages failed, with how many did."""

    code: str
    text: str
    fault: str
    count: int
    share_percent: float


@dataclass(frozen=True, slots=True)
class Group:
    """A carrier, a country or whatever else the system groups by."""

    name: str
    total: int
    failed: int

    @property
    def rate_percent(self) -> float:
        """The failed share."""
        return 100 * self.failed / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One failed message; the recipient is masked by its system."""

    message_id: str
    time: datetime | None
    recipient: str
    place: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the system itself cannot see."""

    kind: str
    since: datetime | None
    sentence: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What a watch's system knows.

    Attributes:
        noun: What is sent, as it stands in a sentence: "SMS".
        slots: Oldest first, at most the last hours.
        groups: By what they group, such as `carrier`; the order is the system's.
        blind_steps: What to do when the system itself cannot see; what suits a scheduled function if it says nothing.
        facts: What else its system found out, by name, in its order.
        table: Rows that show what it is about, the names of their columns first; empty for none.
        recipients: Who is told instead of the stack's recipients; empty for these.
        blind_end: What became of the time in which nothing was seen; that it is counted now if it says nothing.
        workgroup: The Athena workgroup with the system's saved queries; empty for the stack's.
    """

    noun: str = "messages"
    updated_at: datetime | None = None
    slot_minutes: int = 0
    slots: tuple[Slot, ...] = ()
    window_minutes: int = 0
    reasons: tuple[Reason, ...] = ()
    groups: tuple[tuple[str, tuple[Group, ...]], ...] = ()
    samples: tuple[Sample, ...] = ()
    overdue: tuple[int, int] | None = None
    problem: Problem | None = None
    facts: tuple[tuple[str, str], ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    recipients: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    blind_steps: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    blind_end: str = ""
    workgroup: str = ""


def read(body: bytes | None) -> Context:
    """Return the context of a document; an empty one if it is missing or no JSON object."""
    try:
        document = mapping(json.loads(body)) if body else {}
    except (ValueError, RecursionError):
        document = {}
    window = mapping(document.get("window"))
    return Context(
        noun=text(document.get("noun"), 30) or Context().noun,
        updated_at=moment(document.get("updated_at")),
        slot_minutes=count(document.get("slot_minutes")),
        slots=_slots(document),
        window_minutes=count(window.get("minutes")),
        reasons=tuple(_reason(one) for one in objects(window.get("reasons"))),
        groups=tuple((text(by, 30), _groups(found)) for by, found in mapping(window.get("groups")).items()),
        samples=tuple(_sample(one) for one in objects(window.get("samples"))),
        overdue=_overdue(mapping(document.get("overdue"))),
        problem=_problem(mapping(document.get("problem"))),
        facts=_facts(document.get("facts")),
        table=_table(document.get("table")),
        recipients=_recipients(document.get("recipients")),
        steps=_texts(document.get("steps")),
        blind_steps=_texts(document.get("blind_steps")),
        links=_links(document.get("links")),
        blind_end=text(document.get("blind_end"), 300),
        workgroup=text(document.get("workgroup"), 128),
    )


def recipients_affected(context: Context, opened_at: datetime, window_seconds: int) -> tuple[int, bool] | None:
    """Return how many recipients failed in an incident, and whether the slots reach back to its beginning.

    Each recipient is counted in the slot of its latest failure only, so the sum from a slot to the end counts nobody
    twice.

    Args:
        context: The slots are taken as they are now.
        opened_at: When the incident opened.
        window_seconds: The alarm's window: what failed in it raised the alarm.
    """
    if not context.slots:
        return None
    since = opened_at - timedelta(seconds=window_seconds) - timedelta(minutes=context.slot_minutes)
    is_whole = context.slots[0].start <= since
    return sum(slot.recipients_last_failed for slot in context.slots if slot.start > since), is_whole


def window_counts(context: Context, seconds: int) -> tuple[int, int] | None:
    """Return failed and total of the last slots that make up a window; None where the slots do not reach."""
    wanted = seconds // (60 * context.slot_minutes) if context.slot_minutes else 0
    slots = context.slots[-wanted:] if wanted else ()
    if not slots or len(slots) < wanted:
        return None
    return sum(slot.failed for slot in slots), sum(slot.total for slot in slots)


def counts_before(context: Context, seconds: int) -> tuple[int, int, tuple[datetime, datetime]] | None:
    """Return failed and total of the slots before the last window, with their time; None if too few were sent."""
    wanted = seconds // (60 * context.slot_minutes) if context.slot_minutes else 0
    slots = context.slots[:-wanted] if wanted else ()
    total = sum(slot.total for slot in slots)
    if total < _TELLING_COUNT:
        return None
    return sum(slot.failed for slot in slots), total, (slots[0].start, context.slots[-wanted].start)


def is_rising(context: Context) -> bool:
    """Whether the last slot failed clearly more than the one before.

    Falling is never said: outcomes of the last slot still arrive, and they only add failures.
    """
    if len(context.slots) < 2:
        return False
    before, now = context.slots[-2:]
    is_telling = min(before.total, now.total) >= _TELLING_COUNT
    return is_telling and now.rate_percent - before.rate_percent >= max(1.0, before.rate_percent / 5)


def _slots(document: Mapping[str, Any]) -> tuple[Slot, ...]:
    slots = [(moment(one.get("start")), one) for one in objects(document.get("slots"))]
    known = [
        Slot(start, count(one.get("total")), count(one.get("failed")), count(one.get("recipients_last_failed")))
        for start, one in slots
        if start is not None
    ]
    return tuple(sorted(known, key=lambda slot: slot.start))


def _reason(one: Mapping[str, Any]) -> Reason:
    share = number(one.get("share_percent"))
    return Reason(
        text(one.get("code"), 40),
        text(one.get("text"), 120),
        text(one.get("fault"), 30),
        count(one.get("count")),
        share or 0.0,
    )


def _groups(found: object) -> tuple[Group, ...]:
    groups = [
        Group(text(one.get("name"), 40), count(one.get("total")), count(one.get("failed"))) for one in objects(found)
    ]
    return tuple(sorted(groups, key=lambda group: (-group.failed, -group.total, group.name)))


def _sample(one: Mapping[str, Any]) -> Sample:
    place = ", ".join(part for part in (text(one.get("carrier"), 40), text(one.get("country"), 40)) if part)
    return Sample(
        message_id=text(one.get("message_id"), 64),
        time=moment(one.get("time")),
        recipient=text(one.get("recipient"), 30),
        place=place,
        code=text(one.get("code"), 40),
        text=text(one.get("text"), 120),
    )


def _overdue(one: Mapping[str, Any]) -> tuple[int, int] | None:
    return (count(one.get("pending")), count(one.get("total"))) if one.get("total") is not None else None


def _problem(one: Mapping[str, Any]) -> Problem | None:
    sentence = text(one.get("sentence"), 300)
    if not sentence:
        return None
    return Problem(text(one.get("kind"), 40), moment(one.get("since")), sentence, _texts(one.get("steps")))


def _facts(value: object) -> tuple[tuple[str, str], ...]:
    pairs = [(text(one.get("name"), 60), text(one.get("value"), 500)) for one in objects(value)]
    return tuple((name, found) for name, found in pairs[:_FACT_COUNT] if name and found)


def _table(value: object) -> tuple[tuple[str, ...], ...]:
    rows = [row for row in value if isinstance(row, list)] if isinstance(value, list) else []
    return tuple(tuple(text(cell, _CELL_LIMIT) for cell in row[:_TABLE_COLUMNS]) for row in rows[:_TABLE_ROWS])


def _recipients(value: object) -> tuple[str, ...]:
    found = [text(one, 320) for one in value] if isinstance(value, list) else []
    return tuple(one for one in found[:_RECIPIENT_COUNT] if "@" in one and not set(one) & set(" ,;<>"))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text(one, 300) for one in value if text(one)) if isinstance(value, list) else ()


def _links(value: object) -> tuple[tuple[str, str], ...]:
    pairs = [(text(one.get("title"), 60), text(one.get("url"), 1000)) for one in objects(value)]
    # Only https: a link is the one thing of a context that a reader acts upon.
    return tuple((title, url) for title, url in pairs if title and url.startswith("https://"))

"""The context document `state/<watch>.json` in the lake: what a mail can say beyond the alarm or notice that caused it.

The watch's own system writes it, the notifier reads it, and neither knows the other. An example is
tests/events/sms_context.json. What is missing or wrong is ignored: a mail without details is better than none.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, NamedTuple

from deliverywatch.messages import advice, verdict
from deliverywatch.messages.advice import Advice
from deliverywatch.messages.group import Group, percent
from deliverywatch.messages.untrusted import count, iso, mapping, moment, number, objects, other_members, text
from deliverywatch.messages.verdict import Assessment

# Name of the fact that says what of its newest input a system could not read.
NOT_READ = "Not read"

_FACT_COUNT = 30
# What fits into a mail's width, and into a screen of it.
_TABLE_ROWS, _TABLE_COLUMNS, _CELL_LIMIT = 11, 6, 60
_RECIPIENT_COUNT = 10
# More is never shown, and a document that was blown up must not take the time of the mail.
_BYTES = 4_000_000
_SLOT_COUNT, _ITEM_COUNT, _TEXT_COUNT = 2_000, 50, 10
_LONGEST_MINUTES = 7 * 24 * 60
# What SES takes: it refuses the whole mail for one address of another form.
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]+"
)

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """The counts of one slot.

    Attributes:
        recipients_last_failed: How many recipients had their latest failure in it.
        details: Further members of the document, for its own system only; not read back.
    """

    start: datetime
    total: int
    failed: int
    recipients_last_failed: int
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rate_percent(self) -> float:
        """The share of failures."""
        return percent(self.failed, self.total)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why messages failed, and how many did."""

    code: str
    text: str
    fault: str
    count: int
    share_percent: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One failed message; the recipient is masked by its system."""

    message_id: str
    time: datetime | None
    recipient: str
    country: str
    carrier: str
    code: str
    text: str

    @property
    def carrier_and_country(self) -> str:
        """Carrier and country, as far as they are known."""
        return ", ".join(part for part in (self.carrier, self.country) if part)


class Overdue(NamedTuple):
    """Of the messages that should have an outcome by now, how many have none.

    Attributes:
        percent: Their share; 0 where they are too few to judge.
        usual_percent: The share that is usual; 0 where it is not known.
        temporary: Those of the pending that a network refused for now.
    """

    pending: int
    total: int
    percent: float
    usual_percent: float = 0.0
    temporary: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the system itself is blind; `since` is when that reason first appeared."""

    kind: str
    sentence: str
    steps: tuple[str, ...]
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a watch's system knows.

    Attributes:
        noun: What is sent, as written in a sentence: "SMS".
        slots: Oldest first, at most the last hours.
        read_at: When its input was last read, of a system that writes this without; else the same as `updated_at`.
        window_minutes: The time that reasons, groups and samples are about.
        groups: By what they group, such as `carrier`.
        facts: Further findings, in the order of their system.
        table: Rows of details, the names of their columns first; empty for none. `table_title` says what they are.
        recipients: Replace the stack's recipients; empty for these.
        failure_watches: Those of failures though their alarms do not count them: slots to samples are about these too.
        week: What was sent in the last seven days, for these watches.
        watch_steps: What to do about one watch, by its name; `steps` are about failures.
        alarm_advice: Of alarms that mean something of their own, by their names; it goes before all other steps.
        blind_steps: What to do when the system is blind; the notifier's advice for a scheduled function if empty.
        blind_end: What became of the blind time; the notifier says that it is being counted if empty.
        workgroup: The Athena workgroup with the system's saved queries; empty for the stack's.
        assessments: What the system's data say about its watches, by their names.
    """

    system: str = ""
    noun: str = "messages"
    updated_at: datetime | None = None
    read_at: datetime | None = None
    slot_minutes: int = 0
    slots: tuple[Slot, ...] = ()
    window_minutes: int = 0
    reasons: tuple[Reason, ...] = ()
    groups: tuple[tuple[str, tuple[Group, ...]], ...] = ()
    samples: tuple[Sample, ...] = ()
    overdue: Overdue | None = None
    problem: Problem | None = None
    facts: Pairs = ()
    table: tuple[tuple[str, ...], ...] = ()
    table_title: str = ""
    recipients: tuple[str, ...] = ()
    failure_watches: tuple[str, ...] = ()
    week: tuple[Group, ...] = ()
    steps: tuple[str, ...] = ()
    watch_steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alarm_advice: Mapping[str, Advice] = field(default_factory=dict)
    blind_steps: tuple[str, ...] = ()
    links: Pairs = ()
    blind_end: str = ""
    workgroup: str = ""
    assessments: Mapping[str, Assessment] = field(default_factory=dict)


# All members that a document of this version may have: for want of a value, some are left out.
_MEMBERS = frozenset(part.name for part in fields(Context)) - {"window_minutes", "reasons", "groups", "samples"} | {
    "deliverywatch",
    "window",
}


def key_of(name: str) -> str:
    """Return the key of the document of a watch, or of a system whose watches share a document."""
    return f"state/{name}.json"


def to_json(context: Context, before: bytes | None = None, **own: Any) -> bytes:
    """Return the document, with further members for its own system; one that is None is left out.

    Of the document `before` it keeps what only a later version knows.
    """
    others = other_members(decoded(before), _MEMBERS | own.keys())
    return _encoded(others | _document(context) | {name: value for name, value in own.items() if value is not None})


def with_problem(body: bytes | None, problem: Problem, empty: Context) -> bytes:
    """Return the document with a problem, and all else as it was; `empty` fills in the fields that it does not have.

    A problem of the same kind that the document has already keeps its `since`.
    """
    document = _document(empty) | dict(decoded(body))
    earlier = mapping(document.get("problem"))
    since = {"since": earlier["since"]} if earlier.get("kind") == problem.kind and "since" in earlier else {}
    return _encoded(document | {"problem": _problem_document(problem) | since})


def decoded(body: bytes | None) -> Mapping[str, Any]:
    """Return the raw document; empty if it is missing or not a JSON object."""
    try:
        return mapping(json.loads(body)) if body else {}
    except (ValueError, RecursionError):
        return {}


def from_json(body: bytes | None) -> Context:
    """Return the context of a document; an empty one if it is missing, not a JSON object or beyond all measure."""
    document = decoded(body) if body is None or len(body) <= _BYTES else {}
    window = mapping(document.get("window"))
    return Context(
        system=text(document.get("system"), 30),
        noun=text(document.get("noun"), 30) or Context().noun,
        updated_at=moment(document.get("updated_at")),
        read_at=moment(document.get("read_at", document.get("updated_at"))),
        slot_minutes=_minutes(document.get("slot_minutes")),
        slots=_slots(document),
        window_minutes=_minutes(window.get("minutes")),
        reasons=tuple(_reason(item) for item in objects(window.get("reasons"))[:_ITEM_COUNT]),
        groups=_groupings(mapping(window.get("groups"))),
        samples=tuple(_sample(item) for item in objects(window.get("samples"))[:_ITEM_COUNT]),
        overdue=_overdue(mapping(document.get("overdue"))),
        problem=_problem(mapping(document.get("problem"))),
        facts=_facts(document.get("facts")),
        table=_table(document.get("table")),
        table_title=text(document.get("table_title"), 60),
        recipients=_recipients(document.get("recipients")),
        failure_watches=_texts(document.get("failure_watches")),
        week=_groups(document.get("week")),
        steps=_texts(document.get("steps")),
        watch_steps={text(watch, 255): _texts(of) for watch, of in mapping(document.get("watch_steps")).items()},
        alarm_advice=advice.from_document(document.get("alarm_advice")),
        blind_steps=_texts(document.get("blind_steps")),
        links=_links(document.get("links")),
        blind_end=text(document.get("blind_end"), 300),
        workgroup=text(document.get("workgroup"), 128),
        assessments=verdict.assessments(document),
    )


def _encoded(document: Mapping[str, Any]) -> bytes:
    # Members of a later version are kept as they are, and may hold half of a character.
    return json.dumps(document, ensure_ascii=False, indent=1).encode(errors="replace")


def _document(context: Context) -> dict[str, Any]:
    rare = {
        "facts": _objects(context.facts, "name", "value"),
        "table": context.table,
        "table_title": context.table_title,
        "recipients": context.recipients,
        "failure_watches": context.failure_watches,
        "week": [_group_document(group) for group in context.week],
        "watch_steps": dict(context.watch_steps),
        "alarm_advice": advice.to_document(context.alarm_advice),
        "blind_steps": context.blind_steps,
        "blind_end": context.blind_end,
        "workgroup": context.workgroup,
        "assessments": {watch: verdict.to_document(one) for watch, one in context.assessments.items()},
    }
    return {
        "deliverywatch": 1,
        "system": context.system,
        "noun": context.noun,
        "updated_at": iso(context.updated_at),
        "slot_minutes": context.slot_minutes,
        "slots": [_slot_document(slot) for slot in context.slots],
        "window": {
            "minutes": context.window_minutes,
            "reasons": [_fields(reason) for reason in context.reasons],
            "groups": {by: [_group_document(group) for group in groups] for by, groups in context.groups},
            "samples": [_fields(sample) | {"time": iso(sample.time)} for sample in context.samples],
        },
        "overdue": context.overdue._asdict() if context.overdue else None,
        "problem": _problem_document(context.problem) if context.problem else None,
        "steps": context.steps,
        "links": _objects(context.links, "title", "url"),
    } | {name: value for name, value in rare.items() if value}


def _fields(value: Reason | Group | Sample | Problem) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _slot_document(slot: Slot) -> dict[str, Any]:
    counts = {"total": slot.total, "failed": slot.failed, "recipients_last_failed": slot.recipients_last_failed}
    return {"start": iso(slot.start), **counts, **slot.details}


def _group_document(group: Group) -> dict[str, Any]:
    return _fields(group) | {"rate_percent": round(group.rate_percent, 1)}


def _problem_document(problem: Problem) -> dict[str, Any]:
    return _fields(problem) | {"since": iso(problem.since)}


def _objects(pairs: Iterable[tuple[str, str]], *names: str) -> list[dict[str, str]]:
    return [dict(zip(names, pair, strict=True)) for pair in pairs]


def _slots(document: Mapping[str, Any]) -> tuple[Slot, ...]:
    slots = [
        Slot(start, count(item.get("total")), count(item.get("failed")), count(item.get("recipients_last_failed")))
        for item in objects(document.get("slots"))[-_SLOT_COUNT:]
        if (start := moment(item.get("start")))
    ]
    return tuple(sorted(slots, key=lambda slot: slot.start))


def _reason(item: Mapping[str, Any]) -> Reason:
    return Reason(
        text(item.get("code"), 40),
        text(item.get("text"), 120),
        text(item.get("fault"), 30),
        count(item.get("count")),
        number(item.get("share_percent")) or 0.0,
    )


def _minutes(value: object) -> int:
    minutes = count(value)
    return minutes if minutes <= _LONGEST_MINUTES else 0


def _groupings(groups: Mapping[str, Any]) -> tuple[tuple[str, tuple[Group, ...]], ...]:
    return tuple((text(by, 30), _groups(members)) for by, members in list(groups.items())[:_TEXT_COUNT])


def _groups(value: object) -> tuple[Group, ...]:
    items = objects(value)
    groups = [Group(text(item.get("name"), 40), count(item.get("total")), count(item.get("failed"))) for item in items]
    return tuple(sorted(groups, key=lambda group: (-group.failed, -group.total, group.name))[:_ITEM_COUNT])


def _sample(item: Mapping[str, Any]) -> Sample:
    return Sample(
        message_id=text(item.get("message_id"), 64),
        time=moment(item.get("time")),
        recipient=text(item.get("recipient"), 30),
        country=text(item.get("country"), 40),
        carrier=text(item.get("carrier"), 40),
        code=text(item.get("code"), 40),
        text=text(item.get("text"), 120),
    )


def _overdue(item: Mapping[str, Any]) -> Overdue | None:
    if item.get("total") is None:
        return None
    percent, usual = (number(item.get(name)) or 0.0 for name in ("percent", "usual_percent"))
    return Overdue(count(item.get("pending")), count(item.get("total")), percent, usual, count(item.get("temporary")))


def _problem(item: Mapping[str, Any]) -> Problem | None:
    sentence = text(item.get("sentence"), 300)
    if not sentence:
        return None
    return Problem(text(item.get("kind"), 40), sentence, _texts(item.get("steps")), moment(item.get("since")))


def _facts(value: object) -> Pairs:
    pairs = [(text(item.get("name"), 60), text(item.get("value"), 500)) for item in objects(value)[:_FACT_COUNT]]
    return tuple((name, fact) for name, fact in pairs if name and fact)


def _table(value: object) -> tuple[tuple[str, ...], ...]:
    rows = [row for row in value if isinstance(row, list)] if isinstance(value, list) else []
    return tuple(tuple(text(cell, _CELL_LIMIT) for cell in row[:_TABLE_COLUMNS]) for row in rows[:_TABLE_ROWS])


def _recipients(value: object) -> tuple[str, ...]:
    addresses = [text(item, 320) for item in value] if isinstance(value, list) else []
    return tuple(item for item in addresses[:_RECIPIENT_COUNT] if _ADDRESS.fullmatch(item))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text(item, 300) for item in value[:_TEXT_COUNT] if text(item)) if isinstance(value, list) else ()


def _links(value: object) -> Pairs:
    pairs = [(text(item.get("title"), 60), text(item.get("url"), 1000)) for item in objects(value)[:_TEXT_COUNT]]
    # Only https: a link is the one part of a context that a reader acts on.
    return tuple((title, url) for title, url in pairs if title and url.startswith("https://"))

"""An incident with all that is recorded of it -> the review as Markdown.

Every sentence rests on a record: the incident, its mails, acknowledgements and mutes, and the lake as it is now. What
none of them says is listed at the end, because a review without that list reads as if everything were known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.mail import formatting
from deliverywatch.alerting.mail.comparison import compare
from deliverywatch.messages.context import NOT_READ
from deliverywatch.messages.level import Level
from deliverywatch.operate.incidents import mails as outbox
from deliverywatch.operate.incidents.explain import is_fresh, not_known, peak
from deliverywatch.operate.review.markdown import escaped, items, section, table
from deliverywatch.operate.review.timeline import Entry, named, timeline

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.messages.context import Context
    from deliverywatch.messages.group import Group
    from deliverywatch.operate.incidents.explain import Facts
    from deliverywatch.operate.review.alternative import Alternative, Replayed
    from deliverywatch.operate.review.impact import Impact

_TITLES = {
    "carrier": "Carriers",
    "country": "Countries",
    "sender": "Senders",
    "list": "Lists",
    "subaccount": "Subaccounts",
    "domain": "Receiving domains",
}

# By how many other settings were back-tested.
_NOT_FASTER = (
    "No other settings are offered that could be faster, so that none were back-tested.",
    "The other settings would not have been faster.",
    "Neither of the other settings would have been faster.",
)


@dataclass(frozen=True, slots=True)
class Material:
    """All that a review is written from.

    Attributes:
        impact: What the lake shows; None for a watch that is not about SMS.
        messages: Records of what was sent to channels beside mail.
        warning_percent: The share of failures over which the stack calls a slot bad, and beside it the critical one.
        commands: The options of the stack for a command, with a space before each.
    """

    facts: Facts
    impact: Impact | None
    replayed: Replayed
    warning_percent: float
    critical_percent: float
    commands: str = ""
    messages: Sequence[Record] = ()

    @property
    def ended_at(self) -> datetime:
        """When it was over, or now."""
        return self.facts.now if self.facts.incident.is_open else self.facts.incident.changed_at

    @property
    def entries(self) -> list[Entry]:
        """The timeline."""
        return timeline(self.facts, self.impact, self.warning_percent, self.messages)

    def time(self, moment: datetime) -> str:
        """Return a time as the review writes it, with the day unless it is that of the opening."""
        return self.facts.clock.day_time(moment, self.facts.incident.opened_at)


def review(material: Material, picture: str = "") -> str:
    """Return the review; `picture` is the address of its chart, as seen from the file."""
    sections = [
        _head(material),
        section("Timeline", _timeline(material)),
        section("What was affected", *_affected(material, picture)),
        section("How fast it was known", *_speed(material)),
        section("What is not known", items(map(escaped, _unknown(material)))),
    ]
    return "\n\n".join(part for part in sections if part) + "\n"


def _head(material: Material) -> str:
    incident = material.facts.incident
    title = f"# {incident.id}: {escaped(incident.title or incident.watch)}"
    lasted = formatting.span(material.ended_at - incident.opened_at)
    times = f"from {material.facts.clock.full(incident.opened_at)}"
    state = f"It is still open, after {lasted}" if incident.is_open else f"It lasted {lasted}"
    worst = max((change.level for change in incident.timeline), key=lambda level: level.rank, default=Level.OK)
    sentence = f"{state}, {times}, and was {worst.value} at its worst.{peak(material.facts)}"
    made = f"Written from records at {material.facts.clock.full(material.facts.now)}; all times are of that zone."
    return "\n\n".join([title, sentence.replace("\u00a0", " "), made])


def _timeline(material: Material) -> str:
    rows = [(material.time(entry.time), escaped(entry.what), escaped(entry.text)) for entry in material.entries]
    return table(("Time", "What", "Details"), rows, numbers_from=3)


def _affected(material: Material, picture: str) -> Iterator[str]:
    impact = material.impact
    if impact is None:
        yield from _reported(material)
        return
    slots = impact.during
    total, failed = sum(slot.total for slot in slots), sum(slot.failed for slot in slots)
    if not total:
        yield "The lake has no SMS of this time."
        return
    yield _share(material, total, failed)
    if picture:
        yield f"![Failed share of the SMS every {impact.minutes} minutes]({picture})"
    yield from _whose(impact.context)


def _whose(context: Context) -> Iterator[str]:
    if sentence := compare(context).sentence:
        yield escaped(_plain(sentence))
    yield table(("Reason", "Failed", "Share"), [
        (escaped(f"{one.text} (code {one.code}, {one.fault})"), f"{one.count:,}", f"{one.share_percent:g} %")
        for one in context.reasons
    ])  # fmt: skip
    for by, groups in context.groups:
        yield _groups(_TITLES.get(by, by.capitalize()), groups)


def _share(material: Material, total: int, failed: int) -> str:
    impact = material.impact
    if impact is None:
        return ""
    before = impact.before
    usual = _rate(sum(slot.failed for slot in before), sum(slot.total for slot in before))
    calm = f" In the hours before, {usual} did." if any(slot.total for slot in before) else ""
    people = f"{impact.people_count:,} {'person' if impact.people_count == 1 else 'people'} had an SMS that failed"
    command = f"`deliverywatch recipients {material.facts.incident.id}{material.commands}`"
    since = f"{impact.unreached_count:,} of them got none since: {command} lists them."
    span = f"From {material.time(impact.period.start)} to {material.time(impact.period.end)}"
    return f"{span}, {failed:,} of {total:,} SMS failed ({_rate(failed, total)}).{calm} {people}; {since}"


def _groups(title: str, groups: Sequence[Group]) -> str:
    rows = [(escaped(one.name), f"{one.failed:,}", f"{one.total:,}", _rate(one.failed, one.total)) for one in groups]
    return table((title, "Failed", "Sent", "Rate"), rows)


def _reported(material: Material) -> Iterator[str]:
    """Yield what the watch's system said, and what it left of whom it concerned while that is about this incident."""
    changes = [change for change in material.facts.incident.timeline if change.level is not Level.OK]
    if not changes:
        return
    assessment = changes[-1].assessment
    yield escaped((assessment.sentence if assessment else "") or changes[-1].reason)
    yield items(f"{escaped(name)}: {escaped(value)}" for name, value in changes[-1].facts)
    if is_fresh(material.facts):
        yield from _whose(material.facts.context)


def _speed(material: Material) -> Iterator[str]:
    first_bad = material.impact.first_bad if material.impact else None
    if first_bad:
        yield table(("From the first bad message", "Minutes"), _steps(material, first_bad))
    if not material.replayed.alternatives:
        return
    yield _replayed(material, first_bad)
    yield _gain(material)


def _steps(material: Material, first_bad: datetime) -> list[tuple[str, str]]:
    incident = material.facts.incident
    sent = [mail.sent_at for mail in material.facts.mails if mail.sent_at]
    moments = [
        ("to the alarm", incident.opened_at),
        ("to the first mail", min(sent, default=None)),
        ("to somebody who took it on", incident.acks[0].time if incident.acks else None),
        ("to the recovery", None if incident.is_open else incident.changed_at),
    ]
    return [(name, _minutes(moment, first_bad)) for name, moment in moments]


def _replayed(material: Material, first_bad: datetime | None) -> str:
    begin = first_bad or material.facts.incident.opened_at
    rows = [
        (
            f"`{one.label}`" if one.label else "as they were",
            material.time(one.mailed_at) if one.mailed_at else "never",
            _minutes(one.mailed_at, begin),
            f"{one.mails_count:,}",
        )
        for one in material.replayed.alternatives
    ]
    return table(("Settings, back-tested", "First mail", "Minutes", f"Mails in {_days(material.replayed.days)}"), rows)


def _days(days: float) -> str:
    return _plain(formatting.span(timedelta(hours=round(24 * days)) if days < 1 else timedelta(days=round(days))))


def _gain(material: Material) -> str:
    """Say what would have been faster, and at which price."""
    today, *others = material.replayed.alternatives
    if today.mailed_at is None:
        return "With the stack's settings the back-test does not see this incident, so that it says little of others."
    faster = [one for one in others if one.mailed_at and one.mailed_at < today.mailed_at]
    if not faster:
        return _NOT_FASTER[min(len(others), 2)]
    return " ".join(_price(one, today, today.mailed_at) for one in faster)


def _price(one: Alternative, today: Alternative, mailed_at: datetime) -> str:
    gained = formatting.span(mailed_at - one.mailed_at) if one.mailed_at else ""
    more = one.mails_count - today.mails_count
    price = f"for {more:,} more {'mail' if more == 1 else 'mails'}" if more > 0 else "for no more mails"
    return _plain(f"`{one.label}` would have been {gained} faster, {price} in that time.")


def _unknown(material: Material) -> Iterator[str]:
    facts, impact = material.facts, material.impact
    incident = facts.incident
    yield "Why it happened: the records hold the provider's codes and words, not their cause."
    if incident.is_presumed:
        yield "When it began: only its end was seen."
    yield from not_known(facts)
    if impact is None and not is_fresh(facts):
        yield "Whom it concerned: its system keeps that for hours only."
    if impact and impact.first_bad is None and not incident.is_presumed:
        yield "When it began: no time before the alarm was over the threshold by itself."
    if impact and impact.well_from is None and not _is_calm(impact, material.warning_percent):
        yield "Whether it is well again: too few SMS are known to have arrived since the last bad minutes."
    if impact and (pending := sum(slot.pending for slot in impact.during)):
        yield f"What became of {pending:,} SMS: {'it has' if pending == 1 else 'they have'} no known outcome."
    if impact:
        yield "Whether those who were not reached did without: the lake knows of SMS only."
    if lost := incident.seq - len(incident.timeline):
        yield f"{lost} {'change' if lost == 1 else 'changes'} in the middle: the record keeps the first and the latest."
    yield from _unsent(material)
    yield from (f"{name}: {value}" for name, value in facts.context.facts if name == NOT_READ)
    if material.replayed.problem:
        yield f"What would have been faster: {material.replayed.problem}"
    yield "Mutes that somebody deleted: CloudWatch keeps the rules that there are."


def _is_calm(impact: Impact, warning_percent: float) -> bool:
    """Whether SMS were sent and no slot was bad."""
    sent = [slot for slot in impact.slots if slot.total]
    return bool(sent) and all(slot.rate_percent <= warning_percent for slot in sent)


def _unsent(material: Material) -> Iterator[str]:
    for record in (*material.facts.mails, *material.messages):
        if record.sent_at is None:
            state = "given up" if record.given_up_at else outbox.state_of(record, material.facts.now)
            because = f": {record.problem}" if record.problem else "."
            yield f"Whether {named(record).lower()} {record.seq} reached anybody: it is {state}{because}"


def _minutes(moment: datetime | None, since: datetime) -> str:
    return "-" if moment is None else f"{(moment - since).total_seconds() / 60:,.0f}"


def _rate(failed: int, total: int) -> str:
    return _plain(formatting.percent(100 * failed / total)) if total else "-"


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ")

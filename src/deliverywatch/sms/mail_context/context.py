"""Statistics of the newest hours -> `state/sms.json`: what a mail needs beyond the alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages import context as documents
from deliverywatch.messages import verdict
from deliverywatch.messages.context import Context, Overdue, Pairs, Problem, Slot
from deliverywatch.messages.untrusted import iso
from deliverywatch.sms.assessments.delivery import Measured
from deliverywatch.sms.clicksend.outcomes import Outcome
from deliverywatch.sms.lake.slots import steps
from deliverywatch.sms.mail_context import runbook
from deliverywatch.thresholds import OVERDUE_PERCENT, WINDOW_SECONDS

if TYPE_CHECKING:
    from deliverywatch.messages.verdict import Assessment
    from deliverywatch.sms.mail_context.delay import Delay
    from deliverywatch.sms.mail_context.recent_statistics import RecentStatistics

KEY = documents.key_of("sms")

# How far a mail looks back: the incident's begin and the healthy time before it.
HOURS = 3
_PUBLISHED, _DELAY = "published", "delay"
# Since when messages are counted: `lake/rebuild` reads it if the watermark is lost.
_COUNTED_FROM = "counted_from"


def document(
    statistics: RecentStatistics,
    now: datetime,
    end: datetime,
    slot_minutes: int,
    assessments: Mapping[str, Assessment] | None = None,
    published: Mapping[str, Assessment] | None = None,
    facts: Pairs = (),
    before: bytes | None = None,
    measured: Measured | None = None,
    counted_from: datetime | None = None,
) -> bytes:
    """Return the context after a run at `now` that succeeded, of the rows from `HOURS` before `end`.

    `published` holds the last assessments of which the notifier was sent a notice, `before` is the document before.
    """
    reasons = statistics.top_reasons()
    measured, delay = measured or Measured(), statistics.delays.summed()
    context = replace(
        _empty(now, slot_minutes),
        window_minutes=statistics.window_minutes,
        slots=_slots(statistics, end, slot_minutes),
        reasons=reasons,
        groups=statistics.top_groups(),
        samples=statistics.samples(),
        overdue=_overdue(measured),
        facts=(*_delivery_facts(measured, delay), *facts),
        watch_steps=runbook.BY_WATCH,
        steps=runbook.steps(
            reasons[0].fault if reasons else None,
            is_overdue=(measured.points or 0) > OVERDUE_PERCENT,
            window_minutes=statistics.window_minutes,
        ),
        assessments=assessments or {},
    )
    sent = {watch: verdict.to_document(one) for watch, one in (published or {}).items()}
    own = {_PUBLISHED: sent or None, _DELAY: delay.document() or None, _COUNTED_FROM: iso(counted_from)}
    return documents.to_json(context, before, **own)


def _overdue(measured: Measured) -> Overdue:
    seen = measured.delivery
    percent = 0.0 if measured.points is None else round(seen.percent, 1)
    return Overdue(seen.late, seen.total, percent, round(measured.usual_percent, 1), seen.temporary)


def _delivery_facts(measured: Measured, delay: Delay) -> Pairs:
    seen = measured.delivery
    usual = f", usually {round(measured.usual_percent, 1):g} %" if measured.usual_percent else ""
    share = f"{seen.late:,} of {seen.total:,} ({round(seen.percent, 1):g} %{usual})" if seen.total else ""
    facts = (
        (f"Time to the outcome, {HOURS} hours", delay.sentence()),
        ("Without an outcome in time", share),
        ("Refused by networks for now", f"{seen.temporary:,} of these (300, 302)" if seen.temporary else ""),
    )
    return tuple((name, value) for name, value in facts if value)


def published_of(body: bytes | None) -> dict[str, Assessment]:
    """Return the last assessments of which the notifier was sent a notice."""
    return verdict.assessments({"assessments": documents.decoded(body).get(_PUBLISHED)})


def facts_of(rebuilt_at: datetime | None, now: datetime, incomplete: str) -> Pairs:
    """Return what a mail says for a day after the watermark was lost, and what of the newest days was not read."""
    return (*_rebuilt(rebuilt_at, now), *(((documents.NOT_READ, incomplete),) if incomplete else ()))


def _rebuilt(rebuilt_at: datetime | None, now: datetime) -> Pairs:
    if rebuilt_at is None or now - rebuilt_at > timedelta(days=1):
        return ()
    sentence = f"its record was lost and made anew of the lake at {rebuilt_at:%Y-%m-%d %H:%M} UTC; "
    return (("Counting", f"{sentence}'deliverywatch reconcile --dry-run' says whether CloudWatch lacks anything"),)


def with_problem(previous: bytes | None, error: Exception, now: datetime, slot_minutes: int) -> bytes:
    """Return the earlier context with the reason why there is nothing newer; `since` is when it first showed."""
    return documents.with_problem(previous, _problem(error, now), _empty(now, slot_minutes))


def _problem(error: Exception, now: datetime) -> Problem:
    if isinstance(error, DeliveryWatchError):
        return Problem(error.kind, str(error), (error.next_step,), now)
    # Any other error's text may hold anything, also people's numbers: only its name goes into a mail.
    sentence = f"The run that reads ClickSend failed with {type(error).__name__}."
    return Problem("error", sentence, (DeliveryWatchError.next_step,), now)


def _empty(now: datetime, slot_minutes: int) -> Context:
    return Context(
        system="sms",
        noun="SMS",
        updated_at=now,
        slot_minutes=slot_minutes,
        window_minutes=WINDOW_SECONDS // 60,
        groups=(("carrier", ()), ("country", ())),
        overdue=Overdue(0, 0, 0.0),
        links=runbook.LINKS,
    )


def _slots(statistics: RecentStatistics, end: datetime, slot_minutes: int) -> tuple[Slot, ...]:
    length = slot_minutes * 60_000
    people = Counter(sent_at - sent_at % length for sent_at in statistics.last_failures.values())
    slots = []
    for start in steps(end - timedelta(hours=HOURS), end, slot_minutes):
        key = int(start.timestamp()) * 1000
        counts = statistics.slots.get(key, Counter())
        details = {name.value: counts[name] for name in Outcome if name not in (Outcome.EXCLUDED, Outcome.FAILED)}
        slots.append(Slot(start, counts.total(), counts[Outcome.FAILED], people[key], details))
    return tuple(slots)

"""Batches -> `state/email-<stream>.json` in the lake: what a mail about a stream can say beyond the alarm.

Each batch adds to the slots already in the document, and the window is computed from the slots. A batch that Firehose
sends twice is counted twice here, and only here: the tables recognise copies by their id.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.email.events.blind_advice import advice
from deliverywatch.messages import context as documents
from deliverywatch.messages.context import Context, Group, Reason, Sample, Slot, decoded, from_json, to_json
from deliverywatch.messages.untrusted import iso, moment, objects
from deliverywatch.thresholds import EMAIL_BOUNCE_WINDOW_SECONDS

if TYPE_CHECKING:
    from deliverywatch.email.events.tally import Bounce, Tally

SLOT_MINUTES = 10

# The alarm's window, and three hours before it to compare with.
_KEPT = timedelta(seconds=EMAIL_BOUNCE_WINDOW_SECONDS, hours=3)
_TOP, _SAMPLES = 5, 5
_DOMAINS_A_SLOT = 50

# For bounces and complaints alike: both watches of a stream read this document.
_STEPS = (
    "If a campaign is still being sent, stop it: SES may pause accounts at 10 % bounces or 0.5 % complaints.",
    "Take those who complained or bounced for good off your list; the saved query email-bounce-reasons says why.",
    "If nearly all bounces are of one domain, it refuses you: its postmaster page says what it wants.",
)
_BLIND_STEPS = (
    "Look whether the configuration set still has its destination to Firehose, and enabled: SES tells nothing later.",
    "Look at Firehose on the dashboard: its log group /aws/kinesisfirehose/email-events-... says what it cannot write.",
    "Run 'deliverywatch email replay --dry-run{stack}': whether anything waits to be sent again. Mails still go out.",
)
# Unlike a provider that is polled, SES reports an event once.
_BLIND_END = (
    "Events that waited in Firehose land now. Those that SES had no way to tell are lost, bounces among them: its "
    "suppression list and its metrics in CloudWatch have what is left of them."
)
_LINKS = (("SES reputation", "https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html"),)
# The stack that the command line takes by default.
_DEFAULT_ENVIRONMENT = "prod"


def key_of(stream: str) -> str:
    """Return where a stream's context lies in the lake's bucket."""
    return documents.key_of(f"email-{stream}")


def updated(previous: bytes | None, stream: str, tally: Tally, now: datetime, environment: str) -> bytes:
    """Return the context with a batch added, whose newest record arrived at `now`; an unreadable one is begun anew."""
    document = decoded(previous)
    ours = previous if document.get("system") == "email" else None
    stored = [{**_empty(""), **slot} for slot in objects(document.get("slots") if ours else ())]
    slots = _added({slot["start"]: slot for slot in stored if moment(slot["start"])}, tally, now)
    window = slots[-EMAIL_BOUNCE_WINDOW_SECONDS // 60 // SLOT_MINUTES :]
    stack = "" if environment == _DEFAULT_ENVIRONMENT else f" --stack deliverywatch-{environment}"
    context = Context(
        system="email",
        noun=f"{stream} mails",
        updated_at=now,
        slot_minutes=SLOT_MINUTES,
        slots=tuple(_slot(**slot) for slot in slots),
        window_minutes=EMAIL_BOUNCE_WINDOW_SECONDS // 60,
        reasons=_reasons(window),
        groups=(("domain", _domains(window)),),
        samples=_samples(ours, tally.bounces),
        steps=_STEPS,
        alarm_advice=advice(stream, environment, stack),
        blind_steps=tuple(step.format(stack=stack) for step in _BLIND_STEPS),
        blind_end=_BLIND_END,
        workgroup=f"email-analytics-{environment}",
        links=_LINKS,
    )
    return to_json(context, ours)


def _added(slots: dict[str, dict[str, Any]], tally: Tally, now: datetime) -> list[dict[str, Any]]:
    for (time, domain), count in tally.sent.items():
        _count(slots, time, domain, total=count)
    for bounce in tally.bounces:
        slot = _count(slots, bounce.time, bounce.domain, failed=1)
        if slot:
            reasons = Counter(slot["reasons"])
            reasons[f"{bounce.code}\t{bounce.text}"] += 1
            slot["reasons"] = dict(reasons)
    newest, step = _start(now), timedelta(minutes=SLOT_MINUTES)
    starts = [str(iso(newest - step * back)) for back in reversed(range(_KEPT // step))]
    return [slots.get(start) or _empty(start) for start in starts]


def _count(
    slots: dict[str, dict[str, Any]], time: str, domain: str, *, total: int = 0, failed: int = 0
) -> dict[str, Any]:
    start = str(iso(_start(datetime.fromisoformat(time))))
    slot = slots.setdefault(start, _empty(start))
    slot["total"] += total
    slot["failed"] += failed
    slot["recipients_last_failed"] += failed
    if domain in slot["domains"] or len(slot["domains"]) < _DOMAINS_A_SLOT:
        _add(slot["domains"], domain, total, failed)
    return slot


def _add(domains: dict[str, list[int]], name: str, total: int, failed: int) -> None:
    before = domains.get(name, [0, 0])
    domains[name] = [before[0] + total, before[1] + failed]


def _empty(start: str) -> dict[str, Any]:
    return {"start": start, "total": 0, "failed": 0, "recipients_last_failed": 0, "domains": {}, "reasons": {}}


def _slot(start: str, total: int, failed: int, recipients_last_failed: int, **details: Any) -> Slot:
    return Slot(datetime.fromisoformat(start), total, failed, recipients_last_failed, details)


def _domains(slots: list[dict[str, Any]]) -> tuple[Group, ...]:
    domains: dict[str, list[int]] = {}
    for slot in slots:
        for name, (total, failed) in slot["domains"].items():
            _add(domains, name, total, failed)
    ranked = sorted(domains.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
    return tuple(Group(name, total, failed) for name, (total, failed) in ranked[:_TOP])


def _reasons(slots: list[dict[str, Any]]) -> tuple[Reason, ...]:
    counts: Counter[str] = Counter()
    for slot in slots:
        counts.update(slot["reasons"])
    return tuple(
        Reason(code, text, "recipient", count, round(100 * count / counts.total(), 1))
        for key, count in counts.most_common(_TOP)
        for code, _, text in [key.partition("\t")]
    )


def _samples(previous: bytes | None, bounces: list[Bounce]) -> tuple[Sample, ...]:
    newest = [
        Sample(
            message_id=bounce.message_id,
            time=datetime.fromisoformat(bounce.time),
            recipient=bounce.recipient,
            country="",
            carrier=bounce.domain,
            code=bounce.code,
            text=bounce.text,
        )
        for bounce in reversed(bounces[-_SAMPLES:])
    ]
    return (*newest, *from_json(previous).samples)[:_SAMPLES]


def _start(time: datetime) -> datetime:
    time = time.astimezone(UTC)
    return time.replace(minute=time.minute // SLOT_MINUTES * SLOT_MINUTES, second=0, microsecond=0)

"""What is kept of a stream and what it proves -> `state/email-<stream>.json`: what a mail can say beyond the alarm."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.email.events.blind_advice import advice
from deliverywatch.email.rates import providers
from deliverywatch.email.rates.counts import Counts, added
from deliverywatch.email.rates.slots import SLOT_MINUTES
from deliverywatch.messages import context as documents
from deliverywatch.messages.context import Context, Reason, Sample, Slot, from_json, to_json
from deliverywatch.messages.group import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deliverywatch.email.events.tally import Bounce
    from deliverywatch.email.rates.cohorts import Cohort
    from deliverywatch.email.rates.record import Judged, Record

# What a mail's chart shows: the alarm's window, and three hours before it to compare with.
_SHOWN = 9 * 60 // SLOT_MINUTES
_TOP, _SAMPLES = 5, 5

_STOP = "If a campaign is still being sent, stop it: SES may pause accounts at 10 % bounces or 0.5 % complaints."
_STEPS = (
    _STOP,
    "Take those who bounced for good off your list; the saved query email-bounce-reasons says why.",
    "If nearly all bounces are of one domain, it refuses you: its postmaster page says what it wants.",
)
_COMPLAINT_STEPS = (
    _STOP,
    "Take those who complained off your list, and look how they came onto it: did they ask for these mails?",
    "See whether the way to unsubscribe is easy to find and works, in the mail and in its List-Unsubscribe header.",
)
_DELAY_STEPS = (
    "Nothing is lost: SES tries again for 14 hours. Hold back what can wait, above all to this provider.",
    "The saved query email-by-domain has the servers' words; most often they limit how fast you may send.",
    "If it is every provider, look at the sending domain's SPF, DKIM and DMARC, and at block lists for your addresses.",
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


def watch_of(stream: str, what: str) -> str:
    """Return the name of a stream's watch of bounces, complaints or delays."""
    return f"email-{stream}-{what}"


def document(
    record: Record, judged: Judged, stream: str, now: datetime, environment: str, before: bytes | None, *more: Bounce
) -> bytes:
    """Return the document of a stream, judged at `now`; `more` are bounces that the one before does not have yet."""
    stack = "" if environment == _DEFAULT_ENVIRONMENT else f" --stack deliverywatch-{environment}"
    bounced = judged.shares["bounces"].cohort
    context = Context(
        system="email",
        noun=f"{stream} mails",
        updated_at=now,
        slot_minutes=SLOT_MINUTES,
        slots=_slots(record, now),
        reasons=_reasons(bounced),
        groups=(("domain", providers.groups(bounced.domains() if bounced else {})),),
        samples=_samples(before, more),
        table=providers.table(_shown(judged)),
        table_title="What became of them, by receiving domain",
        failure_watches=(watch_of(stream, "bounces"),),
        week=_week(record, f"{stream} mails", now),
        steps=_STEPS,
        alarm_advice=advice(stream, environment, stack),
        watch_steps={watch_of(stream, "complaints"): _COMPLAINT_STEPS, watch_of(stream, "delays"): _DELAY_STEPS},
        blind_steps=tuple(step.format(stack=stack) for step in _BLIND_STEPS),
        blind_end=_BLIND_END,
        workgroup=f"email-analytics-{environment}",
        links=_LINKS,
        assessments={
            **{watch_of(stream, what): one.assessment for what, one in judged.shares.items()},
            watch_of(stream, "delays"): judged.delays,
        },
    )
    return to_json(context, before, **record.members())


def _shown(judged: Judged) -> dict[str, Counts]:
    """Return the domains of the mails that fail, else of the newest."""
    levels = sorted(judged.shares.values(), key=lambda one: -one.assessment.opens.rank)
    return next((one.cohort.domains() for one in levels if one.cohort), {})


def _slots(record: Record, now: datetime) -> tuple[Slot, ...]:
    counts = {slot.start: slot.counts for slot in record.mails if slot.minutes == SLOT_MINUTES}
    newest, step = (
        now.replace(minute=now.minute // SLOT_MINUTES * SLOT_MINUTES, second=0, microsecond=0),
        timedelta(minutes=SLOT_MINUTES),
    )
    starts = (newest - step * back for back in reversed(range(_SHOWN)))
    return tuple(_slot(start, counts.get(start, Counts())) for start in starts)


def _slot(start: datetime, counts: Counts) -> Slot:
    return Slot(start, counts.total, counts.bounced, counts.bounced)


def _week(record: Record, noun: str, now: datetime) -> tuple[Group, ...]:
    counts = added(slot.counts for slot in record.mails if slot.start >= now - timedelta(days=7))
    return (Group(noun, counts.total, counts.bounced),)


def _reasons(cohort: Cohort | None) -> tuple[Reason, ...]:
    counts: Counter[str] = Counter()
    for slot in cohort.slots if cohort else ():
        counts.update(slot.reasons)
    return tuple(
        Reason(code, text, "recipient", count, round(100 * count / counts.total(), 1))
        for key, count in counts.most_common(_TOP)
        for code, _, text in [key.partition("\t")]
    )


def _samples(before: bytes | None, bounces: Iterable[Bounce]) -> tuple[Sample, ...]:
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
        for bounce in reversed([*bounces][-_SAMPLES:])
    ]
    return (*newest, *from_json(before).samples)[:_SAMPLES]

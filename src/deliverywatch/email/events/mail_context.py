"""Batches -> `state/email-<stream>.json` in the lake: what a mail about a stream can say beyond the alarm.

The shape is shared with the notifier, which knows no system: tests/events/sms_context.json has every field. Each batch
adds to the slots that are there; the window is made of the slots anew. A batch that Firehose sends twice is counted
twice here, and here only: the tables tell copies by their id.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.thresholds import EMAIL_BOUNCE_WINDOW_SECONDS

if TYPE_CHECKING:
    from deliverywatch.email.events.tally import Bounce, Tally

SLOT_MINUTES = 10

# The alarm's window, and three hours before it to compare with.
_KEPT = timedelta(seconds=EMAIL_BOUNCE_WINDOW_SECONDS, hours=3)
_TOP, _SAMPLES = 5, 5
_DOMAINS_A_SLOT = 50

# Of bounces and of complaints alike: both watches of a stream read this document.
_STEPS = (
    "If a campaign is still being sent, stop it: SES may pause accounts at 10 % bounces or 0.5 % complaints.",
    "Take those who complained or bounced for good off your list; the saved query email-bounce-reasons says why.",
    "If nearly all bounces are of one domain, it refuses you: its postmaster page says what it wants.",
)
_BLIND_STEPS = (
    "Look whether the configuration set still has its destination to Firehose, and enabled: SES tells nothing later.",
    "Look at Firehose on the dashboard: its log group /aws/kinesisfirehose/email-events-... says what it cannot write.",
    "Run 'deliverywatch email replay --dry-run{stack}': what could not land waits there. Mails still go out.",
)
# Unlike a provider that is asked again, SES tells an event once.
_BLIND_END = (
    "Events that waited in Firehose land now. Those that SES had no way to tell are lost, bounces among them: its "
    "suppression list and its metrics in CloudWatch have what is left of them."
)
# The stack that the command line takes without being told one.
_DEFAULT_ENVIRONMENT = "prod"


def key_of(stream: str) -> str:
    """Return where a stream's context lies in the lake's bucket."""
    return f"state/email-{stream}.json"


def updated(previous: bytes | None, stream: str, tally: Tally, now: datetime, environment: str) -> bytes:
    """Return the context with a batch added.

    Args:
        previous: The present document; anything that cannot be read is begun anew.
        stream: Whose.
        tally: What the batch holds.
        now: When its newest record arrived.
        environment: Of the stack; names the workgroup, and the stack in what is to be typed.
    """
    document = _read(previous)
    slots = _added({slot["start"]: slot for slot in document.get("slots") or ()}, tally, now)
    window = slots[-EMAIL_BOUNCE_WINDOW_SECONDS // 60 // SLOT_MINUTES :]
    stack = "" if environment == _DEFAULT_ENVIRONMENT else f" --stack deliverywatch-{environment}"
    context = {
        "deliverywatch": 1,
        "system": "email",
        "noun": f"{stream} mails",
        "updated_at": _text(now),
        "slot_minutes": SLOT_MINUTES,
        "slots": slots,
        "window": _window(window, _samples(document, tally.bounces)),
        "problem": None,
        "steps": list(_STEPS),
        "blind_steps": [step.format(stack=stack) for step in _BLIND_STEPS],
        "blind_end": _BLIND_END,
        "workgroup": f"email-analytics-{environment}",
        "links": [
            {
                "title": "SES reputation",
                "url": "https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html",
            }
        ],
    }
    return json.dumps(context, ensure_ascii=False).encode()


def _added(known: dict[str, dict[str, Any]], tally: Tally, now: datetime) -> list[dict[str, Any]]:
    for (moment, domain), count in tally.sent.items():
        _count(known, moment, domain, total=count)
    for bounce in tally.bounces:
        slot = _count(known, bounce.time, bounce.domain, failed=1)
        if slot:
            reasons = Counter(slot["reasons"])
            reasons[f"{bounce.code}\t{bounce.text}"] += 1
            slot["reasons"] = dict(reasons)
    newest = _start(_text(now))
    starts = [
        newest - timedelta(minutes=SLOT_MINUTES * back) for back in range(_KEPT // timedelta(minutes=SLOT_MINUTES))
    ]
    return [known.get(_text(start)) or _empty(_text(start)) for start in reversed(starts)]


def _count(
    known: dict[str, dict[str, Any]], moment: str, domain: str, *, total: int = 0, failed: int = 0
) -> dict[str, Any]:
    start = _text(_start(moment))
    slot = known.setdefault(start, _empty(start))
    slot["total"] += total
    slot["failed"] += failed
    slot["recipients_last_failed"] += failed
    domains = slot["domains"]
    if domain in domains or len(domains) < _DOMAINS_A_SLOT:
        had = domains.get(domain, [0, 0])
        domains[domain] = [had[0] + total, had[1] + failed]
    return slot


def _empty(start: str) -> dict[str, Any]:
    return {"start": start, "total": 0, "failed": 0, "recipients_last_failed": 0, "domains": {}, "reasons": {}}


def _window(slots: list[dict[str, Any]], samples: list[dict[str, Any]]) -> dict[str, Any]:
    reasons: Counter[str] = Counter()
    domains: dict[str, list[int]] = {}
    for slot in slots:
        reasons.update(slot["reasons"])
        for name, (total, failed) in slot["domains"].items():
            had = domains.get(name, [0, 0])
            domains[name] = [had[0] + total, had[1] + failed]
    ranked = sorted(domains.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
    return {
        "minutes": EMAIL_BOUNCE_WINDOW_SECONDS // 60,
        "reasons": [_reason(each, count, reasons.total()) for each, count in reasons.most_common(_TOP)],
        "groups": {
            "domain": [{"name": name, "total": total, "failed": failed} for name, (total, failed) in ranked[:_TOP]]
        },
        "samples": samples,
    }


def _reason(key: str, count: int, total: int) -> dict[str, Any]:
    code, _, text = key.partition("\t")
    return {
        "code": code,
        "text": text,
        "fault": "recipient",
        "count": count,
        "share_percent": round(100 * count / total, 1),
    }


def _samples(document: dict[str, Any], bounces: list[Bounce]) -> list[dict[str, Any]]:
    newest = [
        {
            "message_id": each.message_id,
            "time": each.time,
            "recipient": each.recipient,
            "carrier": each.domain,
            "code": each.code,
            "text": each.text,
        }
        for each in reversed(bounces[-_SAMPLES:])
    ]
    return [*newest, *((document.get("window") or {}).get("samples") or ())][:_SAMPLES]


def _start(moment: str) -> datetime:
    time = datetime.fromisoformat(moment).astimezone(UTC)
    return time.replace(minute=time.minute // SLOT_MINUTES * SLOT_MINUTES, second=0, microsecond=0)


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _read(body: bytes | None) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    is_ours = isinstance(document, dict) and document.get("system") == "email"
    return document if is_ours else {}

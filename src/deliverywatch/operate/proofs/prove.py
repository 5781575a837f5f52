"""A deployed stack on a real account -> each behaviour that only AWS can prove, as proven, wrong or open.

Nothing of the stack is changed: objects go under `smoke/` of its bucket, everything else is made for the proof and
taken away after each proof. One run of the ingest function is one as every ten minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.operate.proofs import aws_events, aws_lake, aws_metrics, aws_stack
from deliverywatch.operate.proofs.session import Outcome, Verdict

if TYPE_CHECKING:
    from deliverywatch.operate.proofs.session import Session


@dataclass(frozen=True, slots=True)
class Proof:
    """One try: what it makes and does, how long it takes at most and what it costs, and what it can prove."""

    name: str
    does: str
    minutes: int
    usd: float
    behaviours: tuple[str, ...]
    run: Callable[[Session], Generator[Outcome]]


PROOFS = (
    Proof(
        "writes",
        "writes 1 object under smoke/ of the lake's bucket, 6 times, and deletes it",
        1,
        0.0001,
        ("s3-put-if-none-match", "s3-copy-if-none-match", "s3-put-if-match", "s3-delete-if-match"),
        aws_lake.conditional_writes,
    ),
    Proof("views", "reads one row of each view of the stack with Athena", 2, 0.0002, ("athena-view",), aws_lake.views),
    Proof(
        "validation",
        "makes a change set that cannot be carried out, and deletes it with its empty stack",
        2,
        0.0,
        ("cloudformation-validates-early",),
        aws_stack.early_validation,
    ),
    Proof(
        "emf",
        "starts sms-ingest once, a run as every ten minutes",
        6,
        0.0001,
        ("emf-becomes-metric",),
        aws_metrics.emf_delay,
    ),
    Proof(
        "alarm",
        "puts a metric of its own and makes an alarm without actions on it for some minutes",
        18,
        0.001,
        ("alarm-window-slides", "stamp-counts-after-its-minute"),
        aws_metrics.alarm_window,
    ),
    Proof(
        "schedule",
        "makes a queue, a role and a schedule that starts once",
        6,
        0.0001,
        ("scheduler-fills-time",),
        aws_events.scheduler_input,
    ),
    Proof(
        "expressions",
        "makes a role and a schedule that is off, and changes its expression 19 times",
        2,
        0.0,
        ("scheduler-refuses-expressions", "scheduler-ranges-wrap", "scheduler-takes-undocumented"),
        aws_events.scheduler_expressions,
    ),
    Proof(
        "mail",
        "makes a queue, a topic and a configuration set, and mails SES's mailbox simulator once",
        4,
        0.0002,
        ("ses-keeps-references",),
        aws_events.mail_headers,
    ),
)


def prove(session: Session, names: Collection[str] = ()) -> Generator[Outcome]:
    """Yield what comes of each behaviour, of the proofs that are named or of all; what AWS refuses leaves it open."""
    for proof in PROOFS:
        if names and proof.name not in names:
            continue
        seen: set[str] = set()
        try:
            # Closed, not left to the garbage collector: what was made is taken away before anybody goes on.
            with closing(proof.run(session)) as outcomes:
                for outcome in outcomes:
                    seen.add(outcome.behaviour)
                    yield outcome
        except DeliveryWatchError as error:
            missing = (name for name in proof.behaviours if name not in seen)
            yield from (Outcome(name, Verdict.OPEN, str(error)) for name in missing)

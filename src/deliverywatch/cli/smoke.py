"""`deliverywatch smoke`: what can only be proven on a real account, tried there."""

from __future__ import annotations

import shutil
import signal
import textwrap
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import echo, print_json, styled, wrapped
from deliverywatch.cli.terminal.confirm import able_to_ask, confirmed
from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.target import Target, target_and_json

if TYPE_CHECKING:
    from collections.abc import Collection

    from deliverywatch.operate.proofs.behaviour import Behaviour
    from deliverywatch.operate.proofs.prove import Proof
    from deliverywatch.operate.proofs.session import Outcome, Session

_COLOURS = {"proven": "green", "wrong": "red", "open": "yellow"}
_INDENT = 8
# A terminal that is closed and a job that is cancelled: as Ctrl-C, so that nothing stays in the account.
_STOPPED_BY = (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))


@click.command()
@click.option("--only", multiple=True, metavar="PROOF", help="Only this proof, as --dry-run names it; several times.")
@click.option("--mail-to", default="", metavar="ADDRESS", help="Also mail this address twice, to look at the thread.")
@click.option("--dry-run", is_flag=True, help="Say what would be made and what it costs.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_and_json
def smoke(*, only: tuple[str, ...], mail_to: str, dry_run: bool, yes: bool, target: Target, as_json: bool) -> None:
    """Try on this account what only AWS can prove, against a deployed stack.

    Everything that it makes is named deliverywatch-smoke-... or lies under
    smoke/ of the lake's bucket, and is taken away again, also after Ctrl-C.
    The stack itself is not changed. Takes 41 minutes at most.

    \b
    JSON: {"stack": "", "ok": true, "left_behind": [""],
           "behaviours": [{"behaviour": "", "says": "", "evidence": "",
             "verdict": "proven" | "wrong" | "open", "finding": ""}]}
          with --dry-run {"stack": "", "dry_run": true, "proofs": [{"proof": "",
             "does": "", "minutes": 1, "usd": 0.0001, "behaviours": [""]}]}
    Exit codes: 0 nothing is wrong, 3 something is, or was left behind.
    """  # noqa: D301 - click wants the control character
    if not dry_run:
        able_to_ask(answered=yes)
    proofs = _chosen(only)
    cloud, stack = target.find()
    _announce(proofs, f"{stack.name} in account {stack.account}, {stack.region}")
    if dry_run and as_json:
        print_json({"stack": target.stack, "dry_run": True, "proofs": [_plan(proof) for proof in proofs]})
    if dry_run or not confirmed("Go on?", yes=yes):
        return
    from deliverywatch.operate.proofs.session import Session

    session = Session(cloud, stack, uuid.uuid4().hex[:8], lambda: datetime.now(UTC), time.sleep, mail_to)
    for number in _STOPPED_BY:
        signal.signal(number, signal.default_int_handler)
    try:
        outcomes = _tried(session, [proof.name for proof in proofs], is_quiet=as_json)
    finally:
        _show_leftovers(session)
    _report(session, outcomes, target, as_json=as_json)


def _chosen(names: Collection[str]) -> list[Proof]:
    from deliverywatch.operate.proofs.prove import PROOFS

    known = [proof.name for proof in PROOFS]
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"There is no proof {unknown[0]}: choose of {', '.join(known)}.")
    return [proof for proof in PROOFS if not names or proof.name in names]


def _announce(proofs: Collection[Proof], where: str) -> None:
    echo(wrapped(f"On {where}; whatever is made is taken away again:"), err=True)
    width = shutil.get_terminal_size().columns
    for proof in proofs:
        lines = textwrap.wrap(f"{proof.name:12}{proof.does}", width, initial_indent="  ", subsequent_indent=" " * 14)
        echo("\n".join(lines), err=True)
    minutes, usd = sum(proof.minutes for proof in proofs), sum(proof.usd for proof in proofs)
    echo(wrapped(f"It takes at most {minutes} minutes and costs about {usd:.4f} USD at list price."), err=True)


def _plan(proof: Proof) -> dict[str, object]:
    about = {"proof": proof.name, "does": proof.does, "minutes": proof.minutes, "usd": proof.usd}
    return {**about, "behaviours": list(proof.behaviours)}


def _tried(session: Session, names: Collection[str], *, is_quiet: bool) -> list[Outcome]:
    from deliverywatch.operate.proofs.prove import prove

    outcomes = []
    # Closed at once after Ctrl-C, so that everything is gone when the command ends.
    with closing(prove(session, names)) as tries:
        for outcome in tries:
            outcomes.append(outcome)
            if not is_quiet:
                _show(outcome)
    return outcomes


def _show(outcome: Outcome) -> None:
    says = _line(outcome.behaviour).says
    word = styled(f"{outcome.verdict.value:{_INDENT}}", _COLOURS[outcome.verdict.value])
    width = shutil.get_terminal_size().columns - _INDENT
    first, *rest = [*textwrap.wrap(says, width), *textwrap.wrap(outcome.finding, width)]
    echo(f"{word}{first}")
    for line in rest:
        echo(f"{'':{_INDENT}}{line}")


def _line(name: str) -> Behaviour:
    from deliverywatch.operate.proofs.behaviours import BEHAVIOURS

    return next(one for one in BEHAVIOURS if one.name == name)


def _report(session: Session, outcomes: Collection[Outcome], target: Target, *, as_json: bool) -> None:
    is_well = not session.leftovers and all(outcome.verdict != "wrong" for outcome in outcomes)
    if as_json:
        documents = [_document(outcome) for outcome in outcomes]
        print_json({"stack": target.stack, "ok": is_well, "left_behind": session.leftovers, "behaviours": documents})
    else:
        counts = {verdict: sum(outcome.verdict == verdict for outcome in outcomes) for verdict in _COLOURS}
        echo(", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + ".")
    if not is_well:
        raise SystemExit(Exit.CHECK_FAILED)


def _show_leftovers(session: Session) -> None:
    for leftover in session.leftovers:
        echo(wrapped(f"Left behind, delete it by hand: {leftover}"), err=True)


def _document(outcome: Outcome) -> dict[str, str]:
    line = _line(outcome.behaviour)
    about = {"behaviour": outcome.behaviour, "says": line.says, "evidence": line.evidence.value}
    return {**about, "verdict": outcome.verdict.value, "finding": outcome.finding}

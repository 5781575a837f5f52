"""The checks of `doctor` that only read, every night in the stack -> a notice of each that fails, and of its end.

Each check is a watch of its own, so that the notifier mails it once, as blind, with the command that fixes it, and once
when all is well again. What would stop the notifier itself goes to the fallback topic as well.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from deliverywatch.errors import CloudUnavailable
from deliverywatch.messages import context
from deliverywatch.messages.context import Context
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice
from deliverywatch.operate.doctor import findings as records
from deliverywatch.operate.doctor.findings import Finding, Findings
from deliverywatch.storage.records import update_record
from deliverywatch.storage.store import Change

if TYPE_CHECKING:
    from deliverywatch.operate.doctor.check import Check
    from deliverywatch.storage.store import Store

log = logging.getLogger(__name__)

# What an alarm of its own says within the hour, what only a person needs to know, and what asks ClickSend. And what was
# changed by hand: to compare the whole stack one must be allowed to read all of it, the policies of every role among
# it, and wait for minutes. A person who may deploy may do that; a function that runs by night shall not.
LEFT_OUT = ("heartbeat", "mutes", "clicksend-key", "changed", "budget")
# While one of these fails, no mail of the notifier may come.
_ON_THE_WAY = frozenset(
    {"stack", "functions", "concurrency", "schedules", "kms", "bucket", "sender", "sending", "sandbox", "notifier"}
    | {"suppressed", "notifier-policy", "alarm-actions", "alarm-history", "dead-letters"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the nightly checks touch.

    Attributes:
        notify: Publishes to the alerts topic.
        fallback: Publishes a subject and a text past the notifier.
        emit: Publishes how many checks failed.
        command: Returns a command with the options that name the stack.
    """

    store: Store
    notify: Callable[[SystemNotice], None]
    fallback: Callable[[str, str], None]
    emit: Callable[[int], None]
    command: Callable[[str], str] = lambda command: command


def examine(checks: Iterable[Check], ports: Ports, prefix: str, now: datetime) -> Findings:
    """Publish what fails and what passes again, keep it, and return it.

    Raises:
        CloudUnavailable: A notice could not be published; the fallback topic has it, and the next try publishes it.
    """
    made = list(checks)
    before = records.read(ports.store)
    findings = records.after(before or _from_contexts(ports.store, made, now), made, now)
    ports.emit(len(findings.failing))
    known = {one.check for one in before.failing} if before else frozenset[str]()
    passed = [one for one in findings.past if one.until == now]
    lost = _published([*findings.failing, *passed], ports, now)
    changed = [*(one for one in findings.failing if one.check not in known), *passed]
    urgent = [one for one in changed if one.check in _ON_THE_WAY]
    if texts := [*urgent, *(one for one in lost if one not in urgent)]:
        ports.fallback(_subject(texts, prefix), "\n\n".join(_text(one, ports) for one in texts))
    if lost:
        raise CloudUnavailable(f"{len(lost)} notices of the nightly checks could not be published.")
    update_record(ports.store, records.KEY, records.from_json, lambda _: Change(records.to_json(findings), None))
    return findings


def _from_contexts(store: Store, made: Iterable[Check], now: datetime) -> Findings | None:
    """Return what may have failed before the record of it was lost: else nobody would publish that it passes again."""
    keys = frozenset(store.keys(f"state/{records.WATCH}."))
    possible = (Finding(check.name, "It is not known.", "", now) for check in made)
    failed = tuple(one for one in possible if context.key_of(watch_of(one)) in keys)
    return Findings(now, failed) if failed else None


def _published(findings: Iterable[Finding], ports: Ports, now: datetime) -> list[Finding]:
    """Publish a notice of each, and return those of which that failed."""
    lost = []
    for one in findings:
        try:
            ports.store.write(context.key_of(watch_of(one)), _context(one, ports))
            ports.notify(_notice(one, now, ports))
        except Exception as error:  # whatever stops one must not hide the others
            log.warning("the notice of %s could not be published: %s", one.check, type(error).__name__)
            lost.append(one)
    return lost


def watch_of(finding: Finding) -> str:
    """Return the watch that a check is."""
    return f"{records.WATCH}.{finding.check}"


def _notice(one: Finding, now: datetime, ports: Ports) -> SystemNotice:
    return SystemNotice(
        watch=watch_of(one),
        level=Level.BLIND if one.until is None else Level.OK,
        time=now,
        title=f"Check {one.check}",
        sentence=one.sentence if one.until is None else "The nightly check passes again.",
        facts=(("Check", one.check), ("Command", ports.command(one.fix)))
        if one.until is None
        else (("Check", one.check),),
    )


def _context(one: Finding, ports: Ports) -> bytes:
    again = ports.command("deliverywatch doctor")
    steps = (ports.command(one.fix), f"{again}, which makes all the checks again")
    end = "The check passes again. What happened meanwhile was not seen by what it checks."
    return context.to_json(Context(system="operate", noun="checks", blind_steps=steps, blind_end=end))


def _subject(findings: list[Finding], prefix: str) -> str:
    failing = sum(one.until is None for one in findings)
    word = f"[BLIND] {failing} check{'' if failing == 1 else 's'} failed" if failing else "[RESOLVED] Checks pass again"
    return f"{word} - {prefix}"


def _text(one: Finding, ports: Ports) -> str:
    if one.until:
        return f"{one.check}: passes again. It was: {one.sentence}"
    return f"{one.check}: {one.sentence}\nTo fix it: {ports.command(one.fix)}"

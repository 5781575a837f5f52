"""Months of history into the lake, an hour at a time; killed at any point and started again, it ends as if done once.

Each hour is a run of its own, which reads it, merges it and writes it on a condition. How far it got stands beside the
lake, so that the same command goes on from there; what was done since is done again and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.untrusted import moment
from deliverywatch.sms import ingest
from deliverywatch.sms.lake.slots import HOUR
from deliverywatch.storage.records import document_of, read_record, update_record
from deliverywatch.storage.store import Change

if TYPE_CHECKING:
    from deliverywatch.sms.plan import Plan
    from deliverywatch.sms.ports import Ports, Settings
    from deliverywatch.storage.store import Store

KEY = "state/sms-backfill.json"


def within(plan: Plan, start: datetime, end: datetime) -> Plan:
    """Return the plan without what was not sent in [start, end), in whole hours."""
    return replace(plan, ranges=tuple(part for part in plan.ranges if start - HOUR < part.start < end))


def resumed(store: Store, since: datetime) -> datetime:
    """Return where an interrupted back-fill with the same begin stopped, or the begin."""
    mark = read_record(store, KEY, document_of) or {}
    done_until = moment(mark.get("done_until"))
    return done_until if done_until and mark.get("since") == since.isoformat() else since


def fill(plan: Plan, settings: Settings, ports: Ports, since: datetime, token: Callable[[], str]) -> int:
    """Read the plan's hours into the lake and return how many messages were new; nothing is emitted.

    Args:
        plan: As `ingest.backfill_plan` and `within` make it.
        settings: Of the stack.
        ports: Of which `emit` is never called.
        since: The requested begin: the mark is for the same command only.
        token: Returns another one for each hour.

    Raises:
        DeliveryWatchError: An hour could not be read or kept; those before it are.
    """
    new_count = 0
    source = ports.connect()
    connected = replace(ports, connect=lambda: source)
    for part in plan.ranges:
        hour = replace(plan, ranges=(part,))
        new_count += ingest.run(plan.now, settings, connected, token=token(), by_hand=hour).new_count
        _mark(ports.store, since, part.end)
    # Done: the same command again is a reading of all of it, for what ClickSend has changed.
    _mark(ports.store, since, since)
    return new_count


def _mark(store: Store, since: datetime, done_until: datetime) -> None:
    mark = {"since": since.isoformat(), "done_until": done_until.isoformat()}

    def marked(before: Mapping[str, Any] | None) -> Change[None]:
        return Change(json.dumps({**(before or {}), **mark}).encode(), None)

    update_record(store, KEY, document_of, marked)

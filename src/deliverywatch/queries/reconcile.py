"""One round of the reconciler: the file is fetched and checked, the schedules brought to it, and all of it logged.

The newest file counts, or its last good copy where the source cannot be had; a file that is wrong changes nothing. A
schedule that AWS refuses stays as it is, and is counted and logged as failed; those of other queries go on.
Whatever a removed query left open is closed with it. Once an hour the watchdog looks for queries that went silent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.queries.config import source
from deliverywatch.queries.config.notices import notices, of_databases
from deliverywatch.queries.config.source_url import is_pinned
from deliverywatch.queries.run.watchdog import Watchdog, Watched
from deliverywatch.queries.schedule import apply, former, mail_context
from deliverywatch.queries.schedule.guard import Guard, request_of, scope_of
from deliverywatch.queries.schedule.specification import desired

if TYPE_CHECKING:
    from deliverywatch.queries.config.source import Current, Source
    from deliverywatch.queries.run.record import Emit
    from deliverywatch.queries.schedule.apply import Result
    from deliverywatch.queries.schedule.former import Remaining
    from deliverywatch.queries.settings import Reconciliation
    from deliverywatch.storage.store import Store

_logger = logging.getLogger(__name__)

# By it the alarm queries-reconcile-stale counts the rounds.
_FINISHED = "Unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports(apply.Ports):
    """What a round touches beside schedules: `publish` hands a message to the alerts topic.

    `names_in` returns the names in any schedule group that begin so.
    """

    source: Source
    lake: Store
    publish: Callable[[Mapping[str, Any]], None]
    emit: Emit
    names_in: former.Names = lambda *_: ()


def run(now: datetime, settings: Reconciliation, ports: Ports) -> dict[str, Any]:
    """Do a round that was due at `now`, and return its result, which is also logged and counted.

    Raises a DeliveryWatchError if the file is wrong or schedules could not be read: nothing was changed.
    """
    try:
        current = source.current(ports.source, ports.lake, settings.wiring.project, now)
        result = _applied(current, settings, ports, now)
    except Exception as error:
        ports.log(f"ERROR Reconciliation failed: {error}")
        _leave(ports, mail_context.of_failure(error, now))
        raise
    _leave(ports, mail_context.of_result(result, current.problem, now))
    metrics = _metrics(current, result)
    document = {**result.document(), "revision": current.copy.revision}
    try:
        watched = _watched(current, result, settings, ports, now)
    except Exception:
        # What this round withholds or could not do rings at once; but it is none that was finished.
        del metrics[_FINISHED]
        ports.emit(metrics, now, {"event": "queries_reconcile", **document})
        raise
    document |= {"former": _former(current, settings, ports), **watched.document()}
    ports.emit(metrics, now, {"event": "queries_reconcile", **document})
    return document


def _former(current: Current, settings: Reconciliation, ports: Ports) -> Remaining:
    """Return, and log, what is still where queries were imported from."""
    left = former.remaining(current.config.imported_from, ports.names_in, settings.origin)
    for line in former.lines(left):
        ports.log(line)
    return left


def log_line(line: str, now: datetime, request_id: str) -> str:
    """Return a line as the scheduler of pagopa/pn-infra logs it: its alarms look for ERROR as the third word."""
    is_error = line.startswith("ERROR ")
    return f"{now:%Y-%m-%dT%H:%M:%S} {request_id} {'ERROR' if is_error else 'INFO'} {line.removeprefix('ERROR ')}"


def _applied(current: Current, settings: Reconciliation, ports: Ports, now: datetime) -> Result:
    if current.problem is not None:
        ports.log(f"SOURCE {current.problem} Working with the last good copy {current.copy.revision[:12]}.")
    if is_pinned(settings.url):
        ports.log(f"NOTICE {settings.url} names a commit, so it never changes: name a branch or a tag.")
    databases = of_databases(current.config, settings.databases)
    for notice in [*notices(current.config, now), *databases, *current.config.refused]:
        ports.log(f"NOTICE {notice.path} {notice.sentence}")
    wanted, prefix = desired(current.config.queries.values(), settings.wiring), settings.wiring.prefix
    guard = Guard(ports.lake, scope_of(settings.group, prefix), request_of(current.copy.revision, now))
    return apply.reconcile(wanted, prefix, settings.rules, ports, guard)


def _watched(current: Current, result: Result, settings: Reconciliation, ports: Ports, now: datetime) -> Watched:
    """Close what removed queries left open, and once an hour look for the silent ones."""
    watchdog = Watchdog(ports.lake, ports.publish, ports.log)
    prefix, queries = settings.wiring.prefix, current.config.queries
    watchdog.close([name.removeprefix(prefix) for name in result.deleted], now)
    # What the file does not name any more runs on while its schedule is there.
    waiting = [name.removeprefix(prefix) for name in (*result.withheld, *result.failed)]
    copy = source.forget(ports.lake, current.copy, waiting)
    if now.minute >= settings.period_minutes:
        return Watched()
    watchdog.close(watchdog.forgotten({*queries, *copy.removed}), now)
    return watchdog.run(queries.values(), {name.removeprefix(prefix) for name in result.by_hand}, now)


def _leave(ports: Ports, document: bytes) -> None:
    try:
        ports.lake.write(mail_context.KEY, document)
    except DeliveryWatchError as error:  # the mails lose words by it, and what was done stays done
        _logger.warning("%s could not be written: %s", mail_context.KEY, error)


def _metrics(current: Current, result: Result) -> dict[str, tuple[float, str]]:
    counts = result.counts()
    named = {name.capitalize(): counts[name] for name in ("created", "updated", "deleted", "unchanged")}
    # What the guard withholds waits for somebody to look, as a failure does, and has an alarm of its own beside.
    failed, withheld = counts["failed"] + counts["withheld"], counts["withheld"]
    everything = {**named, "Failed": failed, "Withheld": withheld, "SourceFailed": int(current.problem is not None)}
    return {name: (count, "Count") for name, count in everything.items()}

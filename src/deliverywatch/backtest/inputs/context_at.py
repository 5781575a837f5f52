"""The SMS lake -> the context that a mail would have read at a moment: what the last run before it had written."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deliverywatch.sms.assessments import delivery
from deliverywatch.sms.assessments.delivery import Measured
from deliverywatch.sms.clicksend.outcomes import Outcome
from deliverywatch.sms.lake import day_objects
from deliverywatch.sms.lake.slots import day_of, floor, folder_of, hour_of
from deliverywatch.sms.mail_context import context
from deliverywatch.sms.mail_context.recent_statistics import NAMES, RecentStatistics
from deliverywatch.storage.folder import Folder

# The columns of `delivery`, with those that say what was known when.
_DELIVERY = (*delivery.NAMES[:2], "fault", *delivery.NAMES[2:], "observed_at")


def at(
    folder: Path, moment: datetime, window_minutes: int, *, slot_minutes: int, count_recipient_faults: bool
) -> bytes:
    """Return the context that the last run before a moment had written, or raise ObjectDamaged.

    The outcome of a message is not known before it was observed: until then it counts as pending.
    """
    from deliverywatch.sms.lake import merge  # brings pyarrow

    run = floor(moment, slot_minutes)
    begin = hour_of(run - timedelta(hours=context.HOURS))
    statistics = RecentStatistics(
        run,
        run,
        slot_minutes,
        count_recipient_faults=count_recipient_faults,
        window_minutes=window_minutes,
    )
    late: list[delivery.Minute] = []
    for day in dict.fromkeys((day_of(begin), day_of(run))):
        for key, body in day_objects.bodies(Folder(folder), folder_of(day)):
            with day_objects.readable(str(folder / key)):
                statistics.add(_as_observed(merge.rows(body, (*NAMES, "observed_at")), begin, run))
                rows = _as_observed(merge.rows(body, _DELIVERY), begin, run)
                late += delivery.minutes(((*row[:2], *row[3:]) for row in rows), run, slot_minutes)
    measured = delivery.measure(sorted(late, reverse=True), run)
    return context.document(statistics, run, run, slot_minutes, measured=Measured(measured))


def _as_observed(rows: Iterable[tuple[Any, ...]], begin: datetime, run: datetime) -> Iterator[tuple[Any, ...]]:
    oldest, newest = (int(moment.timestamp()) * 1000 for moment in (begin, run))
    for sent_at, outcome, fault, *rest, observed_at in rows:
        if sent_at >= oldest:
            is_known = observed_at <= newest
            yield (sent_at, outcome, fault, *rest) if is_known else (sent_at, Outcome.PENDING, "none", *rest)

"""The account's balance, read once an hour by a run -> `state/sms-credit.json`; a failure is kept there, not raised.

The history comes first: the balance is read only while there is time, and the next run tries again what failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.sms.assessments import balances as documents
from deliverywatch.sms.assessments.balances import Balances, with_failure, with_reading
from deliverywatch.storage.records import read_record, update_record
from deliverywatch.storage.store import Change
from deliverywatch.thresholds import CREDIT_READ_MINUTES

if TYPE_CHECKING:
    from deliverywatch.sms.clicksend.credit import Credit
    from deliverywatch.storage.store import Store

log = logging.getLogger(__name__)

_EVERY = timedelta(minutes=CREDIT_READ_MINUTES)


def watch_credit(
    read: Callable[[], Credit] | None, store: Store, now: datetime, *, has_time: bool = True
) -> Balances | None:
    """Return the balances, with today's if an hour has gone by; None if nobody watches them, so that `read` is None.

    Raises:
        StoreUnavailable: What was read before is out of reach.
    """
    if read is None:
        return None
    balances = read_record(store, documents.KEY, documents.from_json) or Balances()
    is_due = balances.last is None or now - balances.last.at >= _EVERY or now < balances.last.at
    if not is_due or not has_time:
        return balances
    balances = _read(read, balances, now)
    # The hour's reading of another run counts as much as this one.
    update_record(store, documents.KEY, documents.from_json, lambda _: Change(documents.to_json(balances), None))
    return balances


def _read(read: Callable[[], Credit], balances: Balances, now: datetime) -> Balances:
    try:
        return with_reading(balances, read(), now)
    except Exception as error:  # the messages are what a run is for
        failed = with_failure(balances, error, now)
        # The answer holds the key: of an error nobody foresaw only the name is written.
        log.warning("the balance could not be read: %s", failed.unread.sentence if failed.unread else "")
        return failed

"""The hourly balances of the ClickSend account -> the document `state/sms-credit.json`, and back.

Of the account's answer only numbers and switches get here: it holds the API key too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages import context
from deliverywatch.messages.untrusted import iso, mapping, moment, number, objects, other_members, text
from deliverywatch.storage.records import document_of
from deliverywatch.thresholds import CREDIT_KEPT_DAYS

if TYPE_CHECKING:
    from deliverywatch.sms.clicksend.credit import Credit

KEY = context.key_of("sms-credit")
# A reading an hour, and some by hand or by a second run.
_MEMBERS = ("deliverywatch", "balances", "low_balance", "recharges", "is_active", "unread")
_MOST_BALANCES = CREDIT_KEPT_DAYS * 24 * 2


@dataclass(frozen=True, slots=True)
class Balance:
    """What was left at one time, in the account's currency."""

    at: datetime
    amount: float


@dataclass(frozen=True, slots=True)
class Unread:
    """Why the balance cannot be read, and since when."""

    sentence: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Balances:
    """What is known of an account's credit.

    Attributes:
        kept: Oldest first, of the last two weeks.
        low_balance: Below this ClickSend warns, and charges the account if it `recharges` by itself.
        is_active: Whether the account may send at all.
        others: Members of the document that a later version knows.
        unread: Set while the last try to read it failed.
    """

    kept: tuple[Balance, ...] = ()
    low_balance: float = 0.0
    recharges: bool = False
    is_active: bool = True
    unread: Unread | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> Balance | None:
        """The newest balance."""
        return self.kept[-1] if self.kept else None

    def topped_up_at(self) -> datetime | None:
        """When the balance last rose."""
        rises = (after.at for before, after in pairwise(self.kept) if after.amount > before.amount)
        return max(rises, default=None)


def with_reading(balances: Balances, credit: Credit, now: datetime) -> Balances:
    """Return the balances with what was read now."""
    since = now - timedelta(days=CREDIT_KEPT_DAYS)
    # A run that comes late must not put an older time behind a newer one.
    kept = [one for one in balances.kept if since <= one.at < now]
    return Balances(
        kept=(*kept, Balance(now, credit.balance))[-_MOST_BALANCES:],
        low_balance=credit.low_balance,
        recharges=credit.recharges,
        is_active=credit.is_active,
        others=balances.others,
    )


def with_failure(balances: Balances, error: Exception, now: datetime) -> Balances:
    """Return the balances with the reason why there is no new one; the text of an unforeseen error may hold a key."""
    sentence = str(error) if isinstance(error, DeliveryWatchError) else f"Reading it failed: {type(error).__name__}."
    since = balances.unread.since if balances.unread else now
    return replace(balances, unread=Unread(sentence, since))


def to_json(balances: Balances) -> bytes:
    """Return the document."""
    unread = balances.unread
    document = {
        **balances.others,
        "deliverywatch": 1,
        "balances": [{"at": iso(one.at), "balance": round(one.amount, 6)} for one in balances.kept],
        "low_balance": balances.low_balance,
        "recharges": balances.recharges,
        "is_active": balances.is_active,
        "unread": {"sentence": unread.sentence, "since": iso(unread.since)} if unread else None,
    }
    return json.dumps(document).encode()


def from_json(body: bytes) -> Balances:
    """Return the balances of a document, without those that cannot be read.

    Raises:
        ValueError: It is no JSON object.
    """
    document = document_of(body)
    kept = [
        Balance(at, amount)
        for item in objects(document.get("balances"))
        if (at := moment(item.get("at"))) and (amount := number(item.get("balance"))) is not None
    ]
    return Balances(
        kept=tuple(sorted(kept, key=lambda one: one.at))[-_MOST_BALANCES:],
        low_balance=number(document.get("low_balance")) or 0.0,
        recharges=document.get("recharges") is True,
        is_active=document.get("is_active") is not False,
        unread=_unread(mapping(document.get("unread"))),
        others=other_members(document, _MEMBERS),
    )


def _unread(item: Mapping[str, Any]) -> Unread | None:
    since = moment(item.get("since"))
    return Unread(text(item.get("sentence"), 300), since) if since else None

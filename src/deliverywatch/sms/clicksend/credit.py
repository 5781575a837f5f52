"""The ClickSend account -> whether it may send, and what is left to pay with.

`GET /v3/account` (developers.clicksend.com). Its answer holds the API key: four fields of it are kept, the rest is
neither shown nor logged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import SourceMalformed
from deliverywatch.sms.clicksend.pages import check_status
from deliverywatch.sms.clicksend.transport import Transport

if TYPE_CHECKING:
    from deliverywatch.sms.clicksend.credentials import Credentials

_PATH = "/v3/account"


@dataclass(frozen=True, slots=True)
class Credit:
    """What an account can still pay for, in its own currency.

    Attributes:
        low_balance: Below this ClickSend warns.
        is_active: Whether the account may send at all.
        recharges: Whether ClickSend charges the account by itself when little is left.
    """

    balance: float
    low_balance: float
    is_active: bool
    recharges: bool


def ask(credentials: Credentials, base_url: str, *, timeout_seconds: float = 10.0) -> Credit:
    """Return what is left of an account's credit.

    Raises:
        SourceRefused: The key or the access is refused.
        SourceThrottled: Too many requests: about 20 a minute are allowed.
        SourceUnavailable: ClickSend does not answer.
        SourceMalformed: The answer is not an account.
    """
    answer = Transport(credentials, base_url).get(_PATH, {}, timeout_seconds, timeout_seconds)
    check_status(answer.status, answer.body, "the account's credit")
    return _read(answer.body)


def _read(body: bytes) -> Credit:
    try:
        account = json.loads(body)["data"]
        return Credit(
            balance=_amount(account["balance"]),
            low_balance=_amount(account.get("low_credit_amount") or 0),
            is_active=_is_on(account, "active", otherwise=True) and not _is_on(account, "banned", otherwise=False),
            recharges=_is_on(account, "auto_recharge", otherwise=False),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        # Without the cause: its text could hold what the answer holds.
        raise SourceMalformed("ClickSend's answer is not an account.") from None


def _amount(value: Any) -> float:
    amount = float(value)
    if not math.isfinite(amount):
        raise ValueError("It is no amount.")
    return amount


def _is_on(account: Mapping[str, Any], name: str, *, otherwise: bool) -> bool:
    value = account.get(name)
    return otherwise if value is None else bool(int(value))

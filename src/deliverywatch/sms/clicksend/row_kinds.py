"""What most rows have in common -> a kind: judged and converted once, however many rows are of it (see `records`).

Rows differ in id, time and recipient, and are alike in nearly everything else: 100,000 of them have some hundred kinds.
"""

from functools import lru_cache
from typing import Any

from deliverywatch.sms.clicksend.outcomes import Fault, Outcome, Verdict, judge
from deliverywatch.sms.clicksend.redaction import redacted
from deliverywatch.sms.clicksend.values import millionths, text, whole

# The fields of a row that make its kind, and the columns that come of them.
FIELDS = (
    *("status", "status_code", "status_text", "error_code", "error_text", "direction", "country", "carrier", "from"),
    *("list_id", "message_parts", "message_price", "user_id", "subaccount_id"),
)
COLUMNS = (
    *("outcome", "fault", "status", "status_code", "status_text", "error_code", "error_text", "direction", "country"),
    *("carrier", "sender", "list_id", "message_parts", "message_price", "user_id", "subaccount_id"),
)

# Values of FIELDS and of COLUMNS.
Fields = tuple[Any, ...]
Kind = tuple[Any, ...]

# Whether a message went to a test number, is due, and is settled: sent so long ago that no other outcome comes.
Circumstances = tuple[bool, bool, bool]

# developers.clicksend.com/docs/testing: nothing is sent to these, nothing is charged.
TEST_NUMBERS = {
    *("+61411111111", "+61422222222", "+61433333333", "+61444444444"),
    *("+14055555555", "+14055555666", "+447777777777", "+8615555555555"),
}


@lru_cache(5_000)
def kind_of(fields: Fields, circumstances: Circumstances) -> Kind:
    """Return the values of COLUMNS for rows with these values of FIELDS."""
    *words, parts, price, user_id, subaccount_id = fields
    texts = tuple(map(text, words))
    texts = (*texts[:2], redacted(texts[2]), texts[3], redacted(texts[4]), *texts[5:])
    status, code, _, error, _, direction, *_ = texts
    numbers = (whole(parts, 32), millionths(price), whole(user_id, 64), whole(subaccount_id, 64))
    is_test_number, is_due, is_settled = circumstances
    verdict = judge(direction=direction, status=status, code=code, error=error, is_due=is_due, is_settled=is_settled)
    if _is_test(verdict, numbers[0], numbers[1], is_test_number=is_test_number):
        verdict = (Outcome.EXCLUDED, Fault.NONE)
    return (verdict[0].value, verdict[1].value, *texts, *numbers)


def _is_test(verdict: Verdict, parts: int | None, price: int | None, *, is_test_number: bool) -> bool:
    """Whether nothing was really sent: to a documented test number, or free and without parts.

    A failure to a real number is none: what ClickSend blocked is free and without parts as well, and hiding it would
    hide an outage.
    """
    return is_test_number or (verdict[0] != Outcome.FAILED and price == 0 and parts == 0)

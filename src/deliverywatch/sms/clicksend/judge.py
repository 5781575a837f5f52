"""A row's status, codes and words -> what became of the message, and whose side a failure is on.

`status` alone says little: a message on its way and one on the handset both read `Sent`. That there is an `error_code`
says nothing: a delivered message carries 4. So the status code decides; where it says nothing, the words do.
"""

from deliverywatch.sms.clicksend.outcomes import (
    DELIVERED,
    EXCLUDED,
    HELD,
    PENDING,
    TEMPORARY_CODES,
    UNKNOWN,
    Fault,
    Outcome,
    Verdict,
    fault_of,
    squeezed,
)
from deliverywatch.sms.clicksend.refusals import fault_of_words, verdict_of

# Without a code such a status says no more than that the message was accepted: what other texts say goes before.
_SAYS_LITTLE = frozenset({"sent", "success", "submitted", "accepted"})


def judge(
    *,
    direction: str | None,
    status: str | None,
    code: str | None,
    error: str | None,
    status_text: str | None = None,
    error_text: str | None = None,
    is_due: bool,
    is_settled: bool,
) -> Verdict:
    """Return what became of a message that was not a test.

    Args:
        direction: `in` or `out`; history lists both.
        status: ClickSend's.
        code: `status_code`: 200, 201, 300, 301, 302 or none.
        error: `error_code`, the number of a reason.
        status_text: ClickSend's words for the status.
        error_text: ClickSend's words for the reason; often "Unknown error", also of a delivered message.
        is_due: Whether a scheduled message should have been sent by now.
        is_settled: Whether it was sent so long ago that a temporary failure is for good.
    """
    word = squeezed(status)
    if (direction or "").lower() == "in" or word in {"received", "cancelled", "canceled"}:
        return EXCLUDED
    if word in HELD and not is_due:
        return EXCLUDED
    if word == "cancelledafterreview":
        return Outcome.FAILED, Fault.CONTENT
    texts = (status, status_text, error_text)
    verdict = _by_code(code, status, is_settled=is_settled) or _by_words(word, texts, has_code=code is not None)
    return (Outcome.FAILED, _fault(error, texts)) if verdict[0] == Outcome.FAILED else verdict


def _by_code(code: str | None, status: str | None, *, is_settled: bool) -> Verdict | None:
    """Return what the code says; of a message that was only accepted, a status of refusal says more."""
    if code == "201":
        return DELIVERED
    is_refused = code == "200" and (verdict_of(status) or UNKNOWN)[0] == Outcome.FAILED
    if code == "301" or is_refused or (code in TEMPORARY_CODES and is_settled):
        return Outcome.FAILED, Fault.NONE
    return PENDING if code == "200" or code in TEMPORARY_CODES else None


def _by_words(word: str, texts: tuple[str | None, ...], *, has_code: bool) -> Verdict:
    """Return what the first text says that says anything; beside a code that no rule covers, only a refusal counts."""
    if word in _SAYS_LITTLE:
        texts = (*texts[1:], *texts[:1])
    verdicts = (verdict for text in texts if (verdict := verdict_of(text)))
    if has_code:
        return next((verdict for verdict in verdicts if verdict[0] == Outcome.FAILED), UNKNOWN)
    return PENDING if word in HELD else next(verdicts, UNKNOWN)


def _fault(error: str | None, texts: tuple[str | None, ...]) -> Fault:
    """Return the side that the code of the reason names, or the words; what is ours to put right goes before."""
    by_code, by_words = fault_of(error), fault_of_words(*texts)
    return by_words if by_words == Fault.ACCOUNT or by_code == Fault.NONE else by_code

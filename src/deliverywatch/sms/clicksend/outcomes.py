"""A row's status and codes -> what became of the message, and whose side a failure is on.

Codes: help.clicksend.com, "List of SMS gateway error codes" (the older table: its row numbers are the API's
`error_code`). `status` alone says nothing: a message on its way and one on the handset both read `Sent`. That there is
an `error_code` says nothing either: a delivered message carries 4.
"""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a message."""

    DELIVERED = "delivered"
    FAILED = "failed"
    PENDING = "pending"
    EXCLUDED = "excluded"
    UNKNOWN = "unknown"


class Fault(StrEnum):
    """Whose side a failure is on."""

    RECIPIENT = "recipient"
    CARRIER = "carrier"
    PROVIDER = "provider"
    CONTENT = "content"
    NONE = "none"


# Name of the number of a lake object's rows for which `is_unsettled` holds, in what is stored beside the object.
UNSETTLED = "unsettled"

Verdict = tuple[Outcome, Fault]

_DELIVERED: Verdict = (Outcome.DELIVERED, Fault.NONE)
_PENDING: Verdict = (Outcome.PENDING, Fault.NONE)
_EXCLUDED: Verdict = (Outcome.EXCLUDED, Fault.NONE)
_UNKNOWN: Verdict = (Outcome.UNKNOWN, Fault.NONE)

_FAULTS = {
    **dict.fromkeys(("8", "9", "11", "12", "13"), Fault.RECIPIENT),
    **dict.fromkeys(("10", "14", "15", "16", "17"), Fault.CARRIER),
    **dict.fromkeys(("7", "18"), Fault.PROVIDER),
    "19": Fault.CONTENT,
}

_REASONS = {
    "5": "Cancelled by the sender",
    "7": "Failed at ClickSend without a reason",
    "8": "Number inactive or invalid",
    "9": "Number unknown to the network",
    "10": "Refused by the network: authentication or filtering",
    "11": "Handset or subscription cannot take SMS",
    "12": "Absent subscriber: handset off or out of reach",
    "13": "Handset memory full",
    "14": "Recipient network error or congestion",
    "15": "Rejected by the recipient network",
    "16": "Temporary network error that never cleared",
    "17": "Recipient network timed out",
    "18": "Routing error at the provider",
    "19": "Rejected as spam",
    "20": "No delivery receipt ever came",
}


def judge(
    *, direction: str | None, status: str | None, code: str | None, error: str | None, is_due: bool, is_settled: bool
) -> Verdict:
    """Return what became of a message that was not a test.

    Args:
        direction: `in` or `out`; history lists both.
        status: ClickSend's.
        code: `status_code`: 200, 201, 300, 301, 302 or none.
        error: `error_code`, the number of a reason.
        is_due: Whether a scheduled message should have been sent by now.
        is_settled: Whether it was sent so long ago that a temporary failure is for good.
    """
    status = (status or "").lower()
    if (direction or "").lower() == "in" or status in {"received", "cancelled"}:
        return _EXCLUDED
    if status == "scheduled" and not is_due:
        return _EXCLUDED
    if status == "cancelledafterreview":
        return Outcome.FAILED, Fault.CONTENT
    return _by_code(code, error, is_settled=is_settled) if code else _by_status(status, error)


def _by_code(code: str, error: str | None, *, is_settled: bool) -> Verdict:
    if code == "201":
        return _DELIVERED
    if code == "301" or (code in {"300", "302"} and is_settled):
        return Outcome.FAILED, fault_of(error)
    return _PENDING if code in {"200", "300", "302"} else _UNKNOWN


def _by_status(status: str, error: str | None) -> Verdict:
    """Without a code the status is all there is; `Completed` says neither that it arrived nor that it did not."""
    if status == "failed":
        return Outcome.FAILED, fault_of(error)
    return _PENDING if status in {"queued", "sent", "scheduled", "waitapproval"} else _UNKNOWN


def fault_of(error_code: str | None) -> Fault:
    """Return whose side a failure with this `error_code` is on; `none` when the code leaves it open."""
    return _FAULTS.get(error_code or "", Fault.NONE)


def is_unsettled(outcome: str, status: str | None) -> bool:
    """Whether a later reading may find another outcome, so that the hour has to be read again."""
    waits_for_its_time = outcome == Outcome.EXCLUDED and (status or "").lower() == "scheduled"
    return outcome in {Outcome.PENDING, Outcome.UNKNOWN} or waits_for_its_time


def is_counted_failure(outcome: str | None, fault: str | None, *, count_recipient_faults: bool) -> bool:
    """Whether a message counts as failed in the metrics, which may leave out numbers that are dead anyway."""
    return outcome == Outcome.FAILED and (count_recipient_faults or fault != Fault.RECIPIENT)


def reason(error_code: str | None) -> str | None:
    """Return our words for an `error_code`, or none if it is not in ClickSend's table of failures."""
    return _REASONS.get(error_code or "")

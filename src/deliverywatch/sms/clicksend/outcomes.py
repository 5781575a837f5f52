"""What may become of a message, whose side a failure is on, and what ClickSend's codes for failures mean.

Codes: help.clicksend.com, "List of SMS gateway error codes" (the older table: its row numbers are the API's
`error_code`). `judge` decides which it is.
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
    """Whose side a failure is on; `account` is ours: credit, permissions, and how we send."""

    RECIPIENT = "recipient"
    CARRIER = "carrier"
    PROVIDER = "provider"
    CONTENT = "content"
    ACCOUNT = "account"
    NONE = "none"


# Name of the number of a lake object's rows for which `is_unsettled` holds, in what is stored beside the object.
UNSETTLED = "unsettled"

# What became of a message for good, as far as anybody can tell.
FINAL = frozenset({Outcome.DELIVERED.value, Outcome.FAILED.value})

Verdict = tuple[Outcome, Fault]

DELIVERED: Verdict = (Outcome.DELIVERED, Fault.NONE)
PENDING: Verdict = (Outcome.PENDING, Fault.NONE)
EXCLUDED: Verdict = (Outcome.EXCLUDED, Fault.NONE)
UNKNOWN: Verdict = (Outcome.UNKNOWN, Fault.NONE)

# A message that ClickSend still holds may be one that waits for its time.
HELD = frozenset({"scheduled", "queued", "waitapproval"})

# A network refused for now and ClickSend tries again: no failure yet, and yet a sign of trouble.
TEMPORARY_CODES = ("300", "302")

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


def squeezed(status: str | None) -> str:
    """Return the letters of a status in lower case: `WAIT_APPROVAL` and `WaitApproval` are one."""
    return "".join(filter(str.isalpha, status or "")).lower()


def fault_of(error_code: str | None) -> Fault:
    """Return whose side a failure with this `error_code` is on; `none` when the code leaves it open."""
    return _FAULTS.get(error_code or "", Fault.NONE)


def is_unsettled(outcome: str, status: str | None) -> bool:
    """Whether a later reading may find another outcome, so that the hour has to be read again."""
    waits_for_its_time = outcome == Outcome.EXCLUDED and squeezed(status) in HELD
    return outcome in {Outcome.PENDING, Outcome.UNKNOWN} or waits_for_its_time


def is_counted_failure(outcome: str | None, fault: str | None, *, count_recipient_faults: bool) -> bool:
    """Whether a message counts as failed in the metrics, which may leave out numbers that are dead anyway."""
    return outcome == Outcome.FAILED and (count_recipient_faults or fault != Fault.RECIPIENT)


def reason(error_code: str | None) -> str | None:
    """Return our words for an `error_code`, or none if it is not in ClickSend's table of failures."""
    return _REASONS.get(error_code or "")

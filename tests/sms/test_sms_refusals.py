"""Words of refusal, as ClickSend, networks and people spell them: what became of the message, and whose side it is."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.sms.clicksend.judge import judge
from deliverywatch.sms.clicksend.outcomes import Fault, Outcome
from deliverywatch.sms.clicksend.refusals import verdict_of

if TYPE_CHECKING:
    from deliverywatch.sms.clicksend.outcomes import Verdict

# ClickSend's own application status codes are all among these.
REFUSALS = {
    Fault.ACCOUNT: """
        INSUFFICIENT_CREDIT | InsufficientCredit | Insufficient credit. | insufficient balance | Insufficient funds
        You do not have sufficient credit; insufficient account balance | No credit | no_credit | NO-CREDITS
        Out of credit | not enough credits | Not enough balance | CREDIT_LIMIT_EXCEEDED | Credit has been exhausted
        balance is too low | Payment Required | SPEND_LIMIT | Quota exceeded | Partner quota violation
        Daily sending limit exceeded | exceeded the daily limit
        COUNTRY_NOT_ENABLED | CountryNotEnabled | Country is not enabled. | country not enabled for this account
        Country disabled | COUNTRY_NOT_ALLOWED | Destination not permitted | international SMS is not enabled
        Geo-permission denied
        THROTTLED | Throttled | throttling | Rate limited | rate-limit exceeded | TOO_MANY_REQUESTS | Too many messages
        TOO_MANY_RECIPIENTS | Flood detected | ALREADY_EXISTS
        ACCOUNT_NOT_ACTIVATED | Account suspended | Your account has been suspended | Account is banned
        INVALID_CREDENTIALS | MISSING_CREDENTIALS | Unauthorized | unauthorised | NOT_ENOUGH_PERMISSION_TO_LIST_ID
        INVALID_SENDER_ID | Invalid sender | Sender ID is not registered | Unregistered sender | REGISTRATION_NEEDED
        INVALID_SCHEDULE | MISSING_REQUIRED_FIELDS | INVALID_LANG | Payment declined
    """,
    Fault.RECIPIENT: """
        INVALID_RECIPIENT | InvalidRecipient | Invalid recipient. | Invalid number | invalid phone number
        Recipient number is invalid | Number does not exist | Unknown Subscriber | unidentified subscriber
        Absent Subscriber. The subscriber is offline. | Number not in service | Landline | Unreachable
        Handset memory is full | Memory capacity exceeded | opted out | OPTED_OUT | Opt-Out | Recipient has opted-out
        Subscriber unknown | Unallocated number | Number is not allocated
        Unsubscribed | DND | Do not disturb | Blacklisted | number is black-listed | BLOCKED_BY_RECIPIENT
    """,
    Fault.CONTENT: """
        Spam | SPAM_DETECTED | Rejected as spam | anti-spam rejection | Content rejected | content blocked
        Message content not allowed | Filtered | Blocked URL | EMPTY_MESSAGE | Message too long | CancelledAfterReview
        Cancelled After Review | SUBJECT_REQUIRED | INVALID_MEDIA_FILE | against our policy | TEMPLATE-NOT-FOUND
    """,
    Fault.CARRIER: """
        Rejected by the recipient network | rejected by carrier | Blocked by carrier | blocked by the operator
        Network error | Network congestion | network timed out | Illegal subscriber | Carrier violation
    """,
    Fault.PROVIDER: """
        Routing error | NOROUTE | No route to destination | INTERNAL_ERROR | SOMETHING_IS_WRONG | Gateway error
    """,
    Fault.NONE: """
        Undelivered | UNDELIVERED | UNDELIV | Undeliverable | UNDELIVERABLE | Not delivered | NonDelivered
        Could not be delivered | Delivery failed | Failed | FAILURE | Rejected | REJECTD | refused | Denied | Expired
        EXPIRED | Delivery receipt expired | Bounced | BOUNCED | Hard bounce | Blocked | BLOCKED | barred | dropped
        Not sent | Message not accepted | DELETED | aborted | Unable to deliver | Could not be sent | Declined
        Delivery impossible | Suppressed
    """,
}
SPELLINGS = [
    (words.strip(), fault)
    for fault, text in REFUSALS.items()
    for words in text.replace("\n", "|").split("|")
    if words.strip()
]


def judged(status: str | None, code: str | None = None, **fields: str | None) -> Verdict:
    return judge(direction="out", status=status, code=code, error=None, is_due=True, is_settled=False, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("words", "fault"), SPELLINGS)
def test_a_word_of_refusal_is_a_failure_with_a_side_wherever_it_stands(words: str, fault: Fault) -> None:
    assert judged(words) == (Outcome.FAILED, fault)
    assert judged(words.upper()) == judged(f"  {words.lower().replace(' ', '_')}.") == (Outcome.FAILED, fault)
    assert judged("Completed", status_text=words) == (Outcome.FAILED, fault)
    assert judged("Sent", status_text=words) == judged("SUCCESS", error_text=words) == (Outcome.FAILED, fault)
    assert judged(None, error_text=words) == (Outcome.FAILED, fault)
    assert judged("Whatever", "499", status_text=words) == (Outcome.FAILED, fault)
    assert judged("Failed", "301", status_text=words)[1] == fault


@pytest.mark.parametrize(("words", "fault"), SPELLINGS)
def test_what_was_delivered_stays_delivered_and_only_a_status_refuses_what_was_accepted(
    words: str, fault: Fault
) -> None:
    assert judged(words, "201")[0] == (Outcome.FAILED if "after" in words.lower() else Outcome.DELIVERED)
    assert judged("Sent", "200", status_text=words, error_text=words)[0] == Outcome.PENDING
    assert judged(words, "200") == (Outcome.FAILED, fault)


@pytest.mark.parametrize(
    "words",
    [
        *("Temporary network error, will be retried", "Temporarily unavailable", "Retrying", "message deferred"),
        *(
            "Held for review",
            "Awaiting approval",
            "WAIT_APPROVAL",
            "In progress",
            "SUCCESS",
            "Success: Message sent.",
            "Submitted",
            "ACCEPTD",
            "ENROUTE",
            "pending",
            "Processing",
        ),
    ],
)
def test_what_may_still_arrive_is_pending(words: str) -> None:
    assert judged(words)[0] == judged("Completed", status_text=words)[0] == Outcome.PENDING


@pytest.mark.parametrize(
    "words", ["Delivered", "DELIVRD", "Message delivered to the handset", "Successfully delivered"]
)
def test_words_of_arrival_are_a_delivery(words: str) -> None:
    assert judged(words) == judged("Completed", status_text=words) == (Outcome.DELIVERED, Fault.NONE)
    assert judged("Sent", status_text=words, error_text="Unknown error") == (Outcome.DELIVERED, Fault.NONE)


@pytest.mark.parametrize(
    "words", ["Completed", "Brand new", "Delivered to operator", "Unknown error", "words", "", None, "•••••", "202"]
)
def test_words_that_say_nothing_are_unknown(words: str | None) -> None:
    assert judged(words)[0] == judged("Completed", status_text=words)[0] == Outcome.UNKNOWN


@given(st.text(max_size=200))
def test_any_words_are_judged_alike_each_time(words: str) -> None:
    verdict = verdict_of(words)
    assert verdict == verdict_of.__wrapped__(words)
    assert judged(words)[0] in Outcome


@pytest.mark.parametrize("words", ["country " * 125, "a" * 1000, "content x " * 100, "_" * 1000, "limit a b " * 100])
def test_long_words_cost_no_time(words: str) -> None:
    begun = process_time()
    judged(words, status_text=words, error_text=words)
    assert process_time() - begun < 1

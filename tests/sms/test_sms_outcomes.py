"""What became of a message: the table of codes, and what does not count as a code."""

import pytest

from deliverywatch.sms.clicksend.judge import judge
from deliverywatch.sms.clicksend.outcomes import Fault, Outcome, is_counted_failure, is_unsettled, reason


def verdict(status: str | None, code: str | None, error: str | None = None, **circumstances: object) -> tuple[str, str]:
    known = {"direction": "out", "is_due": True, "is_settled": False, **circumstances}
    return judge(status=status, code=code, error=error, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        ("Sent", "201", "delivered"),
        ("Sent", "200", "pending"),
        ("Queued", "200", "pending"),
        ("Queued", None, "pending"),
        ("WaitApproval", "200", "pending"),
        ("WaitApproval", None, "pending"),
        ("Sent", None, "pending"),
        ("Failed", "300", "pending"),
        ("Failed", "302", "pending"),
        ("Failed", "301", "failed"),
        ("Failed", None, "failed"),
        ("CancelledAfterReview", None, "failed"),
        ("Cancelled", "301", "excluded"),
        ("cancelled", None, "excluded"),
        ("Received", None, "excluded"),
        ("Completed", None, "unknown"),
        ("Completed", "201", "delivered"),
        ("Sent", "202", "unknown"),
        ("Brand new", None, "unknown"),
        (None, None, "unknown"),
        (None, "301", "failed"),
    ],
)
def test_the_code_decides_and_the_status_only_where_there_is_none(
    status: str | None, code: str | None, outcome: str
) -> None:
    assert verdict(status, code)[0] == outcome


@pytest.mark.parametrize("code", ["300", "302"])
def test_a_temporary_failure_is_for_good_after_72_hours(code: str) -> None:
    assert verdict("Failed", code, "16", is_settled=True) == (Outcome.FAILED, Fault.CARRIER)


def test_an_accepted_message_stays_pending_however_old_it_is() -> None:
    assert verdict("Sent", "200", is_settled=True)[0] == Outcome.PENDING


def test_an_error_code_does_not_make_a_failure() -> None:
    assert verdict("Sent", "201", "4") == (Outcome.DELIVERED, Fault.NONE)


def test_an_inbound_message_is_left_out_whatever_its_code() -> None:
    assert verdict("Sent", "201", direction="IN")[0] == Outcome.EXCLUDED


def test_a_scheduled_message_counts_from_its_time_on() -> None:
    assert verdict("Scheduled", "200", is_due=False)[0] == Outcome.EXCLUDED
    assert verdict("Scheduled", "200", is_due=True)[0] == Outcome.PENDING


@pytest.mark.parametrize(
    ("side", "codes"),
    [
        ("provider", "7 18"),
        ("recipient", "8 9 11 12 13"),
        ("carrier", "10 14 15 16 17"),
        ("content", "19"),
        ("none", "20 4 99 x"),
    ],
)
def test_a_failure_has_a_side(side: str, codes: str) -> None:
    assert {verdict("Failed", "301", code)[1] for code in codes.split()} == {side}


def test_a_cancelled_campaign_is_a_matter_of_content() -> None:
    assert verdict("CancelledAfterReview", None)[1] == Fault.CONTENT


def test_every_failure_of_the_table_has_words_of_ours() -> None:
    assert all(reason(str(code)) for code in (5, *range(7, 21)))
    assert reason("4") is None


@pytest.mark.parametrize(
    ("outcome", "status", "unsettled"),
    [
        ("pending", "Sent", True),
        ("unknown", "Completed", True),
        ("excluded", "Scheduled", True),
        ("excluded", "Cancelled", False),
        ("delivered", "Sent", False),
        ("failed", "Failed", False),
    ],
)
def test_what_may_still_change_is_unsettled(outcome: str, status: str, unsettled: bool) -> None:
    assert is_unsettled(outcome, status) is unsettled


def test_dead_numbers_can_be_left_out_of_the_failures() -> None:
    assert is_counted_failure("failed", "recipient", count_recipient_faults=True)
    assert not is_counted_failure("failed", "recipient", count_recipient_faults=False)
    assert is_counted_failure("failed", "none", count_recipient_faults=False)
    assert not is_counted_failure("pending", "none", count_recipient_faults=True)

"""What became of a nightly run is a state: one that failed is mailed with its reason, the next good one ends it."""

from typing import Any

import pytest
from alerting_fakes import World

ARN = "arn:aws:lambda:ap-southeast-2:123456789012:function:deliverywatch-prod-operate-digest"


def ended(condition: str, clock: str, **answer: Any) -> dict[str, Any]:
    """Return the record that Lambda publishes."""
    return {
        "version": "1.0",
        "timestamp": f"2026-11-21T{clock}:00.000Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
            "functionArn": f"{ARN}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"scheduled_time": f"2026-11-21T{clock}:00Z"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": answer or None,
    }


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("condition", ["RetriesExhausted", "EventAgeExceeded"])
def test_a_run_that_failed_for_good_is_mailed_with_its_reason_and_over_with_the_next_good_one(
    world: World, condition: str
) -> None:
    world.tell(ended(condition, "07:00", errorMessage="Task timed out after 120.00 seconds"))
    world.tell(ended(condition, "08:00", errorMessage="Task timed out after 120.00 seconds"))
    world.tell(ended("Success", "09:00"))
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["OPENED", "RESOLVED"]
    assert world.ses.subjects[0].startswith("[WARNING] deliverywatch-prod-operate-digest - ")
    text = world.ses.mails[0].get_body(("plain",)).get_content()
    assert "failed 3 times: Task timed out after 120.00 seconds" in " ".join(text.split())


def test_a_good_run_mails_nothing(world: World) -> None:
    world.tell(ended("Success", "07:00", sent=["a mail"]))
    assert not world.ses.messages


@pytest.mark.parametrize(
    "broken",
    [{"functionArn": "x"}, {"functionArn": None}, {"condition": "Unheard"}, {"condition": ["Success"]}],
)
def test_what_only_looks_like_a_record_is_a_notice_and_opens_nothing(world: World, broken: dict[str, Any]) -> None:
    record = ended("Success", "07:00")
    record["requestContext"] |= broken
    world.tell(record)
    assert [mail["X-DeliveryWatch-Event"] for mail in world.ses.mails] == ["NOTICE"]
    assert not world.store.memory.keys("incidents/")


def test_a_record_without_a_reason_says_so(world: World) -> None:
    record = ended("RetriesExhausted", "07:00")
    record["requestContext"]["approximateInvokeCount"] = "many"
    world.tell(record)
    text = " ".join(world.ses.mails[0].get_body(("plain",)).get_content().split())
    assert "failed, and Lambda gives no reason" in text

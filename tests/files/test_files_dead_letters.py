"""Dead letters and their reasons, also where nobody wrote one down."""

import json

import pytest
from files_world import NOON, body, s3_record

from deliverywatch.files.records.dead_letters import DeadLetter, by_kind, explain

GOOD = body(s3_record("a.csv"))


def test_the_reason_that_was_written_down_is_the_one() -> None:
    reason = {"kind": "table", "problem": "DynamoDB throttles.", "next_step": "Wait.", "is_retryable": "true"}
    found = explain(DeadLetter("m", GOOD, NOON), reason)
    assert (found.kind, found.problem, found.objects) == ("table", "DynamoDB throttles.", "incoming/a.csv")
    assert not found.will_fail_again


def test_a_body_that_cannot_be_read_is_its_own_reason() -> None:
    found = explain(DeadLetter("m", "{}", NOON), None)
    assert (found.kind, found.will_fail_again) == ("malformed", True)


def test_a_good_message_without_a_reason_says_where_to_look() -> None:
    found = explain(DeadLetter("m", GOOD, NOON), None)
    assert found.kind == "unknown"
    assert "killed or ran out of time" in found.problem
    assert "2026-11-21T12:00:00.000Z" in found.next_step


def test_what_the_pusher_dropped_carries_its_error() -> None:
    text = json.dumps({"requestPayload": json.loads(GOOD), "responsePayload": {"errorMessage": "S3 said 403."}})
    found = explain(DeadLetter("m", text, NOON), None)
    assert (found.kind, found.problem) == ("pusher", "The pusher gave up: S3 said 403.")
    assert found.objects == "incoming/a.csv"


@pytest.mark.parametrize("text", ['{"requestPayload": {"Records": []}}', '{"Records": []}'])
def test_a_dead_letter_without_an_object_has_a_reason_too(text: str) -> None:
    assert explain(DeadLetter("m", text, NOON), None).kind == "unknown"


def test_kinds_are_counted_the_most_frequent_first() -> None:
    found = [explain(DeadLetter(str(n), text, NOON), None) for n, text in enumerate(["{}", GOOD, "{}"])]
    assert [(kind, count, in_vain) for kind, _, count, in_vain in by_kind(found)] == [
        ("malformed", 2, True),
        ("unknown", 1, False),
    ]

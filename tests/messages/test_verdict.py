"""Assessments: written and read alike; what cannot be read proves nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deliverywatch.messages import context, notice, verdict
from deliverywatch.messages.context import Context
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice
from deliverywatch.messages.verdict import Assessment, Verdict

NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)
FAILING = Assessment(
    verdict=Verdict.FAILING,
    as_of=NOW,
    opens=Level.CRITICAL,
    holds=Level.CRITICAL,
    sentence="All of the last 9 SMS failed.",
    last_seen=NOW,
    seen_count=9,
    value=100.0,
)


def test_an_assessment_is_read_as_it_was_written() -> None:
    assert verdict.from_document(verdict.to_document(FAILING)) == FAILING


def test_a_context_document_carries_the_assessments_of_its_watches() -> None:
    body = context.to_json(replace(Context(), assessments={"sms-failures": FAILING}))
    assert context.from_json(body).assessments == {"sms-failures": FAILING}


def test_a_notice_carries_an_assessment() -> None:
    sent = SystemNotice(watch="sms-failures", level=Level.CRITICAL, time=NOW, assessment=FAILING)
    assert notice.from_document(notice.to_document(sent)).assessment == FAILING


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "fine"},
        {"verdict": None},
        {"opens": "dire"},
        {"holds": ["critical"]},
        {"as_of": "yesterday"},
        {"as_of": None},
    ],
)
def test_an_assessment_that_cannot_be_read_is_none(change: dict[str, object]) -> None:
    assert verdict.from_document(verdict.to_document(FAILING) | change) is None

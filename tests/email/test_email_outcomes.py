"""What an event counts as: the words of SES one by one, and the same answer from Python and from Athena's SQL."""

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from deliverywatch.athena_duckdb import translated
from deliverywatch.email.events.outcomes import (
    COUNTED_RECIPIENTS_SQL,
    OUTCOME_SQL,
    READER_SQL,
    Outcome,
    Reader,
    counted_recipients,
    outcome,
    reader,
    recipient_domain,
)

ATTEMPTED = ["General", "NoEmail", "MailboxFull", "MessageTooLarge", "ContentRejected", "AttachmentRejected"]
STOPPED = [
    *("Suppressed", "OnAccountSuppressionList", "OnTenantSuppressionList", "EmailValidationSuppressed"),
    *("UnsubscribedRecipient", "OnOrganizationSuppressionList", "RecipientOptOut", "DomainValidationFailed"),
    *("OnDomainDenyList", "RecipientOpted-Out"),
]
# What an event holds when SES made it, and when a receiving server spoke.
BY_SES = {"reporting_mta": "dns; amazonses.com", "diagnostic": "Amazon SES did not send the message to this address"}
BY_A_SERVER = [
    {"diagnostic": "smtp; 550 5.1.1 user unknown"},
    {"diagnostic": "550 5.1.1 user unknown"},
    {"remote_mta_ip": "192.0.2.1"},
    {"reporting_mta": "dns; mx.example.net"},
    {"reporting_mta": "dsn; a8-70.smtp-out.amazonses.com"},
]


def bounce(subtype: str | None, kind: str | None = "Permanent", **columns: Any) -> dict[str, Any]:
    return {"event_type": "Bounce", "bounce_type": kind, "bounce_subtype": subtype, **columns}


@pytest.mark.parametrize("evidence", [{}, *BY_A_SERVER])
@pytest.mark.parametrize("subtype", [*ATTEMPTED, "Undetermined", None])
def test_what_ses_tried_to_deliver_is_a_bounce_of_its_type(subtype: str | None, evidence: dict[str, str]) -> None:
    assert outcome(bounce(subtype, **evidence)) is Outcome.HARD_BOUNCE
    assert outcome(bounce(subtype, "Transient", **evidence)) is Outcome.SOFT_BOUNCE
    for kind in ("Undetermined", None, "Postponed"):
        assert outcome(bounce(subtype, kind, **evidence)) is Outcome.UNDETERMINED_BOUNCE


@pytest.mark.parametrize("evidence", [{}, BY_SES, *BY_A_SERVER])
@pytest.mark.parametrize("subtype", STOPPED)
def test_what_ses_stopped_is_none_whatever_else_the_event_says(subtype: str, evidence: dict[str, str]) -> None:
    for kind in ("Permanent", "Transient", "Undetermined"):
        assert outcome(bounce(subtype, kind, **evidence)) is Outcome.NOT_ATTEMPTED


def test_a_word_that_is_not_known_needs_the_word_of_a_receiving_server() -> None:
    assert [outcome(bounce("Quarantined", **evidence)) for evidence in ({}, BY_SES)] == [Outcome.NOT_ATTEMPTED] * 2
    assert {outcome(bounce("Quarantined", **evidence)) for evidence in BY_A_SERVER} == {Outcome.HARD_BOUNCE}


def test_a_known_word_does_not_count_if_ses_says_that_it_sent_nothing() -> None:
    assert outcome(bounce("General", **BY_SES)) is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, Outcome.COMPLAINT),
        ({"complaint_type": "abuse"}, Outcome.COMPLAINT),
        ({"complaint_type": "not-spam"}, Outcome.NOT_SPAM),
        ({"complaint_subtype": "OnTenantSuppressionList", "complaint_type": "abuse"}, Outcome.NOT_ATTEMPTED),
        ({"complaint_subtype": "Withheld"}, Outcome.NOT_ATTEMPTED),
        ({"complaint_subtype": "Forwarded", "user_agent": "ReturnPathFBL/2.0"}, Outcome.COMPLAINT),
    ],
)
def test_a_complaint_is_one_if_somebody_complained(columns: dict[str, str], expected: Outcome) -> None:
    assert outcome({"event_type": "Complaint", **columns}) is expected


def test_an_event_counts_for_every_person_once_and_for_the_simulator_never() -> None:
    people = ["A@Example.org", "a@example.org", "Ben <b@example.org>", "bounce+1@simulator.amazonses.com"]
    assert counted_recipients({"recipients": people}) == ["a@example.org", "b@example.org"]
    assert counted_recipients({"recipients": ["<A@example.org>", "a@example.org", "<>", "x>"]}) == [
        "a@example.org",
        "<>",
        "x>",
    ]
    assert counted_recipients({"recipients": people[3:]}) == []
    assert counted_recipients({"recipients": None}) == counted_recipients({"recipients": []}) == [""]
    assert [recipient_domain(one) for one in ("ben <b@example.org>", "a@b@c.org", "", "x")] == [
        "example.org",
        "c.org",
        "",
        "",
    ]


def test_no_verdict_and_one_that_is_not_known_are_unknown() -> None:
    verdicts = {"Unlikely": Reader.PEOPLE, "Likely": Reader.BOTS, "Maybe": Reader.UNKNOWN, None: Reader.UNKNOWN}
    assert {verdict: reader({"event_type": "Open", "bot_verdict": verdict}) for verdict in verdicts} == verdicts
    assert reader({"event_type": "Send"}) is None


COLUMNS = {
    "event_type": ["Bounce", "Bounce", "Complaint", "Complaint", "Send", "Open", "Click", "Reject", "Prefetch"],
    "bounce_type": ["Permanent", "Transient", "Undetermined", " permanent", "New", "", None],
    "bounce_subtype": [*ATTEMPTED, *STOPPED, "generaL ", "Quarantined", "null", "", None],
    "diagnostic": [*BY_SES.values(), *(one.get("diagnostic") for one in BY_A_SERVER), "Unable to look up", "", None],
    "reporting_mta": [
        "dns; amazonses.com",
        "amazonses.com",
        "dns;",
        "dns; mx.example.net",
        "dns; notamazonses.com",
        None,
    ],
    "remote_mta_ip": ["192.0.2.1", "", None],
    "complaint_type": ["abuse", "not-spam", "Not-Spam", "", None],
    "complaint_subtype": [*STOPPED, "Forwarded", "null", "", None],
    "user_agent": ["Yahoo!-Mail-Feedback/2.0", "", None],
    "bot_verdict": ["Likely", "unlikely", "Maybe", "", None],
}
PEOPLE = [
    "a@example.org",
    "A@Example.ORG",
    "Ben <b@example.net>",
    "<bounce@simulator.amazonses.com>",
    "x",
    "",
    "<>",
    "a<b@example.net",
]
ROWS = some.fixed_dictionaries(
    {
        **{name: some.sampled_from(words) | some.text("aS;@ 5.\n'", max_size=9) for name, words in COLUMNS.items()},
        "recipients": some.none() | some.lists(some.sampled_from(PEOPLE), max_size=4),
    }
)
SCHEMA = pa.schema([*((name, pa.string()) for name in COLUMNS), ("recipients", pa.list_(pa.string()))])
SQL = translated(f"SELECT {OUTCOME_SQL}, {COUNTED_RECIPIENTS_SQL}, {READER_SQL} FROM events")


@settings(max_examples=40)
@given(rows=some.lists(ROWS, min_size=1, max_size=30))
def test_sql_and_python_agree_on_every_row(rows: list[dict[str, Any]]) -> None:
    events = pa.Table.from_pylist(rows, SCHEMA)
    with duckdb.connect() as lake:
        lake.register("events", events)
        answers = [(what, sorted(people), who) for what, people, who in lake.execute(SQL).fetchall()]
    assert answers == [(outcome(row).value, sorted(counted_recipients(row)), reader(row)) for row in rows]

"""What a mail about a stream can say: counts, reasons, domains, samples, and nothing that names a person."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from email_world import answered, event, line
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.alerting.mail.window import window_counts
from deliverywatch.email.events.blind_advice import advice
from deliverywatch.email.events.mail_context import key_of, updated
from deliverywatch.email.events.streams import Stream
from deliverywatch.local.cloud.mail.ses_events import Sent
from deliverywatch.messages import context as mails

NOW = datetime(2026, 11, 21, 9, 34, tzinfo=UTC)


def sent(number: int, moment: datetime = NOW, domain: str = "example.com") -> Sent:
    return Sent(f"id-{number}", moment, "news", (f"person{number}@{domain}",))


def added(previous: bytes | None, *events: dict[str, Any], now: datetime = NOW, environment: str = "prod") -> bytes:
    return updated(previous, "newsletter", answered(*map(line, events)).tally, now, environment)


def bounces(count: int, domain: str = "example.com", first: int = 0) -> list[dict[str, Any]]:
    people = [sent(first + number, domain=domain) for number in range(count)]
    return [made for each in people for made in (each.event("Send", NOW), each.bounce(NOW))]


def test_the_notifier_reads_what_is_left_there() -> None:
    found = mails.from_json(added(None, *bounces(3), sent(9).event("Send", NOW)))
    assert (found.noun, found.slot_minutes, found.window_minutes) == ("newsletter mails", 10, 360)
    assert (found.slots[-1].start, found.slots[-1].total, found.slots[-1].failed) == (
        datetime(2026, 11, 21, 9, 30, tzinfo=UTC), 4, 3,
    )  # fmt: skip
    assert window_counts(found, 6 * 3600) == (3, 4)
    assert [(each.code, each.text, each.count) for each in found.reasons] == [("5.1.1", "550 5.1.1 user unknown", 3)]
    assert found.steps
    assert found.blind_steps


@pytest.mark.parametrize(("environment", "option"), [("prod", ""), ("dev", " --stack deliverywatch-dev")])
def test_the_mail_leads_to_the_queries_and_the_stack_of_its_environment(environment: str, option: str) -> None:
    found = mails.from_json(added(None, sent(1).event("Send", NOW), environment=environment))
    assert found.workgroup == f"email-analytics-{environment}"
    assert f"'deliverywatch email replay --dry-run{option}'" in found.blind_steps[-1]


def test_the_end_of_blindness_promises_no_events_that_ses_did_not_tell() -> None:
    assert "are lost" in mails.from_json(added(None, sent(1).event("Send", NOW))).blind_end


def test_what_to_do_fits_a_mail_about_complaints_too() -> None:
    steps = mails.from_json(added(None, sent(1).event("Send", NOW))).steps
    assert "complaints" in steps[0]
    assert "complained" in steps[1]


def test_batches_add_up() -> None:
    first = added(None, *bounces(2))
    second = added(first, *bounces(1, "example.net", first=5))
    found = mails.from_json(second)
    assert found.slots[-1].failed == 3
    assert {(group.name, group.total, group.failed) for _, groups in found.groups for group in groups} == {
        ("example.com", 2, 2),
        ("example.net", 1, 1),
    }


def test_slots_of_nine_hours_are_kept_and_older_ones_forgotten() -> None:
    early = NOW - timedelta(hours=10)
    old = added(None, sent(1, early).event("Send", early), now=early)
    found = mails.from_json(added(old, sent(2).event("Send", NOW)))
    assert len(found.slots) == 54
    assert sum(slot.total for slot in found.slots) == 1


def test_a_bounce_of_the_suppression_list_is_no_failure() -> None:
    found = mails.from_json(added(None, sent(1).bounce(NOW, sub_type="OnAccountSuppressionList")))
    assert sum(slot.failed for slot in found.slots) == 0


def test_nothing_in_it_names_a_person() -> None:
    told = event("Bounce")
    told["bounce"]["bouncedRecipients"][0]["diagnosticCode"] = (
        "smtp; 550 <recipient@example.com>: unknown user jo@x.org"
    )
    body = added(None, told, *bounces(3)).decode()
    assert "recipient@" not in body
    assert "jo@x.org" not in body
    assert "person1" not in body
    assert "p•••@example.com" in body


def test_a_servers_endless_words_cost_no_time() -> None:
    told = sent(1).bounce(NOW)
    told["bounce"]["bouncedRecipients"][0]["diagnosticCode"] = "a" * 32_000
    (reason,) = mails.from_json(added(None, told)).reasons
    assert reason.text == "a" * 120


@pytest.mark.parametrize("previous", [b"", b"nope", b"[]", b'{"system": "sms", "slots": 5}'])
def test_what_cannot_be_read_is_begun_anew(previous: bytes) -> None:
    assert sum(slot.total for slot in mails.from_json(added(previous, sent(1).event("Send", NOW))).slots) == 1


@given(st.lists(st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=5), max_size=6))
@settings(max_examples=50, deadline=None)
def test_the_sum_of_slots_is_what_the_batches_held(batches: list[list[tuple[int, bool]]]) -> None:
    body: bytes | None = None
    for batch in batches:
        made = []
        for back, is_bounce in batch:
            moment = NOW - timedelta(minutes=back)
            mail = sent(back, moment)
            made += [mail.event("Send", moment), *([mail.bounce(moment)] if is_bounce else [])]
        body = added(body, *made)
    if body:
        slots = json.loads(body)["slots"]
        assert sum(slot["total"] for slot in slots) == sum(map(len, batches))
        assert sum(slot["failed"] for slot in slots) == sum(is_bounce for batch in batches for _, is_bounce in batch)
        assert len(body) < 60_000


def test_each_stream_has_its_own() -> None:
    assert key_of("transactional") == "state/email-transactional.json"


def test_each_way_in_which_events_do_not_land_has_its_own_sentence_and_steps(built: Path) -> None:
    watches = json.loads((built / "watches.json").read_text())["watches"]
    for stream in Stream:
        alarms = [
            rung["alarm"] for watch in watches if watch["name"] == f"email-{stream}-blind" for rung in watch["rungs"]
        ]
        said = advice(stream, "prod", "")
        assert sorted(said) == sorted(f"deliverywatch-prod-{alarm}" for alarm in alarms)
        assert len({one.sentence for one in said.values()}) == len({one.steps for one in said.values()}) == 5
        assert {one.sentence for one in said.values()} == {
            one.sentence for one in mails.from_json(added_for(stream)).alarm_advice.values()
        }


def added_for(stream: str) -> bytes:
    return updated(None, stream, answered(line(sent(1).event("Send", NOW))).tally, NOW, "prod")


def test_that_something_waits_to_be_sent_again_is_said_only_where_it_does() -> None:
    waits = {name for name, one in advice("newsletter", "prod", "").items() if "They wait" in one.sentence}
    replays = {name for name, one in advice("newsletter", "prod", "").items() if "email replay" in " ".join(one.steps)}
    assert waits == replays == {"deliverywatch-prod-email-newsletter-conversion"}


def test_silence_names_the_configuration_set_and_the_log_groups() -> None:
    silence = advice("newsletter", "test", " --stack deliverywatch-test")["deliverywatch-test-email-newsletter-silence"]
    words = " ".join((silence.sentence, *silence.steps))
    for name in ("{ses:configuration-set}", "/aws/kinesisfirehose/email-events-newsletter-test", "email-transform"):
        assert name in words

"""What a mail about a stream can say: counts, reasons, domains, samples, and nothing that names a person."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from email_world import answered, event, line
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.email.counts import of_shares
from deliverywatch.email.events.blind_advice import advice
from deliverywatch.email.events.mail_context import key_of
from deliverywatch.email.events.streams import Stream
from deliverywatch.email.judge import Addition, Judge
from deliverywatch.email.rates.rules import Limits
from deliverywatch.local.cloud.mail.ses_events import Sent
from deliverywatch.messages import context as mails
from deliverywatch.storage.memory import Memory

NOW = datetime(2026, 11, 21, 9, 34, tzinfo=UTC)
KEY = key_of("newsletter")


def sent(number: int, moment: datetime = NOW, domain: str = "example.com") -> Sent:
    return Sent(f"id-{number}", moment, "news", (f"person{number}@{domain}",))


def added(
    previous: bytes | None,
    *events: dict[str, Any],
    now: datetime = NOW,
    environment: str = "prod",
    digest: str = "",
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
) -> bytes:
    """Return the document after a batch; without a digest of its own each batch is another one."""
    store = Memory({} if previous is None else {KEY: previous})
    batch = Addition(tally=answered(*map(line, events)).tally, digest=digest or f"{len(previous or b'')}")
    Judge(store, limits, environment).judge(Stream.NEWSLETTER, now, batch)
    return store.objects[KEY]


def bounces(count: int, domain: str = "example.com", first: int = 0) -> list[dict[str, Any]]:
    people = [sent(first + number, domain=domain) for number in range(count)]
    return [made for each in people for made in (each.event("Send", NOW), each.bounce(NOW))]


def counted(body: bytes, member: int = 0) -> int:
    """Return the sum of one count over all kept mails: 0 is what was sent, 2 what bounced."""
    numbers = [counts for slot in json.loads(body)["mails"] for counts in slot["domains"].values()]
    return sum(counts[member] for counts in numbers if len(counts) > member)


def test_the_last_reading_is_that_of_the_last_batch_whenever_the_document_is_written() -> None:
    body = added(None, sent(1).event("Send", NOW))
    store = Memory({KEY: body})
    Judge(store, Limits(), "prod").judge(Stream.NEWSLETTER, NOW + timedelta(hours=3))
    assert mails.from_json(store.objects[KEY]).read_at == NOW


EARLIER = b'{"system": "email", "updated_at": "2026-11-21T09:34:00Z", "mails": []}'


@pytest.mark.parametrize(("before", "read_at"), [({}, None), ({KEY: EARLIER}, NOW)])
def test_what_was_never_read_has_no_last_reading_and_the_document_of_an_earlier_release_its_own(
    before: dict[str, bytes], read_at: datetime | None
) -> None:
    store = Memory(before)
    Judge(store, Limits(), "prod").judge(Stream.NEWSLETTER, NOW + timedelta(hours=3))
    assert mails.from_json(store.objects[KEY]).read_at == read_at


def test_the_notifier_reads_what_is_left_there() -> None:
    found = mails.from_json(added(None, *bounces(3), sent(9).event("Send", NOW)))
    assert (found.noun, found.slot_minutes, found.failure_watches) == (
        "newsletter mails", 10, ("email-newsletter-bounces",),
    )  # fmt: skip
    assert (found.slots[-1].start, found.slots[-1].total, found.slots[-1].failed) == (
        datetime(2026, 11, 21, 9, 30, tzinfo=UTC), 4, 3,
    )  # fmt: skip
    assert [(each.code, each.text, each.count) for each in found.reasons] == [("5.1.1", "550 5.1.1 user unknown", 3)]
    assert found.table_title == "What became of them, by receiving domain"
    assert found.table[1] == ("example.com", "4", "0 %", "75.0 %", "0 %")
    assert found.steps
    assert found.blind_steps


@pytest.mark.parametrize(("environment", "option"), [("prod", ""), ("dev", " --stack deliverywatch-dev")])
def test_the_mail_leads_to_the_queries_and_the_stack_of_its_environment(environment: str, option: str) -> None:
    found = mails.from_json(added(None, sent(1).event("Send", NOW), environment=environment))
    assert found.workgroup == f"email-analytics-{environment}"
    assert f"'deliverywatch email replay --dry-run{option}'" in found.blind_steps[-1]


def test_the_end_of_blindness_promises_no_events_that_ses_did_not_tell() -> None:
    assert "are lost" in mails.from_json(added(None, sent(1).event("Send", NOW))).blind_end


def test_what_to_do_is_of_what_the_mail_is_about() -> None:
    context = mails.from_json(added(None, sent(1).event("Send", NOW)))
    of_complaints = context.watch_steps["email-newsletter-complaints"]
    assert ("bounced for good" in context.steps[1], "complained" in of_complaints[1]) == (True, True)
    assert not any("bounced" in step for step in of_complaints)


def test_batches_add_up_by_the_time_of_sending_and_one_that_firehose_repeats_counts_once() -> None:
    first = added(None, *bounces(2), digest="one")
    second = added(first, *bounces(1, "example.net", first=5), digest="two")
    found = mails.from_json(added(second, *bounces(2), digest="one"))
    assert found.slots[-1].failed == 3
    assert {(group.name, group.total, group.failed) for _, groups in found.groups for group in groups} == {
        ("example.com", 2, 2),
        ("example.net", 1, 1),
    }


def test_mails_are_kept_as_long_as_people_complain_about_them() -> None:
    body = added(None, sent(1).event("Send", NOW))
    assert [counted(added(body, now=NOW + timedelta(days=days))) for days in (7, 9)] == [1, 0]


@pytest.mark.parametrize("days", [-400_000, -3_000, -30, 1, 3_000])
def test_a_mail_of_long_ago_is_not_counted_one_of_the_future_as_sent_now_and_neither_stops_anything(days: int) -> None:
    away = sent(1, NOW + timedelta(days=days)) if days > -100_000 else None
    made = away.event("Send", NOW) if away else event("Send")
    if away is None:
        made["mail"]["timestamp"] = "0001-01-01T00:00:00.000Z"
    assert counted(added(None, made, sent(2).event("Send", NOW))) == 1 + (days > 0)


def test_a_stream_that_always_sends_keeps_a_document_of_bounded_size_and_loses_no_mail() -> None:
    body: bytes | None = None
    for hour in range(0, 24 * 7, 6):
        time = NOW + timedelta(hours=hour)
        made = [
            sent(part, time - timedelta(minutes=10 * (part % 12)), f"d{part % 60}.example").event("Send", time)
            for part in range(120)
        ]
        body = added(body, *made, now=time)
    assert body
    assert counted(body) == 120 * 28
    assert len(body) < 400_000


def test_a_bounce_of_the_suppression_list_is_no_failure() -> None:
    found = mails.from_json(added(None, sent(1).bounce(NOW, sub_type="OnAccountSuppressionList")))
    assert sum(slot.failed for slot in found.slots) == 0
    assert found.reasons == ()


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
    (reason,) = mails.from_json(added(None, sent(1).event("Send", NOW), told)).reasons
    assert reason.text == "a" * 120


@pytest.mark.parametrize("previous", [b"", b"nope", b"[]", b'{"system": "sms", "slots": 5}', b'{"system": "email"}'])
def test_what_cannot_be_read_is_begun_anew_and_says_so(previous: bytes) -> None:
    body = added(previous, *(sent(number).event("Send", NOW) for number in range(200)))
    found = mails.from_json(body)
    assert counted(body) == 200
    assert {one.verdict.value for one in found.assessments.values()} == {"too_little"}
    assert "Counting began at 2026-11-21 09:34 UTC" in found.assessments["email-newsletter-bounces"].sentence


def test_a_document_that_cannot_be_read_is_set_aside() -> None:
    store = Memory({KEY: b"nope"})
    Judge(store, Limits(), "prod").judge(Stream.NEWSLETTER, NOW)
    assert store.objects[f"damaged/{KEY}"] == b"nope"


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-11-21T09:00:00Z")
)
STRANGE = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
    st.sampled_from(["start", "end", "since", "level", "minutes", "domains", "reasons", "bounces", "a.example"]), inner,
    max_size=5,
), max_leaves=12)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["mails", "episodes", "batches", "once", "begun_at", "updated_at", "window"]), STRANGE
    )
)
@settings(max_examples=150, deadline=None)
def test_whatever_a_document_holds_a_batch_is_counted_and_nothing_fails(members: dict[str, Any]) -> None:
    previous = json.dumps({"system": "email", **members}).encode()
    assert counted(added(previous, sent(1).event("Send", NOW), digest="another")) >= 1


Kept = Sequence[tuple[int, int, str]]
MAILS = st.lists(st.tuples(st.integers(0, 5 * 24 * 60), st.integers(0, 3), st.sampled_from("abc")), max_size=12)


def events_of(kept: Kept) -> list[tuple[datetime, dict[str, Any]]]:
    """Return events of mails that were sent so many minutes ago: 1 delivered, 2 bounced, 3 complained about."""
    made: list[tuple[datetime, dict[str, Any]]] = []
    for number, (back, fate, name) in enumerate(kept):
        moment = NOW - timedelta(minutes=back)
        mail = sent(number, moment, f"{name}.example")
        made.append((moment, mail.event("Send", moment)))
        made += [(moment, mail.delivery(moment))] if fate in (1, 3) else []
        made += [(moment, mail.bounce(moment))] if fate == 2 else []
        made += [(moment, mail.complaint(moment))] if fate == 3 else []
    return made


@given(MAILS, st.randoms(use_true_random=False), st.lists(st.integers(0, 30), max_size=5))
@settings(max_examples=60, deadline=None)
def test_in_whatever_order_and_however_late_events_come_numerator_and_denominator_are_the_same_mails(
    kept: Kept, draw: Any, cuts: list[int]
) -> None:
    events = [one for _, one in events_of(kept)]
    once = added(None, *events, now=NOW)
    draw.shuffle(events)
    body: bytes | None = None
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), len(events)], strict=True):
        body = added(body, *events[low:high], digest=f"{low}-{high}")
        body = added(body, *events[low:high], digest=f"{low}-{high}")
    body = added(body, digest="end")
    both = [json.loads(one) for one in (once, body)]
    for document in both:
        del document["batches"], document["once"], document["window"]["samples"]
    fates = [fate for _, fate, _ in kept]
    assert counted(body) == len(kept)
    assert (counted(body, 2), counted(body, 5)) == (fates.count(2), fates.count(3))
    assert both[0] == both[1]


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
    store = Memory()
    Judge(store, Limits(), "prod").judge(Stream(stream), NOW)
    return store.objects[key_of(stream)]


def test_that_something_waits_to_be_sent_again_is_said_only_where_it_does() -> None:
    waits = {name for name, one in advice("newsletter", "prod", "").items() if "They wait" in one.sentence}
    replays = {name for name, one in advice("newsletter", "prod", "").items() if "email replay" in " ".join(one.steps)}
    assert waits == replays == {"deliverywatch-prod-email-newsletter-conversion"}


def test_silence_names_the_configuration_set_and_the_log_groups() -> None:
    silence = advice("newsletter", "test", " --stack deliverywatch-test")[
        "deliverywatch-test-email-newsletter-silence-hour"
    ]
    words = " ".join((silence.sentence, *silence.steps))
    for name in ("{ses:configuration-set}", "/aws/kinesisfirehose/email-events-newsletter-test", "email-transform"):
        assert name in words


def test_what_release_0_4_0_counted_is_emitted_once_after_an_update_so_that_it_is_no_silence() -> None:
    now, store = datetime(2026, 11, 21, 9, 33, tzinfo=UTC), Memory()
    slots = [{"start": "2026-11-21T09:10:00Z", "total": 300}, {"start": "2026-11-21T09:30:00Z", "total": 5}, {}]
    store.objects[key_of("newsletter")] = json.dumps({"system": "email", "slots": slots}).encode()
    judge = Judge(store, Limits(), "prod")
    lines = of_shares("prod", judge.judge(Stream.NEWSLETTER, now), now)
    told = [(each["Sends"], each["_aws"]["Timestamp"]) for each in map(json.loads, lines)]
    ends = [(300, now.replace(minute=10)), (300, now.replace(minute=20)), (5, now.replace(minute=30)), (5, now)]
    assert told == [(count, int(at.timestamp() * 1000)) for count, at in ends]
    assert judge.judge(Stream.NEWSLETTER, now) == []

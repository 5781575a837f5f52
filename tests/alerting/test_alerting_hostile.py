"""Whatever arrives, the news goes out: hostile documents, messages and pictures cost a mail its details at most."""

import copy
import json
from typing import Any

import pytest
from alerting_fakes import DAY, World, at, message, sns
from alerting_stories import CONTEXT, context, drawn, put
from hypothesis import given
from hypothesis import strategies as st
from test_alerting_headers import check, headers_of

from deliverywatch.alerting.mail import view as views
from deliverywatch.alerting.mail.size import MAIL_LIMIT_BYTES
from deliverywatch.messages.context import from_json

HALF = "cut in the middle \ud83d"
BEYOND = [1e12, -1e12, 1e308, -1e308, 10**400, float("nan"), float("inf"), 2**63, 0, -1]
TIMES = ["2026-11-21T12:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2026-11-21T12:00:00+99:00", ""]
TEXTS = [HALF, "", "x" * 5000, "'" * 3000, "订" * 3000, "\x00\r\nBcc: a@b.c", "{{ 7 * 7 }}", "a@[", "\u202e"]
scalars = st.none() | st.booleans() | st.sampled_from([*BEYOND, *TIMES, *TEXTS]) | st.text(max_size=10) | st.floats()
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "name", HALF]), inner, max_size=3)
    ),
    max_leaves=12,
)
DEEP = "[" * 50_000


def paths_of(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document at which something else can stand."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, member in members for deeper in paths_of(member, (*path, key)))]


SAMPLE: dict[str, Any] = json.loads(context("12:00", [(400, 100)]))
SAMPLE |= {"facts": [{"name": "a", "value": "b"}], "table": [["x"], ["y"]], "recipients": ["team@example.com"]}
SAMPLE |= {"overdue": {"pending": 1, "total": 2, "percent": 50}, "problem": {"kind": "k", "sentence": "s", "steps": []}}
MESSAGE = message("sms-critical", "ALARM", "12:04")


def changed(document: dict[str, Any], changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    """The document with other values in some of its places."""
    root = {"": copy.deepcopy(document)}
    for path, value in changes:
        holder: Any = root
        try:
            for key in ("", *path)[:-1]:
                holder = holder[key]
            holder[("", *path)[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    return root[""]


def changes_of(document: dict[str, Any]) -> st.SearchStrategy[list[tuple[tuple[Any, ...], Any]]]:
    return st.lists(st.tuples(st.sampled_from(paths_of(document)), anything), min_size=1, max_size=4)


def is_told(world: World) -> bool:
    """Whether one mail went out that every client and SES would take."""
    (raw,) = world.ses.messages
    check(raw)
    return len(raw) <= MAIL_LIMIT_BYTES and world.ses.texts == []


@given(changes_of(SAMPLE))
def test_any_context_document_gives_one_mail(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    world = World()
    put(world, json.dumps(changed(SAMPLE, changes)).encode())
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:04")
    assert is_told(world)
    assert world.ses.subjects[0].startswith("[CRITICAL] SMS failures 29%")


@given(changes_of(MESSAGE))
def test_any_message_gives_at_most_one_mail_and_no_error(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    world = World()
    world.cloudwatch.is_down = True
    world.tell(sns(json.dumps(changed(MESSAGE, changes))))
    assert not world.ses.messages or is_told(world)


def recorded() -> dict[str, Any]:
    """The record of an open incident with everything in it."""
    world = World()
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:04")
    record: dict[str, Any] = json.loads(world.store.memory.read(RECORD).body)  # type: ignore[union-attr]
    record["acks"] = [{"by": "Kim", "time": "2026-11-21T12:09:00+00:00", "note": "calling"}]
    record["timeline"][0]["facts"] = [["a", "b"]]
    return record | {"earlier": copy.deepcopy(record), "unsent": [1], "quiet_at": "2026-11-21T12:05:00+00:00"}


RECORD = "incidents/sms-failures/current.json"
RECORDED = recorded()


@given(changes_of(RECORDED))
def test_any_record_of_an_incident_leaves_its_end_and_its_mails_possible(
    changes: list[tuple[tuple[Any, ...], Any]],
) -> None:
    world = World()
    world.store.memory.write(RECORD, json.dumps(changed(RECORDED, changes)).encode())
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:14")
    world.sweep(at("12:24"))
    for raw in world.ses.messages:
        headers_of(raw)
        assert len(raw) <= MAIL_LIMIT_BYTES
    assert world.ses.texts == []


NOTICE = {
    "deliverywatch": 1,
    "watch": "queries.daily",
    "level": "warning",
    "time": "2026-11-21T12:00:00Z",
    "title": "Daily",
    "sentence": "No rows.",
    "facts": {"query": "daily"},
    "assessment": {"verdict": "failing", "as_of": "2026-11-21T12:00:00Z", "opens": "warning", "value": 4},
}


@given(changes_of(NOTICE))
def test_any_system_notice_gives_at_most_one_mail_and_no_error(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    world = World()
    world.tell(sns(json.dumps(changed(NOTICE, changes))))
    assert not world.ses.messages or is_told(world)


@given(changes_of(sns(MESSAGE)))
def test_any_event_of_lambda_gives_mails_and_no_error(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    world = World()
    world.cloudwatch.is_down = True
    world.notifier().run(changed(sns(MESSAGE), changes), DAY)
    assert all(len(raw) <= MAIL_LIMIT_BYTES for raw in world.ses.messages)
    assert world.ses.texts == []


@pytest.mark.parametrize("body", [DEEP, '{"a":' * 50_000, "NaN", '"\\ud83d"', "{", "\x00", "[" + "1," * 100_000 + "1]"])
def test_a_body_of_any_shape_is_one_mail(body: str) -> None:
    world = World()
    world.tell(sns(body))
    assert is_told(world)


@pytest.mark.parametrize("body", [DEEP.encode(), b"\xff\xfe", b'{"slots":' + b"[" * 50_000, b" " * 5_000_000, b"[1]"])
def test_a_document_of_any_shape_reads_as_an_empty_one(body: bytes) -> None:
    assert from_json(body).slots == ()


def test_a_document_of_millions_of_slots_is_read_as_far_as_a_mail_needs_it() -> None:
    slot = {"start": "2026-11-21T12:00:00Z", "total": 1, "failed": 1}
    assert len(from_json(json.dumps({"slots": [slot] * 20_000}).encode()).slots) == 2000


@pytest.mark.parametrize("picture", [b"", b"no picture", b"\x89PNG" + b"x" * 1_000_000])
def test_any_picture_leaves_the_mail_within_its_limit(picture: bytes) -> None:
    world = World()
    put(world, context("12:00", [(400, 100)]))
    world.cloudwatch.picture = picture
    world.alarm("sms-critical", "ALARM", "12:04")
    assert is_told(world)


def test_a_picture_that_is_too_large_is_replaced_by_bars() -> None:
    world = World()
    put(world, context("12:00", [(400, 100)]))
    world.cloudwatch.picture = b"x" * 80_000
    world.alarm("sms-critical", "ALARM", "12:04")
    html = world.ses.mails[0].get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert ("cid:" in html, '<td><div style="height:' in html) == (False, True)


@pytest.mark.parametrize("error", [TypeError, MemoryError, RecursionError, ValueError])
def test_a_picture_that_cannot_be_drawn_for_whatever_reason_costs_no_mail(error: type[Exception]) -> None:
    world = World()

    def broken(_: str) -> bytes:
        raise error

    world.cloudwatch.png = broken  # type: ignore[method-assign]
    world.alarm("sms-critical", "ALARM", "12:04")
    assert is_told(world)


def full(letter: str) -> dict[str, Any]:
    """A context in which everything is as long and as many as it may be."""
    long = letter * 600
    items, few = range(60), range(6)
    reason = {"code": long, "text": long, "fault": long, "count": 10**9, "share_percent": 11.1}
    sample = dict.fromkeys(("message_id", "recipient", "country", "carrier", "code", "text"), long)
    return CONTEXT | {
        "noun": long,
        "slots": [
            {"start": f"2026-11-21T{n // 6:02}:{n % 6}0:00Z", "total": 10**9, "failed": 10**8} for n in range(72)
        ],
        "window": {
            "minutes": 30,
            "reasons": [reason for _ in items],
            "groups": {f"{n}{long}": [{"name": f"{m}{long}", "total": 9, "failed": 9} for m in few] for n in few},
            "samples": [sample | {"time": "2026-11-21T12:00:00Z"} for _ in items],
        },
        "facts": [{"name": f"{n}{long}", "value": long} for n in items],
        "table": [[long] * 7 for _ in range(12)],
        "steps": [long for _ in items],
        "links": [{"title": f"{n}{long}", "url": f"https://example.com/{'x' * 900}"} for n in items],
        "problem": {"kind": long, "sentence": long, "steps": [long for _ in items]},
    }


@pytest.mark.parametrize("letter", ["a", "'", "订", "a ", "\U0001f4a5"])
@pytest.mark.parametrize("alarm", ["sms-critical", "sms-blind"])
def test_a_mail_with_everything_at_its_maximum_stays_within_the_limit_and_says_what_it_left_out(
    letter: str, alarm: str
) -> None:
    world = World()
    put(world, json.dumps(full(letter), ensure_ascii=False).encode())
    world.cloudwatch.picture = drawn() + b"x" * 60_000
    world.cloudwatch.measure(349, 1204)
    world.cloudwatch.set(alarm, "ALARM", at("12:04"))
    facts = {f"{n}{letter * 60}": letter * 2000 for n in range(60)}
    told = message(alarm, "ALARM", "12:04") | {"AlarmDescription": letter * 5000, "NewStateReason": letter * 1000}
    world.tell(told)
    world.tell(sns({"deliverywatch": 1, "watch": "x", "level": "warning", "sentence": letter * 5000, "facts": facts}))
    world.tell(sns(json.dumps({"Subject": letter * 500, **facts})))
    for raw in world.ses.messages:
        check(raw)
        assert len(raw) <= MAIL_LIMIT_BYTES
    assert len(world.ses.messages) == 3
    assert world.ses.texts == []


def test_a_mail_that_was_too_large_says_that_something_is_left_out() -> None:
    world = World()
    put(world, json.dumps(full("a")).encode())
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:04")
    text = " ".join(world.ses.mails[0].get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    assert "Some details are left out here: with them the mail would be too large." in text


def broken_view(*_: object) -> None:
    raise ZeroDivisionError


def test_without_a_view_the_record_alone_is_mailed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "view", broken_view)
    world = World()
    world.alarm("sms-critical", "ALARM", "12:04")
    text = world.ses.mails[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert is_told(world)
    assert world.ses.subjects == ["[CRITICAL] SMS failures - prod - INC-1121-1204"]
    assert "could not be written (ZeroDivisionError)" in text
    assert "Alarm: deliverywatch-prod-sms-critical" in text


def test_without_templates_the_bare_text_is_mailed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliverywatch.alerting.mail.message._templates", broken_view)
    world = World()
    world.alarm("sms-critical", "ALARM", "12:04")
    assert is_told(world)
    assert "The mail could not be drawn: ZeroDivisionError." in str(world.ses.mails[0].get_content())


def test_after_a_hostile_opening_the_end_is_mailed_too() -> None:
    world = World()
    put(world, json.dumps(SAMPLE | {"slot_minutes": 1e12, "noun": HALF}).encode())
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:04")
    world.cloudwatch.measure(0, 1204)
    world.alarm("sms-critical", "OK", "12:34", old="ALARM")
    assert [subject.split()[0] for subject in world.ses.subjects] == ["[CRITICAL]", "[RESOLVED"]
    assert world.notifier().run({"sweep": DAY.isoformat()}, DAY)

"""The page behind a link: opening it changes nothing, a form with a name does one thing, and nothing of it leaks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.alerting.incidents import incident_store
from deliverywatch.alerting.incidents.ack import ACK_LIMIT
from deliverywatch.alerting.incidents.incident import Change, Event, Incident, to_json
from deliverywatch.alerting.incidents.severity import Severity, Watch
from deliverywatch.alerting.incidents.signed_link import Action, Signer
from deliverywatch.alerting.mail.formatting import clock
from deliverywatch.errors import ConfigurationError, MetricsUnavailable, StoreUnavailable
from deliverywatch.messages.level import Level
from deliverywatch.operate.acknowledge import Responder, Response
from deliverywatch.operate.incident_page.aws import MuteRules
from deliverywatch.operate.incident_page.budget import Budget
from deliverywatch.operate.incident_page.request import request_of
from deliverywatch.storage.memory import Memory
from deliverywatch.storage.store import Unreachable

NOW = datetime(2026, 11, 21, 12, 10, 30, tzinfo=UTC)
OPENED = NOW - timedelta(minutes=6)
ID, WATCH, PREFIX = "INC-1121-1204", "sms-failures", "deliverywatch-prod"
SIGNER = Signer("stack/prod", (b"0123456789abcdef0123456789abcdef",), timedelta(hours=24))
ALARMS = (f"{PREFIX}-sms-critical", f"{PREFIX}-sms-warning")
DECLARED = Watch(WATCH, "SMS failures", tuple(Severity(name, Level.WARNING) for name in ALARMS))
FORM = "application/x-www-form-urlencoded"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}\u202e"


def incident(**more: Any) -> Incident:
    change = Change(1, Event.OPENED, Level.CRITICAL, Level.OK, OPENED, 31.0, 372, 1204, reason="Threshold Crossed")
    opened = Incident(WATCH, ID, Level.CRITICAL, OPENED, OPENED, "SMS failures", 1, timeline=(change,))
    return replace(opened, **more)


@dataclass
class Rules:
    """Mute rules that were made, by name."""

    made: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    problem: str = ""

    def put(self, request: Mapping[str, Any]) -> None:
        if self.problem:
            raise MetricsUnavailable(self.problem)
        self.made[request["Name"]] = request


@dataclass
class World:
    """The page with an open incident."""

    store: Any = field(default_factory=Memory)
    rules: Rules = field(default_factory=Rules)
    budget: Budget = field(default_factory=lambda: Budget(30))
    signer: Callable[[datetime], Signer] = field(default=lambda _: SIGNER)
    watches: tuple[Watch, ...] = (DECLARED,)

    def __post_init__(self) -> None:
        self.keep(incident())

    def keep(self, kept: Incident) -> None:
        if isinstance(self.store, Memory):
            self.store.write(incident_store.incident_key(WATCH), to_json(kept))

    def send(self, method: str, path: str, form: Mapping[str, str] | None = None, **more: Any) -> Response:
        now = more.pop("now", NOW)
        responder = Responder(
            store=self.store, signer=self.signer, rules=self.rules, watches=self.watches, prefix=PREFIX,
            clock=clock("UTC"), budget=self.budget,
        )  # fmt: skip
        return responder.respond(request_of(event(method, path, form, **more)), now)

    @property
    def record(self) -> bytes:
        return bytes(self.store.objects[incident_store.incident_key(WATCH)])

    @property
    def acks(self) -> list[tuple[str, str]]:
        kept = incident_store.read(self.store, WATCH)
        assert kept is not None
        return [(ack.by, ack.note) for ack in kept.acks]


def event(method: str, path: str, form: Mapping[str, str] | None = None, **headers: str) -> dict[str, Any]:
    """The event of a function URL, payload 2.0, as AWS documents it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {} if form is None else {"body": base64.b64encode(urlencode(form).encode()).decode()}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": FORM, **named} if form is not None else named,
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "192.0.2.1", "userAgent": "x"}},
        "isBase64Encoded": form is not None,
        **sent,
    }


def path(action: Action = Action.ACKNOWLEDGE, now: datetime = NOW, of: str = ID) -> str:
    return "/" + SIGNER.path(action, WATCH, of, now)


def shown(response: Response) -> str:
    return str(response.answer["body"])


def status(response: Response) -> int:
    return int(response.answer["statusCode"])


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_the_page_changes_nothing_however_often(action: Action, method: str) -> None:
    world = World()
    before = dict(world.store.objects)
    answers = [world.send(method, path(action)) for _ in range(20)]
    assert {status(one) for one in answers} == {200}
    assert (world.store.objects, world.rules.made) == (before, {})


def test_the_page_shows_the_incident_and_one_form() -> None:
    page = shown(World().send("GET", path()))
    for text in (ID, "SMS failures", "critical", "372 of 1,204", "Threshold Crossed", "21 Nov 2026 12:04 UTC"):
        assert text in page
    assert (page.count("<form"), page.count("<button")) == (1, 1)


def test_head_gets_the_headers_alone() -> None:
    answered, headed = (World().send(method, path()).answer for method in ("GET", "HEAD"))
    assert (headed["headers"], headed["body"]) == (answered["headers"], "")


def test_a_name_takes_the_incident_on_and_the_page_says_so() -> None:
    world = World()
    response = world.send("POST", path(), {"by": "Kim", "note": "calling the carrier", "leave_empty": ""})
    assert (status(response), response.answer["headers"]["location"]) == (303, path()[1:])
    assert world.acks == [("Kim", "calling the carrier")]
    assert "Kim has taken it on" in shown(world.send("GET", path()))
    assert not world.rules.made


def test_clicking_twice_notes_a_name_once_and_somebody_else_is_noted_too() -> None:
    world = World()
    for by in ("Kim", "kim", "Sam"):
        world.send("POST", path(), {"by": by})
    assert world.acks == [("Kim", ""), ("Sam", "")]


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({"by": ""}, {}),
        ({"by": " \t\n "}, {}),
        ({"by": "\u200b\u3164"}, {}),  # nobody can see it
        ({"by": "\u200b" * 200}, {}),  # cut, and an ellipsis is no name
        ({"by": "Kim", "leave_empty": "http://x.example"}, {}),  # a scanner fills in every field
        ({"by": "Kim"}, {"sec_fetch_site": "cross-site"}),
        ({"by": "Kim"}, {"sec_fetch_site": "same-site"}),
        ({"by": "Kim"}, {"content_type": "text/plain"}),
        ({"by": "Kim"}, {"content_type": "application/json"}),
        ({"by": "Kim", "note": "x" * 9000}, {}),
        ({"by": "Kim", **{f"field{number}": "" for number in range(20)}}, {}),
    ],
)
@pytest.mark.parametrize("action", list(Action))
def test_a_form_that_nobody_filled_in_on_the_page_changes_nothing(
    action: Action, form: dict[str, str], headers: dict[str, str]
) -> None:
    world = World()
    before = dict(world.store.objects)
    response = world.send("POST", path(action), form, **headers)
    assert status(response) == 422
    assert 'role="alert"' in shown(response)
    assert (world.store.objects, world.rules.made) == (before, {})


def test_what_was_typed_is_still_there_where_the_name_is_missing() -> None:
    assert 'value="calling the carrier"' in shown(World().send("POST", path(), {"note": "calling the carrier"}))


def test_a_mute_holds_back_the_watchs_alarms_for_an_hour_from_the_next_minute() -> None:
    world = World()
    world.send("POST", path(Action.MUTE), {"by": "Kim", "note": "known"})
    (rule,) = world.rules.made.values()
    assert rule["Rule"]["Schedule"] == {"Expression": "at(2026-11-21T12:11)", "Duration": "PT1H", "Timezone": "UTC"}
    assert rule["MuteTargets"]["AlarmNames"] == list(ALARMS)
    assert rule["Name"].startswith(f"{PREFIX}-mute-")  # so that `unmute` ends it
    assert world.acks == [("Kim", "muted until 21 Nov 2026 13:11 UTC: known")]


def test_a_link_mutes_once() -> None:
    world, link = World(), path(Action.MUTE)
    for minutes in (0, 1, 70):
        world.send("POST", link, {"by": f"Kim {minutes}"}, now=NOW + timedelta(minutes=minutes))
    (rule,) = world.rules.made.values()
    assert "12:11" in rule["Rule"]["Schedule"]["Expression"]
    assert len(world.acks) == 1
    page = shown(world.send("GET", link))
    assert "<form" not in page
    assert "This link was used by Kim 0" in page


def test_a_link_to_acknowledge_never_mutes() -> None:
    world = World()
    world.send("POST", path(), {"by": "Kim", "action": "mute", "mute": "1"})
    assert (world.rules.made, world.acks) == ({}, [("Kim", "")])


def test_only_alarms_of_the_stack_can_be_muted() -> None:
    world = World(watches=())
    page = shown(world.send("GET", path(Action.MUTE)))
    assert "<form" not in page
    world.send("POST", path(Action.MUTE), {"by": "Kim"})
    assert (world.rules.made, world.acks) == ({}, [])


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        (incident(level=Level.OK, changed_at=NOW), "is over since 21 Nov 2026 12:10 UTC"),
        (incident(id="INC-1121-1209"), "has a newer incident, INC-1121-1209"),
        (incident(id="INC-1121-1209", level=Level.OK), "is over"),
        (
            incident(
                level=Level.OK,
                timeline=(Change(2, Event.CLOSED, Level.OK, Level.CRITICAL, NOW),),
            ),
            "was closed as unknown",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_incident_that_is_over_or_superseded_is_left_alone(kept: Incident, sentence: str, method: str) -> None:
    world = World()
    world.keep(kept)
    before = world.record
    response = world.send(method, path(), {"by": "Kim"} if method == "POST" else None)
    assert (status(response), world.record) == (410, before)
    assert sentence in shown(response)
    assert "<form" not in shown(response)


def test_one_without_a_record_is_over() -> None:
    world = World()
    world.store.objects.clear()
    assert status(world.send("POST", path(), {"by": "Kim"})) == 410


def test_one_that_ends_between_page_and_click_is_shown_as_it_is() -> None:
    world = World()
    ended = replace(incident(), level=Level.OK, changed_at=NOW)
    store = world.store
    read, reads = store.read, []

    def ends_after_the_first(key: str) -> Any:
        reads.append(key)
        if len(reads) == 2:
            world.keep(ended)
        return read(key)

    store.read = ends_after_the_first
    assert status(world.send("POST", path(), {"by": "Kim"})) == 303
    assert world.acks == []


def test_an_incident_takes_no_more_names_than_the_command_line_lets_it() -> None:
    world = World()
    for number in range(ACK_LIMIT + 5):
        world.send("POST", path(), {"by": f"Kim {number}"}, now=NOW + timedelta(minutes=number))
    assert len(world.acks) == ACK_LIMIT
    assert "takes no more" in shown(world.send("GET", path()))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "where", ["/", "", "/favicon.ico", "/robots.txt", "/a.b", "/" + "x" * 5000, "/é.ü", "/%00.%00"]
)
def test_who_has_no_link_learns_nothing_and_costs_no_call(method: str, where: str) -> None:
    world = World(store=Unreachable())
    response = world.send(method, where, {"by": "Kim"} if method == "POST" else None)
    assert (status(response), response.incident, response.outcome) == (404, "", "refused")
    assert ID not in shown(response)


def test_a_link_that_has_expired_says_so_and_shows_nothing_of_the_incident() -> None:
    response = World(store=Unreachable()).send("GET", path(now=NOW - timedelta(days=2)))
    assert (status(response), response.outcome) == (410, "expired")
    assert ID not in shown(response)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "get;"])
def test_other_methods_are_refused(method: str) -> None:
    response = World().send(method, path())
    assert (status(response), response.answer["headers"]["allow"]) == (405, "GET, HEAD, POST")


def test_an_incident_that_is_opened_too_often_costs_no_more_calls_and_others_are_open() -> None:
    world = World(budget=Budget(3))
    answers = [status(world.send("GET", path())) for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
    assert world.send("GET", path()).answer["headers"]["retry-after"] == "60"
    assert status(world.send("GET", path(of="INC-1121-0900"))) == 410
    assert status(world.send("GET", path(), now=NOW + timedelta(minutes=1))) == 200


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-50, 200)), max_size=60))
def test_no_minute_has_more_requests_of_an_incident_than_its_budget_and_what_it_began_with(
    asked: list[tuple[str, int]],
) -> None:
    budget, now, taken = Budget(5), NOW, []
    for name, seconds in asked:
        now += timedelta(seconds=seconds)
        taken += [(name, now)] if budget.take(name, now) else []
    for name in "abc":
        times = sorted(at for one, at in taken if one == name)
        span = (max(times) - min(times)).total_seconds() if times else 0
        assert len(times) <= 5 + 5 * (span + 50 * len(asked)) / 60


def down(_: datetime) -> Signer:
    raise ConfigurationError("The key of links, /a/key, cannot be read from SSM: ParameterNotFound.")


@pytest.mark.parametrize(
    ("world", "sentence"),
    [
        (World(store=Unreachable()), "S3"),
        (World(signer=down), "The key of links cannot be read."),
        (
            World(rules=Rules(problem="The AWS SDK here is too old: it has no operation put_alarm_mute_rule.")),
            "too old",
        ),
    ],
)
def test_what_does_not_answer_is_said_with_the_command_that_works_without_it(world: World, sentence: str) -> None:
    response = world.send("POST", path(Action.MUTE), {"by": "Kim"})
    assert (status(response), response.answer["headers"]["retry-after"]) == (503, "10")
    assert sentence in shown(response)
    assert "deliverywatch ack" in shown(response)


@pytest.mark.parametrize("where", ["/", "/nothing", path()])
def test_what_is_wrong_with_the_key_is_for_the_log_alone(where: str) -> None:
    response = World(signer=down).send("GET", where)
    assert "/a/key" in response.problem
    assert "/a/key" not in shown(response)


def test_a_refusal_of_aws_tells_the_page_neither_account_nor_role(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "User: arn:aws:sts::111122223333:assumed-role/page is not authorized"
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": said}}, "PutAlarmMuteRule")
    cloudwatch = Mock(put_alarm_mute_rule=Mock(side_effect=refused))
    monkeypatch.setattr("boto3.client", lambda *_, **__: cloudwatch)
    with pytest.raises(MetricsUnavailable) as told:
        MuteRules().put({})
    assert str(told.value) == "CloudWatch took no mute rule: AccessDenied."


def test_a_mute_that_cloudwatch_refused_is_not_noted_as_one() -> None:
    world = World(rules=Rules(problem="AccessDenied"))
    world.send("POST", path(Action.MUTE), {"by": "Kim"})
    assert world.acks == []


def test_nothing_hostile_becomes_markup() -> None:
    world = World()
    change = Change(1, Event.OPENED, Level.CRITICAL, Level.OK, OPENED, reason=HOSTILE)
    world.keep(incident(title=HOSTILE, timeline=(change,)))
    world.send("POST", path(), {"by": HOSTILE, "note": HOSTILE})
    for page in (shown(world.send("GET", path())), shown(world.send("POST", path(), {"note": HOSTILE}))):
        assert not re.search(r"<script|<img|onerror=(?!alert\(1\)&gt;)", page)
        assert "49" not in page
        assert "\u202e" not in page


@pytest.mark.parametrize(
    "response",
    [
        World().send("GET", path()),
        World().send("GET", "/nothing"),
        World().send("POST", path(), {"by": "Kim"}),
        World(store=Unreachable()).send("GET", path()),
        World().send("GET", path(now=NOW - timedelta(days=2))),
    ],
)
def test_every_answer_keeps_the_link_where_it_is_and_runs_nothing(response: Response) -> None:
    headers = response.answer["headers"]
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-robots-tag"].startswith("noindex")
    policy = headers["content-security-policy"]
    for rule in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    # Neither links nor pictures of others, nor styles that the policy would need to let in.
    assert not re.search(r"<a |<img|<link|<script|style=|href=|src=", shown(response))


def test_what_is_logged_of_a_request_is_neither_its_link_nor_a_person() -> None:
    response = World().send("POST", path(), {"by": "Kim", "note": "a note"})
    logged = json.dumps([response.outcome, response.incident, response.action])
    assert json.loads(logged) == ["done", ID, "ack"]


EVENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["rawPath", "headers", "requestContext", "http", "method", "body", "isBase64Encoded", "content-type"]
    ), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(EVENTS)
def test_whatever_arrives_is_answered_and_changes_nothing(sent: object) -> None:
    world = World()
    before = world.record
    responder = Responder(
        store=world.store, signer=lambda _: SIGNER, rules=world.rules, watches=(), prefix=PREFIX, clock=clock("UTC"),
        budget=Budget(30),
    )  # fmt: skip
    assert status(responder.respond(request_of(sent), NOW)) in (404, 405)
    assert world.record == before


def test_a_store_that_fails_while_it_is_written_says_that_it_is_not_certain() -> None:
    world = World()

    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("S3 takes no writes.")

    world.store.write_if_unchanged = fail
    response = world.send("POST", path(), {"by": "Kim"})
    assert status(response) == 503
    assert "not certain" in shown(response)


def pages() -> dict[str, str]:
    """The page in every state that looks otherwise, as a browser is given it."""
    over, odd, taken, muted = World(), World(), World(), World()
    over.keep(replace(incident(), level=Level.OK, changed_at=NOW))
    odd.keep(incident(title="nightly_load_" * 20, timeline=(replace(incident().timeline[0], reason=HOSTILE * 3),)))
    taken.send("POST", path(), {"by": "Kim", "note": "calling the carrier"})
    muted.send("POST", path(Action.MUTE), {"by": "Sam"})
    answers = {
        "open": World().send("GET", path()),
        "mute": World().send("GET", path(Action.MUTE)),
        "problem": World().send("POST", path(), {"by": "", "note": "x" * 150}),
        "odd": odd.send("POST", path(), {"by": "", "note": HOSTILE}),
        "taken": taken.send("GET", path()),
        "muted": muted.send("GET", path(Action.MUTE)),
        "over": over.send("GET", path()),
        "expired": World().send("GET", path(now=NOW - timedelta(days=2))),
        "refused": World().send("GET", "/nothing"),
        "unavailable": World(store=Unreachable()).send("GET", path()),
    }
    return {state: shown(answer) for state, answer in answers.items()}


def test_the_page_is_whole_and_legible_in_every_state(
    look: Callable[[Path | str, str], list[str]], tmp_path: Path
) -> None:
    for state, page in pages().items():
        (tmp_path / "page.html").write_text(page, encoding="utf-8")
        assert look(tmp_path / "page.html", f"acknowledge-{state}") == []

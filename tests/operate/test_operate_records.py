"""Mute rules as CloudWatch reads them, and records as they are found again: without AWS, over a memory."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwalarm.evaluation import mute as engine
from deliverywatch.alerting.incidents.incident import Change, Event, Incident, to_json
from deliverywatch.alerting.incidents.incident_store import earlier_key, incident_key
from deliverywatch.alerting.incidents.outbox import Record, from_json, record_key
from deliverywatch.alerting.incidents.outbox import to_json as line_of
from deliverywatch.alerting.inputs.channel_settings import Kind
from deliverywatch.alerting.inputs.route import route_of
from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level
from deliverywatch.operate.account.deployment import Deployment
from deliverywatch.operate.incidents import mails, mutes, records, route
from deliverywatch.storage.memory import Memory
from stacks import channels

NOW = datetime(2026, 11, 21, 3, 0, 42, tzinfo=UTC)
PREFIX = "deliverywatch-prod"
minutes = st.integers(1, 15 * 24 * 60).map(lambda number: timedelta(minutes=number))
moments = st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


class Rules:
    """CloudWatch's mute rules in a dict."""

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.rules = {each["Name"]: each for each in rules}

    def names(self, statuses: Sequence[str]) -> list[str]:
        return [name for name, rule in self.rules.items() if rule["Status"] in statuses]

    def describe(self, name: str) -> Mapping[str, Any] | None:
        return self.rules.get(name)

    def put(self, request: Mapping[str, Any]) -> None:
        self.rules[request["Name"]] = {**request, "Status": "SCHEDULED"}

    def delete(self, name: str) -> None:
        del self.rules[name]


@given(minutes)
def test_a_length_is_spelled_as_cloudwatch_reads_it(length: timedelta) -> None:
    assert engine.duration_of(mutes.spelled(length)) == length


@given(minutes, moments)
def test_a_rule_mutes_from_the_next_full_minute_for_its_length(length: timedelta, now: datetime) -> None:
    (request,) = mutes.plan(PREFIX, ["deliverywatch-prod-sms-warning"], length, "a deploy", now)
    (window,) = engine.windows(engine.from_description(request), now - timedelta(days=1), now + timedelta(days=20))
    assert timedelta(0) < window.start - now <= timedelta(minutes=1)
    assert window.end - window.start == length
    rules = Rules()
    rules.put(request)
    (found,) = mutes.of_stack(rules, PREFIX)
    assert (found.start, found.end, found.is_ours, found.reason) == (window.start, window.end, True, "a deploy")


@pytest.mark.parametrize(("count", "rules"), [(1, 1), (100, 1), (101, 2), (250, 3)])
def test_more_alarms_than_a_rule_takes_make_several(count: int, rules: int) -> None:
    names = [f"{PREFIX}-alarm-{number}" for number in range(count)]
    requests = mutes.plan(PREFIX, names, timedelta(hours=1), "x", NOW)
    assert [each["Name"] for each in requests] == [
        f"{PREFIX}-mute-20261121-030042-000000-{n}" for n in range(1, rules + 1)
    ]
    assert [name for each in requests for name in each["MuteTargets"]["AlarmNames"]] == names


def test_two_mutes_of_the_same_second_both_stand() -> None:
    rules = Rules()
    for number in range(2):
        (request,) = mutes.plan(
            PREFIX, [f"{PREFIX}-{number}"], timedelta(hours=1), "x", NOW + number * timedelta.resolution
        )
        rules.put(request)
    assert [each.alarms for each in mutes.of_stack(rules, PREFIX)] == [(f"{PREFIX}-0",), (f"{PREFIX}-1",)]


def test_a_long_reason_is_cut_to_what_cloudwatch_takes() -> None:
    (request,) = mutes.plan(PREFIX, ["a"], timedelta(hours=1), "x" * 5000, NOW)
    assert len(request["Description"]) == 1024


@pytest.mark.parametrize("length", [timedelta(seconds=30), timedelta(days=15, minutes=1)])
def test_a_length_that_cloudwatch_refuses_is_refused_before(length: timedelta) -> None:
    with pytest.raises(InputError, match="from 1 minute to 15 days"):
        mutes.plan(PREFIX, ["a"], length, "x", NOW)


def test_only_rules_over_this_stack_are_its_mutes() -> None:
    schedule = {"Expression": "cron(0 2 * * SUN)", "Duration": "PT4H", "Timezone": "Europe/Berlin"}
    weekly = {"Name": "weekly", "Rule": {"Schedule": schedule}, "Status": "ACTIVE"}
    mine = {**weekly, "MuteTargets": {"AlarmNames": [f"{PREFIX}-sms-warning"]}}
    other = {**weekly, "Name": "other", "MuteTargets": {"AlarmNames": ["deliverywatch-production-sms-warning"]}}
    (found,) = mutes.of_stack(Rules(mine, other), PREFIX)
    assert (found.name, found.start, found.end, found.is_ours) == ("weekly", None, None, False)


@pytest.mark.parametrize(
    ("expression", "zone", "duration", "end"),
    [
        ("at(2026-11-29T20:00)", "UTC", "PT4H", datetime(2026, 11, 30, tzinfo=UTC)),
        ("at(2026-11-29T20:00)", "Europe/Rome", "PT4H", datetime(2026, 11, 29, 23, tzinfo=UTC)),
        ("at(9999-12-31T23:59)", "UTC", "P15D", datetime(9999, 12, 30, tzinfo=UTC)),
        ("at(9999-12-31T23:59)", "America/New_York", "P15D", None),
        ("at(2026-11-29T20:00)", "right/Europe/Rome", "PT4H", None),
        ("cron(0 22 * * FRI-MON)", "UTC", "PT4H", None),
        ("cron(what CloudWatch takes one day)", "UTC", "PT4H", None),
    ],
)
def test_a_rule_of_somebody_else_has_an_end_if_it_mutes_once(
    expression: str, zone: str, duration: str, end: datetime | None
) -> None:
    schedule = {"Expression": expression, "Timezone": zone, "Duration": duration}
    rule = {"Name": "theirs", "Rule": {"Schedule": schedule}, "Status": "SCHEDULED"}
    (mute,) = mutes.of_stack(Rules({**rule, "MuteTargets": {"AlarmNames": [f"{PREFIX}-sms-warning"]}}), PREFIX)
    assert (mute.end, mute.is_ours) == (end, False)


def incident(watch: str, opened: datetime, level: Level = Level.OK) -> Incident:
    change = Change(1, Event.OPENED, Level.WARNING, Level.OK, opened)
    return Incident(watch, f"INC-{opened:%m%d-%H%M}", level, opened, opened, watch, 1, timeline=(change,))


def lake(*last: Incident, earlier: Sequence[Incident] = ()) -> Memory:
    store = Memory()
    for record in last:
        store.write(incident_key(record.watch), to_json(record))
    for record in earlier:
        store.write(earlier_key(record), to_json(record))
    return store


def test_an_incident_is_found_by_its_id_in_any_spelling_open_or_over_or_long_ago() -> None:
    old, last = incident("sms-failures", NOW - timedelta(days=9)), incident("sms-failures", NOW, Level.WARNING)
    store = lake(last, earlier=[old])
    assert records.find(store, " inc-1121-0300 ") == last
    assert records.find(store, old.id) == old


def test_an_id_of_two_watches_asks_for_the_watch() -> None:
    one, other = incident("sms-failures", NOW), incident("sms-overdue", NOW)
    store = lake(one, other)
    with pytest.raises(InputError, match="the id of several incidents") as refused:
        records.find(store, one.id)
    assert "--watch: sms-failures or sms-overdue" in refused.value.next_step
    assert records.find(store, one.id, "sms-overdue") == other


def test_an_id_that_came_again_after_a_year_is_the_newer_one() -> None:
    year = incident("sms-failures", NOW - timedelta(days=365)), incident("sms-failures", NOW - timedelta(days=730))
    store = lake(incident("sms-failures", NOW + timedelta(days=1)), earlier=year)
    assert records.find(store, "INC-1121-0300") == year[0]


def test_a_record_that_cannot_be_read_hides_none_of_the_others() -> None:
    store = lake(incident("sms-failures", NOW))
    store.write(incident_key("sms-overdue"), b"rubbish")
    assert [each.watch for each in records.last_incidents(store)] == ["sms-failures"]


def test_the_worst_that_is_open_comes_first() -> None:
    store = lake(
        incident("a", NOW),
        incident("b", NOW, Level.WARNING),
        incident("c", NOW, Level.CRITICAL),
        incident("d", NOW + timedelta(hours=1), Level.WARNING),
    )
    assert [each.watch for each in records.last_incidents(store)] == ["c", "d", "b", "a"]


def mail(time: datetime, number: int = 1, **more: Any) -> Record:
    record = Record("INC-1121-0300", "sms-failures", number, "OPENED", "warning", time, "request", time)
    return replace(record, **more)


@given(st.lists(moments, max_size=12), moments, st.timedeltas(timedelta(0), timedelta(days=120)))
def test_the_mails_of_a_time_are_those_whose_time_lies_in_it(
    times: list[datetime], since: datetime, length: timedelta
) -> None:
    store = Memory()
    for number, time in enumerate(times):
        store.write(record_key(mail(time, number)), line_of(mail(time, number)))
    found = [each.time for each in mails.mails(store, since, since + length)]
    assert found == sorted(time for time in times if since <= time <= since + length)


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"sent_at": NOW, "channel": "ses"}, "sent"),
        ({"sent_at": NOW, "channel": "fallback"}, "by fallback"),
        ({"claimed_at": NOW}, "being sent"),
        ({"claimed_at": NOW - timedelta(minutes=6)}, "not sent"),
    ],
)
def test_a_mail_is_sent_being_sent_or_was_not(more: dict[str, Any], state: str) -> None:
    assert mails.state_of(mail(NOW, **more), NOW) == state


def test_a_line_of_the_outbox_is_read_as_it_was_written_and_a_broken_one_is_left_out() -> None:
    record = mail(NOW, sent_at=NOW, subject="[WARNING]", recipients=2)
    assert from_json(line_of(record)) == record
    assert from_json(b"rubbish") is None
    assert from_json(b'{"incident": "INC"}') is None
    assert from_json(b"[]") is None


def stack(**parameters: str) -> Deployment:
    return Deployment(PREFIX, "prod", "us-east-1", "1", "UPDATE_COMPLETE", "0", parameters)


def test_a_stack_of_before_the_parameter_routes_everything_to_everybody() -> None:
    found = route.routes(stack(AlertRecipients="a@example.com,b@example.com"))
    assert set(found.values()) == {("a@example.com", "b@example.com")}


@pytest.mark.parametrize(
    ("level", "wanted", "change"),
    [
        (Level.CRITICAL, ["a@example.com", "a@example.com"], ("CriticalRecipients", "a@example.com")),
        (Level.CRITICAL, [], ("CriticalRecipients", "")),
        (Level.BLIND, ["a@example.com", "b@example.com"], ("AlertRecipients", "a@example.com,b@example.com")),
    ],
)
def test_a_change_of_a_route_is_a_change_of_one_parameter(
    level: Level, wanted: list[str], change: tuple[str, str]
) -> None:
    assert route.change(level, wanted) == change


@pytest.mark.parametrize(
    ("level", "wanted"),
    [
        (Level.WARNING, []),
        (Level.CRITICAL, [f"{n}@example.com" for n in range(11)]),
        (Level.BLIND, ["a b@example.com"]),
    ],
)
def test_what_the_parameter_would_refuse_is_refused_before(level: Level, wanted: list[str]) -> None:
    with pytest.raises(InputError):
        route.change(level, wanted)


ROUTED = stack(
    AlertRecipients="a@example.com", SlackParameter="/s", SlackRoute="all", WebhookParameter="/w",
    WebhookRoute="critical warning@sms-*,email-news", TeamsRoute="all",
)  # fmt: skip


@pytest.mark.parametrize(
    ("level", "watch", "channels"),
    [
        (Level.CRITICAL, "", ("slack", "webhook")),
        (Level.WARNING, "", ("slack", "webhook (sms-*, email-news)")),
        (Level.BLIND, "", ("slack",)),
        (Level.WARNING, "sms-failures", ("slack", "webhook")),
        (Level.WARNING, "files-dead", ("slack",)),
    ],
)
def test_a_channel_gets_what_its_route_says_and_one_without_a_secret_nothing(
    level: Level, watch: str, channels: tuple[str, ...]
) -> None:
    assert route.fitting(ROUTED, level, watch) == channels


def test_a_change_of_a_channel_is_a_change_of_its_route() -> None:
    assert route.change_channel(ROUTED, Kind.WEBHOOK, " critical   all@sms-* ") == (
        "WebhookRoute",
        "critical all@sms-*",
    )
    refused = ["loud", "critical@", "", "  ", "critical@a,,b", "critical@*-failures", "critical@sms/x"]
    for kind, wanted in [(Kind.TEAMS, "all"), *((Kind.SLACK, one) for one in refused)]:
        with pytest.raises(InputError):
            route.change_channel(ROUTED, kind, wanted)


def test_a_name_that_no_watch_has_is_found_in_a_route() -> None:
    wanted, watches = "critical warning@sms-*,sms-failurs all@sms-blind,emial-*", ["sms-failures", "sms-blind"]
    assert route.unknown_watches(wanted, watches) == ["sms-failurs", "emial-*"]
    assert not route.unknown_watches("all@anything", [])


TEXTS = ["all", "critical", "critical,blind warning@sms-*,email-news", "", "critical@", "x", "all@*", "all@alarm.of-x"]
TEXTS += ["critical@a,,b", "critical@*-failures", "critical@sms/x", "critical@sms-*-x", "critical@\u00e4"]


@pytest.mark.parametrize("text", TEXTS)
def test_the_parameter_takes_the_routes_that_the_notifier_reads(text: str) -> None:
    (parameter,) = [one.definition for one in channels.PARAMETERS if one.name == "SlackRoute"]
    try:
        taken = bool(route_of(text)) and bool(text)
    except InputError:
        taken = False
    assert bool(re.fullmatch(parameter.AllowedPattern, text)) == taken

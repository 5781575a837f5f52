"""Whatever arrives becomes notices: every documented shape is read, everything else is shown."""

import json
from pathlib import Path
from typing import Any

import pytest
from alerting_fakes import DAY, at, message, sns
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.alerting.inputs.alarm import State, from_description
from deliverywatch.alerting.inputs.notice import Notice, parse, read
from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level

EVENTS = Path(__file__).parents[1] / "events"


def notices(name: str) -> list[Notice]:
    return parse(json.loads((EVENTS / name).read_text()), DAY)


def only(name: str) -> Notice:
    (notice,) = notices(name)
    return notice


@pytest.mark.parametrize(
    ("event", "alarm", "state", "threshold", "value"),
    [
        ("sns_metric.json", "orders-queue-age", State.ALARM, 900, 1843),
        ("sns_metric_math.json", "deliverywatch-prod-sms-critical", State.ALARM, 25, 29),
        ("sns_composite.json", "checkout-unhealthy", State.ALARM, None, None),
        ("sns_anomaly.json", "api-latency-anomaly", State.ALARM, None, 412.7),
        ("sns_ok.json", "orders-queue-age", State.OK, 900, 12),
        ("sns_insufficient_data.json", "orders-queue-age", State.INSUFFICIENT_DATA, 900, None),
        ("sns_old_fields.json", "web-5xx", State.ALARM, 1, 10),
        ("lambda_alarm.json", "shop-5xx-share", State.ALARM, 5, 7.4),
        ("sns_contributor.json", "orders-by-shop", State.ALARM, 5, 10),
        ("sns_cross_account.json", "queue-age", State.ALARM, 900, 1843),
    ],
)
def test_every_documented_shape_is_read(
    event: str, alarm: str, state: State, threshold: float | None, value: float | None
) -> None:
    notice = only(event)
    assert notice.alarm is not None
    assert (notice.alarm.name, notice.alarm.state, notice.alarm.threshold) == (alarm, state, threshold)
    assert notice.alarm.quoted_value == value
    assert not notice.problem


def test_a_plain_metric_becomes_one_query() -> None:
    notice = only("sns_metric.json")
    assert notice.alarm is not None
    stat = {
        "Metric": {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": "orders"}],
        },
        "Period": 60,
        "Stat": "Maximum",
    }
    assert notice.alarm.queries == ({"Id": "value", "MetricStat": stat, "ReturnData": True},)


def test_metric_math_keeps_expression_and_metrics() -> None:
    alarm = only("sns_metric_math.json").alarm
    assert alarm is not None
    assert [query["Id"] for query in alarm.queries] == ["share", "total", "failed"]
    assert alarm.returned["Expression"].startswith("IF(total >= 10")
    assert (alarm.is_ratio, alarm.is_percent, alarm.period_seconds) == (True, True, 1800)


def test_a_composite_alarm_names_the_children_that_triggered_it() -> None:
    notice = only("sns_composite.json")
    assert notice.facts == (("Child alarm checkout-errors", "ALARM"),)
    assert notice.alarm is not None
    assert notice.alarm.rule == 'ALARM("checkout-errors") AND NOT ALARM("deploying")'


def test_a_composite_alarm_of_a_direct_event_names_them_too_and_what_holds_its_actions_back() -> None:
    children = [{"arn": "arn:aws:cloudwatch:eu-west-1:1:alarm:errors", "state": {"value": "ALARM"}}]
    state = {"value": "ALARM", "reasonData": json.dumps({"triggeringAlarms": children}), "timestamp": at("12:04")}
    state |= {"actionsSuppressedBy": "WaitPeriod", "actionsSuppressedReason": "Actions suppressed by deploying"}
    event = {"alarmData": {"alarmName": "unhealthy", "state": state, "configuration": {"alarmRule": "ALARM(errors)"}}}
    assert parse(event, DAY)[0].facts == (
        ("Child alarm errors", "ALARM"),
        ("Suppressed by", "WaitPeriod"),
        ("Because", "Actions suppressed by deploying"),
    )


def test_the_contributor_and_a_mute_that_is_over_are_shown() -> None:
    facts = dict(only("sns_contributor.json").facts)
    assert facts["Contributor"] == "Shop=north, Channel=web"
    assert facts["Contributor id"] == "5c1a7e0b9d2f4831"
    assert "when the mute ended" in facts["After a mute"]


CONTRIBUTOR = {
    "detail-type": "CloudWatch Alarm Contributor State Change",
    "source": "aws.cloudwatch",
    "detail": {
        "alarmName": "tables",
        "alarmContributor": {"id": "6d442278dba546f6", "attributes": {"TableName": "orders"}},
        "state": {"value": "ALARM", "timestamp": "2026-11-21T12:04:00.000+0000"},
    },
}


def test_the_contributor_of_an_event_is_shown_too() -> None:
    (notice,) = parse(CONTRIBUTOR, DAY)
    assert notice.facts == (("Contributor", "TableName=orders"), ("Contributor id", "6d442278dba546f6"))


def test_an_alarm_that_was_edited_is_a_single_notice_and_no_state() -> None:
    edited = CONTRIBUTOR | {"detail-type": "CloudWatch Alarm Configuration Change"}
    (notice,) = parse(edited, DAY)
    assert (notice.is_single, notice.title) == (True, "CloudWatch Alarm Configuration Change")


def test_a_query_over_many_series_has_the_period_beside_its_expression() -> None:
    alarm = only("sns_contributor.json").alarm
    assert alarm is not None
    assert alarm.period_seconds == 300


@pytest.mark.parametrize(
    ("unit", "shown", "is_percent"),
    [("Seconds", "Seconds", False), ("Percent", "Percent", True), ("Count", "", False), (None, "", False)],
)
def test_the_unit_of_the_value_is_known(unit: str | None, shown: str, is_percent: bool) -> None:
    told = message("sms-overdue", "ALARM", "12:04")
    told["Trigger"] |= {"MetricName": "Duration", "Unit": unit}
    alarm = parse(told, DAY)[0].alarm
    assert alarm is not None
    assert (alarm.unit, alarm.is_percent) == (shown, is_percent)


@pytest.mark.parametrize(("time", "says"), [("yesterday", "'yesterday' is not a time"), (None, "The message has none")])
def test_a_time_that_cannot_be_read_is_said_to_be_unreadable(time: str | None, says: str) -> None:
    told = message("sms-warning", "ALARM", "12:04") | {"StateChangeTime": time}
    ((name, value),) = parse(sns(told), DAY)[0].facts
    assert (name, value) == ("Time of the change", f"{says}: times here are those of its delivery.")


def test_nor_is_that_of_a_system_notice_replaced_in_silence() -> None:
    body = {"deliverywatch": 1, "watch": "x", "level": "warning", "time": "soon"}
    assert dict(parse(sns(body), DAY)[0].facts)["Time of the change"].startswith("'soon' is not a time")
    assert parse(sns(body | {"time": None}), at("12:05"))[0].facts == ()


def test_the_old_spelling_of_missing_data_is_understood() -> None:
    alarm = only("sns_old_fields.json").alarm
    assert alarm is not None
    assert (alarm.treat_missing_data, alarm.arn) == ("NonBreaching", "")


def test_the_time_is_that_of_the_change_of_state() -> None:
    assert only("sns_ok.json").time.isoformat() == "2026-11-21T12:31:23.006000+00:00"


def test_without_a_time_of_change_the_envelope_shows_it_and_else_the_clock() -> None:
    told = message("sms-warning", "ALARM", "12:04") | {"StateChangeTime": "yesterday"}
    assert parse(sns(told), DAY)[0].time.isoformat() == "2026-11-21T12:04:01+00:00"
    assert parse(told, DAY)[0].time == DAY


def test_a_bare_message_and_a_bare_sns_notification_are_read_too() -> None:
    told = message("sms-warning", "ALARM", "12:04")
    assert [one.alarm for one in parse(told, DAY)] == [one.alarm for one in parse(sns(told), DAY)]
    assert parse({"Type": "Notification", "Message": json.dumps(told)}, DAY)[0].time == at("12:04")


def test_an_eventbridge_event_is_read_like_a_direct_one() -> None:
    direct = json.loads((EVENTS / "lambda_alarm.json").read_text())
    bridged = {
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "account": "123456789012",
        "region": "ap-southeast-2",
        "resources": [direct["alarmArn"]],
        "detail": direct["alarmData"],
    }
    assert parse(bridged, DAY)[0].alarm == parse(direct, DAY)[0].alarm


def test_several_records_give_several_notices_in_their_order() -> None:
    assert [one.alarm.name[-8:] for one in notices("sns_two_records.json") if one.alarm] == ["-warning", "critical"]


def test_a_system_notice_brings_its_watch_and_level() -> None:
    notice = only("sns_system_notice.json")
    assert (notice.watch, notice.level, notice.title) == ("queries.daily-sales", Level.WARNING, "Daily sales")
    assert notice.facts[0] == ("Query", "daily-sales")


@pytest.mark.parametrize("event", ["sns_not_json.json", "sns_unknown_message.json"])
def test_what_is_no_alarm_is_shown_as_it_came(event: str) -> None:
    notice = only(event)
    assert (notice.alarm, notice.level, notice.is_single) == (None, None, True)
    assert notice.facts


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no JSON", "not JSON"),
        ("[1, 2]", "names no alarm"),
        ('{"AlarmName": "x", "NewStateValue": "SIDEWAYS"}', "a state that CloudWatch does not have: 'SIDEWAYS'"),
        ('{"deliverywatch": 1, "watch": "x", "level": "purple"}', "a level out of ok, blind"),
        ('{"alarmData": {"state": {}}}', "names no alarm"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_an_unusable_message_is_refused_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(text, {}, DAY)


def test_names_cannot_break_lines_or_leave_their_folder() -> None:
    notice = only("sns_hostile.json")
    assert notice.alarm is not None
    assert notice.alarm.name == "<script>alert(1)</script> Bcc: victim@example.com"
    assert (notice.alarm.threshold, notice.alarm.evaluation_periods) == (None, 1)
    own = {"deliverywatch": 1, "watch": "../../state/sms", "level": "warning"}
    assert "/" not in parse(own, DAY)[0].watch


def test_a_megabyte_of_text_is_cut_to_what_a_reader_can_use() -> None:
    (notice,) = parse(sns("x" * 1_000_000), DAY)
    assert sum(len(name) + len(value) for name, value in notice.facts) < 3000


def test_equal_texts_are_different_messages_by_the_ids_that_sns_gave_them() -> None:
    one, other = parse(sns("a report", "a report"), DAY)
    assert one.message_id != other.message_id


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [*message("sms-warning", "ALARM", "12:04"), "Records", "Message", "alarmData", "deliverywatch", "level"]
)


@given(st.dictionaries(KEYS, anything))
def test_a_message_with_any_values_becomes_a_notice(body: dict[str, Any]) -> None:
    told = message("sms-warning", "ALARM", "12:04") | body
    told.pop("Records", None)
    (notice,) = parse(sns(told), DAY)
    assert notice.time.tzinfo is not None
    assert notice.alarm is not None or notice.is_single or notice.level


@given(anything)
def test_any_event_becomes_at_least_one_notice(event: object) -> None:
    assert parse(event, DAY)


@pytest.mark.parametrize(
    ("fields", "acts"),
    [
        ({}, True),
        ({"ActionsEnabled": True, "AlarmActions": ["arn"]}, True),
        ({"ActionsEnabled": False}, False),
        ({"AlarmActions": []}, False),
        ({"ActionsSuppressedBy": "WaitPeriod"}, False),
    ],
)
def test_an_alarm_acts_unless_its_actions_are_off_none_or_suppressed(fields: dict[str, Any], *, acts: bool) -> None:
    assert from_description({"AlarmName": "x", "StateValue": "ALARM", **fields}).acts is acts

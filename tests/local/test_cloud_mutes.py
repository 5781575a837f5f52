"""Mute rules in simulated time: actions are held back, and made up for when the window ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud

MINUTE = timedelta(minutes=1)
NAME = "probe-maintenance"


def put(
    cloud: LocalCloud, start: datetime, duration: str = "PT10M", alarms: tuple[str, ...] = ("probe-ratio",)
) -> None:
    cloud.client("cloudwatch").put_alarm_mute_rule(
        Name=NAME,
        Description="a deploy",
        Rule={"Schedule": {"Expression": f"at({start:%Y-%m-%dT%H:%M})", "Duration": duration, "Timezone": "UTC"}},
        MuteTargets={"AlarmNames": list(alarms)},
    )


def measure(cloud: LocalCloud, minute: datetime, failed: float) -> None:
    dimensions = [{"Name": "Environment", "Value": "test"}]
    for name, value in (("Total", 100), ("Failed", failed)):
        datum = {"MetricName": name, "Dimensions": dimensions, "Timestamp": minute, "Value": value}
        cloud.client("cloudwatch").put_metric_data(Namespace="Probe", MetricData=[datum])


def published(events: list[Any], since: int) -> list[tuple[str, bool]]:
    bodies = [json.loads(event["Records"][0]["Sns"]["Message"]) for event in events[since:]]
    return [(body["NewStateValue"], body.get("ActionExecutedAfterMuteWindow", False)) for body in bodies]


@pytest.fixture
def minute(cloud: LocalCloud) -> Iterator[datetime]:
    """A quiet minute, two hours after whatever was before; no rule is left over."""
    begin = cloud.clock.now.replace(minute=0, second=0) + timedelta(hours=2)
    measure(cloud, begin, 0)
    cloud.tick(begin + MINUTE)
    yield begin + 2 * MINUTE
    cloud.client("cloudwatch").delete_alarm_mute_rule(AlarmMuteRuleName=NAME)


def live(cloud: LocalCloud, begin: datetime, minutes: int, failed: float = 0) -> datetime:
    for number in range(minutes):
        measure(cloud, begin + number * MINUTE, failed)
        cloud.tick(begin + number * MINUTE)
    return begin + minutes * MINUTE


def test_a_muted_alarm_changes_and_notifies_nobody_until_the_window_ends(
    cloud: LocalCloud, minute: datetime, remembered: Any
) -> None:
    before = len(remembered())
    put(cloud, minute)
    now = live(cloud, minute, 9, failed=50)
    assert ("probe-ratio", "ALARM") in [(each.alarm, each.new) for each in cloud.transitions if each.at > minute]
    assert published(remembered(), before) == []
    live(cloud, now, 3, failed=50)
    assert published(remembered(), before) == [("ALARM", True)]


def test_what_is_over_within_the_window_is_published_as_it_stands_then(
    cloud: LocalCloud, minute: datetime, remembered: Any
) -> None:
    before = len(remembered())
    put(cloud, minute, "PT60M")
    now = live(cloud, minute, 5, failed=50)
    live(cloud, now, 58)
    assert published(remembered(), before) == [("OK", True)]


def test_an_alarm_that_no_rule_names_acts_as_ever(cloud: LocalCloud, minute: datetime, remembered: Any) -> None:
    before = len(remembered())
    put(cloud, minute, alarms=("probe-errors",))
    live(cloud, minute, 3, failed=50)
    assert published(remembered(), before) == [("ALARM", False)]


def test_deleting_a_rule_lets_those_act_that_are_in_alarm(cloud: LocalCloud, minute: datetime, remembered: Any) -> None:
    before = len(remembered())
    put(cloud, minute)
    live(cloud, minute, 3, failed=50)
    cloud.client("cloudwatch").delete_alarm_mute_rule(AlarmMuteRuleName=NAME)
    cloud.settle()
    assert published(remembered(), before) == [("ALARM", True)]


@pytest.mark.parametrize(("offset", "status"), [(5, "SCHEDULED"), (-1, "ACTIVE"), (-30, "EXPIRED")])
def test_a_rule_says_where_it_stands(cloud: LocalCloud, minute: datetime, offset: int, status: str) -> None:
    cloud.clock.advance_to(minute)
    put(cloud, minute + offset * MINUTE)
    client = cloud.client("cloudwatch")
    rule = client.get_alarm_mute_rule(AlarmMuteRuleName=NAME)
    assert (rule["Status"], rule["Description"]) == (status, "a deploy")
    listed = client.list_alarm_mute_rules(AlarmName="probe-ratio", Statuses=[status])["AlarmMuteRuleSummaries"]
    assert [each["AlarmMuteRuleArn"].rpartition(":")[2] for each in listed] == [NAME]
    assert client.list_alarm_mute_rules(AlarmName="another")["AlarmMuteRuleSummaries"] == []


def test_a_rule_that_cannot_be_read_is_refused(cloud: LocalCloud, minute: datetime) -> None:
    with pytest.raises(ClientError, match="not a duration"):
        put(cloud, minute, "two hours")


def test_a_rule_that_does_not_exist_is_refused(cloud: LocalCloud, minute: datetime) -> None:
    with pytest.raises(ClientError, match="does not exist"):
        cloud.client("cloudwatch").get_alarm_mute_rule(AlarmMuteRuleName="none")

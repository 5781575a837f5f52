"""Deployed schedules fire at simulated times, in their own time zone, with the time in their event."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.compute import schedules

DAY = datetime(2026, 3, 10, tzinfo=UTC)


def create(cloud: LocalCloud, expression: str, changes: Any = None, **options: Any) -> None:
    target = {
        "Arn": "arn:aws:lambda:us-east-1:111122223333:function:probe-remember",
        "RoleArn": "arn:aws:iam::111122223333:role/nobody",
    } | (changes or {})
    wanted = {
        "Name": "tried",
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
    }
    cloud.client("scheduler").create_schedule(**(wanted | options))


@pytest.fixture(autouse=True)
def _tidy(cloud: LocalCloud) -> Any:
    yield
    scheduler = cloud.client("scheduler")
    for each in scheduler.list_schedules(NamePrefix="tried")["Schedules"]:
        scheduler.delete_schedule(Name=each["Name"])


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("cron(0/20 7 * * ? *)", "UTC", ["07:00", "07:20", "07:40"]),
        ("rate(8 hours)", "UTC", ["00:00", "08:00", "16:00"]),
        ("at(2026-03-10T09:15:00)", "Asia/Tokyo", ["00:15"]),
        ("cron(0 8 * * ? *)", "America/New_York", ["12:00"]),
        ("cron(0 8 ? * MON-FRI *)", "UTC", ["08:00"]),
        ("cron(0 8 ? * SUN *)", "UTC", []),
    ],
)
def test_a_schedule_fires_at_the_minutes_of_its_expression_in_its_zone(
    cloud: LocalCloud, expression: str, zone: str, expected: list[str]
) -> None:
    create(cloud, expression, ScheduleExpressionTimezone=zone)
    minutes = [DAY + timedelta(minutes=number) for number in range(1440)]
    fired = [f"{minute:%H:%M}" for minute in minutes if any(each.schedule == "tried" for each in schedules.due(minute))]
    assert fired == expected


@pytest.mark.parametrize(
    ("expression", "zone", "words"),
    [
        ("rate(10 seconds)", "UTC", "Invalid Schedule Expression rate(10 seconds)."),
        ("cron(*/60 * * * ? *)", "UTC", "Invalid Schedule Expression cron(*/60 * * * ? *)."),
        ("rate(1 hour)", "right/Europe/Rome", "Invalid Schedule Expression Timezone right/Europe/Rome."),
    ],
)
def test_what_scheduler_refuses_is_refused_by_its_api_and_in_templates(
    cloud: LocalCloud, expression: str, zone: str, words: str
) -> None:
    with pytest.raises(ClientError, match=re.escape(words)) as caught:
        create(cloud, expression, ScheduleExpressionTimezone=zone)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    create(cloud, "rate(1 hour)")
    scheduler = cloud.client("scheduler")
    made = scheduler.get_schedule(Name="tried")
    kept = {name: made[name] for name in ("Name", "FlexibleTimeWindow", "Target")}
    with pytest.raises(ClientError, match=re.escape(words)):
        scheduler.update_schedule(**kept, ScheduleExpression=expression, ScheduleExpressionTimezone=zone)
    assert scheduler.get_schedule(Name="tried")["ScheduleExpression"] == "rate(1 hour)"
    properties = {**kept, "Name": "of-template", "ScheduleExpression": expression, "ScheduleExpressionTimezone": zone}
    template = {"Resources": {"Tried": {"Type": "AWS::Scheduler::Schedule", "Properties": properties}}}
    formation = cloud.client("cloudformation")
    formation.create_stack(StackName="with-schedule", TemplateBody=json.dumps(template))
    events = formation.describe_stack_events(StackName="with-schedule")["StackEvents"]
    assert any(words in event.get("ResourceStatusReason", "") for event in events)


@pytest.mark.parametrize(
    "options", [{"State": "DISABLED"}, {"EndDate": DAY - timedelta(days=1)}, {"StartDate": DAY + timedelta(days=1)}]
)
def test_a_schedule_that_is_off_or_out_of_its_dates_does_not_fire(cloud: LocalCloud, options: dict[str, Any]) -> None:
    create(cloud, "rate(1 minute)", **options)
    assert schedules.due(DAY) == []


def test_the_event_holds_the_time_for_which_it_was_planned(cloud: LocalCloud, noon: datetime, remembered: Any) -> None:
    minute = noon.replace(hour=22)
    assert [each.schedule for each in cloud.run_schedules(minute)] == ["morning"]
    assert remembered() == [{"at": f"{minute:%Y-%m-%dT%H:%M:%SZ}"}]


def test_a_role_that_does_not_trust_the_schedules_group_starts_nothing_and_the_event_is_set_aside(
    cloud: LocalCloud, noon: datetime, remembered: Any
) -> None:
    source = {"aws:SourceArn": "arn:aws:scheduler:us-east-1:111122223333:schedule-group/another"}
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}, "ArnLike": source},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = cloud.client("iam").create_role(RoleName="another-group", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    url = cloud.client("sqs").create_queue(QueueName="not-started")["QueueUrl"]
    queue = {"Arn": "arn:aws:sqs:us-east-1:111122223333:not-started"}
    create(cloud, "rate(1 minute)", {"RoleArn": role, "DeadLetterConfig": queue, "Input": '{"kept": true}'})
    cloud.run_schedules(noon.replace(hour=23))
    assert remembered() == []
    (message,) = cloud.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"kept": True}


def test_nothing_fires_by_the_clock_of_the_machine(cloud: LocalCloud) -> None:
    import threading

    assert not {"eb-scheduler", "evb-scheduler-ticker"} & {thread.name for thread in threading.enumerate()}

"""The deployed stack in the local cloud: mails through both streams, their events in both tables."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from email_athena import saved

from deliverywatch.cli import main
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import email_day, play
from deliverywatch.messages import context as contexts

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Lived:
    """A cloud in which mails were sent and twenty minutes went by."""

    def __init__(self, cloud: LocalCloud, outputs: dict[str, str]) -> None:
        self.cloud, self.outputs = cloud, outputs

    def live(self, minutes: int) -> None:
        begin = self.cloud.clock.now.replace(second=0, microsecond=0) + MINUTE
        for number in range(minutes):
            self.cloud.run_schedules(begin + number * MINUTE)
            self.cloud.tick(begin + number * MINUTE)

    def keys(self, prefix: str) -> list[str]:
        found = self.cloud.client("s3").list_objects_v2(Bucket=self.outputs["EmailBucket"], Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", ())]

    def read(self, key: str) -> bytes:
        body: bytes = self.cloud.client("s3").get_object(Bucket=self.outputs["EmailBucket"], Key=key)["Body"].read()
        return body


@pytest.fixture(scope="module")
def lived(built: Path, template: dict[str, Any]) -> Iterator[Lived]:
    with LocalCloud(START) as cloud:
        lived = Lived(cloud, email_day.deploy(cloud, template, built))
        for stream in email_day.STREAMS:
            for who in ("reader@example.com", "bounce@example.net", "complaint@example.org"):
                email_day.send(cloud, stream, who, "Hello", "issue-12")
            cloud.client("firehose").put_record(
                DeliveryStreamName=f"email-events-{stream}-prod", Record={"Data": b"no event\n"}
            )
        lived.live(20)
        yield lived


def test_mails_through_both_streams_become_events_in_both_tables(lived: Lived) -> None:
    for stream in email_day.STREAMS:
        found = email_day.events_of(lived.cloud, stream, START)
        assert {kind: found[kind] for kind in ("Send", "Delivery", "Bounce")} == {"Send": 3, "Delivery": 2, "Bounce": 1}
    assert not lived.cloud.failures


def test_columns_come_out_of_athena_as_they_went_in(lived: Lived) -> None:
    sql = (
        "SELECT campaign, recipients[1], status_code, element_at(tags, 'ses:configuration-set')[1] "
        "FROM newsletter_events WHERE event_type = 'Bounce' AND dt = DATE '2026-11-20'"
    )
    assert email_day.query(lived.cloud, sql) == [
        ["issue-12", "bounce@example.net", "5.1.1", "daily-system-design-newsletter-prod"]
    ]


def test_every_saved_query_runs_through_the_views_that_it_reads(lived: Lived, template: dict[str, Any]) -> None:
    queries = saved(template)
    answers = {name: email_day.query(lived.cloud, sql) for name, sql in queries.items()}
    assert len(answers) == len(queries) > 10


def test_what_cannot_be_read_lies_under_the_error_prefix_with_its_reason(lived: Lived) -> None:
    for stream in email_day.STREAMS:
        (failed,) = lived.keys(f"errors/{stream}/processing-failed/dt=2026-11-20/")
        assert json.loads(lived.read(failed))["errorCode"] == "Lambda.ProcessingFailedStatus"
        (reasons,) = lived.keys(f"errors/{stream}/reasons/dt=2026-11-20/")
        assert json.loads(lived.read(reasons))["reason"] == "not_json"


def test_what_was_sent_and_what_could_not_be_read_are_metrics(lived: Lived) -> None:
    cloudwatch = lived.cloud.client("cloudwatch")

    def total(namespace: str, name: str, **dimensions: str) -> float:
        stat = {
            "Metric": {
                "Namespace": namespace,
                "MetricName": name,
                "Dimensions": [{"Name": key.replace("_", "-"), "Value": value} for key, value in dimensions.items()],
            },
            "Period": 3600,
            "Stat": "Sum",
        }
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "a", "MetricStat": stat}, {"Id": "b", "Expression": "a + 0"}],
            StartTime=START,
            EndTime=START + timedelta(hours=1),
        )
        (found,) = [each for each in answer["MetricDataResults"] if each["Id"] == "b"]
        return float(sum(found["Values"]))

    # Three mails are too few for a share.
    assert total("DeliveryWatch/Email", "BouncePercent", Environment="prod", Stream="newsletter") == 0
    assert total("DeliveryWatch/Email", "Refused", Environment="prod") == 2
    assert total("AWS/SES", "Send", **{"ses:configuration-set": email_day.configuration_set("newsletter")}) == 3
    assert total("AWS/Firehose", "IncomingRecords", DeliveryStreamName="email-events-newsletter-prod") >= 4


def test_a_mail_finds_the_reasons_of_bounces_in_the_lake(lived: Lived) -> None:
    body = lived.cloud.client("s3").get_object(Bucket=lived.outputs["LakeBucket"], Key="state/email-newsletter.json")
    known = contexts.from_json(body["Body"].read())
    assert known.noun == "newsletter mails"
    assert [(each.code, each.count) for each in known.reasons] == [("5.1.1", 1)]
    assert sum(slot.total for slot in known.slots) == 3
    assert known.samples[0].recipient == "b•••@example.net"


def run(lived: Lived, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["email", *arguments, "--stack", play.STACK, "--region", "us-east-1"])


def test_by_hand_the_stack_says_why_records_failed_and_sends_again_what_can_be_read(lived: Lived) -> None:
    result = run(lived, "replay", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)["streams"]
    assert [each["refused"] for each in told] == [{"not_json": 1}, {"not_json": 1}]
    (key,) = lived.keys("errors/transactional/processing-failed/")
    record = json.loads(lived.read(key))
    event = lived.cloud.ses.sent[0].event("Send", START + timedelta(hours=5))
    record["rawData"] = base64.b64encode(json.dumps(event).encode()).decode()
    lived.cloud.client("s3").put_object(Bucket=lived.outputs["EmailBucket"], Key=key, Body=json.dumps(record).encode())
    before = email_day.events_of(lived.cloud, "transactional", START)["Send"]
    assert json.loads(run(lived, "replay", "--stream", "transactional", "--json").stdout)["streams"][0]["sent"] == 1
    lived.cloud.firehose.flush()
    assert email_day.events_of(lived.cloud, "transactional", START)["Send"] == before + 1
    assert lived.keys("errors/transactional/processing-failed/") == []


def test_the_nightly_function_merges_the_day_before(lived: Lived) -> None:
    email_day.send(lived.cloud, "newsletter", "reader@example.net", "Hello again", "issue-12")
    lived.live(3)
    lived.cloud.firehose.flush()
    before = email_day.events_of(lived.cloud, "newsletter", START)
    assert len(lived.keys("events/newsletter/dt=2026-11-20/")) > 1
    answer = lived.cloud.invoke("deliverywatch-prod-email-compact", {"scheduled_time": "2026-11-21T02:30:00Z"})
    assert answer.error is None, answer.payload
    assert answer.payload["compacted"][0]["folder"] == "events/newsletter/dt=2026-11-20/"
    (key,) = lived.keys("events/newsletter/dt=2026-11-20/")
    assert "/compacted-" in key
    assert email_day.events_of(lived.cloud, "newsletter", START) == before


def test_drift_of_the_stack_is_told(lived: Lived) -> None:
    result = run(lived, "drift", "--json")
    assert (result.exit_code, json.loads(result.stdout)["fields"]) == (0, [])


def test_a_transform_that_fails_loses_nothing(lived: Lived) -> None:
    function = "deliverywatch-prod-email-transform"
    client = lived.cloud.client("lambda")
    environment = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    broken = {name: value for name, value in environment.items() if name != "DELIVERYWATCH_CAMPAIGN_TAG"}
    client.update_function_configuration(FunctionName=function, Environment={"Variables": broken})
    email_day.send(lived.cloud, "newsletter", "late@example.com", "Hello", "issue-13")
    lived.live(3)
    lived.cloud.firehose.flush()
    client.update_function_configuration(FunctionName=function, Environment={"Variables": environment})
    told = json.loads(run(lived, "replay", "--stream", "newsletter", "--json").stdout)["streams"][0]
    assert told["sent"] == 2
    lived.cloud.firehose.flush()
    sql = "SELECT count(*) FROM newsletter_events WHERE campaign = 'issue-13' AND dt >= DATE '2026-11-20'"
    assert email_day.query(lived.cloud, sql) == [["2"]]

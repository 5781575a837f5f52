"""A whole migration from the scheduler of pagopa/pn-infra, in a local cloud: its group, its file, its schedules.

The layout of file and schedules is theirs, the content is made up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from deliverywatch.cli import main
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play, queries_day

if TYPE_CHECKING:
    from click.testing import Result

EIGHT = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=1)
# Their scheduler reports on the day before a run.
DAY = f"{EIGHT - timedelta(days=1):%Y-%m-%d}"
GROUP, OTHER = "pn-athena-queries", "pn-athena-older"
KEY = "config/queries.json"
FORMER: dict[str, Any] = {
    "global_config": {"athena_database": "shop", "athena_workgroup": "work", "date_variables": {"YEAR": "auto"}},
    "queries": {
        "daily-orders": {
            "type": "export",
            "description": "Orders of the day",
            "schedule": "cron(0 2 * * ? *)",
            "query": "SELECT country, amount FROM orders WHERE day = '{DATE}'",
            "csv_export": True,
            "csv_filename_template": "orders-{date}.csv",
            "slack": {"enabled": True, "message_template": "{total_rows} rows"},
        },
        "many-refused": {
            "type": "alerts",
            "description": "Many refused orders",
            "cron": "cron(0 */6 * * ? *)",
            "query": "SELECT country FROM shop.orders WHERE day = '{DATE}' AND amount < {THRESHOLD}",
            "alerts": [
                {"name": "critical", "threshold": {"operator": ">", "value": 2}, "csv_export": True},
                {"name": "warning", "threshold": {"operator": ">", "value": 2}, "csv_export": False},
            ],
            "csv_filename_template": "refused-{date}-{alert_name}.csv",
            "slack": {"enabled": True},
        },
        "never-made": {"schedule": "cron(0 3 * * ? *)", "query": "SELECT 1"},
    },
}


@dataclass(frozen=True, slots=True)
class Moved:
    """The deployed stack, and the files of the one who moves."""

    cloud: LocalCloud
    bucket: str
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "queries.json"

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["queries", *arguments])

    def save(self, text: str) -> None:
        self.file.write_text(text)
        self.cloud.client("s3").put_object(Bucket=self.bucket, Key=KEY, Body=text.encode())

    def schedules(self, group: str) -> list[dict[str, Any]]:
        scheduler = self.cloud.client("scheduler")
        names = [one["Name"] for one in scheduler.list_schedules(GroupName=group)["Schedules"]]
        return [dict(scheduler.get_schedule(GroupName=group, Name=name)) for name in names]


def theirs(cloud: LocalCloud, group: str, queries: dict[str, Any]) -> None:
    """Make the group and the schedules of their scheduler, as it makes them."""
    scheduler = cloud.client("scheduler")
    scheduler.create_schedule_group(Name=group)
    for query_id, query in queries.items():
        scheduler.create_schedule(
            GroupName=group,
            Name=f"pn-{query_id}",
            Description=query["description"],
            ScheduleExpression=query.get("schedule") or query["cron"],
            FlexibleTimeWindow={"Mode": "OFF"},
            State="ENABLED",
            Target={
                "Arn": "arn:aws:lambda:us-east-1:111122223333:function:pn-AthenaReportingAlerts",
                "RoleArn": "arn:aws:iam::111122223333:role/pn-scheduler",
                "Input": json.dumps({"query_id": query_id}),
            },
        )


def shop(cloud: LocalCloud, bucket: str) -> None:
    """Make the table that their file calls without its database."""
    cloud.client("glue").create_database(DatabaseInput={"Name": "shop"})
    play.create_table(cloud, "shop", f"s3://{bucket}/orders/", "json", {"country": "string", "amount": "int"}, "day")
    row = json.dumps({"country": "IT", "amount": 1})
    cloud.client("s3").put_object(Bucket=bucket, Key=f"orders/day={DAY}/a.json", Body=f"{row}\n".encode())


@pytest.fixture(scope="module")
def moved(queries_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    template = json.loads((queries_build / "template.json").read_text())
    made = {name: query for name, query in FORMER["queries"].items() if name != "never-made"}
    chosen = {"QueriesProject": "pn", "QueriesGroup": "adopted", "QueriesGroupName": GROUP, "QueriesDatabase": "shop"}
    with LocalCloud(EIGHT - timedelta(minutes=10)) as cloud:
        theirs(cloud, GROUP, made)
        bucket = play.deploy(cloud, template, queries_build, chosen)["LakeBucket"]
        source = {"QueriesConfigSource": "s3", "QueriesConfigUrl": f"s3://{bucket}/{KEY}"}
        play.deploy(cloud, template, queries_build, chosen | source)
        shop(cloud, bucket)
        folder = tmp_path_factory.mktemp("analyst")
        (folder / "former.json").write_text(json.dumps(FORMER))
        yield Moved(cloud, bucket, folder)


# The tests of this module are one story, in order.


def test_import_writes_a_file_with_all_that_theirs_says(moved: Moved) -> None:
    done = moved.run("import", "--config", str(moved.file), "--from", str(moved.folder / "former.json"))
    assert done.exit_code == 0
    queries = json.loads(done.stdout)["queries"]
    assert {name: entry["filename_template"] for name, entry in queries.items()} == {
        "daily-orders": "orders-{date}.csv",
        "many-refused": "refused-{date}-{alert_name}.csv",
    }
    assert {(entry["database"], entry["days_back"]) for entry in queries.values()} == {("shop", 1)}
    assert queries["many-refused"]["schedule"] == "cron(0 */6 * * ? *)"
    assert done.stderr.splitlines() == [
        "2 adopted, 0 of them without SQL.",
        "  never-made: left out, it has no schedule there",
    ]
    moved.save(done.stdout)


def test_their_file_is_taken_as_it_is_too(moved: Moved) -> None:
    done = moved.run("validate", str(moved.folder / "former.json"), "--json")
    shown = json.loads(done.stdout)
    assert (done.exit_code, shown["queries"], shown["problems"]) == (0, 3, [])
    days = [notice["path"] for notice in shown["notices"] if "days_back" in notice["sentence"]]
    assert days == ["$.queries['daily-orders'].query", "$.queries['many-refused'].query"]


def test_the_first_plan_makes_their_schedules_ours(moved: Moved) -> None:
    done = moved.run("plan", "--config", str(moved.file), "--json")
    changes = json.loads(done.stdout)["changes"]
    assert [(change["action"], change["name"]) for change in changes] == [
        ("update", "pn-daily-orders"),
        ("update", "pn-many-refused"),
    ]
    kept = {"expression", "timezone", "is_enabled", "description"}
    assert not kept & {difference["field"] for change in changes for difference in change["differences"]}


def test_a_round_of_the_deployed_reconciler_takes_them_over(moved: Moved) -> None:
    moved.cloud.run_schedules(EIGHT)
    assert moved.cloud.failures == []
    assert len(moved.schedules(GROUP)) == 2
    assert all(":function:deliverywatch-" in one["Target"]["Arn"] for one in moved.schedules(GROUP))


def test_the_log_has_their_words(moved: Moved) -> None:
    events = moved.cloud.client("logs").filter_log_events(
        logGroupName="/aws/lambda/deliverywatch-prod-queries-reconcile"
    )
    lines = [event["message"].strip() for event in events["events"]]
    messages = [line.split(" ", 3) for line in lines if line.count(" ") > 3 and line.split(" ")[2] in ("INFO", "ERROR")]
    assert all(datetime.fromisoformat(time) for time, *_ in messages)
    words = [message for *_, level, message in messages if level == "INFO"]
    assert "Found 2 existing schedules" in words
    assert sum(message.startswith("UPDATE: pn-") for message in words) == 2
    assert any(message.startswith("Reconciliation complete: {'created': 0, 'updated': 2") for message in words)


def test_the_second_plan_is_empty(moved: Moved) -> None:
    done = moved.run("plan", "--config", str(moved.file))
    assert (done.exit_code, done.stdout) == (0, "unchanged 2.\n")


def test_a_bare_table_is_that_of_their_database_and_day_and_file_name_are_theirs(moved: Moved) -> None:
    done = moved.run("run", "daily-orders", "--date", f"{EIGHT:%Y-%m-%dT%H:%MZ}", "--json")
    record = json.loads(done.stdout)
    assert (record["status"], record["rows"]) == ("succeeded", 1)
    assert record["export"].endswith(f"/orders-{DAY}.csv")


def test_what_stays_in_another_group_is_shown_until_it_is_gone(moved: Moved) -> None:
    theirs(moved.cloud, OTHER, {"hourly": {"description": "Hourly", "schedule": "cron(0 * * * ? *)"}})
    done = moved.run("import", "--config", str(moved.file), "--group", OTHER, "--prefix", "pn-")
    document = json.loads(done.stdout)
    assert document["imported_from"] == [{"group": OTHER, "prefix": "pn-"}]
    assert "  hourly: fill in its query" in done.stderr
    document["queries"]["hourly"]["query"] = "SELECT 1"
    moved.save(json.dumps(document))
    moved.cloud.run_schedules(EIGHT + timedelta(minutes=5))
    for left in (["pn-hourly"], []):
        shown = moved.run("plan", "--config", str(moved.file), "--json")
        assert shown.exit_code == 0
        assert json.loads(shown.stdout)["former"] == ({OTHER: left} if left else {})
        assert ("FORMER  pn-hourly" in moved.run("plan", "--config", str(moved.file)).stdout) == bool(left)
        for name in left:
            moved.cloud.client("scheduler").delete_schedule(GroupName=OTHER, Name=name)
    moved.cloud.client("scheduler").delete_schedule_group(Name=OTHER)
    assert moved.run("plan", "--config", str(moved.file)).stdout == "unchanged 3.\n"


def test_a_stack_that_is_deleted_leaves_the_group_that_it_adopted(moved: Moved) -> None:
    moved.cloud.client("cloudformation").delete_stack(StackName=queries_day.play.STACK)
    assert moved.cloud.client("scheduler").get_schedule_group(Name=GROUP)["State"] == "ACTIVE"

"""The deployed stack of scheduled queries in a local cloud, lived through and worked on from the command line."""

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
from deliverywatch.errors import ServiceRefused, StoreConflict
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import queries_day
from deliverywatch.queries.aws import Lake, Scheduler, names_in
from deliverywatch.queries.config import file as config
from deliverywatch.queries.config import statement

if TYPE_CHECKING:
    from click.testing import Result

EIGHT = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=1)
ROOT = Path(__file__).parents[2]
GROUP = "deliverywatch-prod-queries"
MINE = "deliverywatch-refused-orders"


@dataclass(frozen=True, slots=True)
class Deployed:
    """The stack, the file of queries as the analyst has it, and what was there before it."""

    cloud: LocalCloud
    life: queries_day.Life
    file: Path

    def save(self, queries: dict[str, Any]) -> None:
        self.life.save(queries)
        self.file.write_text(json.dumps({"queries": queries}))

    def live(self, minute: int) -> None:
        """Live through one minute after eight."""
        moment = EIGHT + timedelta(minutes=minute)
        self.life.act(moment)
        self.cloud.run_schedules(moment)
        self.cloud.tick(moment)

    def schedule(self, name: str) -> dict[str, Any]:
        return dict(self.cloud.client("scheduler").get_schedule(GroupName=GROUP, Name=name))

    def mails(self) -> list[str]:
        return [mail.subject.strip().partition("] ")[0][1:].split(" ")[0] for mail in self.cloud.outbox()]

    def history(self, query_id: str) -> list[dict[str, Any]]:
        records = queries_day.records(self.cloud, self.life.shop.bucket)
        return [run for run in records if run["query_id"] == query_id]

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["queries", *arguments])


@pytest.fixture(scope="module")
def stack(queries_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    template = json.loads((queries_build / "template.json").read_text())
    with LocalCloud(EIGHT - timedelta(minutes=10)) as cloud:
        life = queries_day.deploy(cloud, template, queries_build, EIGHT)
        made = Deployed(cloud, life, tmp_path_factory.mktemp("analyst") / "queries.json")
        for name in ("somebody-elses", "deliverywatch"):
            cloud.client("scheduler").create_schedule(
                Name=name,
                GroupName=GROUP,
                ScheduleExpression="rate(30 days)",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={"Arn": "arn:aws:sqs:us-east-1:111122223333:x", "RoleArn": "arn:aws:iam::111122223333:role/x"},
            )
        made.save(queries_day.ADDED | queries_day.REPORT)
        yield made


# The tests of this module are one story, in order.


def test_a_plan_shows_what_a_file_would_create_and_ends_with_2(stack: Deployed) -> None:
    done = stack.run("plan", "--config", str(stack.file), "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == 2
    assert [(each["action"], each["name"]) for each in document["changes"]] == [
        ("create", "deliverywatch-orders-by-country"),
        ("create", MINE),
    ]


def test_the_deployed_reconciler_does_what_the_plan_showed(stack: Deployed) -> None:
    stack.live(0)
    assert stack.schedule(MINE)["ScheduleExpression"] == "cron(0/15 * * * ? *)"
    assert stack.cloud.failures == []
    done = stack.run("plan", "--config", str(stack.file))
    assert (done.exit_code, done.stdout) == (0, "unchanged 2.\n")


@pytest.mark.parametrize("verb", [("plan",), ("apply", "--dry-run"), ("apply", "--allow-deletes")])
def test_the_packaged_file_is_not_taken_for_the_one_that_the_stack_reads(stack: Deployed, verb: list[str]) -> None:
    done = stack.run(*verb)
    assert done.exit_code == 1
    assert "The stack reads its queries from s3://" in " ".join(done.stderr.split())
    assert "--config" in done.stderr
    assert stack.schedule(MINE)["ScheduleExpression"] == "cron(0/15 * * * ? *)"


def test_nobody_elses_schedule_is_touched(stack: Deployed) -> None:
    stack.live(5)
    assert stack.schedule("somebody-elses")["ScheduleExpression"] == "rate(30 days)"
    assert stack.schedule("deliverywatch")["ScheduleExpression"] == "rate(30 days)"


def test_a_schedule_runs_its_query_for_real_over_the_lake(stack: Deployed) -> None:
    stack.live(15)
    runs = queries_day.records(stack.cloud, stack.life.shop.bucket)
    assert [(run["query_id"], run["due"][11:16], run["status"]) for run in runs] == [
        ("orders-by-country", "08:05", "succeeded"),
        ("refused-orders", "08:15", "succeeded"),
    ]
    assert [(run["rows"], run["alerts"]) for run in runs] == [(4, ""), (0, "")]
    assert stack.mails() == []


def test_an_export_is_what_athena_wrote(stack: Deployed) -> None:
    (run,) = [
        run
        for run in queries_day.records(stack.cloud, stack.life.shop.bucket)
        if run["query_id"] == "orders-by-country"
    ]
    key = run["export"].removeprefix(f"s3://{stack.life.shop.bucket}/")
    body = stack.cloud.client("s3").get_object(Bucket=stack.life.shop.bucket, Key=key)["Body"].read().decode()
    assert f"exports/orders-by-country/{EIGHT:%Y/%m/%d}/0805/" in key
    assert body.splitlines()[0].replace('"', "") == "country,orders,amount"
    assert len(body.splitlines()) == 5


def test_alerts_open_escalate_and_resolve_once_each(stack: Deployed) -> None:
    for minute in (30, 45, 60, 75, 90, 105):
        stack.live(minute)
    assert stack.mails() == ["WARNING", "CRITICAL", "RESOLVED"]
    opened = next(mail for mail in stack.cloud.outbox() if "CRITICAL" in mail.subject).text("plain")
    assert "The query refused-orders is at 2: 'several countries' calls at rows > 1." in " ".join(opened.split())
    assert "FR | 40 | 35.0" in opened
    assert "#/query-editor/history/" in opened


def test_run_asks_the_deployed_executor_and_history_shows_it(stack: Deployed) -> None:
    due = f"{EIGHT + timedelta(minutes=60):%Y-%m-%dT%H:%MZ}"
    answer = stack.run("run", "refused-orders", "--date", due)
    assert (answer.exit_code, "succeeded" in answer.stdout, "alerts: one country, several" in answer.stdout) == (
        0,
        True,
        True,
    )
    again = json.loads(stack.run("run", "refused-orders", "--date", due, "--again", "--json").stdout)
    assert again["export"] == ""
    records = json.loads(stack.run("history", "refused-orders", "--json").stdout)
    assert [each["due"] for each in records].count(again["due"]) == 2
    assert "succeeded" in stack.run("history", "refused-orders").stdout
    # An old run tells nobody anything.
    assert stack.mails() == ["WARNING", "CRITICAL", "RESOLVED"]


def test_a_dry_run_prints_the_statement_with_its_parameters(stack: Deployed) -> None:
    done = stack.run("run", "refused-orders", "--date", f"{EIGHT:%Y-%m-%d}", "--dry-run")
    assert f"dt = '{EIGHT:%Y-%m-%d}'" in done.stdout
    assert done.stdout.endswith("? 1: 10\n")


def ask(stack: Deployed, sql: str, *parameters: str) -> list[list[str]]:
    """Ask the local Athena and return the rows, the columns' names first."""
    athena = stack.cloud.client("athena")
    asked = {"ExecutionParameters": list(parameters)} if parameters else {}
    context = {"Database": "deliverywatch_prod"}
    started = athena.start_query_execution(
        QueryString=sql, WorkGroup="deliverywatch-prod", QueryExecutionContext=context, **asked
    )
    while True:
        status = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
    assert status["State"] == "SUCCEEDED", status["StateChangeReason"]
    rows = athena.get_query_results(QueryExecutionId=started["QueryExecutionId"])["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in rows]


def test_the_saved_queries_tell_of_the_runs(stack: Deployed) -> None:
    folder = ROOT / "cfn/queries/queries"
    columns, *rows = ask(stack, (folder / "runs_by_query.sql").read_text())
    runs = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
    assert set(runs) == {"orders-by-country", "refused-orders"}
    assert int(runs["refused-orders"]["runs"]) == len(stack.history("refused-orders"))
    assert ask(stack, (folder / "failed_runs.sql").read_text())[1:] == []


def test_the_operators_own_queries_run(stack: Deployed) -> None:
    given = config.read((ROOT / "cfn/schedules.json").read_bytes(), "deliverywatch")
    for query in given.queries.values():
        asked = statement.filled(query, EIGHT + timedelta(days=1))
        columns, *_ = ask(stack, asked.sql, *asked.parameters)
        assert columns
    mails = statement.filled(given.queries["mails-by-day"], EIGHT + timedelta(days=1))
    assert [row[-1] for row in ask(stack, mails.sql)[1:]] == ["1", "1", "1"]


def test_drift_is_shown_field_by_field_and_fixed_by_apply(stack: Deployed) -> None:
    schedule = stack.schedule(MINE)
    stack.cloud.client("scheduler").update_schedule(
        Name=MINE,
        GroupName=GROUP,
        ScheduleExpression="rate(9 days)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=schedule["Target"],
    )
    shown = stack.run("plan", "--config", str(stack.file))
    assert "expression: 'rate(9 days)' -> 'cron(0/15 * * * ? *)'" in shown.stdout
    assert "rate(9 days)" in stack.run("apply", "--config", str(stack.file), "--dry-run").stdout
    assert stack.schedule(MINE)["ScheduleExpression"] == "rate(9 days)"
    done = stack.run("apply", "--config", str(stack.file), "--json")
    assert (done.exit_code, json.loads(done.stdout)["updated"]) == (0, [MINE])
    assert stack.schedule(MINE)["ScheduleExpression"] == "cron(0/15 * * * ? *)"


def test_deletions_wait_behind_the_guard_until_it_is_lifted(stack: Deployed, tmp_path: Path) -> None:
    empty = tmp_path / "empty.json"
    empty.write_text('{"queries": {}}')
    shown = stack.run("plan", "--config", str(empty))
    assert shown.exit_code == 2
    assert f"KEPT    {MINE}: not in the file" in shown.stdout
    assert json.loads(stack.run("apply", "--config", str(empty), "--json").stdout)["deleted"] == []
    assert f"KEPT    {MINE}: not in the file since revision " in stack.run("plan", "--config", str(empty)).stdout
    announced = "The file holds no query, and deletions are allowed: all 2 schedules are deleted, "
    assert announced in stack.run("apply", "--config", str(empty), "--allow-deletes", "--dry-run").stdout
    lifted = stack.run("apply", "--config", str(empty), "--allow-deletes", "--json")
    assert len(json.loads(lifted.stdout)["deleted"]) == 2
    assert lifted.stderr.startswith(announced)
    assert stack.schedule("somebody-elses")
    assert stack.run("apply", "--config", str(stack.file)).exit_code == 0


def test_import_writes_an_entry_for_each_schedule_that_has_none(stack: Deployed, tmp_path: Path) -> None:
    empty, former = tmp_path / "empty.json", tmp_path / "former.json"
    empty.write_text('{"queries": {}}')
    former.write_text(
        json.dumps({"queries": {"refused-orders": {"type": "alerts", "query": "SELECT 1", "alerts": []}}})
    )
    done = stack.run("import", "--config", str(empty), "--from", str(former))
    entries = json.loads(done.stdout)["queries"]
    assert entries["refused-orders"]["query"] == "SELECT 1"
    assert entries["orders-by-country"] == {
        "description": "Orders of the day",
        "schedule": "cron(5/20 * * * ? *)",
        "query": "",
    }
    assert "orders-by-country: fill in its query" in done.stderr


def test_the_lake_keeps_its_conditions(stack: Deployed) -> None:
    lake = Lake(stack.life.shop.bucket, stack.cloud.client("s3"))
    lake.write_if_unchanged("queries/test/a", b"one\ntw\xc3\xb6", None)
    with pytest.raises(StoreConflict):
        lake.write_if_unchanged("queries/test/a", b"two", None)
    with pytest.raises(StoreConflict):
        lake.write_if_unchanged("queries/test/a", b"two", '"another"')
    present = lake.read("queries/test/a")
    assert present is not None
    lake.copy(f"s3://{stack.life.shop.bucket}/queries/test/a", "queries/test/b", {"execution-id": "e1"})
    assert (lake.metadata("queries/test/b"), lake.metadata("queries/test/none")) == ({"execution-id": "e1"}, None)
    assert list(lake.lines(f"s3://{stack.life.shop.bucket}/queries/test/b")) == ["one\n", "tw\u00f6"]
    lake.write_if_unchanged("queries/test/a", b"two", present.etag)
    assert lake.keys("queries/test/") == ["queries/test/a", "queries/test/b"]
    assert lake.read("queries/test/none") is None


def test_pages_of_schedules_are_read_to_the_end(stack: Deployed) -> None:
    scheduler = stack.cloud.client("scheduler")
    target = {"Arn": "arn:aws:sqs:us-east-1:111122223333:x", "RoleArn": "arn:aws:iam::111122223333:role/x"}
    for number in range(120):
        scheduler.create_schedule(
            Name=f"many-{number:03}",
            GroupName=GROUP,
            ScheduleExpression="rate(30 days)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )
    assert len(list(Scheduler(scheduler, GROUP).names("many-"))) == 120
    assert names_in(scheduler, GROUP, "many-11") == [f"many-11{number}" for number in range(10)]


def test_a_group_that_does_not_exist_is_refused_and_has_no_names(stack: Deployed) -> None:
    scheduler = stack.cloud.client("scheduler")
    with pytest.raises(ServiceRefused, match="no-such-group does not exist"):
        list(Scheduler(scheduler, "no-such-group").names("many-"))
    assert names_in(scheduler, "no-such-group", "many-") == []
    done = stack.run("import", "--config", str(stack.file), "--group", "no-such-group")
    assert (done.exit_code, "does not exist" in done.stderr) == (1, True)


def test_a_refused_file_ends_with_1_and_changes_nothing(stack: Deployed, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"queries": {"x": {"schedule": "rate(1 hour)", "query": "SELEC 1"}}}')
    done = stack.run("apply", "--config", str(wrong))
    assert done.exit_code == 1
    assert "$.queries.x.query" in done.stderr


def test_a_schedule_that_is_refused_keeps_apply_from_no_other_and_ends_with_1(stack: Deployed, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed.json"
    present = json.loads(stack.file.read_text())["queries"]
    entry = {"query": "SELECT 1"}
    added = {"a-bad": entry | {"schedule": "cron(*/60 * * * ? *)"}, "b-good": entry | {"schedule": "rate(1 hours)"}}
    mixed.write_text(json.dumps({"queries": present | added}))
    done = stack.run("apply", "--config", str(mixed))
    assert (done.exit_code, "$.queries['a-bad'].schedule" in done.stderr) == (1, True)
    assert "ValidationException: Invalid Schedule Expression cron(*/60 * * * ? *)." in done.stdout
    assert stack.schedule("deliverywatch-b-good")["ScheduleExpression"] == "rate(1 hours)"
    stack.cloud.client("scheduler").delete_schedule(GroupName=GROUP, Name="deliverywatch-b-good")


def test_a_removed_query_is_deleted_and_what_it_left_open_is_closed(stack: Deployed) -> None:
    stack.save(queries_day.REPORT)
    stack.live(110)
    with pytest.raises(stack.cloud.client("scheduler").exceptions.ResourceNotFoundException):
        stack.schedule(MINE)
    assert stack.cloud.failures == []


def test_a_wrong_branch_rings_with_its_first_round_and_deletes_nothing_in_any(stack: Deployed) -> None:
    stack.save(queries_day.ADDED | queries_day.REPORT)
    stack.live(115)
    mailed = len(stack.mails())
    stack.save({f"theirs-{number}": queries_day.REPORT["orders-by-country"] for number in range(6)})
    for minute in (120, 121):
        stack.live(minute)
    assert stack.mails()[mailed:] == ["WARNING"]
    assert "2 of 2 schedules would be deleted" in " ".join(stack.cloud.outbox()[-1].text("plain").split())
    for minute in (125, 130):
        stack.live(minute)
    assert stack.schedule(MINE)
    assert stack.schedule("deliverywatch-theirs-5")
    stack.save(queries_day.ADDED | queries_day.REPORT)
    stack.live(135)
    lifted = stack.run("apply", "--config", str(stack.file), "--allow-deletes", "--json")
    assert len(json.loads(lifted.stdout)["deleted"]) == 6
    for minute in (140, 141):
        stack.live(minute)
    assert stack.mails()[mailed:] == ["WARNING", "RESOLVED"]

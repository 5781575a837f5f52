"""A validation says what it counted and of how many; what it cannot check raises, and no data is no score."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.cli import main
from deliverywatch.errors import ConfigurationError, InputError
from deliverywatch.pipeline.checks.duck import LocalTables
from deliverywatch.pipeline.checks.sql import time_of
from deliverywatch.pipeline.checks.validation import Topic, document, report_of
from deliverywatch.pipeline.validate import Part, Task, task_of, validate
from pipeline.pipeline_world import DECLARED, PIPELINES, SF_USER, event

if TYPE_CHECKING:
    from deliverywatch.pipeline.checks.validation import Report

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
START = NOON - timedelta(hours=1)


class World:
    """Two tables in DuckDB: the rows of a run, and a history."""

    def __init__(self) -> None:
        self.tables = LocalTables()

    def load(self, rows: Sequence[tuple[int | None, str | None, datetime, datetime]]) -> None:
        connection = self.tables.connection
        connection.execute(
            "CREATE OR REPLACE TABLE users (user_id BIGINT, email VARCHAR, loaded_at TIMESTAMP, changed_at TIMESTAMP)"
        )
        connection.execute(
            "CREATE OR REPLACE TABLE users_history (user_id BIGINT, valid_from TIMESTAMP, valid_to TIMESTAMP, "
            "is_current BOOLEAN, is_deleted BOOLEAN, email VARCHAR, plan VARCHAR)"
        )
        for user_id, email, loaded_at, changed_at in rows:
            values = [user_id, email, loaded_at.replace(tzinfo=None), changed_at.replace(tzinfo=None)]
            connection.execute("INSERT INTO users VALUES (?, ?, ?, ?)", values)

    def keep(self, user_id: int, begin: int, end: int | None, *, current: bool) -> None:
        moments = [
            None if hour is None else (NOON + timedelta(hours=hour)).replace(tzinfo=None) for hour in (begin, end)
        ]
        self.tables.connection.execute(
            "INSERT INTO users_history VALUES (?, ?, ?, ?, FALSE, ?, 'free')", [user_id, *moments, current, str(begin)]
        )

    def validate(self, part: Part = Part.ALL, **task: Any) -> Report:
        return validate(Task(SF_USER, part, START, NOON, **task), self.tables)


@pytest.fixture(scope="module")
def shared() -> World:
    return World()


@pytest.fixture
def world(shared: World) -> World:
    shared.load(good(200))
    return shared


def good(count: int) -> list[tuple[int | None, str | None, datetime, datetime]]:
    loaded, changed = NOON - timedelta(minutes=20), NOON - timedelta(hours=2)
    return [(number, f"{number}@example.com", loaded, changed) for number in range(count)]


def failed(report: Report) -> list[str]:
    return [check.name for check in report.failed]


def test_good_rows_pass_with_scores_that_say_of_how_many(world: World) -> None:
    world.keep(1, -2, None, current=True)
    report = world.validate()
    assert report.is_passed
    assert (report.quality.percent, report.quality.total) == (100, 200)
    assert (report.integrity.percent, report.integrity.total) == (100, 1)
    assert (report.counts.processed, report.age_hours) == (200, 2)


def test_only_rows_of_the_run_count(world: World) -> None:
    old, late = NOON - timedelta(days=2), NOON + timedelta(minutes=1)
    world.load([*good(150), (7, "x", old, old), (8, "x", late, late), (9, "x", START, START), (10, "x", NOON, NOON)])
    assert world.validate(Part.RECORDS).counts.processed == 151


@pytest.mark.parametrize(("count", "names"), [(100, []), (99, ["minimum_records"]), (0, ["minimum_records"])])
def test_too_few_records_fail(world: World, count: int, names: list[str]) -> None:
    world.load(good(count))
    assert failed(world.validate(Part.RECORDS)) == names


def test_without_rows_there_is_no_score_and_no_age(world: World) -> None:
    world.load([])
    report = world.validate()
    assert (report.quality.percent, report.integrity.percent, report.age_hours) == (None, None, None)
    assert {check.result for check in report.checks if check.topic is Topic.QUALITY} == {"no data"}


@pytest.mark.parametrize(("empty", "names"), [(10, []), (11, ["quality"])])
def test_the_share_of_rows_without_a_required_value_decides(world: World, empty: int, names: list[str]) -> None:
    rows = good(200)
    world.load([(user, " " if place < empty else email, *times) for place, (user, email, *times) in enumerate(rows)])  # type: ignore[misc]
    report = world.validate(Part.RECORDS)
    assert failed(report) == names
    rows = {check.name: check.rows for check in report.checks}
    assert (rows["required_email"], rows["required_user_id"]) == (empty, 0)


@pytest.mark.parametrize(("hours", "names"), [(6.0, []), (6.1, ["freshness"])])
def test_old_changes_are_stale(world: World, hours: float, names: list[str]) -> None:
    changed = NOON - timedelta(hours=hours)
    world.load([(user, email, loaded, changed) for user, email, loaded, _ in good(200)])
    assert failed(world.validate(Part.RECORDS)) == names


def test_a_row_that_is_dated_in_the_future_does_not_make_old_ones_fresh(world: World) -> None:
    changes = [NOON - timedelta(hours=9)] * 199 + [NOON + timedelta(days=1)]
    world.load([(*row[:3], changed) for row, changed in zip(good(200), changes, strict=True)])
    report = world.validate(Part.RECORDS)
    assert (failed(report), report.age_hours) == (["freshness"], 9.0)


def test_a_few_bad_keys_are_reported_and_too_many_fail(world: World) -> None:
    for key in range(100):
        world.keep(key, -3, None, current=True)
    world.keep(100, -3, -2, current=False)
    few = world.validate(Part.HISTORIES)
    assert (few.is_passed, few.integrity.good, few.integrity.total) == (True, 100, 101)
    assert [check.name for check in few.checks if check.result == "failed"] == ["no_current"]
    world.keep(101, -3, -2, current=False)
    world.keep(102, -3, -2, current=False)
    assert failed(world.validate(Part.HISTORIES)) == ["no_current"]


@pytest.mark.parametrize(("state", "names"), [("SUCCEEDED", []), ("FAILED", ["job_state"]), ("RUNNING", ["job_state"])])
def test_the_job_that_wrote_the_rows_must_have_succeeded(world: World, state: str, names: list[str]) -> None:
    assert failed(world.validate(job=event("glue_job_run") | {"JobRunState": state})) == names


def test_what_is_no_job_run_is_no_success(world: World) -> None:
    assert failed(world.validate(job={"status": "fine"})) == ["job_state"]


def test_a_strict_task_raises_with_what_failed(world: World) -> None:
    world.load(good(3))
    with pytest.raises(InputError, match=r"wrote 3 records; fewer than 100"):
        world.validate(is_strict=True)


def test_a_table_that_is_not_there_raises(world: World) -> None:
    world.tables.connection.execute("DROP TABLE users")
    with pytest.raises(InputError, match="cannot be run"):
        world.validate()


def test_the_report_survives_its_way_through_a_state_machine(world: World) -> None:
    world.keep(1, -3, -2, current=False)
    report = world.validate(job=event("glue_job_run"))
    assert report_of(json.loads(json.dumps(document(report)))) == report


def test_a_call_says_which_part_and_since_when() -> None:
    body = {"pipeline": "sf_user", "part": "records", "since": "2026-11-21T11:00:00.000Z", "raise": True}
    task = task_of(body, PIPELINES, NOON)
    assert (task.part, task.since, task.until, task.is_strict) == (Part.RECORDS, START, NOON, True)
    assert task_of({"pipeline": "sf_user"}, PIPELINES, NOON).since == NOON - timedelta(days=1)


@pytest.mark.parametrize("body", [{"part": "some"}, {"since": "yesterday"}, {"since": "2026-11-22T00:00:00Z"}])
def test_a_call_that_cannot_be_understood_raises(body: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="part, since or until"):
        task_of({"pipeline": "sf_user", **body}, PIPELINES, NOON)


def test_a_pipeline_that_is_not_declared_raises() -> None:
    with pytest.raises(ConfigurationError, match="'other'"):
        task_of({"pipeline": "other"}, PIPELINES, NOON)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-21 05:58:12.000 UTC", "2026-11-21T05:58:12+00:00"),
        ("2026-11-21 05:58:12.123456", "2026-11-21T05:58:12.123456+00:00"),
        ("2026-11-21 05:58:12.123456789 UTC", "2026-11-21T05:58:12.123456+00:00"),
        ("2026-11-21 05:58:12.5+02:00", "2026-11-21T03:58:12.500000+00:00"),
        ("2026-11-21 05:58:12", "2026-11-21T05:58:12+00:00"),
        ("2026-11-21", "2026-11-21T00:00:00+00:00"),
    ],
)
def test_the_times_that_athena_writes_are_read(written: str, expected: str) -> None:
    time = time_of(written)
    assert time is not None
    assert time.isoformat() == expected


@pytest.mark.parametrize("written", ["soon", "2026-11-21 05:58:12 Europe/Berlin"])
def test_a_time_that_cannot_be_read_raises(written: str) -> None:
    with pytest.raises(InputError, match="not a time that Athena writes"):
        time_of(written)


values = st.sampled_from([None, "", "  ", "a", "b"])


@given(
    st.lists(st.tuples(st.sampled_from([None, 1, 2]), values, st.integers(-90, 30), st.integers(-900, 0)), max_size=15)
)
@settings(max_examples=60, deadline=None)
def test_the_checks_of_records_agree_with_a_plain_count(
    shared: World, rows: list[tuple[int | None, str | None, int, int]]
) -> None:
    moments = [(user, email, NOON + timedelta(minutes=m), NOON + timedelta(minutes=c)) for user, email, m, c in rows]
    shared.load(moments)
    report = shared.validate(Part.RECORDS)
    own = [row for row in moments if START <= row[2] < NOON]
    no_email = [row for row in own if row[1] is None or not row[1].strip()]
    bad = [row for row in own if row[0] is None or row in no_email]
    checks = {check.name: check.rows for check in report.checks}
    assert (report.counts.processed, report.quality.good) == (len(own), len(own) - len(bad))
    assert (checks["required_email"], checks["required_user_id"]) == (len(no_email), sum(row[0] is None for row in own))
    ages = [(NOON - row[3]).total_seconds() / 3600 for row in own]
    assert report.age_hours == (round(min(ages), 3) if ages else None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "users_history").mkdir()
    (tmp_path / "pipelines.json").write_text(json.dumps(DECLARED))
    lines = ["user_id,email,loaded_at,changed_at"]
    lines += [f"{number},a@example.com,2026-11-21 11:30:00,2026-11-21 11:00:00" for number in range(120)]
    (tmp_path / "users.csv").write_text("\n".join(lines) + "\n")
    row = {"user_id": 1, "is_current": True, "is_deleted": False, "email": "a", "plan": "free", "valid_to": None}
    line = json.dumps({**row, "valid_from": "2026-11-21 10:00:00"})
    (tmp_path / "users_history" / "part-0.jsonl").write_text(line + "\n")
    return tmp_path


def command(folder: Path, *more: str) -> Any:
    times = ["--since", "2026-11-21T11:00Z", "--until", "2026-11-21T12:00Z"]
    declared = ["--pipelines", str(folder / "pipelines.json")]
    return CliRunner().invoke(main, ["pipeline", "validate", "--local", str(folder), *declared, *times, *more])


def test_the_command_checks_a_folder_of_tables(folder: Path) -> None:
    done = command(folder, "--part", "records")
    assert (done.exit_code, "It passes." in done.stdout) == (0, True)
    document = json.loads(command(folder, "--part", "records", "--json").stdout)
    assert document["scores"]["quality"] == {"percent": 100.0, "good": 120, "total": 120}


def test_the_command_ends_with_3_when_a_check_fails(folder: Path) -> None:
    path = folder / "users.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:50]) + "\n")
    done = command(folder, "--part", "records")
    assert (done.exit_code, "minimum_records" in done.stdout) == (3, True)


def test_a_file_that_is_no_table_is_refused_with_its_name(folder: Path) -> None:
    (folder / "plans.parquet").write_text("no parquet")
    result = command(folder)
    assert (result.exit_code, "plans.parquet cannot be read as the table plans" in result.output) == (2, True)


def test_a_name_that_two_files_have_is_refused(folder: Path) -> None:
    (folder / "plans.csv").write_text("a\n1\n")
    (folder / "plans.jsonl").write_text('{"a": 1}\n')
    assert "cannot be read as the table plans" in command(folder).output


def test_a_history_in_a_text_file_may_have_no_end_at_all(tmp_path: Path) -> None:
    (tmp_path / "plans.csv").write_text("id,valid_to\n1,\n2,\n")
    sql = "SELECT COALESCE(valid_to, TIMESTAMP '2026-11-21 00:00:00') AS t FROM plans"
    (first, _) = LocalTables(tmp_path).rows(sql, "")
    assert first["t"] == datetime(2026, 11, 21)  # noqa: DTZ001 - DuckDB's timestamps have no zone


def test_an_empty_history_beside_good_rows_is_said(folder: Path) -> None:
    (folder / "users_history" / "part-0.jsonl").unlink()
    header = "user_id,valid_from,valid_to,is_current,is_deleted,email,plan\n"
    (folder / "users_history.csv").write_text(header)
    done = command(folder)
    assert "of users_history nobody can tell" in done.stdout
    assert "It passes." not in done.stdout


@pytest.mark.parametrize(
    ("kind", "called"),
    [("INTEGER[]", "array"), ("STRUCT(a INTEGER)", "row"), ("MAP(VARCHAR, INTEGER)", "map"), ("BLOB", "varbinary")],
)
def test_what_athena_cannot_write_as_text_is_refused_here_too(kind: str, called: str) -> None:
    world = World()
    world.load(good(200))
    world.tables.connection.execute(f"ALTER TABLE users ALTER email TYPE {kind} USING NULL")
    with pytest.raises(InputError, match=f'Cannot cast {called} to varchar: "email"'):
        world.validate(Part.RECORDS)


@pytest.mark.parametrize("text", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.000+0000"])
def test_the_source_may_write_its_changes_as_text(text: str) -> None:
    world = World()
    world.load(good(200))
    world.tables.connection.execute(
        f"ALTER TABLE users ALTER changed_at TYPE VARCHAR USING strftime(changed_at, '{text}')"
    )
    assert world.validate(Part.RECORDS).age_hours == 2
    world.tables.connection.execute("ALTER TABLE users ALTER loaded_at TYPE VARCHAR")
    with pytest.raises(InputError) as refused:
        world.validate(Part.RECORDS)
    assert "loaded_at of records has to be a timestamp" in str(refused.value.next_step)


def test_a_history_without_a_version_is_not_good_news(tmp_path: Path) -> None:
    declared = {**DECLARED["pipeline"][0], "records": {}}
    (tmp_path / "pipelines.json").write_text(json.dumps({"pipeline": [{k: v for k, v in declared.items() if v}]}))
    header = "user_id,valid_from,valid_to,is_current,is_deleted,email,plan\n"
    (tmp_path / "users_history.csv").write_text(header)
    done = command(tmp_path, "--part", "histories")
    assert (done.exit_code, "Nothing could be judged" in done.stdout) == (3, True)
    (tmp_path / "users_history.csv").write_text(f"{header}1,2026-01-01,,true,false,a,free\n")
    assert "users_history is read as half-open" in command(tmp_path, "--part", "histories").stdout

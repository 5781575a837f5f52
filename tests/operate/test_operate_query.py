"""`deliverywatch query`: the same questions to Athena, to a copy and to a folder have the same answers."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from deliverywatch.athena import Execution, Statement, Status
from deliverywatch.errors import InputError
from deliverywatch.operate.lake import query

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.cloud.cloud import LocalCloud

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
COUNT = (
    "SELECT dt, outcome, count(*) AS messages FROM sms_messages WHERE dt >= '2020-01-01' GROUP BY 1, 2 ORDER BY 1, 2"
)


@pytest.fixture(scope="module")
def filled(cloud: LocalCloud, noon: datetime) -> LocalCloud:
    """The stack after two hours of runs."""
    for number in range(12):
        now = noon + timedelta(minutes=10 * number)
        cloud.clock.advance_to(now)
        answer = cloud.invoke("deliverywatch-prod-sms-ingest", {"scheduled_time": now.isoformat()})
        assert answer.error is None
    return cloud


def test_athena_and_a_copy_of_the_lake_answer_the_same(filled: LocalCloud, run: Callable[..., Result]) -> None:
    athena, copy = run("query", COUNT, "--format", "csv"), run("query", COUNT, "--format", "csv", "--copy")
    assert (athena.exit_code, copy.exit_code) == (0, 0), athena.stderr + copy.stderr
    assert athena.stdout == copy.stdout
    rows = list(csv.DictReader(io.StringIO(athena.stdout)))
    assert sum(int(row["messages"]) for row in rows) > 100
    assert "Reads at most" in athena.stderr
    assert "at most 0.0000" in athena.stderr
    assert "MB read in" in athena.stderr
    assert "only the reading of S3" in copy.stderr


def test_a_saved_query_is_called_by_its_name(filled: LocalCloud, run: Callable[..., Result]) -> None:
    listed = run("query", "--list").stdout
    assert "sms-top-reasons\n  Why did SMS fail" in listed
    assert "--param message_id=..." in listed
    assert run("query", "top-reasons").exit_code == 0
    assert max(map(len, run("query", "daily-summary").stdout.splitlines())) <= 80


def test_a_parameter_is_set_and_quoted(filled: LocalCloud, run: Callable[..., Result]) -> None:
    found = run("query", "SELECT max(message_id) AS message_id FROM sms_messages", "--format", "json").stdout
    message_id = json.loads(found)["message_id"]
    rows = run(
        "query", "message-history", "--param", f"message_id={message_id}", "--format", "json"
    ).stdout.splitlines()
    assert [json.loads(row)["message_id"] for row in rows if json.loads(row)["is_it"] == "true"] == [message_id]
    nothing = run("query", "message-history", "--param", "message_id=it's nobody's", "--format", "json")
    assert (nothing.exit_code, nothing.stdout) == (0, "")


def test_rows_go_into_a_parquet_file_with_their_types(
    filled: LocalCloud, run: Callable[..., Result], tmp_path: Path
) -> None:
    out = tmp_path / "rows.parquet"
    assert run("query", COUNT, "--format", "parquet", "--out", out).exit_code == 0
    table = pq.read_table(out)
    assert [str(field.type) for field in table.schema] == ["string", "string", "int64"]
    assert sum(table["messages"].to_pylist()) > 100
    assert run("query", COUNT, "--format", "parquet").exit_code == 2


def test_a_dry_run_asks_nothing(filled: LocalCloud, run: Callable[..., Result]) -> None:
    before = len(filled.client("athena").list_query_executions()["QueryExecutionIds"])
    result = run("query", COUNT, "--dry-run")
    assert (result.exit_code, result.stdout) == (0, "")
    assert len(filled.client("athena").list_query_executions()["QueryExecutionIds"]) == before


@pytest.mark.parametrize(
    ("options", "told"),
    [(["--format", "parquet"], "needs --out FILE"), (["--out", "nowhere/rows.csv"], "there is no folder nowhere")],
)
def test_nothing_is_asked_whose_rows_cannot_be_written(
    filled: LocalCloud, run: Callable[..., Result], options: list[str], told: str
) -> None:
    before = len(filled.client("athena").list_query_executions()["QueryExecutionIds"])
    result = run("query", COUNT, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert len(filled.client("athena").list_query_executions()["QueryExecutionIds"]) == before


@pytest.mark.parametrize("text", ["SELECT nothing FROM nowhere WHERE", "tops", "SELECT none FROM sms_messages"])
def test_what_cannot_be_asked_is_one_sentence(filled: LocalCloud, run: Callable[..., Result], text: str) -> None:
    result = run("query", text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE sms_messages",
        "-- SELECT\ninsert into mails VALUES (1)",
        "/* SELECT */ DELETE FROM mails",
        "SELECT 1; DROP TABLE mails",
        "UNLOAD (SELECT 1) TO 's3://elsewhere/' WITH (format = 'JSON')",
        "SELECTED rows",
        "; ;",
    ],
)
def test_a_query_cannot_change_the_lake(text: str) -> None:
    with pytest.raises(InputError, match="A query only reads"):
        query.chosen(text, [], {})


@pytest.mark.parametrize(
    "text",
    [
        "-- Why?\nselect 1;",
        "/* ; */ WITH a AS (SELECT 1) SELECT * FROM a",
        "(SELECT 1) UNION (SELECT 2)",
        "SELECT ';' AS \"a;b\" -- DROP TABLE mails;",
        "SHOW PARTITIONS mails",
        "VALUES (1, 'it''s; so')",
    ],
)
def test_whatever_only_asks_is_asked_as_it_is(text: str) -> None:
    assert query.chosen(text, [], {}) == text


@pytest.mark.parametrize("name", ["sms-top-reasons", "top-reasons", "top_reasons", "reasons"])
def test_the_end_of_a_name_is_enough_if_there_is_only_one(name: str) -> None:
    saved = [query.Saved("sms-top-reasons", "SELECT 1"), query.Saved("sms-summary", "SELECT 2")]
    assert query.chosen(name, [*saved, query.Saved("email-summary", "SELECT 3")], {}) == "SELECT 1"
    with pytest.raises(InputError, match="There is no saved query summary"):
        query.chosen("summary", [*saved, query.Saved("email-summary", "SELECT 3")], {})


def test_a_folder_answers_every_saved_query(run: Callable[..., Result], tmp_path: Path) -> None:
    names = [
        line
        for line in run("query", "--list", "--local", tmp_path).stdout.splitlines()
        if line.startswith(("sms-", "alerting-"))
    ]
    assert len(names) >= 7
    assert {name: run("query", name, "--local", tmp_path).exit_code for name in names} == dict.fromkeys(names, 0)


def test_a_folder_needs_no_account(run: Callable[..., Result], tmp_path: Path) -> None:
    empty = run("query", COUNT, "--local", tmp_path, "--format", "csv")
    assert (empty.exit_code, empty.stdout) == (0, "dt,outcome,messages\n")
    assert run("query", "top-reasons", "--local", tmp_path / "nowhere").exit_code == 2
    wrong = run("query", "SELECT x FROM sms_messages", "--local", tmp_path)
    assert wrong.exit_code == 2
    assert "DuckDB cannot run the query" in wrong.stderr


@pytest.mark.parametrize(
    ("sql", "at"), [("SELECT x FROM", " at line 1, column 13."), ("SELECT 'x FROM mails", ".")], ids=["cut", "quote"]
)
def test_sql_that_does_not_parse_is_for_the_caller_to_correct(
    run: Callable[..., Result], tmp_path: Path, sql: str, at: str
) -> None:
    wrong = run("query", sql, "--local", tmp_path)
    assert wrong.exit_code == 2
    assert f"The query does not parse as Athena SQL{at} Correct the query." in wrong.stderr


class Slow:
    """An Athena that takes three looks, or for ever."""

    def __init__(self, states: list[str]) -> None:
        self.states, self.interrupted, self.poll_count = states, [], 0

    def start(self, statement: Statement, token: str = "") -> str:  # noqa: ARG002
        return "1"

    def look(self, execution_id: str) -> Execution:
        self.poll_count += 1
        reason = "Bytes scanned limit was exceeded."
        return Execution(execution_id, Status(self.states.pop(0)), scanned_bytes=5, seconds=1, reason=reason)

    def stop(self, execution_id: str) -> None:
        self.interrupted.append(execution_id)

    def result(self, execution_id: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:  # noqa: ARG002
        return [("a", "varchar")], [("1",)]


def test_without_duckdb_athena_is_still_there(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    answer = run("query", COUNT, "--local", tmp_path)
    assert answer.exit_code == 1
    assert "py3-none-any.whl[local]'. Or ask Athena: without --local" in " ".join(answer.stderr.split())


def test_it_waits_ever_more_patiently() -> None:
    pauses: list[float] = []
    answer = query.run(Slow(["QUEUED", "RUNNING", "RUNNING", "SUCCEEDED"]), "SELECT 1", pauses.append)
    assert (answer.rows, answer.scanned_bytes) == ([("1",)], 5)
    assert pauses == sorted(pauses)
    assert len(set(pauses)) == 3


def test_whoever_interrupts_it_stops_the_query() -> None:
    engine = Slow(["RUNNING"] * 5)

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        query.run(engine, "SELECT 1", interrupted)
    assert engine.interrupted == ["1"]


def test_a_query_over_the_limit_says_so() -> None:
    with pytest.raises(InputError, match=r"Athena did not run the query: Bytes scanned limit was exceeded\."):
        query.run(Slow(["FAILED"]), "SELECT 1", lambda _: None)


@pytest.mark.parametrize(
    ("sql", "since"),
    [
        ("SELECT 1 FROM t WHERE dt >= date_format(current_timestamp - INTERVAL '30' DAY, '%Y-%m-%d')", "2026-10-22"),
        ("SELECT 1 FROM t WHERE dt = '2026-11-03'", "2026-11-03"),
        ("SELECT 1 FROM t WHERE dt = '2026-11-02'", "2026-11-02"),
        ("SELECT 1 FROM t WHERE dt BETWEEN '2026-11-03' AND '2026-11-05'", "2026-11-03"),
        ("SELECT 1 FROM t", None),
    ],
)
def test_the_estimate_counts_the_days_that_are_read(sql: str, since: str | None) -> None:
    sizes = [(f"sms/dt=2026-{month}-{day:02}/day.parquet", 40_000_000) for month in ("10", "11") for day in (2, 3, 22)]
    found = query.estimate(sql, sizes, NOW)
    expected = [key for key, _ in sizes if since is None or f"dt={since}" <= key.split("/")[1]]
    expected = expected if "dt = " not in sql else [key for key in expected if f"dt={since}" in key]
    assert (found.since, found.object_count) == (since, len(expected))
    assert found.byte_count == 40_000_000 * len(expected)
    assert found.usd == pytest.approx(found.byte_count * 5e-12 + 3 * len(expected) * 4e-7)


def test_a_small_query_costs_ten_megabytes() -> None:
    assert query.cost_usd(1) == pytest.approx(0.00005)

"""Every saved query of the built template, parsed as Athena SQL and executed over a lake that a real run wrote.

DuckDB stands in for Athena; what comes out is compared with numbers counted here from the messages themselves.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from cfn_values import of_type
from sqlglot import exp

from deliverywatch.alerting.incidents import outbox
from deliverywatch.athena_duckdb import translated
from deliverywatch.local.cloud.athena.dialect import sql_of_view
from deliverywatch.sms import ingest
from deliverywatch.sms.clicksend.pages import Page
from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.lake.columns import COLUMNS
from deliverywatch.sms.ports import Ports, Settings, Source
from deliverywatch.storage.folder import Folder

NOW = datetime(2026, 11, 21, 14, 20, tzinfo=UTC)  # the end of a slot
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Message:
    """What a test knows of a message."""

    message_id: str
    sent_at: datetime
    outcome: str
    error: str
    carrier: str | None
    country: str
    number: str

    @property
    def fault(self) -> str:
        return {"14": "carrier", "9": "recipient", "18": "provider", "19": "content"}.get(self.error, "none")

    def row(self) -> dict[str, Any]:
        """As ClickSend tells it; a message that is scheduled for later is not counted."""
        codes = {
            "delivered": ("201", "4"),
            "failed": ("301", self.error),
            "pending": ("200", None),
            "excluded": (None, None),
        }
        code, error = codes[self.outcome]
        scheduled = self.outcome == "excluded"
        return {
            "message_id": self.message_id,
            "date": int(self.sent_at.timestamp()),
            "status": "Scheduled" if scheduled else "Sent",
            "schedule": int((NOW + DAY).timestamp()) if scheduled else None,
            "status_code": code,
            "status_text": f"reason {error}" if self.outcome == "failed" else None,
            "error_code": error,
            "direction": "out",
            "country": self.country,
            "carrier": self.carrier,
            "to": self.number,
            "message_parts": 1,
            "message_price": "0.0500",
        }


def messages() -> list[Message]:
    """Three days of messages, with one carrier failing between four and three hours before now."""
    draw = random.Random(20261121)
    return [_message(draw, number) for number in range(2000)]


def _message(draw: random.Random, number: int) -> Message:
    sent_at = (NOW - timedelta(seconds=draw.randrange(60, 3 * 86_400))).replace(microsecond=0)
    carrier = draw.choice(["Telstra", "Optus", "Vodafone", None])
    if number < 300:
        sent_at, carrier = NOW - timedelta(hours=3, seconds=draw.randrange(3600)), "Telstra"
    outcomes = ["failed"] * 40 if number < 200 else ["delivered"] * 34 + ["failed"] * 3 + ["pending"] * 2 + ["excluded"]
    return Message(
        message_id=f"{number:08X}-0000-6B70-A3E2-750B2DF4583F",
        sent_at=sent_at,
        outcome=draw.choice(outcomes),
        error=draw.choice(["14", "14", "14", "9", "18", "19"]),
        carrier=carrier,
        country=draw.choice(["AU", "AU", "AU", "NZ"]),
        number=f"+6140000{draw.randrange(400):04d}",
    )


class History:
    """ClickSend's history, in one page for each range."""

    def __init__(self, messages: list[Message]) -> None:
        self._rows = [message.row() for message in sorted(messages, key=lambda message: message.sent_at)]

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        rows = [row for row in self._rows if start.timestamp() <= row["date"] < end.timestamp()]
        yield Page(1, len(rows), 1, rows)


@pytest.fixture(scope="module")
def all_messages() -> list[Message]:
    return messages()


@pytest.fixture(scope="module")
def athena(lake: Path, template: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """A database with the tables and the view of the template, over files that the real flow wrote."""
    return _database(lake, view_of(template))


@pytest.fixture(scope="module")
def lake(all_messages: list[Message], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lake")
    store = Folder(root)
    settings = Settings()
    source = Source(History(all_messages), Recipients(b"key of the tests", plain=False))
    ports = Ports(connect=lambda: source, store=store, emit=lambda _: None)
    backfill = ingest.backfill_plan(NOW, settings, store, 4)
    ingest.run(NOW, settings, ports, token="before", by_hand=backfill)
    ingest.run(NOW, settings, ports, token="slot")
    _write_mails(root)
    return root


def view_of(template: dict[str, Any]) -> str:
    """The SQL of the view `sms_messages`, as Athena would read it from Glue."""
    tables = {table["TableInput"]["Name"]: table for table in of_type(template, "AWS::Glue::Table").values()}
    return sql_of_view(tables["sms_messages"]["TableInput"]) or pytest.fail("it is not a view")


def _write_mails(root: Path) -> None:
    record = outbox.Record(
        "INC-1121-1204", "sms-failures", 1, "OPENED", "warning", NOW, "request", NOW, failed=5, total=90
    )
    old = outbox.Record("INC-0901-0000", "sms-failures", 1, "OPENED", "warning", NOW - 60 * DAY, "request", NOW)
    for each in (record, old):
        path = root / outbox.record_key(each)
        path.parent.mkdir(parents=True)
        path.write_bytes(outbox.to_json(each))


def _database(root: Path, view: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")  # as Athena's sessions are
    # Athena's timestamp has no zone, whatever the file says.
    times = ", ".join(
        f"{column.name} AT TIME ZONE 'UTC' AS {column.name}" for column in COLUMNS if column.athena_type == "timestamp"
    )
    hive = "hive_partitioning = true, hive_types = {'dt': VARCHAR}"
    connection.execute(
        f"CREATE VIEW sms_objects AS SELECT * REPLACE ({times}) "
        f"FROM read_parquet('{root}/sms/*/*.parquet', {hive}, filename = '$path')"
    )
    connection.execute(f"CREATE VIEW sms_messages AS {translated(view)}")
    columns = ", ".join(f"{name}: '{kind}'" for name, kind, _ in outbox.COLUMNS).replace("'string'", "'varchar'")
    connection.execute(
        f"CREATE VIEW mails AS SELECT * FROM read_json('{root}/mails/*/*.json', columns = {{{columns}}}, {hive})"
    )
    return connection


def saved(template: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["QueryString"] for each in of_type(template, "AWS::Athena::NamedQuery").values()}


NAMES = [
    "alerting-mails",
    "sms-affected-recipients",
    "sms-by-carrier-and-country",
    "sms-daily-summary",
    "sms-delay",
    "sms-failure-rate-per-minute",
    "sms-message-history",
    "sms-top-reasons",
]


def run(athena: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Run a query as if it were NOW."""
    tree = sqlglot.parse_one(translated(sql), read="duckdb")
    now = sqlglot.parse_one(f"CAST('{NOW.isoformat()}' AS TIMESTAMPTZ)", read="duckdb")
    clocks = list(tree.find_all(exp.CurrentTimestamp))
    assert clocks, "a query looks back from now"
    for clock in clocks:
        clock.replace(now.copy())
    result = athena.execute(tree.sql(dialect="duckdb"))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def counted(all_messages: list[Message], since: timedelta = DAY) -> list[Message]:
    return [each for each in all_messages if each.outcome != "excluded" and each.sent_at >= NOW - since]


def test_the_saved_queries_are_those_that_were_promised(template: dict[str, Any]) -> None:
    assert sorted(saved(template)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_query_says_what_it_answers_and_what_it_costs(template: dict[str, Any], name: str) -> None:
    header = re.match(r"(-- .*\n)+", saved(template)[name])
    assert header is not None
    assert "?" in header[0]
    assert "-- Cost: reads" in header[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_read_of_a_table_is_bounded_by_days(template: dict[str, Any], name: str) -> None:
    tree = sqlglot.parse_one(saved(template)[name], read="athena")
    real = {"sms_messages", "mails"}
    reading = [
        select
        for select in tree.find_all(exp.Select)
        if (source := select.args.get("from_") or select.args.get("from")) and source.this.name in real
    ]
    assert reading
    for select in reading:
        where = select.args["where"]
        assert any(bound.this.name == "dt" for bound in where.find_all(exp.GTE)), select.sql()


@pytest.mark.parametrize("name", NAMES)
def test_every_query_runs_and_finds_something(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection, name: str
) -> None:
    assert run(athena, saved(template)[name])


def test_the_failure_rate_looks_back_thirty_minutes(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection, all_messages: list[Message]
) -> None:
    rows = run(athena, saved(template)["sms-failure-rate-per-minute"])
    assert len(rows) > 400
    everything = counted(all_messages, 2 * DAY)
    for row in rows:
        minute = row["minute"].replace(tzinfo=UTC)
        window = [
            each
            for each in everything
            if minute - timedelta(minutes=29) <= each.sent_at < minute + timedelta(minutes=1)
        ]
        failed = sum(each.outcome == "failed" for each in window)
        assert (row["total_30_minutes"], row["failed_30_minutes"]) == (len(window), failed)
        assert row["failed_percent_30_minutes"] == pytest.approx(100 * failed / len(window), abs=0.051)
    assert sum(row["total"] for row in rows) == len([each for each in everything if each.sent_at >= NOW - DAY])


def test_the_first_minutes_of_the_day_look_back_beyond_it(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection, all_messages: list[Message]
) -> None:
    oldest = run(athena, saved(template)["sms-failure-rate-per-minute"])[-1]
    before = [each for each in counted(all_messages, DAY + timedelta(minutes=29)) if each.sent_at < NOW - DAY]
    assert before
    assert oldest["total_30_minutes"] > oldest["total"]


def test_top_reasons_are_the_failures_of_a_day_by_reason(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection, all_messages: list[Message]
) -> None:
    failures = [each for each in counted(all_messages) if each.outcome == "failed"]
    expected = Counter((each.fault, each.error) for each in failures)
    rows = run(athena, saved(template)["sms-top-reasons"])
    assert {(row["fault"], row["error_code"]): row["failed"] for row in rows} == expected
    assert [row["failed"] for row in rows] == sorted(expected.values(), reverse=True)
    for row in rows:
        same = [each for each in failures if each.error == row["error_code"]]
        assert row["share_percent"] == pytest.approx(100 * len(same) / len(failures), abs=0.051)
        assert row["recipients"] == len({each.number for each in same})
        assert row["newest"].replace(tzinfo=UTC) == max(each.sent_at for each in same)


def test_carriers_and_countries_add_up(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection, all_messages: list[Message]
) -> None:
    rows = run(athena, saved(template)["sms-by-carrier-and-country"])
    messages_of_a_day = counted(all_messages)
    for row in rows:
        same = [
            each
            for each in messages_of_a_day
            if ((each.carrier or "unknown"), each.country) == (row["carrier"], row["country"])
        ]
        outcomes = Counter(each.outcome for each in same)
        assert (row["total"], row["delivered"], row["failed"], row["pending"]) == (
            len(same),
            outcomes["delivered"],
            outcomes["failed"],
            outcomes["pending"],
        )
    assert sum(row["total"] for row in rows) == len(messages_of_a_day)
    assert (rows[0]["carrier"], rows[0]["country"]) == ("Telstra", "AU")


def test_a_recipient_is_affected_while_the_newest_message_failed(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection, all_messages: list[Message]
) -> None:
    settled = [each for each in counted(all_messages) if each.outcome in ("delivered", "failed")]
    newest = {each.number: each for each in sorted(settled, key=lambda each: each.sent_at)}
    expected = {each.message_id for each in newest.values() if each.outcome == "failed"}
    rows = run(athena, saved(template)["sms-affected-recipients"])
    assert {row["message_id"] for row in rows} == expected
    assert 0 < len(expected) < len(newest)
    assert not any(number in str(row) for row in rows for number in newest), "numbers are masked"


def test_the_daily_summary_counts_every_outcome_of_a_day(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection, all_messages: list[Message]
) -> None:
    rows = run(athena, saved(template)["sms-daily-summary"])
    by_day: dict[str, list[Message]] = {}
    for each in counted(all_messages, 30 * DAY):
        by_day.setdefault(f"{each.sent_at:%Y-%m-%d}", []).append(each)
    assert [row["day"] for row in rows] == sorted(by_day, reverse=True)
    for row in rows:
        day = by_day[row["day"]]
        outcomes = Counter(each.outcome for each in day)
        faults = Counter(each.fault for each in day if each.outcome == "failed")
        assert row["total"] == len(day)
        assert [row[outcome] for outcome in ("delivered", "failed", "pending", "unknown")] == [
            outcomes[outcome] for outcome in ("delivered", "failed", "pending", "unknown")
        ]
        assert {
            fault: row[f"failed_{fault}"] for fault in ("recipient", "carrier", "provider", "content", "account")
        } == {fault: faults[fault] for fault in ("recipient", "carrier", "provider", "content", "account")}
        assert row["price"] == Decimal("0.05") * len(day)


def test_the_history_shows_the_newest_failure_with_all_messages_to_its_recipient(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection, all_messages: list[Message]
) -> None:
    failure = max((each for each in all_messages if each.outcome == "failed"), key=lambda each: each.sent_at)
    assert_history(run(athena, saved(template)["sms-message-history"]), failure, all_messages)


def test_the_history_shows_the_message_that_is_asked_for(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection, all_messages: list[Message]
) -> None:
    wanted = all_messages[777]
    sql = saved(template)["sms-message-history"].replace("CAST(NULL AS", f"CAST('{wanted.message_id}' AS")
    assert_history(run(athena, sql), wanted, all_messages)


def assert_history(rows: list[dict[str, Any]], wanted: Message, all_messages: list[Message]) -> None:
    same = sorted(
        (each for each in all_messages if each.number == wanted.number), key=lambda each: each.sent_at, reverse=True
    )
    assert [row["message_id"] for row in rows] == [each.message_id for each in same]
    assert [row["outcome"] for row in rows] == [each.outcome for each in same]
    assert [row["message_id"] for row in rows if row["is_it"]] == [wanted.message_id]


def test_the_mails_of_thirty_days_are_listed_with_those_that_never_left(
    template: dict[str, Any], athena: duckdb.DuckDBPyConnection
) -> None:
    (mail,) = run(athena, saved(template)["alerting-mails"])
    assert (mail["incident"], mail["channel"], mail["failed"]) == ("INC-1121-1204", "not sent", 5)


SLOT = timedelta(minutes=10)


@dataclass(slots=True)
class Waiting:
    """A history in which the message of each minute gets its outcome so many minutes after it was sent."""

    minutes: dict[datetime, float]
    now: datetime = NOW

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        rows = [
            Message(f"{sent_at:%H%M}", sent_at, self._outcome(sent_at), "14", "Optus", "AU", "+61400000001").row()
            for sent_at in self.minutes
            if start <= sent_at < end and sent_at <= self.now
        ]
        yield Page(1, len(rows), 1, rows)

    def _outcome(self, sent_at: datetime) -> str:
        is_there = self.now - sent_at >= timedelta(minutes=self.minutes[sent_at])
        return ("failed" if sent_at.minute % 10 == 0 else "delivered") if is_there else "pending"


def test_the_delay_is_the_time_until_a_run_saw_the_outcome(template: dict[str, Any], tmp_path: Path) -> None:
    draw, begin = random.Random(1), NOW - timedelta(hours=2)
    minutes = {begin + timedelta(minutes=number): draw.choice([0.1, 0.1, 0.1, 25, 999]) for number in range(90)}
    history = Waiting(minutes)
    ports = Ports(
        connect=lambda: Source(history, Recipients(b"key of the tests")), store=Folder(tmp_path), emit=lambda _: None
    )
    for number in range(13):
        history.now = begin + number * SLOT
        ingest.run(history.now, Settings(), ports, token=f"{number}")
    _write_mails(tmp_path)
    (row,) = run(_database(tmp_path, view_of(template)), saved(template)["sms-delay"])
    runs = [begin + number * SLOT for number in range(13)]
    seen = [
        next(time for time in runs if time > sent_at and time - sent_at >= timedelta(minutes=minute)) - sent_at
        for sent_at, minute in minutes.items()
        if minute < 100
    ]
    delays = sorted(delay / timedelta(minutes=1) for delay in seen)
    assert (row["day"], row["carrier"], row["total"]) == (f"{NOW:%Y-%m-%d}", "Optus", 90)
    assert (row["timed"], row["waiting"]) == (len(delays), 90 - len(delays))
    assert row["median_minutes"] == pytest.approx(delays[len(delays) // 2], abs=1.5)
    assert row["p95_minutes"] == pytest.approx(delays[int(0.95 * len(delays))], abs=2)
    assert row["longest_minutes"] == delays[-1]
    assert row["over_30_minutes_percent"] == round(100 * sum(delay > 30 for delay in delays) / len(delays), 1)

"""One run of a query: everything once, however often it is started, killed or doubled; and what it tells."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from queries_world import Crash, FakeAthena, MemoryLake

from deliverywatch.athena import Execution, Status
from deliverywatch.errors import InputError, ServiceBusy, ServiceRefused, StoreConflict
from deliverywatch.queries import execute
from deliverywatch.queries.config import source
from deliverywatch.queries.execute import Order, Ports, Settings, order_of, run
from deliverywatch.queries.run.record import Record, cost_usd
from deliverywatch.queries.run.state import read as remembered

DUE = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
DAILY = {
    "schedule": "cron(30 8 * * ? *)",
    "description": "Refused numbers",
    "query": "SELECT country, n FROM t WHERE dt = '{DATE}' AND c = {country}",
    "parameters": {"country": "AU"},
    "owner": "Ann",
}
HIGH = {"name": "high", "severity": "critical", "threshold": {"value": 2}, "csv_export": True}
SOME = {"name": "some", "threshold": {"value": 0}}
ALERTING = DAILY | {"type": "alerts", "alerts": [HIGH, SOME], "channel": "team@example.com"}
NONE, ONE, THREE = '"country","n"\n', '"country","n"\n"AU","5"\n', '"country","n"\n"AU","5"\n"NZ","6"\n"FJ","7"\n'
FAILED = Execution("", Status.FAILED, reason="COLUMN_NOT_FOUND: line 1:8", scanned_bytes=0)
SETTINGS = Settings("lake", "eu-south-1")


@dataclass
class World:
    """A lake with a file of one query, an Athena, and what was published and counted."""

    entry: dict[str, Any]
    results: tuple[str | Execution, ...] = (ONE,)
    published: list[dict[str, Any]] = field(default_factory=list)
    emitted: list[dict[str, Any]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.lake = MemoryLake()
        self.athena = FakeAthena(self.lake, *self.results)
        self.save({"daily": self.entry})

    def save(self, queries: dict[str, Any]) -> None:
        copy = source.Copy(json.dumps({"queries": queries}), "revision", "", "x", "pn", "")
        self.lake.objects[source.COPY] = source.body_of(copy)

    def run(self, due: datetime = DUE, **fields: Any) -> Record | None:
        return run(Order("daily", due, **fields), SETTINGS, self.ports)

    @property
    def ports(self) -> Ports:
        def pause(seconds: float) -> None:
            self.pauses.append(seconds)
            self.seconds += seconds

        return Ports(
            athena=self.athena,
            lake=self.lake,
            publish=lambda message: self.published.append(dict(message)),
            emit=lambda metrics, *_: self.emitted.append({name: value for name, (value, _) in metrics.items()}),
            pause=pause,
            seconds_left=lambda: 900 - self.seconds,
            clock=lambda: datetime(2026, 11, 21, 9, tzinfo=UTC),
            ticks=lambda: self.seconds,
        )

    @property
    def exports(self) -> list[str]:
        return self.lake.keys("exports/")

    @property
    def levels(self) -> list[tuple[str, str]]:
        return [(message["watch"].removeprefix("queries.daily."), message["level"]) for message in self.published]


def test_a_run_asks_exports_and_is_written_down() -> None:
    world = World(DAILY)
    record = world.run()
    assert record is not None
    ((statement, _),) = world.athena.started.values()
    assert statement.sql == "SELECT country, n FROM t WHERE dt = '2026-11-21' AND c = ?"
    assert statement.parameters == ("'AU'",)
    assert world.exports == ["exports/daily/2026/11/21/0830/daily-2026-11-21-0830.csv"]
    assert (record.status, record.rows, record.export) == ("succeeded", 1, f"s3://lake/{world.exports[0]}")
    written = json.loads(world.lake.objects["queries/runs/dt=2026-11-21/daily/083000.json"])
    assert (written["query_id"], written["revision"], written["scanned_bytes"]) == ("daily", "revision", 25_000_000)
    assert world.emitted == [
        {
            "Executions": 1,
            "ExecutionFailures": 0,
            "ScannedBytes": 25_000_000,
            "CostUsd": cost_usd(25_000_000),
            "Seconds": 0.0,
        }
    ]


def test_a_query_that_left_the_file_runs_while_its_schedule_is_there() -> None:
    world = World(DAILY)
    copy = source.Copy('{"queries": {}}', "newer", "", "x", "pn", "", removed={"daily": DAILY})
    world.lake.objects[source.COPY] = source.body_of(copy)
    record = world.run()
    assert record is not None
    assert (record.status, record.rows) == ("succeeded", 1)
    world.save({})
    assert world.run(DUE + timedelta(days=1)) is None


def test_an_export_has_no_cell_that_a_spreadsheet_would_run() -> None:
    world = World(DAILY, ('"country","n"\n"=HYPERLINK(""x"")","-5"\n,""\n',))
    world.run()
    assert world.lake.objects[world.exports[0]] == b'"country","n"\n"\'=HYPERLINK(""x"")","-5"\n,""\n'
    metadata = world.lake.metadata(world.exports[0])
    assert metadata is not None
    assert metadata["execution-id"] == "e1"


def test_an_export_that_cannot_be_made_safe_fails_the_run_and_alerts_are_judged() -> None:
    world = World(ALERTING, ('"n"\n"=1"\n"2"\n"3"\n',))

    def full(*_: object) -> None:
        raise InputError("Too large.", next_step="Select fewer rows.")

    world.lake.write_lines = full  # type: ignore[method-assign]
    record = world.run()
    assert record is not None
    assert (record.status, record.reason, record.export) == ("failed", "Too large. Select fewer rows.", "")
    assert world.levels == [("rows", "critical"), ("failed", "warning")]


def test_dates_are_those_of_the_querys_zone() -> None:
    world = World(DAILY | {"timezone": "Pacific/Auckland"})
    world.run(datetime(2026, 11, 21, 23, 30, tzinfo=UTC))
    assert world.exports == ["exports/daily/2026/11/22/1230/daily-2026-11-22-1230.csv"]
    assert world.lake.keys("queries/runs/") == ["queries/runs/dt=2026-11-21/daily/233000.json"]


def test_a_query_about_the_day_before_has_that_date_and_runs_when_it_is_due() -> None:
    world = World(DAILY | {"days_back": 1, "timezone": "Pacific/Auckland"})
    world.run(datetime(2026, 2, 28, 23, 30, tzinfo=UTC))
    ((statement, _),) = world.athena.started.values()
    assert "dt = '2026-02-28'" in statement.sql
    assert world.exports == ["exports/daily/2026/03/01/1230/daily-2026-02-28-1230.csv"]


def test_the_same_event_twice_is_one_run() -> None:
    world = World(ALERTING)
    first, second = world.run(), world.run()
    assert first == second
    assert (len(world.athena.started), len(world.published), len(world.emitted)) == (1, 1, 1)


def test_a_record_whose_answer_was_lost_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(DAILY)

    def lost(key: str, when: str) -> Exception | None:
        return StoreConflict(key) if key.startswith("queries/runs/") and when == "after" else None

    world.lake.fault = lost
    monkeypatch.setattr("random.uniform", lambda *_: 0)
    world.run()
    assert (len(world.lake.keys("queries/runs/")), len(world.emitted)) == (1, 1)


def test_a_run_again_by_hand_overwrites_nothing() -> None:
    world = World(DAILY, (ONE, THREE))
    world.run()
    again = world.run(is_again=True, is_by_hand=True)
    assert again is not None
    assert again.rows == 3
    assert world.exports == [
        "exports/daily/2026/11/21/0830/daily-2026-11-21-0830-2.csv",
        "exports/daily/2026/11/21/0830/daily-2026-11-21-0830.csv",
    ]
    assert len(world.lake.keys("queries/runs/")) == 2


@given(st.lists(st.sampled_from(["", "", "", "crash", "lost", "busy"]), max_size=30))
def test_killed_anywhere_and_started_again_it_does_everything_once(words: list[str]) -> None:
    world = World(ALERTING, (THREE,))
    left = iter(words)

    def fault(_: str, when: str) -> Exception | None:
        word = next(left, "")
        if word == "busy" and when == "before":
            return ServiceBusy("S3 is busy")
        return Crash() if word in ("crash", "lost") and (word == "lost") == (when == "after") else None

    world.lake.fault = fault
    for _ in range(40):
        with suppress(Crash, ServiceBusy):
            world.run()
    assert len(world.athena.started) == 1
    assert len(world.exports) == 1
    assert len(world.lake.keys("queries/runs/")) == 1
    # A notice may come twice, for the notifier to mail once; but none is missing.
    assert set(world.levels) == {("rows", "critical")}
    assert len(world.emitted) <= 1
    assert remembered(world.lake, "daily").open == {"rows": "critical"}


def test_a_query_that_is_gone_from_the_file_is_not_run() -> None:
    world = World(DAILY)
    world.save({})
    assert world.run() is None
    assert not world.athena.started


# Alerts.


def test_an_alert_opens_once_escalates_once_and_resolves_once() -> None:
    world = World(ALERTING, (ONE, ONE, THREE, THREE, ONE, NONE, NONE))
    for day in range(1, 8):
        world.run(DUE.replace(day=day))
    assert world.levels == [("rows", "warning"), ("rows", "critical"), ("rows", "warning"), ("rows", "ok")]


def test_an_alert_says_what_it_measured_and_where_to_look() -> None:
    world = World(ALERTING, (THREE,))
    world.run()
    (message,) = world.published
    assert message["sentence"] == "The query daily is at 3: 'high' calls at rows > 2. So does 'some'."
    assert (message["title"], message["time"]) == ("Refused numbers", "2026-11-21T08:30:00Z")
    assert message["facts"]["Owner"] == "Ann"
    context = json.loads(world.lake.objects["state/queries.daily.rows.json"])
    assert context["table"] == [["country", "n"], ["AU", "5"], ["NZ", "6"], ["FJ", "7"]]
    assert context["recipients"] == ["team@example.com"]
    links = {each["title"]: each["url"] for each in context["links"]}
    assert links["Result file"].startswith("https://eu-south-1.console.aws.amazon.com/s3/object/lake?")
    assert "X-Amz-Signature" not in links["Result file"]


def test_only_an_alert_that_holds_exports_where_no_export_is_wanted() -> None:
    world = World(ALERTING, (ONE, THREE))
    world.run()
    assert world.exports == []
    world.run(DUE.replace(day=22))
    assert len(world.exports) == 1


def test_an_older_run_has_no_say() -> None:
    world = World(ALERTING, (THREE, NONE))
    world.run()
    world.run(DUE.replace(day=20), is_by_hand=True)
    assert world.levels == [("rows", "critical")]
    assert remembered(world.lake, "daily").open == {"rows": "critical"}


def test_a_run_by_hand_for_a_time_to_come_hides_no_run_before_it() -> None:
    world = World(ALERTING, (THREE, NONE))
    world.run(DUE.replace(year=2030), is_by_hand=True)
    assert remembered(world.lake, "daily").succeeded == datetime(2026, 11, 21, 9, tzinfo=UTC)
    world.run(DUE.replace(day=22))
    assert world.levels == [("rows", "critical"), ("rows", "ok")]


def test_an_alert_that_leaves_the_file_is_closed() -> None:
    world = World(ALERTING, (THREE,))
    world.run()
    world.save({"daily": ALERTING | {"alerts": [SOME | {"on": "first_value", "column": "n"}]}})
    world.run(DUE.replace(day=22))
    assert world.levels[1:] == [("first_value.n", "warning"), ("rows", "ok")]


# What cannot be measured.

LOW = {"name": "low", "severity": "critical", "on": "first_value", "threshold": {"operator": "<", "value": 100}}
MEASURING = DAILY | {"type": "alerts", "alerts": [LOW]}
BAD, GOOD, NULL, EMPTY, TEXT = (f'"s"\n{row}' for row in ('"20"\n', '"200"\n', "\n", "", '"-"\n'))
# The level of what was measured, and the runs in a row without a measurement, as they have to be after each result.
OUTCOMES = {BAD: "critical", GOOD: "ok"}


def test_an_alert_that_cannot_be_measured_keeps_its_state() -> None:
    world = World(MEASURING, (BAD, NULL, EMPTY, GOOD))
    records = [world.run(DUE.replace(day=day)) for day in range(1, 5)]
    assert [record.unmeasured for record in records if record] == [
        "", "low: its first value is NULL", "low: the result has no row", "",
    ]  # fmt: skip
    assert world.levels == [("first_value", "critical"), ("first_value", "ok")]


def test_an_open_alert_says_that_it_cannot_be_measured_until_it_can() -> None:
    world = World(MEASURING, (BAD, NULL, BAD))
    facts = []
    for day in range(1, 4):
        world.run(DUE.replace(day=day))
        facts.append(json.loads(world.lake.objects["state/queries.daily.first_value.json"]).get("facts"))
    assert facts == [None, [{"name": "Cannot measure", "value": "its first value is NULL"}], None]


def test_what_cannot_be_measured_for_some_runs_is_an_alert_of_its_own() -> None:
    world = World(MEASURING, (NULL, EMPTY, TEXT, NULL, GOOD))
    for day in range(1, 6):
        world.run(DUE.replace(day=day))
    assert world.levels == [("unmeasured", "blind"), ("unmeasured", "ok")]
    assert "its last 3 runs: its first value is '-', which is no number" in world.published[0]["sentence"]


def test_a_run_that_is_judged_twice_counts_once() -> None:
    world = World(MEASURING, (NULL,))
    for _ in range(5):
        world.run(is_again=True, is_by_hand=True)
    assert (world.levels, remembered(world.lake, "daily").unmeasured) == ([], {"first_value": 1})


def test_a_row_without_a_number_holds_the_level_that_a_worse_one_opened() -> None:
    alerts = [
        {"name": word, "severity": word, "on": "any_row", "threshold": {"value": value}}
        for word, value in (("warning", 10), ("critical", 100))
    ]
    rows = ('"s"\n"20"\n\n', '"s"\n"200"\n', '"s"\n"20"\n\n', '"s"\n"20"\n')
    world = World(DAILY | {"type": "alerts", "alerts": alerts}, rows)
    for day in range(1, 5):
        world.run(DUE.replace(day=day))
    assert [level for _, level in world.levels] == ["warning", "critical", "warning"]


def readme_example() -> dict[str, Any]:
    """Return the first query of the page of scheduled queries."""
    page = (Path(execute.__file__).parent / "README.md").read_text()
    return next(iter(json.loads(page.split("```json")[1].split("```")[0])["queries"].values()))


def test_the_pages_alert_on_any_row_is_well_in_nights_without_orders_and_critical_while_many_are_refused() -> None:
    refused = '"country","refused"\n"IT","250"\n"AU",\n'
    quiet, unknown = '"country","refused"\n', '"country","refused"\n"AU",\n'
    world = World(readme_example(), (quiet, quiet, quiet, quiet, refused, unknown, quiet))
    for day in range(1, 8):
        world.run(DUE.replace(day=day))
    assert world.levels == [("any_row.refused", "critical"), ("any_row.refused", "ok")]
    assert world.published[-1]["sentence"] == "The query daily is back to normal, now at no row."


@given(st.lists(st.sampled_from([BAD, GOOD, NULL, EMPTY, TEXT, FAILED]), min_size=1, max_size=12))
def test_only_a_measurement_changes_an_alert_and_only_three_runs_without_one_are_news(
    results: list[str | Execution],
) -> None:
    world = World(MEASURING, tuple(results))
    level, runs = "ok", 0
    for day, result in enumerate(results, 1):
        world.run(DUE.replace(day=day))
        level = OUTCOMES.get(result, level) if isinstance(result, str) else level
        runs = 0 if result in OUTCOMES else runs + isinstance(result, str)
        open_levels = remembered(world.lake, "daily").open
        assert open_levels.get("first_value", "ok") == level
        assert ("unmeasured" in open_levels) == (runs >= SETTINGS.unmeasured_runs)


# Failures.


def test_a_query_that_fails_is_published_once_and_once_more_when_it_succeeds() -> None:
    world = World(ALERTING, (FAILED, FAILED, NONE))
    records = [world.run(DUE.replace(day=day)) for day in (1, 2, 3)]
    assert [each.status for each in records if each] == ["failed", "failed", "succeeded"]
    assert world.levels == [("failed", "warning"), ("failed", "ok")]
    assert "COLUMN_NOT_FOUND" in world.published[0]["sentence"]
    context = json.loads(world.lake.objects["state/queries.daily.failed.json"])
    assert context["steps"] == []
    assert [each["ExecutionFailures"] for each in world.emitted] == [1, 1, 0]


def test_a_failure_names_the_command_that_runs_it_again() -> None:
    world = World(DAILY, (FAILED,))
    world.run()
    context = json.loads(world.lake.objects["state/queries.daily.failed.json"])
    assert "'deliverywatch queries run daily --date 2026-11-21T08:30:00Z --again'" in context["steps"][-1]


def test_an_alert_stays_open_while_the_query_fails() -> None:
    world = World(ALERTING, (THREE, FAILED))
    world.run()
    world.run(DUE.replace(day=22))
    assert remembered(world.lake, "daily").open == {"rows": "critical", "failed": "warning"}


def test_what_athena_refuses_to_begin_is_a_failed_run() -> None:
    world = World(DAILY)

    def refuse(*_: object) -> str:
        raise ServiceRefused("The query: StartQueryExecution answered InvalidRequestException: line 1:8.")

    world.athena.start = refuse  # type: ignore[method-assign]
    record = world.run()
    assert record is not None
    assert (record.status, "line 1:8" in record.reason) == ("failed", True)


def test_an_alert_on_a_missing_column_is_a_failed_run_and_its_neighbours_are_judged() -> None:
    wrong = {"name": "a", "on": "any_row", "column": "price", "threshold": {"value": 1}}
    world = World(ALERTING | {"alerts": [wrong, SOME]})
    record = world.run()
    assert record is not None
    assert record.status == "failed"
    assert "Its columns are: country, n." in record.reason
    assert world.levels == [("rows", "warning"), ("failed", "warning")]


def test_what_athena_calls_worth_another_try_has_it_under_another_token() -> None:
    passing = Execution("", Status.FAILED, reason="GENERIC_INTERNAL_ERROR", is_retryable=True)
    world = World(DAILY, (passing, passing, ONE))
    record = world.run()
    assert record is not None
    assert (record.status, len(world.athena.started)) == ("succeeded", 3)


def test_a_query_that_takes_too_long_is_stopped() -> None:
    world = World(DAILY)
    world.athena.looks_until_over = 10_000
    record = world.run()
    assert record is not None
    assert (record.status, world.athena.stopped) == ("stopped", ["e1"])
    assert 590 <= record.seconds <= 610
    assert max(world.pauses) == 10
    assert world.levels == [("failed", "warning")]


def test_an_athena_that_is_busy_for_too_long_is_left_to_the_next_start() -> None:
    world = World(DAILY)

    def busy(*_: object) -> str:
        raise ServiceBusy("TooManyRequestsException")

    world.athena.start = busy  # type: ignore[method-assign]
    with pytest.raises(ServiceBusy):
        world.run()
    assert world.lake.keys("queries/runs/") == []


@pytest.mark.parametrize(("scanned", "usd"), [(0, 0.0), (1, 4.5e-05), (10_000_000, 4.5e-05), (2**40, 5.0)])
def test_cost_is_athenas_list_price_with_its_least(scanned: int, usd: float) -> None:
    assert cost_usd(scanned) == pytest.approx(usd, rel=0.02)


@pytest.mark.parametrize(
    ("event", "due"),
    [
        ({"query_id": "a", "scheduled_time": "2026-11-21T08:30:00Z"}, DUE),
        ({"query_id": "a", "scheduled_time": "2026-11-21T09:30:00+01:00"}, DUE),
        ({"query_id": "a", "scheduled_time": "2026-11-21T08:30:00"}, DUE),
        ({"query_id": "a"}, datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_run_is_for_the_time_in_its_event(event: dict[str, str], due: datetime) -> None:
    assert order_of(event, datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)).due == due


TIMES_OF_NO_ZONE = [
    "soon",
    "0001-06-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00",
]


@pytest.mark.parametrize(
    "event",
    [{}, {"query_id": ""}, {"query_id": 1}, *({"query_id": "a", "scheduled_time": each} for each in TIMES_OF_NO_ZONE)],
)
def test_an_event_that_names_no_query_or_no_time_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        execute.order_of(event, DUE)


def test_a_run_in_a_zone_that_is_none_fails_and_asks_athena_for_no_day() -> None:
    world = World(DAILY | {"timezone": "right/Europe/Rome"})
    done = world.run()
    assert done
    assert (done.status, done.reason) == ("failed", "There is no time zone 'right/Europe/Rome'.")
    assert (world.athena.started, [each["level"] for each in world.published]) == ({}, ["warning"])

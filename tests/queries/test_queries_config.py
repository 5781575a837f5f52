"""The file of queries: what is taken, what is refused and where, and what older files may still say."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deliverywatch.messages.level import Level
from deliverywatch.queries.config import entry, file
from deliverywatch.queries.config.notices import notices
from deliverywatch.queries.config.query import SEVERITIES, Config, Kind, Measure

ROOT = Path(__file__).parents[2]
GOOD = {"schedule": "cron(0 2 * * ? *)", "query": "SELECT country, count(*) FROM sms_messages GROUP BY country"}


def read(queries: Any, **more: Any) -> Config:
    return file.read(json.dumps({"queries": queries, **more}).encode(), "deliverywatch")


def problems(queries: Any, **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(file.Refused) as caught:
        read(queries, **more)
    return [(each.path, each.sentence) for each in caught.value.problems]


def test_a_query_needs_a_schedule_and_sql_only() -> None:
    query = read({"daily": GOOD}).queries["daily"]
    assert (query.kind, query.timezone, query.enabled, query.csv_export) == (Kind.EXPORT, "UTC", True, True)


FIRST = {"name": "first", "on": "first_value", "threshold": {"value": 1}}


def test_every_field_is_read() -> None:
    everything = {
        "type": "alerts",
        "description": "Refused numbers",
        "cron": "rate(6 hours)",
        "timezone": "Europe/Rome",
        "query": "SELECT n FROM t WHERE dt = '{DATE}' AND c IN ({countries}) AND n > {THRESHOLD} ORDER BY n",
        "enabled": False,
        "owner": "Ann",
        "channel": "team@example.com",
        "parameters": {"countries": ["AU", "NZ"]},
        "alerts": [
            {"name": "high", "severity": "critical", "threshold": {"operator": ">=", "value": 100}, "csv_export": True},
            {"name": "first", "on": "first_value", "column": "n", "threshold": {"value": 1.5}},
        ],
        "alert_threshold": 7,
        "csv_export": True,
        "filename_template": "{query_id}_{timestamp}.csv",
    }
    query = read({"refused": everything}).queries["refused"]
    assert query.expression == "rate(6 hours)"
    assert query.channel == ("team@example.com",)
    assert query.parameters == {"countries": ("AU", "NZ")}
    assert [(each.severity, each.on, each.value) for each in query.alerts] == [
        (Level.CRITICAL, Measure.ROWS, 100),
        (Level.WARNING, Measure.FIRST_VALUE, 1.5),
    ]
    assert (query.threshold, query.enabled, query.csv_export) == (7, False, True)


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"schedule": None}, "schedule", "text"),
        ({"cron": "rate(1 day)"}, "cron", "another name"),
        ({"query": ""}, "query", "missing"),
        ({"query": "SELEC 1"}, "query", "not a query"),
        ({"query": "SELECT * FROM"}, "query", "ends too early"),
        ({"query": "SELECT " + "(" * 5000 + "1" + ")" * 5000}, "query", "nested too deeply"),
        ({"query": "SELECT 1; SELECT 2"}, "query", "a second statement"),
        ({"query": "SELECT FROM t"}, "query", "'FROM' cannot stand there"),
        ({"query": "SELECT n FROM t", "alerts": [FIRST]}, "query", "Add one, select an aggregate"),
        ({"query": "DROP TABLE t"}, "query", "not a query"),
        ({"query": "INSERT INTO t SELECT 1"}, "query", "not a query"),
        ({"query": "SELECT '{when}'"}, "query", "{when}"),
        ({"query": "SELECT {THRESHOLD}"}, "query", "alert_threshold"),
        ({"parameters": {"a": 1}}, "parameters.a", ""),
        ({"query": "SELECT '{a}'", "parameters": {"a": "x"}}, "query", "is in quotes"),
        ({"parameters": {"a": None}}, "parameters.a", "a text, a number"),
        ({"parameters": {"a": []}}, "parameters.a", "not empty"),
        ({"parameters": {"a": "x\x00"}}, "parameters.a", "control character"),
        ({"query": "SELECT {a}", "parameters": {"a": 10**1000}}, "parameters.a", "longer than 1000"),
        ({"query": "SELECT {a}", "parameters": {"a": float("inf")}}, "parameters.a", "finite"),
        ({"parameters": {"DATE": "x"}}, "parameters.DATE", "no placeholder"),
        ({"enabled": "yes"}, "enabled", "true or false"),
        ({"channel": "#alerts"}, "channel", "e-mail address"),
        ({"channel": ["a@example.com", 1]}, "channel", "e-mail address"),
        ({"type": "alert"}, "type", "export, alerts"),
        ({"type": "alerts"}, "alerts", "at least one"),
        ({"alerts": [{}]}, "alerts[0].name", "missing"),
        ({"alerts": [{"name": "\u200b"}]}, "alerts[0].name", "missing"),
        ({"alerts": ["high"]}, "alerts[0].name", "missing"),
        ({"alerts": [{"name": "a", "threshold": {}}]}, "alerts[0].threshold.value", "missing"),
        ({"alerts": [{"name": "a", "threshold": {"value": True}}]}, "alerts[0].threshold.value", "number"),
        ({"alerts": [{"name": "a", "threshold": {"value": 10**400}}]}, "alerts[0].threshold.value", "beyond 1e+18"),
        ({"alert_threshold": 10**400}, "alert_threshold", "beyond 1e+18"),
        (
            {"alerts": [{"name": "a", "threshold": {"value": 1, "operator": "=>"}}]},
            "alerts[0].threshold.operator",
            ">=",
        ),
        ({"alerts": [{"name": "a", "threshold": {"value": 1}, "column": "n"}]}, "alerts[0].column", "counted"),
        ({"alerts": [{"name": "a", "threshold": {"value": 1}, "no_row": "ok"}]}, "alerts[0].no_row", "leave it out"),
        ({"query": "SELECT max(x) FROM t", "alerts": [FIRST | {"no_row": True}]}, "alerts[0].no_row", "unmeasured, ok"),
        (
            {"query": "SELECT max(x) FROM t", "alerts": [FIRST, FIRST | {"name": "second", "no_row": "ok"}]},
            "alerts",
            "the same in all of them",
        ),
        ({"alerts": [{"name": "a", "threshold": {"value": 1}}] * 2}, "alerts", "same name"),
        ({"filename_template": "../{query_id}.csv"}, "filename_template", "ends in .csv"),
        ({"filename_template": "{who}.csv"}, "filename_template", "ends in .csv"),
        ({"filename_template": "{query_id.__class__}.csv"}, "filename_template", "ends in .csv"),
        ({"filename_template": "{date:9999999999999}.csv"}, "filename_template", "ends in .csv"),
        ({"filename_template": "report.txt"}, "filename_template", "ends in .csv"),
        ({"days_back": -1}, "days_back", "0 to 366"),
        ({"days_back": 367}, "days_back", "0 to 366"),
        ({"days_back": True}, "days_back", "0 to 366"),
        ({"days_back": 1.0}, "days_back", "0 to 366"),
        ({"schedul": "x"}, "schedul", "no such field"),
    ],
)
def test_what_is_wrong_is_refused_at_its_path(change: dict[str, Any], path: str, words: str) -> None:
    refused = problems({"daily": GOOD | change})
    assert any(where == f"$.queries.daily.{path}" and words in why for where, why in refused) or (
        not words and any("not used" in why for _, why in refused)
    )


def test_a_value_of_the_wrong_kind_is_reported_once() -> None:
    wrong = {"alerts": [{"name": "a", "threshold": {"value": "100"}}]}
    ((path, _),) = problems({"daily": GOOD | wrong})
    assert path == "$.queries.daily.alerts[0].threshold.value"


def test_half_a_character_is_refused_wherever_it_stands() -> None:
    for change in ({"description": "\ud800"}, {"owner": "\udfff"}, {"\ud800": 1}):
        ((path, sentence),) = problems({"daily": GOOD | change})
        assert (path, "half a character" in sentence) == ("$", True)
    assert read({"daily": GOOD | {"description": "\U0001f600"}}).queries["daily"].description == "\U0001f600"


@pytest.mark.parametrize(
    ("query_id", "words"),
    [("", "letters"), ("a b", "letters"), ("d\u00e4ily", "letters"), ("x" * 51, "longer than 64"), ("a/b", "letters")],
)
def test_an_id_is_one_that_a_schedule_can_have(query_id: str, words: str) -> None:
    ((path, sentence),) = problems({query_id: GOOD})
    assert path in (f"$.queries['{query_id}']", f"$.queries.{query_id}")
    assert words in sentence


def test_the_longest_id_that_fits_is_taken() -> None:
    assert read({"x" * (64 - len("deliverywatch-")): GOOD}).queries


def test_ids_that_differ_in_capitals_only_are_refused() -> None:
    assert "capitals" in problems({"daily": GOOD, "Daily": GOOD})[0][1]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "line 1, column 2"),
        (b"\xff", "UTF-8"),
        (b"[]", "not an object"),
        (b"{}", "missing"),
        (b'{"queries": []}', "object"),
        (b'{"queries": {"a": 1}}', "object"),
        (b'{"queries": {}, "querys": {}}', "no such field"),
        (b'{"queries": {"a": {}, "a": {}}}', "twice"),
        (b"[" * 100_000, "JSON"),
    ],
)
def test_a_file_that_is_none_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(file.Refused) as caught:
        file.read(body, "deliverywatch")
    assert any(words in each.sentence for each in caught.value.problems)


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"schedule": "cron(0 2 * * * *)"}, "schedule", "exactly one"),
        ({"schedule": "cron(*/60 * * * ? *)"}, "schedule", "more than 59"),
        ({"schedule": "rate(5000000 days)"}, "schedule", "after the year 9999"),
        ({"schedule": "rate(1 hour)" + " " * 300}, "schedule", "longer than 256"),
        ({"schedule": ""}, "schedule", "neither cron"),
        ({"timezone": "Mars/Olympus"}, "timezone", "no time zone"),
        ({"timezone": "right/Europe/Rome"}, "timezone", "no time zone"),
        ({"timezone": "posix/Europe/Rome"}, "timezone", "no time zone"),
        ({"timezone": "localtime"}, "timezone", "no time zone"),
        ({"timezone": "europe/rome"}, "timezone", "no time zone"),
        ({"timezone": "../zone.tab"}, "timezone", "no time zone"),
        ({"timezone": "Europe"}, "timezone", "no time zone"),
        ({"timezone": ""}, "timezone", "no time zone"),
        ({"description": "x" * 513}, "description", "at most 512"),
    ],
)
def test_a_schedule_that_aws_refuses_harms_its_own_query_only(change: dict[str, Any], path: str, words: str) -> None:
    config = read({"bad": GOOD | change, "good": GOOD})
    (problem,) = config.refused
    assert (problem.path, words in problem.sentence) == (f"$.queries.bad.{path}", True)
    assert config.queries["good"].expression == GOOD["schedule"]


def test_a_schedule_that_never_runs_or_that_aws_may_refuse_is_named() -> None:
    entries = {
        "never": GOOD | {"schedule": "cron(0 0 30 2 ? *)"},
        "past.one": GOOD | {"schedule": "at(2020-01-01T00:00:00)"},
        "unsure": GOOD | {"schedule": "rate(1 hours)"},
        "twice": GOOD | {"schedule": "cron(0 8 1,L 2-1 ? 2020)"},
        "refused": GOOD | {"schedule": "always"},
        "plain": GOOD,
    }
    named = [(notice.path, notice.sentence) for notice in notices(read(entries), datetime(2026, 11, 21, tzinfo=UTC))]
    assert [path for path, _ in named] == [
        "$.queries.never.schedule", "$.queries['past.one'].schedule", "$.queries.unsure.schedule",
        *["$.queries.twice.schedule"] * 3,
    ]  # fmt: skip
    assert ["never runs" in sentence for _, sentence in named] == [True, True, False, False, False, True]


def test_all_problems_are_reported_at_once() -> None:
    refused = problems({"a": GOOD | {"type": "x"}, "b": GOOD | {"query": "x y z w"}, "c": {}})
    assert {path.split(".")[2] for path, _ in refused} == {"a", "b", "c"}


def test_a_file_of_the_scheduler_that_came_before_is_taken_with_notices() -> None:
    old = GOOD | {"slack": {"enabled": True}, "csv_filename_template": "{query_id}_{date}.csv"}
    given = read({"daily": old}, global_config={"athena_database": "x", "date_variables": {"YEAR": "auto"}})
    assert given.queries["daily"].filename_template == "{query_id}_{date}.csv"
    assert [each.path for each in given.notices] == [
        "$.global_config",
        "$.queries.daily.slack",
        "$.queries.daily.csv_filename_template",
    ]


def test_a_file_that_came_before_is_told_which_day_its_dates_are() -> None:
    dated = GOOD | {"query": "SELECT '{YEAR}-{MONTH}'"}
    queries = {"a": dated | {"slack": {}}, "b": dated, "c": dated | {"days_back": 0}, "d": GOOD | {"query": "SELECT 1"}}
    named = [each.path for each in read(queries).notices if "days_back" in each.sentence]
    assert named == ["$.queries.a.query", "$.queries.b.query"]
    assert read({"b": dated}).notices == ()


def test_sql_that_is_known_is_not_parsed_again() -> None:
    body = json.dumps({"queries": {"a": GOOD | {"query": "not sql"}}}).encode()
    assert file.read(body, "p", was_parsed=lambda entry: entry["query"] == "not sql").queries


def test_the_one_threshold_of_the_alerts_is_what_the_placeholder_stands_for() -> None:
    alerts = [{"name": "a", "threshold": {"value": 5}}]
    assert read({"a": GOOD | {"query": "SELECT {THRESHOLD}", "alerts": alerts}}).queries["a"].threshold == 5


def test_the_operators_file_is_in_order() -> None:
    assert file.read((ROOT / "cfn/schedules.json").read_bytes(), "deliverywatch").queries


def test_the_schema_for_editors_knows_the_same_fields() -> None:
    schema = json.loads((ROOT / "src/deliverywatch/queries/schema.json").read_text())
    query, alert = schema["$defs"]["query"]["properties"], schema["$defs"]["alert"]["properties"]
    assert set(schema["properties"]) == {*file.FIELDS, *file.LEGACY_FIELDS}
    assert set(query) == {*entry.FIELDS, *entry.LEGACY_FIELDS}
    assert set(alert) == set(entry.ALERT_FIELDS)
    assert set(alert["threshold"]["properties"]) == set(entry.THRESHOLD_FIELDS)
    assert query["type"]["enum"] == list(Kind)
    assert (alert["on"]["enum"], alert["severity"]["enum"]) == (list(Measure), list(SEVERITIES))
    assert query["filename_template"]["default"] == entry.DEFAULT_FILENAME

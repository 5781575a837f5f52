"""A query's SQL with its placeholders filled in: dates as text, its own parameters beside the statement."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import InputError
from deliverywatch.queries.config import statement
from deliverywatch.queries.config.query import Kind, Query, Value

DUE = datetime(2026, 3, 7, 8, 30, tzinfo=UTC)


def filled(sql: str, threshold: float | None = None, **parameters: Value) -> statement.Statement:
    query = Query("daily", Kind.EXPORT, "rate(1 day)", sql, parameters=parameters, threshold=threshold)
    return statement.filled(query, DUE)


def test_dates_and_the_threshold_are_filled_in_wherever_they_stand() -> None:
    sql = "SELECT '{DATE}', {YEAR}, '{MONTH}', {DAY}, {THRESHOLD}"
    assert filled(sql, 12.5).sql == "SELECT '2026-03-07', 2026, '03', 07, 12.5"


@pytest.mark.parametrize(
    ("threshold", "text"),
    [(1234567, "1234567"), (100, "100"), (100.0, "100"), (1e17, "100000000000000000"), (1.23456789, "1.23456789"),
     (-5e-7, "-0.0000005"), (0.1, "0.1")],
)  # fmt: skip
def test_a_threshold_is_filled_in_with_all_its_digits(threshold: float, text: str) -> None:
    assert filled("SELECT {THRESHOLD}", threshold).sql == f"SELECT {text}"


def test_a_parameter_goes_to_athena_beside_the_statement() -> None:
    given = filled("SELECT 1 WHERE a = {name} AND b IN ({many}) AND c = {name}", name="O'Hara", many=(1, 2.5, True))
    assert given.sql == "SELECT 1 WHERE a = ? AND b IN (?, ?, ?) AND c = ?"
    assert given.parameters == ("'O''Hara'", "1", "2.5", "true", "'O''Hara'")


def test_a_parameter_may_hold_a_date() -> None:
    assert filled("SELECT {key}", key="dt={DATE}").parameters == ("'dt=2026-03-07'",)


def test_what_stands_in_quotes_or_comments_is_no_parameter() -> None:
    sql = "SELECT 'it''s {x}', \"{x}\", {x} -- {x}\n/* {x} */"
    assert filled(sql, x=1).sql == "SELECT 'it''s {x}', \"{x}\", ? -- {x}\n/* {x} */"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60))
def test_no_text_breaks_out_of_its_quotes(text: str) -> None:
    literal = statement.literal(text)
    assert (literal[0], literal[-1]) == ("'", "'")
    assert literal[1:-1].replace("''", "").count("'") == 0
    assert literal[1:-1].replace("''", "'") == text


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "a\x00b", "x" * 1000])
def test_what_sql_cannot_spell_is_refused(value: float | str) -> None:
    with pytest.raises(InputError):
        statement.literal(value)


@pytest.mark.parametrize(
    "sql",
    [
        "WITH a AS (SELECT 1 x) SELECT x FROM a",
        "SELECT approx_percentile(x, 0.5), json_extract_scalar(y, '$.a') FROM t",
        "SELECT * FROM t CROSS JOIN UNNEST(items) AS u(item)",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "SELECT 1;",
        "SELECT date_add('day', -1, date '{DATE}')",
    ],
)
def test_what_athena_takes_parses(sql: str) -> None:
    assert statement.parse_problem(sql, {}) is None

"""A query's SQL with its placeholders filled in: dates as text, its own parameters beside the statement."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import InputError
from deliverywatch.queries.config import statement
from deliverywatch.queries.config.query import Kind, Query, Value
from deliverywatch.queries.sql import rows

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


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("SELECT '{{x}}', {x}", "SELECT '{x}', ?"),
        ("SELECT '{{{x}}}', {x}", "SELECT '{{x}}', ?"),
        ("SELECT '{{DATE}} {DATE}', {x}", "SELECT '{DATE} 2026-03-07', ?"),
        ("SELECT '{\"x\": 1}', '[0-9]{3}', '{}', {x}", "SELECT '{\"x\": 1}', '[0-9]{3}', '{}', ?"),
        ("SELECT {x} -- {DATE} {y}\n/* {YEAR} */", "SELECT ? -- {DATE} {y}\n/* {YEAR} */"),
    ],
)
def test_braces_in_quotes_are_text_where_they_are_doubled_or_hold_no_name(sql: str, sent: str) -> None:
    assert list(statement.problems(sql, {"x": 1}, has_threshold=False)) == []
    assert filled(sql, x=1).sql == sent


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELECT '{nane}', {x}", "If it is a text, write {{nane}}."),
        ("SELECT '{x}'", "or {{x}} if it is a text"),
        ("SELECT 1 -- {x}", "'x' is not used"),
        ("SELECT {x}, '{THRESHOLD}'", "`alert_threshold`"),
        ("SELECT {x} FROM t WHERE dt >= {DATE}", "a subtraction, 2026-11-21: write '{DATE}'"),
    ],
)
def test_a_placeholder_that_is_not_filled_in_is_refused_with_what_to_write(sql: str, word: str) -> None:
    assert any(word in sentence for sentence in statement.problems(sql, {"x": 1}, has_threshold=False))


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
        "VALUES (1, 'a'), (2, 'b')",
        "USING EXTERNAL FUNCTION f(x VARCHAR, y DECIMAL(10, 2)) RETURNS ARRAY(VARCHAR) LAMBDA 'masks' SELECT f(a, b)",
        "USING EXTERNAL FUNCTION f(x INT) RETURNS INT LAMBDA 'a',EXTERNAL FUNCTION g() RETURNS INT LAMBDA 'b' VALUES 1",
        "SELECT * FROM t WHERE d >= CAST({x} AS DATE) AND n > {x} AND s IN ({many}) LIMIT {x}",
        "SELECT * FROM t WHERE ts > now() - {x} * INTERVAL '1' DAY",
        "SELECT * FROM logs_{YEAR} WHERE body LIKE '%{{x}}%' OR body = '{\"a\": 1}'",
    ],
)
def test_what_athena_takes_parses(sql: str) -> None:
    assert statement.parse_problem(sql, {"x": 1, "many": ("a", "b")}) is None


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELECT * FROM t WHERE a = ? AND b = {x}", "'?' of its own"),
        ("SELECT ?", "'?' of its own"),
        ("SELECT * FROM t WHERE d >= DATE {x}", "column 33: a parameter cannot stand there"),
        ("SELECT * FROM t WHERE ts > now() - INTERVAL {x} DAY", "a parameter cannot stand there"),
        ("SELECT TIMESTAMP {x}", "a parameter"),
        ("SELECT now() AT TIME ZONE {x}", "a parameter"),
        ("SELECT * FROM {x}", "a parameter"),
        ("SELECT a AS {x} FROM t", "a parameter"),
        ("SELECT CAST(a AS decimal({x}, 2)) FROM t", "a parameter"),
        ("SELECT a FROM t WHERE a IN {x}", "a parameter"),
        ("SELECT a FROM t WHERE a = {many}", "','"),
        ("SELECT * INTO u FROM t", "'INTO'"),
        ("SELECT `a` FROM t", "'`'"),
        ("SELECT a::int FROM t", "':'"),
        ("SELECT\xa01", "it is NO-BREAK SPACE"),
        ("\ufeffSELECT 1", "it is ZERO WIDTH NO-BREAK SPACE"),
        ("SELECT \N{LEFT SINGLE QUOTATION MARK}a\N{RIGHT SINGLE QUOTATION MARK}", "it is LEFT SINGLE QUOTATION MARK"),
        ("SELECT 1 \ue000", "it is of no name"),
        ("SELECT a FROM t LIMIT 1 OFFSET 2", "'OFFSET'"),
        ("SELECT a FROM t WHERE b ILIKE 'x'", "'ILIKE'"),
        ("SELECT 'a", "what begins there does not end"),
        ("SELECT 1; SELECT 2", "column 11: a second statement"),
        ("INSERT INTO t SELECT 1", "not a query: only SELECT"),
        ("SELECT", "ends too early"),
        ("SELECT " + "(" * 5_000, "nested too deeply"),
    ],
)
def test_what_fails_at_every_run_is_refused_with_its_place(sql: str, word: str) -> None:
    assert word in (statement.parse_problem(sql, {"x": 1, "many": ("a", "b")}) or "")


def test_what_is_parsed_is_what_is_sent() -> None:
    assert statement.parse_problem("SELECT 1 WHERE a IN ({x})", {"x": (1, 2)}) is None
    assert statement.parse_problem("SELECT 1 WHERE a = {x}", {"x": (1, 2)}) is not None
    assert statement.parse_problem("SELECT (1 -{THRESHOLD})", {}, 5) is None
    assert statement.parse_problem("SELECT (1 -{THRESHOLD})", {}, -5) is not None  # "--5" is a comment


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(x) FROM t",
        "SELECT 1",
        "VALUES 1",
        "SELECT x FROM t ORDER BY x",
        "(SELECT x FROM t ORDER BY x)",
        "SELECT round(100.0 * count(*) / nullif(sum(y), 0), 2) FROM t WHERE x IN (SELECT a FROM b)",
        "SELECT s FROM (SELECT max(x) s FROM t)",
        "WITH a AS (SELECT sum(x) s FROM t), b AS (SELECT 2 y) SELECT s FROM a CROSS JOIN b",
        "WITH a AS (SELECT sum(x) s FROM t), b AS (SELECT 2 y) SELECT s FROM a JOIN b ON s > y LEFT JOIN a c USING (s)",
        "WITH a AS (SELECT sum(x) s FROM t) SELECT s FROM a CROSS JOIN LATERAL (SELECT max(y) FROM u WHERE y > s)",
        "SELECT (SELECT count(*) FROM t) - (SELECT count(*) FROM u)",
        "USING EXTERNAL FUNCTION f(x VARCHAR) RETURNS VARCHAR LAMBDA 'n' SELECT max(f(x)) FROM t",
    ],
)
def test_a_query_with_an_order_or_one_row_has_a_first_row(sql: str) -> None:
    assert rows.has_certain_first_row(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT x FROM t",
        "SELECT x FROM t LIMIT 1",
        "VALUES 1, 2",
        "SELECT 1 UNION ALL SELECT 2",
        "SELECT sum(x) FROM t GROUP BY y",
        "SELECT sum(x) FILTER (WHERE y) OVER (PARTITION BY z ORDER BY z) FROM t",
        "SELECT x FROM (SELECT x FROM t ORDER BY x)",
        "SELECT (SELECT max(y) FROM u) FROM t",
        "WITH a AS (SELECT x FROM t) SELECT x FROM a",
        "WITH a AS (SELECT sum(x) s FROM t) SELECT s FROM a FULL JOIN a b ON false JOIN a c ON true",
        "WITH a AS (SELECT sum(x) s FROM t) SELECT s FROM a JOIN db.a b ON a.s = b.s",
        "WITH a AS (SELECT sum(x) s FROM t) SELECT s FROM t JOIN a ON true",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
        "SELECT x FROM (SELECT ARRAY[1] a) CROSS JOIN UNNEST(a) AS u(x)",
        "SELECT 'ORDER', \"ORDER\" FROM t",
    ],
)
def test_the_first_of_several_rows_without_an_order_is_any_of_them(sql: str) -> None:
    assert not rows.has_certain_first_row(sql)

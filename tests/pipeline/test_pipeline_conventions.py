"""Histories made by a model of each convention: nothing is reported of healthy ones, and of a fault what it is."""

from __future__ import annotations

from random import Random

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.local.cloud.athena import statements
from deliverywatch.pipeline.checks import scd2
from deliverywatch.pipeline.checks.duck import LocalTables
from pipeline.scd2_model import (
    AS_OF,
    CONVENTIONS,
    DAY,
    Convention,
    healthy,
    life,
    long_case,
    planted,
    reported,
    source_rows,
)


@pytest.fixture(scope="module")
def tables() -> LocalTables:
    return LocalTables()


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda convention: convention.name)
@given(seed=st.integers(0, 10**9))
@settings(max_examples=4, deadline=None)
def test_nothing_is_reported_of_healthy_histories(tables: LocalTables, convention: Convention, seed: int) -> None:
    random = Random(seed)
    lives = {f"k{number}": life(random, convention) for number in range(40)}
    rows = [row for key, events in lives.items() for row in healthy(key, events, convention)]
    source = [row for key, events in lives.items() for row in source_rows(key, events, convention)]
    newer = source_rows("not yet written", [], convention, is_newer=True)
    assert reported(rows, source + newer, convention, tables) == {}


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda convention: convention.name)
def test_each_fault_is_reported_as_what_it_is_and_as_nothing_else(tables: LocalTables, convention: Convention) -> None:
    cases = {key: case for key, (_, case) in planted(convention).items()}
    cases["healthy"] = long_case("healthy", convention)
    rows = [row for case in cases.values() for row in case.rows]
    source = [row for case in cases.values() for row in case.source]
    reports = reported(rows, source, convention, tables)
    by_key = {key: {check for check, keys in reports.items() if key in keys} for key in cases}
    assert by_key == {key: case.expected for key, case in cases.items()}


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda convention: convention.name)
def test_the_query_is_athenas_own_sql_with_every_name_of_the_table_quoted(convention: Convention) -> None:
    declared = convention.history
    sql = scd2.query(declared, AS_OF, AS_OF - DAY)
    tree = sqlglot.parse_one(sql, read="athena")
    assert statements.reserved(tree) is None
    names = {declared.valid_from, declared.valid_to, *declared.key, *declared.tracked}
    quoted = {identifier.name: identifier.quoted for identifier in tree.find_all(sqlglot.exp.Identifier)}
    assert all(quoted[name] for name in names - {"f", "t"})

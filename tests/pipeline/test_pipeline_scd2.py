"""Each of the twelve checks finds what it is there for, and what a slow and obvious reading of the rows finds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deliverywatch.pipeline.checks import scd2
from deliverywatch.pipeline.checks.duck import LocalTables
from deliverywatch.pipeline.checks.rules import rules_of
from deliverywatch.pipeline.declaration.histories import HardDeletes, History
from pipeline.pipeline_world import SF_USER
from pipeline.scd2_oracle import Version, violations, written

DAWN = datetime(2026, 11, 21, tzinfo=UTC)
HISTORY = SF_USER.histories[0]
SINGLE = History("h", ("k",), "f0", "t0", "cur", "del", ("email",), hard_deletes=HardDeletes.SOFT)
JUDGED = [rule for rule in rules_of(SINGLE) if not rule.not_judged]
AS_OF, SINCE = 6, 2
NOW = DAWN + timedelta(hours=AS_OF)


@pytest.fixture(scope="module")
def tables() -> LocalTables:
    return LocalTables()


def hour(number: int | None) -> datetime | None:
    return None if number is None else (DAWN + timedelta(hours=number)).replace(tzinfo=None)


def load(tables: LocalTables, versions: Sequence[Version]) -> None:
    tables.connection.execute(
        "CREATE OR REPLACE TABLE h (k BIGINT, f0 TIMESTAMP, t0 TIMESTAMP, cur BOOLEAN, del BOOLEAN, email VARCHAR)"
    )
    rows = [[v.key, hour(v.begin), hour(v.end), v.current, v.deleted, v.email] for v in versions]
    if rows:
        tables.connection.executemany("INSERT INTO h VALUES (?, ?, ?, ?, ?, ?)", rows)


def checked(tables: LocalTables, versions: Sequence[Version], history: History = SINGLE) -> dict[str, Any]:
    load(tables, versions)
    sql = scd2.query(history, DAWN + timedelta(hours=AS_OF), DAWN + timedelta(hours=SINCE))
    (row,) = tables.rows(sql, "")
    return dict(row)


def failed(tables: LocalTables, versions: Sequence[Version]) -> dict[str, tuple[int, int]]:
    row = checked(tables, versions)
    return {check.name: (check.rows, check.keys) for check in scd2.checks_of(SINGLE, row, NOW) if check.rows}


GOOD = [
    Version(1, 0, 2),
    Version(1, 2, 4, email="b"),
    Version(1, 4, None, current=True),
    Version(2, 1, None, current=True),
]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (GOOD, {}),
        ([*GOOD, Version(3, 0, 2), Version(3, 2, None, deleted=True)], {}),
        ([*GOOD, Version(3, 0, 2), Version(3, 2, 2, deleted=True)], {"begins_after_end": (1, 1)}),
        ([Version(1, 0, None, current=True), Version(1, 2, None, current=True, email="b")],
         {"many_current": (2, 1), "current_not_latest": (1, 1), "overlap": (1, 1)}),
        ([Version(1, 0, 2), Version(1, 2, 3, email="b")], {"no_current": (1, 1)}),
        ([Version(1, 0, None, current=False)], {"no_current": (1, 1), "flag_disagrees": (1, 1)}),
        ([Version(1, 0, 2, current=True), Version(1, 2, 4, email="b")],
         {"flag_disagrees": (1, 1), "current_not_latest": (1, 1)}),
        ([Version(1, 0, 3), Version(1, 2, None, current=True, email="b")], {"overlap": (1, 1)}),
        ([Version(1, 0, 2), Version(1, 3, None, current=True, email="b")], {"gap": (1, 1)}),
        ([Version(1, 0, 4), Version(1, 1, 2, email="b"), Version(1, 4, None, current=True)], {"overlap": (1, 1)}),
        ([Version(1, 0, 0), Version(1, 0, None, current=True, email="b")],
         {"begins_after_end": (1, 1), "duplicate_begin": (2, 1)}),
        ([Version(1, 0, 2), Version(1, 2, None, current=True)], {"unchanged": (1, 1)}),
        ([*GOOD, Version(None, 0, None, current=True), Version(3, None, 2)], {"null_key": (2, 2)}),
        ([Version(1, 0, None, current=True, deleted=True)], {"deleted_current": (1, 1)}),
        ([Version(1, 7, None, current=True)], {"future_begin": (1, 1)}),
    ],
)  # fmt: skip
def test_each_check_finds_its_violation_and_nothing_in_a_healthy_history(
    tables: LocalTables, versions: list[Version], expected: dict[str, tuple[int, int]]
) -> None:
    assert failed(tables, versions) == expected


hours = st.none() | st.integers(0, 8)
flags = st.sampled_from([True, False, False, None])
anything = st.builds(
    Version, st.sampled_from([1, 1, 2, 3, None]), hours, hours, flags, flags, st.sampled_from(["a", "b", None])
)


@given(st.lists(anything, max_size=12))
@settings(max_examples=150, deadline=None)
@example([Version(1, 3, 3), Version(1, 3, 1, current=True), Version(1, 5, None)])
def test_every_check_agrees_with_the_oracle(tables: LocalTables, versions: list[Version]) -> None:
    row = checked(tables, versions)
    expected = violations(versions, AS_OF)
    violated = {rule.name: (int(row[f"{rule.name}_rows"] or 0), int(row[f"{rule.name}_keys"] or 0)) for rule in JUDGED}
    assert violated == {rule.name: expected.get(rule.name, (0, 0)) for rule in JUDGED}
    counts = scd2.counts_of(row)
    assert (counts.created, counts.updated, counts.deleted) == written(versions, SINCE, AS_OF)


@given(st.lists(anything, max_size=12))
@settings(max_examples=60, deadline=None)
def test_the_score_is_the_share_of_keys_without_a_violation(tables: LocalTables, versions: list[Version]) -> None:
    score = scd2.score_of(checked(tables, versions))
    keys = {version.key for version in versions}
    bad = {
        key
        for key in keys
        if any(count for count, _ in violations([v for v in versions if v.key == key], AS_OF).values())
    }
    assert (score.total, score.good) == (len(keys), len(keys) - len(bad))
    assert score.percent == (100 * score.good / score.total if keys else None)


def test_an_empty_history_has_no_score_and_no_data(tables: LocalTables) -> None:
    row = checked(tables, [])
    assert scd2.score_of(row).percent is None
    assert {check.result for check in scd2.checks_of(SINGLE, row, NOW)} == {"no data", "not judged"}
    assert not any(check.is_fatal for check in scd2.checks_of(SINGLE, row, NOW))


def test_a_far_date_and_null_both_stand_for_an_open_end(tables: LocalTables) -> None:
    far = History("h", ("k",), "f0", "t0", "cur", "del", ("email",), open_end="9999-12-31 00:00:00")
    load(tables, [Version(2, 1, None, current=True)])
    tables.connection.execute("INSERT INTO h VALUES (1, '2026-11-21', '9999-12-31', TRUE, FALSE, 'a')")
    (row,) = tables.rows(scd2.query(far, DAWN + timedelta(hours=AS_OF), DAWN), "")
    assert row["bad_keys"] == 0
    (row,) = tables.rows(scd2.query(SINGLE, DAWN + timedelta(hours=AS_OF), DAWN), "")
    assert row["flag_disagrees_rows"] == 1


def test_a_key_of_several_columns_is_spelt_with_all_of_them(tables: LocalTables) -> None:
    both = History("h", ("k", "email"), "f0", "t0", "cur", "", ())
    row = checked(tables, [Version(1, 0, 1), Version(1, 0, 1, email=None)], both)
    assert (row["no_current_samples"], row["null_key_samples"]) == ("1|a", "1|NULL")


def test_samples_are_a_few_and_the_same_each_time(tables: LocalTables) -> None:
    versions = [Version(key, 0, 1) for key in range(9)]
    row = checked(tables, versions)
    (check,) = [check for check in scd2.checks_of(SINGLE, row, NOW) if check.name == "no_current"]
    assert (check.samples, check.keys, check.total) == (("0", "1", "2", "3", "4"), 9, 9)


def test_a_key_with_a_comma_is_one_sample(tables: LocalTables) -> None:
    comma = History("h", ("email",), "f0", "t0", "cur", "", ())
    row = checked(tables, [Version(1, 0, 1, email="Doe, Ann")], comma)
    (check,) = [check for check in scd2.checks_of(comma, row, NOW) if check.name == "no_current"]
    assert check.samples == ("Doe, Ann",)


def test_without_tracked_columns_nothing_is_said_of_unchanged_versions(tables: LocalTables) -> None:
    bare = History("h", ("k",), "f0", "t0", "cur", "", ())
    row = checked(tables, [Version(1, 0, 2), Version(1, 2, None, current=True)], bare)
    results = {check.name: check.result for check in scd2.checks_of(bare, row, NOW)}
    assert (results["unchanged"], results["gap"]) == ("not judged", "passed")


def test_the_query_is_athenas_own_sql() -> None:
    import sqlglot

    sql = scd2.query(HISTORY, DAWN, DAWN - timedelta(days=1))
    (parsed,) = sqlglot.parse(sql, read="athena")
    assert parsed is not None
    assert {table.name for table in parsed.find_all(sqlglot.exp.Table)} >= {"users_history"}

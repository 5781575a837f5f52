"""A change that the history missed is found in its source, whatever the types, once the history must have seen it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.errors import InputError
from deliverywatch.pipeline.checks import scd2
from deliverywatch.pipeline.checks.conventions import described
from deliverywatch.pipeline.checks.duck import LocalTables
from deliverywatch.pipeline.checks.sql import moment
from deliverywatch.pipeline.declaration.histories import Times
from pipeline.pipeline_world import PLAIN, history

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.histories import History

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOURCE = {"table": "s"}
CHECKED = {**PLAIN, "tracked": ["v"], "source": SOURCE}


@pytest.fixture(scope="module")
def tables() -> LocalTables:
    return LocalTables()


def failed(tables: LocalTables, declared: History, rows: str, source: str) -> dict[str, str]:
    """The sentences of the checks that fail, with their samples, of two tables given as SELECTs."""
    tables.connection.execute(f"CREATE OR REPLACE TABLE h AS {rows}")
    tables.connection.execute(f"CREATE OR REPLACE TABLE s AS {source}")
    (row,) = tables.rows(scd2.query(declared, NOON, NOON - timedelta(days=1)), "")
    checks = scd2.checks_of(declared, row, NOON)
    return {check.name: f"{check.sentence} {' '.join(check.samples)}" for check in checks if check.result == "failed"}


def current(value: str, begin: str = "2026-01-01") -> str:
    return f"SELECT 1 AS k, TIMESTAMP '{begin}' AS f, NULL::TIMESTAMP AS t, {value} AS v"


@pytest.mark.parametrize(
    ("kept", "in_source", "is_same"),
    [
        ("'East'", "'East'", True),
        ("'East'", "'West'", False),
        ("'East'", "'east'", False),
        ("'007'", "'7'", False),
        ("NULL::VARCHAR", "NULL::INTEGER", True),
        ("NULL::VARCHAR", "''", False),
        ("''", "NULL::VARCHAR", False),
        ("5.00::DECIMAL(10, 2)", "'5'", True),
        ("5.00::DECIMAL(10, 2)", "5.0000::DECIMAL(12, 4)", True),
        ("5::BIGINT", "5.0::DOUBLE", True),
        ("5::BIGINT", "'5.5'", False),
        ("9007199254740993::BIGINT", "'9007199254740992'", False),
        ("DATE '2026-01-31'", "TIMESTAMP '2026-01-31'", True),
        ("TIMESTAMP '2026-01-31 10:00:00'", "'2026-01-31T10:00:00Z'", True),
        ("DATE '2026-01-31'", "'2026-02-01'", False),
        ("TRUE", "'True'", True),
        ("TRUE", "1", True),
        ("TRUE", "'false'", False),
        ("TRUE", "'yes'", False),
        ("TIMESTAMP '2026-01-31 10:00:00'", "'2026-01-31T10:00:00.000+0000'", True),
        ("TIMESTAMP '2026-01-31 10:00:00'", "'2026-01-31 10:00:00.000000 UTC'", True),
    ],
)
def test_values_of_different_types_are_compared_by_what_they_read_as(
    tables: LocalTables, kept: str, in_source: str, is_same: bool
) -> None:
    found = failed(tables, history(**CHECKED), current(kept), f"SELECT '1' AS k, {in_source} AS v")
    assert [*found] == ([] if is_same else ["missed_change"])


def test_a_missed_change_names_its_columns_and_types_and_no_values(tables: LocalTables) -> None:
    sentences = failed(tables, history(**CHECKED), current("5"), "SELECT 1 AS k, 'secret' AS v")
    assert "v in 1 (integer here and varchar in the source, compared by value)" in sentences["missed_change"]
    assert sentences["missed_change"].endswith("1: v")
    assert "secret" not in str(sentences)


@pytest.mark.parametrize(
    ("changed", "is_missed"),
    [
        ("2026-11-21 11:00", False),  # newer than all of the history, and less than two hours old
        ("2026-11-21 09:00", True),  # newer, but older than two hours
        ("2026-11-01", True),
        (None, True),
    ],
)
def test_what_the_history_cannot_have_seen_yet_is_tolerated_for_the_declared_delay(
    tables: LocalTables, changed: str | None, is_missed: bool
) -> None:
    declared = history(**{**CHECKED, "source": {**SOURCE, "updated_at": "changed", "delay": "2 hours"}})
    moment = f"TIMESTAMP '{changed}'" if changed else "NULL::TIMESTAMP"
    found = failed(tables, declared, current("'a'"), f"SELECT 1 AS k, 'b' AS v, {moment} AS changed")
    assert [*found] == (["missed_change"] if is_missed else [])


def test_what_is_older_than_the_newest_version_should_have_been_seen_with_it(tables: LocalTables) -> None:
    declared = history(**{**CHECKED, "source": {**SOURCE, "updated_at": "changed", "delay": "2 hours"}})
    rows = f"{current(chr(39) + 'a' + chr(39))} UNION ALL SELECT 2, TIMESTAMP '2026-11-21 11:30', NULL, 'x'"
    source = "SELECT 1 AS k, 'b' AS v, TIMESTAMP '2026-11-21 11:00' AS changed UNION ALL SELECT 2, 'x', NULL"
    assert [*failed(tables, declared, rows, source)] == ["missed_change"]


def test_of_a_source_with_a_row_for_each_change_the_newest_counts(tables: LocalTables) -> None:
    declared = history(**{**CHECKED, "source": {**SOURCE, "updated_at": "changed", "rows": "changes"}})
    changes = "SELECT 1 AS k, 'a' AS v, TIMESTAMP '2026-01-01' AS changed UNION ALL SELECT 1, 'b', '2026-02-01'"
    assert failed(tables, declared, current("'b'"), f"{changes} UNION ALL SELECT 1, 'b', '2026-02-01'") == {}
    assert [*failed(tables, declared, current("'a'"), changes)] == ["missed_change"]


def test_a_row_that_the_source_marks_as_deleted_is_none(tables: LocalTables) -> None:
    source = {**SOURCE, "is_deleted": "IsDeleted"}
    declared = history(**{**CHECKED, "hard_deletes": "invalidate", "source": source})
    gone = "SELECT 1 AS k, 'a' AS v, 'true' AS IsDeleted"
    assert [*failed(tables, declared, current("'a'"), gone)] == ["missed_delete"]


@pytest.mark.parametrize("name", ["missed_change", "missed_insert", "source_duplicate"])
def test_a_check_can_be_switched_off_by_its_name(tables: LocalTables, name: str) -> None:
    source = "SELECT 1 AS k, 'b' AS v UNION ALL SELECT 2, 'c' UNION ALL SELECT 3, 'd' UNION ALL SELECT 3, 'd'"
    rows = f"{current(chr(39) + 'a' + chr(39))} UNION ALL SELECT 3, TIMESTAMP '2026-01-01', NULL, 'd'"
    everything = {*failed(tables, history(**CHECKED), rows, source)}
    assert everything == {"missed_change", "missed_insert", "source_duplicate"}
    assert {*failed(tables, history(**CHECKED, checks_off=[name]), rows, source)} == everything - {name}


def test_every_check_can_be_switched_off_by_its_name(tables: LocalTables) -> None:
    declared = history(**CHECKED)
    names = [rule.name for rule in scd2.rules_of(declared) if not rule.not_judged]
    broken = "SELECT NULL::INTEGER AS k, TIMESTAMP '2026-01-01' AS f, NULL::TIMESTAMP AS t, 'a' AS v"
    for name in names:
        one_off = history(**CHECKED, checks_off=[name])
        assert name not in failed(tables, one_off, broken, "SELECT 1 AS k, 'b' AS v")
        (rule,) = [rule for rule in scd2.rules_of(one_off) if rule.name == name]
        assert rule.not_judged == "it is switched off"


@pytest.mark.parametrize(
    ("declared", "ends", "check", "hint"),
    [
        ({}, "2026-01-31", "gap", "are the ends inclusive, with the precision day?"),
        ({}, "2026-01-31 23:59:59", "gap", "are the ends inclusive, with the precision second?"),
        ({"is_current": "c"}, "2026-02-01", "flag_disagrees", "declare it as open_end"),
    ],
)
def test_data_that_look_like_another_convention_say_so(
    tables: LocalTables, declared: dict[str, Any], ends: str, check: str, hint: str
) -> None:
    rows = (
        f"SELECT 1 AS k, TIMESTAMP '2026-01-01' AS f, TIMESTAMP '{ends}' AS t, 'N' AS c UNION ALL "
        "SELECT 1, TIMESTAMP '2026-02-01', TIMESTAMP '9999-12-31', 'Y'"
    )
    assert hint in failed(tables, history(**PLAIN, **declared), rows, "SELECT 1 AS k")[check]


def test_keys_that_end_without_a_declared_reason_say_which_one_there_may_be(tables: LocalTables) -> None:
    rows = "SELECT 1 AS k, TIMESTAMP '2026-01-01' AS f, TIMESTAMP '2026-02-01' AS t"
    assert "declare hard_deletes as invalidate" in failed(tables, history(**PLAIN), rows, "SELECT 1 AS k")["no_current"]
    assert failed(tables, history(**PLAIN, hard_deletes="invalidate"), rows, "SELECT 1 AS k") == {}


def test_flags_that_nobody_declared_are_named_with_their_values(tables: LocalTables) -> None:
    rows = f"{current('1')} UNION ALL SELECT 2, TIMESTAMP '2026-01-01', NULL, 1"
    flagged = f"SELECT *, CASE k WHEN 1 THEN 'OPEN' ELSE 'closed' END AS c FROM ({rows})"
    sentence = failed(tables, history(**PLAIN, is_current="c"), flagged, "SELECT 1 AS k")["unknown_flag"]
    assert "Its values are OPEN, closed: say what they mean in current_values" in sentence


def test_a_flag_of_deleted_versions_has_words_of_its_own(tables: LocalTables) -> None:
    rows = "SELECT {} AS k, TIMESTAMP '2026-01-01' AS f, {}::TIMESTAMP AS t, '{}' AS d"
    rows = f"{rows.format(1, 'NULL', '{}')} UNION ALL {rows.format(2, chr(39) + '2026-02-01' + chr(39), '{}')}"
    declared = history(**PLAIN, is_deleted="d")
    for kept, deleted in (("Active", "Deleted"), ("", "X"), ("0.0", "1.0")):
        assert failed(tables, declared, rows.format(kept, deleted), "SELECT 1 AS k") == {}
    sentence = failed(tables, declared, rows.format("N", "gone"), "SELECT 1 AS k")["unknown_flag"]
    assert "Its values are gone: say what they mean in deleted_values." in sentence


def test_a_flag_that_went_through_a_float_is_read(tables: LocalTables) -> None:
    rows = "SELECT 1 AS k, TIMESTAMP '2026-01-01' AS f, {}::TIMESTAMP AS t, {}::DOUBLE AS c"
    ended = rows.format("'2026-02-01'", 0) + " UNION ALL SELECT 1, TIMESTAMP '2026-02-01', NULL, 1"
    assert failed(tables, history(**PLAIN, is_current="c"), ended, "SELECT 1 AS k") == {}


def test_an_empty_text_is_no_time_of_deletion_and_no_end(tables: LocalTables) -> None:
    rows = "SELECT 1 AS k, '2026-01-01T00:00:00.000Z' AS f, '' AS t, '' AS d"
    assert failed(tables, history(**PLAIN, deleted_at="d"), rows, "SELECT 1 AS k") == {}
    ended = rows.replace("'' AS t", "'2026-02-01' AS t")
    assert [*failed(tables, history(**PLAIN, deleted_at="d"), ended, "SELECT 1 AS k")] == ["no_current"]


def test_times_of_salesforce_are_read_though_they_are_text(tables: LocalTables) -> None:
    rows = "SELECT 1 AS k, '2026-01-01T00:00:00.000{0}' AS f, '2026-02-01T00:00:00.000{0}' AS t UNION ALL "
    rows += "SELECT 1, '2026-02-01T00:00:00.000{0}', NULL"
    for zone in ("Z", "+0000"):
        assert failed(tables, history(**PLAIN), rows.format(zone), "SELECT 1 AS k") == {}
        late = rows.format(zone).replace("2026-02-01T00:00:00.000", "2026-02-01T00:00:00.001", 1)
        assert [*failed(tables, history(**PLAIN), late, "SELECT 1 AS k")] == ["overlap"]


@pytest.mark.parametrize("times", Times)
def test_no_time_with_a_zone_is_cast_to_one_without_which_athena_may_refuse(times: Times) -> None:
    sql = moment("c", times)
    assert not re.search("FROM_UNIXTIME|AT TIME ZONE|WITH TIME ZONE|CAST\\(FROM_ISO", sql)
    # Athena divides whole numbers by 1000.0 to one decimal, and milliseconds would be lost.
    assert "/" not in sql


@pytest.mark.parametrize("begin", ["20260101", "1767225600", "1767225600000"])
def test_numbers_that_are_not_declared_as_times_say_which_word_is_missing(tables: LocalTables, begin: str) -> None:
    with pytest.raises(InputError) as refused:
        failed(tables, history(**PLAIN), f"SELECT 1 AS k, {begin} AS f, NULL::INTEGER AS t", "SELECT 1 AS k")
    assert "Declare times, such as yyyymmdd or epoch_seconds" in refused.value.next_step


def test_epochs_tell_milliseconds_apart(tables: LocalTables) -> None:
    rows = "SELECT 1 AS k, 1767225600000 AS f, 1767225600040 AS t UNION ALL SELECT 1, 1767225600040, NULL"
    declared = history(**PLAIN, times="epoch_milliseconds")
    assert failed(tables, declared, rows, "SELECT 1 AS k") == {}
    assert [*failed(tables, declared, rows.replace("040", "039", 1), "SELECT 1 AS k")] == ["gap"]


@pytest.mark.parametrize("source", ["SELECT 1 AS k, 'a' AS v WHERE FALSE", "SELECT NULL::INTEGER AS k, 'a' AS v"])
def test_a_source_without_a_row_is_no_evidence_of_anything(tables: LocalTables, source: str) -> None:
    assert [*failed(tables, history(**CHECKED), current("'a'"), source)] == ["source_empty"]
    # dbt ends all versions after the source was emptied.
    ended = current("'a'").replace("NULL::TIMESTAMP", "TIMESTAMP '2026-02-01'")
    declared = history(**CHECKED, hard_deletes="invalidate")
    assert [*failed(tables, declared, ended, source)] == ["source_empty"]
    assert failed(tables, history(**CHECKED, checks_off=["source_empty"]), current("'a'"), source) == {}


def test_where_each_load_touches_every_row_no_change_is_known_to_be_missed_or_not(tables: LocalTables) -> None:
    declared = history(**{**CHECKED, "source": {**SOURCE, "updated_at": "loaded"}})
    tables.connection.execute(f"CREATE OR REPLACE TABLE h AS {current(chr(39) + 'a' + chr(39))}")
    tables.connection.execute(
        "CREATE OR REPLACE TABLE s AS SELECT 1 AS k, 'b' AS v, TIMESTAMP '2026-11-21 11:00' AS loaded"
    )
    (row,) = tables.rows(scd2.query(declared, NOON, NOON - timedelta(days=1)), "")
    results = {check.name: (check.result, check.sentence) for check in scd2.checks_of(declared, row, NOON)}
    assert results["missed_change"][0] == results["missed_insert"][0] == "no data"
    assert "not judged, because no row of the source is due" in results["missed_change"][1]
    assert results["gap"][0] == results["source_empty"][0] == "passed"


def test_keys_that_are_written_otherwise_in_the_source_say_so(tables: LocalTables) -> None:
    found = failed(tables, history(**CHECKED), current("'a'"), "SELECT 1.0 AS k, 'a' AS v")
    assert "are both written alike, 1 and not 1.0" in found["missed_insert"]


def test_a_history_of_which_every_check_is_off_has_no_score(tables: LocalTables) -> None:
    names = [rule.name for rule in scd2.rules_of(history(**PLAIN)) if not rule.not_judged]
    declared = history(**PLAIN, checks_off=names)
    tables.connection.execute(f"CREATE OR REPLACE TABLE h AS {current('1')}")
    (row,) = tables.rows(scd2.query(declared, NOON, NOON - timedelta(days=1)), "")
    assert scd2.score_of(row).percent is None


def test_a_tolerance_covers_what_is_lost_between_hive_and_iceberg(tables: LocalTables) -> None:
    rows = (
        "SELECT 1 AS k, TIMESTAMP '2026-01-01' AS f, TIMESTAMP '2026-02-01 00:00:00.123' AS t UNION ALL "
        "SELECT 1, TIMESTAMP '2026-02-01 00:00:00.123456', NULL"
    )
    assert [*failed(tables, history(**PLAIN), rows, "SELECT 1 AS k")] == ["gap"]
    assert failed(tables, history(**PLAIN, tolerance="1 millisecond"), rows, "SELECT 1 AS k") == {}


names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12).map(str.lower)


@given(st.lists(names, min_size=4, max_size=4, unique_by=str.casefold))
@settings(max_examples=10, deadline=None)
def test_no_name_of_a_column_breaks_the_query(tables: LocalTables, columns: list[str]) -> None:
    key, begin, end, tracked = columns
    quoted = ['"{}"'.format(name.replace('"', '""')) for name in columns]
    values = ("1", "TIMESTAMP '2026-01-01'", "NULL::TIMESTAMP", "'a'")
    rows = "SELECT " + ", ".join(f"{value} AS {name}" for value, name in zip(values, quoted, strict=True))
    declared = history(table="h", key=[key], valid_from=begin, valid_to=end, tracked=[tracked], source=SOURCE)
    assert [*failed(tables, declared, rows, f"SELECT 1 AS {quoted[0]}, 'b' AS {quoted[3]}")] == ["missed_change"]


def test_the_convention_is_said_in_words() -> None:
    words = described(history(**PLAIN, convention="inclusive-days", open_end="9999-12-31", is_current="c"))
    for part in ("is read as inclusive-days", "included, by the day", "9999-12-31 and later", "c marks the last one"):
        assert part in words

"""A history is declared in the convention it has; what contradicts itself is refused with what it can be."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from deliverywatch.errors import ConfigurationError
from deliverywatch.pipeline import checks
from deliverywatch.pipeline.declaration.histories import CHECKS, PRESETS, HardDeletes, History, SourceTable
from pipeline.pipeline_world import PLAIN, history

DBT = {"table": "h", "key": ["k"], "convention": "dbt-snapshot"}
SOURCE = {"table": "s", "updated_at": "changed"}


@pytest.mark.parametrize(
    ("declared", "path", "sentence"),
    [
        ({**PLAIN, "convention": "dbt"}, "convention", 'is "dbt", and can be half-open, inclusive-days, dbt-snapshot'),
        ({**PLAIN, "ends": "closed"}, "ends", 'is "closed", and can be exclusive or inclusive'),
        ({**PLAIN, "ends": "inclusive"}, "precision", "day, second, millisecond, microsecond"),
        ({**PLAIN, "precision": "day"}, "precision", 'or write ends = "inclusive"'),
        ({**PLAIN, "hard_deletes": "delete"}, "hard_deletes", "can be ignore, invalidate, new_record or soft"),
        ({**PLAIN, "hard_deletes": "new_record"}, "hard_deletes", "needs is_deleted or deleted_at"),
        ({**DBT, "is_deleted": "dbt_is_deleted"}, "hard_deletes", "can be new_record, soft or invalidate"),
        ({**PLAIN, "is_deleted": "d", "deleted_at": "e"}, "deleted_at", "can be left out"),
        ({**DBT, "tracked": ["plan"]}, "strategy", "is missing, and can be check or timestamp"),
        ({**DBT, "ends": "inclusive", "precision": "second"}, "ends", "can be exclusive"),
        ({**PLAIN, "current_values": ["Y"]}, "current_values", "needs is_current"),
        ({**PLAIN, "is_current": "c", "not_current_values": ["N"]}, "not_current_values", "needs current_values"),
        (
            {**PLAIN, "is_current": "c", "current_values": ["Y"], "not_current_values": ["y"]},
            "not_current_values",
            'names "y", which is in current_values',
        ),
        ({**PLAIN, "shared_begins": "yes"}, "shared_begins", 'is "yes", and can be true or false'),
        ({**PLAIN, "order_by": "n"}, "order_by", "needs shared_begins"),
        ({**PLAIN, "checks_off": ["gaps"]}, "checks_off", 'is "gaps", and can be the name of a check: many_current'),
        ({**PLAIN, "tolerance": "a second"}, "tolerance", "can be a time such as 1 millisecond"),
        ({**PLAIN, "time_zone": "Mars/Base"}, "time_zone", "can be a time zone such as Europe/Berlin"),
        ({**PLAIN, "time_zone": "right/Europe/Rome"}, "time_zone", "can be a time zone such as Europe/Berlin"),
        ({**PLAIN, "open_end": "9999"}, "open_end", "can be a time such as 9999-12-31"),
        (
            {**PLAIN, "open_end": "9999-02-31"},
            "open_end",
            'is "9999-02-31", and can be a date at which no version ends',
        ),
        ({**PLAIN, "open_end": "1900-01-01"}, "open_end", "can be a date at which no version ends, such as 9999-12-31"),
        ({**PLAIN, "valid_to": "f"}, "valid_to", "like valid_from, and can be another column"),
        ({**PLAIN, "valid_to": "F"}, "valid_to", "like valid_from, and can be another column"),
        ({**PLAIN, "tracked": ["plan", "f"]}, "tracked", 'names "f", which is valid_from, and can name another column'),
        ({**PLAIN, "tracked": ["K"]}, "tracked", 'names "K", which is key'),
        ({**PLAIN, "is_current": "c", "tracked": ["c"]}, "tracked", 'names "c", which is is_current'),
        ({**PLAIN, "is_current": "c", "is_deleted": "c"}, "is_deleted", 'names "c", which is is_current'),
        ({**PLAIN, "checks_off": ["missed_change"]}, "checks_off", 'names "missed_change", which needs a source'),
        ({**PLAIN, "times": "epoch_seconds", "time_zone": "Europe/Berlin"}, "time_zone", "in UTC, and can be left out"),
        (
            {**PLAIN, "times": "yyyymmdd", "ends": "inclusive", "precision": "second"},
            "precision",
            'is "second" though times are days, and can be day',
        ),
        ({**PLAIN, "source": {"table": "h"}}, "source.table", "the history itself"),
        ({**PLAIN, "source": {"table": "s", "delay": "1 hour"}}, "source.delay", "needs updated_at"),
        ({**PLAIN, "source": {"table": "s", "rows": "changes"}}, "source.rows", "needs updated_at"),
        ({**PLAIN, "source": {**SOURCE, "columns": {"x": "y"}}}, "source.columns.x", "can be k"),
    ],
)
def test_what_contradicts_itself_is_refused_with_what_it_can_be(
    declared: dict[str, Any], path: str, sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        history(**declared)
    (line,) = [line for line in str(refused.value).splitlines() if f"history[0].{path} " in line]
    assert sentence in line


def test_every_convention_can_be_declared_by_its_name_alone() -> None:
    for name in PRESETS:
        assert history(**PLAIN, convention=name).convention == name


def test_a_snapshot_of_dbt_needs_only_its_table_its_key_and_what_becomes_of_deleted_rows() -> None:
    declared = history(**DBT, hard_deletes="new_record")
    assert (declared.valid_from, declared.valid_to, declared.is_deleted) == (
        "dbt_valid_from",
        "dbt_valid_to",
        "dbt_is_deleted",
    )
    assert declared.hard_deletes is HardDeletes.NEW_RECORD


def test_a_snapshot_whose_columns_are_renamed_has_no_version_key_unless_it_is_named() -> None:
    assert history(**DBT).version_key == "dbt_scd_id"
    assert history(**DBT, valid_from="f").version_key == ""
    assert history(**DBT, valid_from="f", version_key="id").version_key == "id"


def test_the_page_on_histories_has_every_field_convention_and_check() -> None:
    page = (Path(checks.__file__).parent / "README.md").read_text()
    words = {"tolerance_milliseconds": "tolerance", "delay_hours": "delay"}
    names = {words.get(one.name, one.name) for kind in (History, SourceTable) for one in fields(kind)}
    assert [name for name in sorted({*names, *PRESETS, *CHECKS}) if f"`{name}`" not in page] == []

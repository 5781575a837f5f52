"""A field that SES adds is found, with the change of the table that gives it a column."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from click.testing import CliRunner
from email_world import ARRIVED, DOCUMENTED, ODD, event, line

from deliverywatch.cli import main
from deliverywatch.email import land
from deliverywatch.email.drift import Drift, column_lines, drift, statements
from deliverywatch.email.events.columns import COLUMNS, Column
from deliverywatch.email.events.glue_types import parsed
from deliverywatch.email.events.streams import Stream
from deliverywatch.storage.folder import Folder

NEW = ODD["a field that SES adds tomorrow"]


def test_documented_events_have_no_drift() -> None:
    assert drift(map(line, DOCUMENTED)) == Drift([], {}, {})


def test_a_new_field_is_told_with_its_place_and_its_type() -> None:
    found = {each.path: each for each in drift([line(NEW), line(NEW), line(event("Delivery"))]).fields}
    assert set(found) == {"delivery.inboxPlacement.folder", "delivery.inboxPlacement.confidence"}
    folder = found["delivery.inboxPlacement.folder"]
    assert (folder.count, folder.column, folder.athena_type) == (2, "delivery_inbox_placement_folder", "string")
    assert found["delivery.inboxPlacement.confidence"].athena_type == "double"


VALUES = [
    (True, "boolean"),
    (5, "bigint"),
    (0.5, "double"),
    ("x", "string"),
    (["a"], "array<string>"),
    ([1], "array<bigint>"),
    (None, "string"),
]


@pytest.mark.parametrize(("value", "kind"), VALUES)
def test_the_type_of_the_column_is_that_of_the_values(value: Any, kind: str) -> None:
    (found,) = drift([line(event("Open", fresh=value))]).fields
    assert found.athena_type == kind
    assert parsed(found.athena_type)


@pytest.mark.parametrize(("values", "kind"), [((1, 0.5), "double"), ((1, "a"), "string"), ((True, 1), "string")])
def test_where_types_differ_the_column_takes_all_of_them(values: tuple[Any, Any], kind: str) -> None:
    (found,) = drift([line(event("Open", fresh=value)) for value in values]).fields
    assert found.athena_type == kind


def test_tags_are_names_that_people_chose_and_no_drift() -> None:
    changed = event("Send")
    changed["mail"]["tags"]["brand-new"] = ["x"]
    assert drift([line(changed)]).fields == []


def test_the_change_of_the_tables_is_ddl_that_athena_takes() -> None:
    found = drift([line(NEW)]).fields
    made = statements(found, "email_events_db_prod")
    assert [each.split()[2] for each in made] == [
        "email_events_db_prod.newsletter_events",
        "email_events_db_prod.transactional_events",
    ]
    for each in made:
        assert isinstance(sqlglot.parse_one(each, read="hive"), sqlglot.exp.Alter)
    assert statements([], "x") == []


def test_a_column_of_the_list_is_never_named_twice() -> None:
    taken = {column.name for column in COLUMNS}
    hostile = line({**event("Send"), "raw": "x", "subject": "y", "Event-Type": "z"})
    assert not {each.column for each in drift([hostile]).fields} & taken


def test_the_lines_for_the_list_of_columns_are_the_new_columns() -> None:
    found = drift([line(NEW)]).fields
    made = [eval(each.removesuffix(","), {"Column": Column}) for each in column_lines(found)]
    assert made == [Column(each.column, each.athena_type, "", (each.path,)) for each in found]
    assert made


def test_hostile_events_bring_neither_an_error_nor_endless_fields() -> None:
    many = line({**event("Send"), **{f"field{number}": 1 for number in range(10_000)}})
    assert len(drift([b"nope", b"[]", b"1", many]).fields) == 200


def test_values_that_do_not_fit_and_types_that_nobody_knows_are_counted() -> None:
    odd = [event("Open", ipAddress=[]), event("Open", ipAddress=1), {**event("Send"), "eventType": "Teleport"}]
    result = drift(map(line, odd))
    assert result.misfits == {"open.ipAddress": 2, "eventType": 1}
    assert result.unknown_types == {"Teleport": 1}


def test_by_hand_files_and_lakes_are_looked_into(tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    events.write_bytes(line(NEW))
    result = CliRunner().invoke(main, ["email", "drift", str(events)])
    assert result.exit_code == 3
    assert "delivery.inboxPlacement.folder  ->  delivery_inbox_placement_folder string" in result.stdout
    land.land(lambda: [line(NEW)], land.Settings(Stream.NEWSLETTER, ARRIVED, "t"), Folder(tmp_path / "lake"))
    result = CliRunner().invoke(main, ["email", "drift", "--lake", str(tmp_path / "lake"), "--json"])
    assert len(json.loads(result.stdout)["fields"]) == 2
    events.write_bytes(line(event("Send")))
    assert CliRunner().invoke(main, ["email", "drift", str(events)]).exit_code == 0

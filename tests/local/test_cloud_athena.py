"""What Athena refuses, the local cloud refuses, in Athena's words; and it refuses nothing of ours."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlglot
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as some

import stacks
from blocks import tables as blocks
from cfn.cfn_values import of_type
from deliverywatch.local.cloud.athena import projection
from deliverywatch.local.cloud.athena.dialect import sql_of_view
from deliverywatch.local.cloud.athena.statements import reserved, stale, unnamed_keys, unparsed
from deliverywatch.local.cloud.athena.tables import refusal, type_errors, view_definition

if TYPE_CHECKING:
    from pathlib import Path

    from deliverywatch.local.cloud.cloud import LocalCloud

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEMPLATE = stacks.template(stacks.chosen([name for name in stacks.SYSTEMS if name != "files-pusher"]), "arm64", "0")
TABLE: dict[str, Any] = {
    "Name": "t",
    "TableType": "EXTERNAL_TABLE",
    "StorageDescriptor": {
        "Columns": [{"Name": "a", "Type": "string"}],
        "Location": "s3://lake/t/",
        "InputFormat": blocks.PARQUET.reads,
        "OutputFormat": blocks.PARQUET.writes,
        "SerdeInfo": {"SerializationLibrary": blocks.PARQUET.library},
    },
    "PartitionKeys": [{"Name": "dt", "Type": "string"}],
    "Parameters": {
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": "2025-01-01,NOW",
        "storage.location.template": "s3://lake/t/dt=${dt}",
    },
}
VIEW: dict[str, Any] = of_type(TEMPLATE.to_dict(), "AWS::Glue::Table")["SmsMessagesTable"]["TableInput"]


def changed(table: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The same with another value at a path such as `StorageDescriptor/Location`; None takes it away."""
    result = copy.deepcopy(table)
    *parents, last = path.split("/")
    place = result
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return result


def projected(name: str, value: str | None) -> dict[str, Any]:
    return changed(TABLE, f"Parameters/{name}", value)


REFUSED = {
    "no storage": (
        changed(TABLE, "StorageDescriptor", None),
        "HIVE_METASTORE_ERROR: Required Table Storage Descriptor",
    ),
    "no serde": (
        changed(TABLE, "StorageDescriptor/SerdeInfo", None),
        "HIVE_METASTORE_ERROR: Table storage descriptor is missing SerDe info",
    ),
    "view without serde": (
        changed(VIEW, "StorageDescriptor/SerdeInfo", None),
        "HIVE_METASTORE_ERROR: Table storage descriptor is missing SerDe info",
    ),
    "empty serde": (changed(TABLE, "StorageDescriptor/SerdeInfo", {}), "HIVE_SERDE_NOT_FOUND: deserializer does not"),
    "unknown serde": (
        changed(TABLE, "StorageDescriptor/SerdeInfo/SerializationLibrary", "org.example.Serde"),
        "HIVE_SERDE_NOT_FOUND: deserializer does not exist: org.example.Serde",
    ),
    "no input format": (changed(TABLE, "StorageDescriptor/InputFormat", None), "is missing Hive input format property"),
    "unknown input format": (
        changed(TABLE, "StorageDescriptor/InputFormat", "org.example.In"),
        "HIVE_UNSUPPORTED_FORMAT: Unable to create input format org.example.In",
    ),
    "no output format": (changed(TABLE, "StorageDescriptor/OutputFormat", None), "#OutputFormat cannot be null"),
    "unknown output format": (changed(TABLE, "StorageDescriptor/OutputFormat", "x"), "HIVE_UNSUPPORTED_FORMAT: Output"),
    "location elsewhere": (changed(TABLE, "StorageDescriptor/Location", "https://lake/t/"), "is not in Amazon S3"),
    "no partition keys": (changed(TABLE, "PartitionKeys", None), "HIVE_METASTORE_ERROR: Table PartitionKeys is null"),
    "view without partition keys": (changed(VIEW, "PartitionKeys", None), "Table PartitionKeys is null"),
    "key that is a column": (
        changed(TABLE, "PartitionKeys", [{"Name": "a", "Type": "string"}]),
        "HIVE_INVALID_METADATA: Hive metadata for table t is invalid: Table descriptor contains duplicate columns",
    ),
    "unknown type": (
        changed(TABLE, "StorageDescriptor/Columns", [{"Name": "a", "Type": "integer"}]),
        "Error: type expected at the position 0 of 'integer' but 'integer' is found.",
    ),
    "unknown type of a key": (
        changed(TABLE, "PartitionKeys", [{"Name": "dt", "Type": "bool"}]),
        "but 'bool' is found.",
    ),
    "long text": (
        changed(TABLE, "StorageDescriptor/Columns", [{"Name": "a", "Type": "array<varchar(70000)>"}]),
        "Varchar length 70000 out of allowed range [1, 65535]",
    ),
    "long number": (
        changed(TABLE, "StorageDescriptor/Columns", [{"Name": "a", "Type": "decimal(40,2)"}]),
        "Decimal precision out of allowed range [1,38]",
    ),
    "hive view": (changed(VIEW, "Parameters/presto_view", "false"), "NOT_SUPPORTED: Hive views are not supported: 't'"),
    "view without prefix": (changed(VIEW, "ViewOriginalText", "SELECT 1"), "View data missing prefix: SELECT 1"),
    "view without suffix": (changed(VIEW, "ViewOriginalText", "/* Presto View: e30="), "View data missing suffix"),
    "view that is no JSON": (changed(VIEW, "ViewOriginalText", "/* Presto View: e3 */"), "Invalid view JSON"),
    "view without SQL": (changed(VIEW, "ViewOriginalText", "/* Presto View: e30= */"), "Invalid view JSON"),
    "view with other columns": (
        changed(VIEW, "StorageDescriptor/Columns", [{"Name": "a", "Type": "string"}]),
        "INVALID_VIEW: View 't' is stale or in invalid state",
    ),
    "projection without keys": (changed(TABLE, "PartitionKeys", []), "but it is not partitioned"),
    "key without projection": (
        changed(TABLE, "PartitionKeys", [{"Name": "dt", "Type": "string"}, {"Name": "h", "Type": "int"}]),
        (
            "INVALID_TABLE_PROPERTY: Table t is configured for partition projection, but the following partition "
            "columns are missing projection configuration: [h]"
        ),
    ),
    "projection without a type": (projected("projection.dt.type", None), "missing projection configuration: [dt]"),
    "unknown projection": (projected("projection.dt.type", "day"), "Unknown partition projection type 'day'!"),
    "projection of a column": (projected("projection.a.type", "enum"), "for non partition column: 'a'"),
    "enum without values": (
        projected("projection.dt.type", "enum"),
        (
            "INVALID_TABLE_PROPERTY: Must provide a comma-separated enumeration to build a projected enum partition "
            "column! (property: projection.dt.values)"
        ),
    ),
    "date without format": (projected("projection.dt.format", None), "Must provide a date format to build a projected"),
    "date without range": (projected("projection.dt.range", None), "(property: projection.dt.range)"),
    "date with half a range": (projected("projection.dt.range", "2025-01-01"), "(property: projection.dt.range)"),
    "date of another format": (projected("projection.dt.range", "2025,NOW"), "Text '2025' could not be parsed"),
    "odd interval": (projected("projection.dt.interval", "0"), 'For input string: "0"'),
    "unknown unit": (projected("projection.dt.interval.unit", "FORTNIGHTS"), "Unknown unit 'FORTNIGHTS'!"),
    "hours without unit": (
        changed(
            projected("projection.dt.format", "yyyy-MM-dd-HH"), "Parameters/projection.dt.range", "2025-01-01-00,NOW"
        ),
        "(property: projection.dt.interval.unit)",
    ),
    "integer without range": (
        changed(projected("projection.dt.type", "integer"), "Parameters/projection.dt.range", None),
        "Must provide a range to build a projected integer partition column!",
    ),
    "integer until now": (projected("projection.dt.type", "integer"), 'For input string: "2025-01-01"'),
    "integer with a hyphen": (
        changed(projected("projection.dt.type", "integer"), "Parameters/projection.dt.range", "1-12"),
        'INVALID_TABLE_PROPERTY: For input string: "1-12"',
    ),
    "injected number": (
        changed(projected("projection.dt.type", "injected"), "PartitionKeys", [{"Name": "dt", "Type": "int"}]),
        "must be of type string",
    ),
    "template without a key": (
        projected("storage.location.template", "s3://lake/t/"),
        (
            "INVALID_TABLE_PROPERTY: The 'storage.location.template' table property must contain templates for all "
            "partition columns!"
        ),
    ),
}


@pytest.mark.parametrize(("table", "words"), REFUSED.values(), ids=REFUSED)
def test_a_table_that_athena_cannot_read_is_refused_in_its_words(table: dict[str, Any], words: str) -> None:
    assert words in str(refusal("t", table))


def of_every_system() -> Iterator[tuple[str, dict[str, Any]]]:
    for partitions in ("day", "year-month-day"):
        for one in of_type(TEMPLATE.to_dict(), "AWS::Glue::Table", EmailPartitions=partitions).values():
            yield one["TableInput"]["Name"], one["TableInput"]


def test_every_table_and_view_of_every_system_is_read() -> None:
    refusals = {name: refusal(name, table) for name, table in of_every_system()}
    assert {name: reason for name, reason in refusals.items() if reason} == {}
    assert len(refusals) > 6
    assert refusal("t", TABLE) is None


def test_every_view_gives_the_columns_that_it_says() -> None:
    definitions = {name: view_definition(table) for name, table in of_every_system()}
    views = {name: definition for name, definition in definitions.items() if definition}
    for name, view in views.items():
        assert list(stale(name, view["originalSql"], [column["name"] for column in view["columns"]])) == []
    assert len(views) == 3


def test_no_query_and_no_view_of_ours_has_a_reserved_word_for_a_name() -> None:
    saved = of_type(TEMPLATE.to_dict(), "AWS::Athena::NamedQuery")
    queries = {name: query["QueryString"] for name, query in saved.items()}
    views = {name: sql for name, table in of_every_system() if (sql := sql_of_view(table))}
    found = {name: reserved(sqlglot.parse_one(sql, read="athena")) for name, sql in (queries | views).items()}
    assert {name: words for name, words in found.items() if words} == {}
    assert (len(queries) > 20, len(views)) == (True, 3)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT a FROM t WHERE d = DATE ?", "line 1:32: mismatched input '?'"),
        ("select a\ninto u from t", "line 2:1: mismatched input 'into'"),
        ("SELECT a FROM t WHERE", "line 1:22: mismatched input '<EOF>'"),
        ("SELECT a::int FROM t", "line 1:9: mismatched input ':'"),
        ("SELECT a FROM t WHERE d = ?", None),
        ("CREATE VIEW v AS SELECT a::int FROM t", None),
    ],
)
def test_what_trinos_grammar_has_not_is_refused_in_its_words(sql: str, words: str | None) -> None:
    assert unparsed(sql) == words


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT order FROM t", "line 1:8: mismatched input 'order'. Expecting: <identifier>"),
        ("SELECT a\nFROM t\nWHERE cube = 1", "line 3:7: mismatched input 'cube'. Expecting: <identifier>"),
        ("SELECT a AS end FROM t", "line 1:13: mismatched input 'end'. Expecting: <identifier>"),
        ("SELECT a FROM group", "line 1:15: mismatched input 'group'. Expecting: <identifier>"),
        (
            "CREATE EXTERNAL TABLE t (`a` int, date string) LOCATION 's3://b/'",
            "FAILED: ParseException line 1:34 cannot",
        ),
        ('SELECT "order", t."end", date, user, timestamp FROM t', None),
        ("CREATE EXTERNAL TABLE t (`date` string) LOCATION 's3://b/'", None),
    ],
)
def test_a_reserved_word_is_a_name_only_in_quotes(sql: str, words: str | None) -> None:
    found = reserved(sqlglot.parse_one(sql, read="athena"))
    assert found is None if words is None else words in str(found)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT a, b AS c FROM t", []),
        ("SELECT * FROM t", []),
        (
            "SELECT a FROM t UNION ALL SELECT c FROM u",
            ["INVALID_VIEW: View 'v' is stale or in invalid state: columns c"],
        ),
        ("SELECT c, a FROM t", ["INVALID_VIEW: View 'v' is stale or in invalid state: the order of its columns"]),
    ],
)
def test_a_view_gives_the_columns_that_it_was_made_with(sql: str, words: list[str]) -> None:
    assert list(stale("v", sql, ["a", "c"])) == words


@pytest.mark.parametrize(
    ("sql", "is_read"),
    [
        ("SELECT * FROM t", False),
        ("SELECT * FROM t WHERE tenant > 'a'", False),
        ("SELECT * FROM t WHERE tenant IN (SELECT id FROM u)", False),
        ("SELECT * FROM t WHERE tenant = 'a'", True),
        ("SELECT * FROM t WHERE tenant IN ('a', 'b')", True),
    ],
)
def test_an_injected_key_must_be_named_in_the_query(sql: str, is_read: bool) -> None:
    assert (list(unnamed_keys(sqlglot.parse_one(sql, read="athena"), ["tenant"])) == []) is is_read


PLAIN = some.sampled_from(["string", "int", "bigint", "timestamp", "decimal(12,6)", "varchar(3)", "char(1)", "double"])
TYPES = some.recursive(
    PLAIN,
    lambda inner: (
        inner.map("array<{}>".format)
        | some.tuples(PLAIN, inner).map(lambda pair: "map<{},{}>".format(*pair))
        | some.lists(inner, min_size=1, max_size=3).map(
            lambda kinds: f"struct<{','.join(f'm{number}:{kind}' for number, kind in enumerate(kinds))}>"
        )
    ),
)


@given(TYPES, some.data())
def test_nested_types_are_read_and_whatever_is_cut_out_of_them_is_refused(text: str, data: some.DataObject) -> None:
    assert list(type_errors(text)) == []
    if "<" in text:
        at = data.draw(some.sampled_from([number for number, letter in enumerate(text) if letter in "<>:"]))
        assert list(type_errors(text[:at] + text[at + 1 :]))


@pytest.mark.parametrize(
    ("folder", "is_read"),
    [
        ("dt=2026-11-21", True),
        ("dt=2025-01-01", True),
        ("dt=2026-11-22", False),
        ("dt=2024-12-31", False),
        ("dt=20261121", False),
        ("day=2026-11-21", False),
        ("athena-results", False),
    ],
)
def test_only_folders_that_the_projection_names_are_read(folder: str, is_read: bool) -> None:
    of_table = projection.projection_of("t", TABLE)
    assert of_table is not None
    assert projection.reads(of_table, f"s3://lake/t/{folder}/a.parquet", NOW) is is_read


@pytest.mark.parametrize(("hour", "is_read"), [("07", True), ("7", False), ("24", False), ("x", False)])
def test_a_projected_number_has_its_digits(hour: str, is_read: bool) -> None:
    properties = {"type": "integer", "range": "0,23", "digits": "2"}
    parameters = {f"projection.h.{name}": value for name, value in properties.items()} | {"projection.enabled": "true"}
    table = {**TABLE, "PartitionKeys": [{"Name": "h", "Type": "int"}], "Parameters": parameters}
    of_table = projection.projection_of("t", table)
    assert refusal("t", table) is None
    assert of_table is not None
    assert projection.reads(of_table, f"s3://lake/t/h={hour}/a.parquet", NOW) is is_read


def answer(cloud: LocalCloud, bucket: str, sql: str) -> str:
    """How Athena ends a query: its state, and its reason."""
    athena = cloud.client("athena")
    started = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": "lake"},
        ResultConfiguration={"OutputLocation": f"s3://{bucket}/results"},
    )["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        if status["State"] in ("SUCCEEDED", "FAILED"):
            return f"{status['State']} {status['StateChangeReason']}"


def deployed(cloud: LocalCloud, folder: Path, name: str, **tables: dict[str, Any]) -> None:
    database = {"Type": "AWS::Glue::Database", "Properties": {"DatabaseInput": {"Name": "lake"}}}
    made = {
        logical_id: {
            "Type": "AWS::Glue::Table",
            "DependsOn": ["Database"] if name == "lake" else [],
            "Properties": {"DatabaseName": "lake", "TableInput": table},
        }
        for logical_id, table in tables.items()
    }
    cloud.deploy({"Resources": made | ({"Database": database} if name == "lake" else {})}, {}, folder, name=name)


def test_cloudformation_takes_what_athena_refuses_and_a_query_through_a_view_says_so(
    cloud: LocalCloud, bucket: str, tmp_path: Path
) -> None:
    bare = changed(changed(VIEW, "StorageDescriptor/SerdeInfo", None), "Name", "bare")
    objects = {**TABLE, "Name": "sms_objects", "Parameters": {"projection.enabled": "true"}}
    deployed(cloud, tmp_path, "lake", Bare=bare, View=VIEW, Objects=objects, Good={**TABLE, "Name": "good"})
    assert answer(cloud, bucket, "SELECT * FROM good") == "SUCCEEDED "
    assert answer(cloud, bucket, "SELECT * FROM nowhere").endswith("Table 'awsdatacatalog.lake.nowhere' does not exist")
    assert answer(cloud, bucket, "WITH nowhere AS (SELECT 1 AS a) SELECT a FROM nowhere").startswith("SUCCEEDED")
    assert answer(cloud, bucket, "SELECT * FROM bare").endswith("Table storage descriptor is missing SerDe info")
    assert "Table sms_objects is configured for partition" in answer(cloud, bucket, "SELECT 1 FROM lake.sms_messages")
    with pytest.raises(ClientError, match=r"InvalidRequestException.*line 1:8: mismatched input 'order'"):
        answer(cloud, bucket, "SELECT order FROM good")
    with pytest.raises(ClientError, match=r"InvalidRequestException.*line 1:17: mismatched input '\?'"):
        answer(cloud, bucket, "SELECT INTERVAL ? DAY")


def test_a_nested_column_is_not_read_as_text(cloud: LocalCloud, bucket: str) -> None:
    columns = [{"Name": "tags", "Type": "array<string>"}, {"Name": "a", "Type": "string"}]
    glue = cloud.client("glue")
    glue.create_database(DatabaseInput={"Name": "nested"})
    glue.create_table(DatabaseName="nested", TableInput=changed(TABLE, "StorageDescriptor/Columns", columns))
    said = answer(cloud, bucket, """SELECT CAST("tags" AS VARCHAR) FROM nested.t""")
    assert said.endswith('TYPE_MISMATCH: Cannot cast array to varchar: "tags"')
    assert answer(cloud, bucket, """SELECT CAST("a" AS VARCHAR) FROM nested.t""") == "SUCCEEDED "


JSON_TABLE = {
    **TABLE,
    "Name": "lines",
    "StorageDescriptor": {
        **TABLE["StorageDescriptor"],
        "Location": "s3://lines/t/",
        "InputFormat": blocks.JSON_LINES.reads,
        "OutputFormat": blocks.JSON_LINES.writes,
        "SerdeInfo": {"SerializationLibrary": blocks.JSON_LINES.library},
    },
    "PartitionKeys": [],
    "Parameters": {},
}


def test_the_name_of_a_rows_file_can_be_asked_for_whatever_the_format_and_before_there_is_a_file(
    cloud: LocalCloud, bucket: str
) -> None:
    storage = {**JSON_TABLE["StorageDescriptor"], "Location": f"s3://{bucket}/lines/"}
    glue = cloud.client("glue")
    glue.create_database(DatabaseInput={"Name": "paths"})
    glue.create_table(DatabaseName="paths", TableInput={**TABLE, "Name": "empty"})
    glue.create_table(DatabaseName="paths", TableInput={**JSON_TABLE, "StorageDescriptor": storage})
    cloud.client("s3").put_object(Bucket=bucket, Key="lines/1.json", Body=b'{"a": "x"}\n')
    assert answer(cloud, bucket, """SELECT "$path" FROM paths.empty WHERE "$path" LIKE '%'""") == "SUCCEEDED "
    assert answer(cloud, bucket, """SELECT a, "$path" FROM paths.lines""") == "SUCCEEDED "


def test_names_that_glue_would_change_are_refused_when_the_table_is_made(cloud: LocalCloud) -> None:
    glue = cloud.client("glue")
    glue.create_database(DatabaseInput={"Name": "names"})
    upper = json.loads(json.dumps(TABLE).replace('"a"', '"A"'))
    for table in (upper, {**TABLE, "Name": "Upper"}):
        with pytest.raises(ClientError, match=r"InvalidInputException.*Names are lowercase"):
            glue.create_table(DatabaseName="names", TableInput=table)
    glue.create_table(DatabaseName="names", TableInput=TABLE)

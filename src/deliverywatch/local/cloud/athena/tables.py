"""A table or view of Glue -> what Athena says instead of reading it.

Glue takes almost anything, CloudFormation too; Athena refuses it when it is queried. Recorded: the missing SerDe
(github.com/hashicorp/terraform-provider-aws/issues/28517), unknown types (github.com/aws/aws-sdk-pandas/issues/251).
The other sentences are those of its engine, Trino.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from deliverywatch.local.cloud.athena import projection

_VIEW = "VIRTUAL_VIEW"
_PREFIX, _SUFFIX = "/* Presto View: ", " */"
_HIVE = "org.apache.hadoop.hive"
# docs.aws.amazon.com/athena/latest/ug/supported-serdes.html
_SERDES = {
    *(f"{_HIVE}.serde2.{name}" for name in ("lazy.LazySimpleSerDe", "OpenCSVSerde", "RegexSerDe", "avro.AvroSerDe")),
    *(f"{_HIVE}.ql.io.{name}" for name in ("parquet.serde.ParquetHiveSerDe", "orc.OrcSerde")),
    "org.apache.hive.hcatalog.data.JsonSerDe",
    "org.openx.data.jsonserde.JsonSerDe",
    "com.amazonaws.glue.serde.GrokSerDe",
    "com.amazon.ionhiveserde.IonHiveSerDe",
}
_READS = {
    "org.apache.hadoop.mapred.TextInputFormat",
    "com.amazon.ionhiveserde.formats.IonInputFormat",
    *(
        f"{_HIVE}.ql.io.{name}"
        for name in (
            *("parquet.MapredParquetInputFormat", "orc.OrcInputFormat"),
            *("avro.AvroContainerInputFormat", "SymlinkTextInputFormat"),
        )
    ),
}
_WRITES = {
    "com.amazon.ionhiveserde.formats.IonOutputFormat",
    *(
        f"{_HIVE}.ql.io.{name}"
        for name in (
            *("HiveIgnoreKeyTextOutputFormat", "IgnoreKeyTextOutputFormat", "parquet.MapredParquetOutputFormat"),
            *("orc.OrcOutputFormat", "avro.AvroContainerOutputFormat"),
        )
    ),
}
# docs.aws.amazon.com/athena/latest/ug/data-types.html: `integer` and `bool` are words of queries, not of tables.
_PLAIN = ("boolean", "tinyint", "smallint", "int", "bigint", "double", "float", "string", "binary", "date", "timestamp")
_SIMPLE = re.compile(
    rf"(?:{'|'.join(_PLAIN)}|decimal(?:\((?P<precision>\d+)(?:,(?P<scale>\d+))?\))?|(?P<text>(?:var)?char)\((?P<length>\d+)\))"
    r"(?![a-z0-9_(])"
)
_LONGEST = {"char": 255, "varchar": 65535}
_MOST_DIGITS = 38
_NAME = re.compile(r"\w*")


def refusal(name: str, table: Mapping[str, Any]) -> str | None:
    """Return what Athena says when a table or view is queried; none if it reads it."""
    kind = _view if table.get("TableType") == _VIEW else _table
    return next(chain(_common(name, table), kind(name, table)), None)


def view_definition(table: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what Athena knows of a view; none if the table is none, or cannot be read as one."""
    text = str(table.get("ViewOriginalText") or "")
    try:
        decoded = json.loads(base64.b64decode(text.removeprefix(_PREFIX).removesuffix(_SUFFIX), validate=True))
    except (binascii.Error, ValueError):
        return None
    return decoded if isinstance(decoded, dict) and text.startswith(_PREFIX) else None


def _common(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    storage = table.get("StorageDescriptor")
    if not storage:
        yield "HIVE_METASTORE_ERROR: Required Table Storage Descriptor is not populated."
    elif "SerdeInfo" not in storage:
        yield "HIVE_METASTORE_ERROR: Table storage descriptor is missing SerDe info"
    if table.get("PartitionKeys") is None:
        yield "HIVE_METASTORE_ERROR: Table PartitionKeys is null"
    columns = [*((storage or {}).get("Columns") or []), *(table.get("PartitionKeys") or [])]
    for column in columns:
        yield from type_errors(str(column.get("Type", "")))
    names = [str(column["Name"]).lower() for column in columns]
    if len(set(names)) < len(names):
        duplicates = "Table descriptor contains duplicate columns"
        yield f"HIVE_INVALID_METADATA: Hive metadata for table {name} is invalid: {duplicates}"


def _table(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    storage = table["StorageDescriptor"]
    library = storage["SerdeInfo"].get("SerializationLibrary")
    if library not in _SERDES:
        yield f"HIVE_SERDE_NOT_FOUND: deserializer does not exist: {library}"
    if not storage.get("InputFormat"):
        yield "HIVE_INVALID_METADATA: Table or partition is missing Hive input format property: file.inputformat"
    elif storage["InputFormat"] not in _READS:
        yield f"HIVE_UNSUPPORTED_FORMAT: Unable to create input format {storage['InputFormat']}"
    if not storage.get("OutputFormat"):
        yield f"HIVE_METASTORE_ERROR: StorageDescriptor#OutputFormat cannot be null for table: {name}"
    elif storage["OutputFormat"] not in _WRITES:
        yield f"HIVE_UNSUPPORTED_FORMAT: Output format {storage['OutputFormat']} is not supported"
    if not str(storage.get("Location", "")).startswith("s3://"):
        yield f"HIVE_METASTORE_ERROR: The location of table {name} is not in Amazon S3"
    if projected := projection.projection_of(name, table):
        yield from projection.refusals(projected)


def _view(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    text = str(table.get("ViewOriginalText") or "")
    if str((table.get("Parameters") or {}).get("presto_view", "")).lower() != "true":
        yield f"NOT_SUPPORTED: Hive views are not supported: '{name}'"
    if not text.startswith(_PREFIX):
        yield f"HIVE_INVALID_VIEW_DATA: View data missing prefix: {text}"
    if not text.endswith(_SUFFIX):
        yield f"HIVE_INVALID_VIEW_DATA: View data missing suffix: {text}"
    definition = view_definition(table)
    if definition is None or not {"originalSql", "columns"} <= set(definition):
        yield f"HIVE_INVALID_VIEW_DATA: Invalid view JSON: {text}"
    elif [column["name"] for column in definition["columns"]] != _column_names(table):
        yield f"INVALID_VIEW: View '{name}' is stale or in invalid state: its columns are not those of its definition"


def _column_names(table: Mapping[str, Any]) -> list[str]:
    return [str(column["Name"]) for column in table["StorageDescriptor"].get("Columns") or []]


def type_errors(text: str) -> Iterator[str]:
    """Yield what is wrong with the type of a column, in the words of Hive's parser."""
    try:
        end = _after_type(text.lower(), 0)
        if end < len(text):
            raise _Unexpected("end of the type", end)  # noqa: TRY301 - one place makes the sentence
        yield from (reason for simple in _SIMPLE.finditer(text.lower()) for reason in _out_of_range(simple))
    except _Unexpected as error:
        word = re.match(r"\w+|.|$", text[error.at :])
        expected = f"{error} expected at the position {error.at} of '{text}'"
        yield f"HIVE_METASTORE_ERROR: Error: {expected} but '{word[0] if word else ''}' is found."


def _out_of_range(simple: re.Match[str]) -> Iterator[str]:
    kind, length, precision, scale = simple.group("text", "length", "precision", "scale")
    if kind and not 1 <= int(length) <= _LONGEST[kind]:
        yield f"HIVE_METASTORE_ERROR: {kind.capitalize()} length {length} out of allowed range [1, {_LONGEST[kind]}]"
    if precision and not 1 <= int(precision) <= _MOST_DIGITS:
        yield f"HIVE_METASTORE_ERROR: Decimal precision out of allowed range [1,{_MOST_DIGITS}]"
    if scale and int(scale) > int(precision):
        yield "HIVE_METASTORE_ERROR: Decimal scale must be less than or equal to precision"


class _Unexpected(Exception):
    def __init__(self, expected: str, at: int) -> None:
        super().__init__(expected)
        self.at = at


def _after_type(text: str, at: int) -> int:
    """Return where the type that begins at a position ends."""
    if simple := _SIMPLE.match(text, at):
        return simple.end()
    for opening, count in (("array<", 1), ("map<", 2), ("struct<", None)):
        if text.startswith(opening, at):
            return _after_members(text, at + len(opening), count)
    raise _Unexpected("type", at)


def _after_members(text: str, at: int, count: int | None) -> int:
    """Return where a list of types in angle brackets ends; without a count each has a name."""
    number = 0
    while True:
        at = _after_type(text, at if count else _after_name(text, at))
        number += 1
        if text[at : at + 1] == ">" and number == (count or number):
            return at + 1
        if text[at : at + 1] != ",":
            raise _Unexpected(">", at)
        at += 1


def _after_name(text: str, at: int) -> int:
    name = _NAME.match(text, at)
    at = name.end() if name else at
    if text[at : at + 1] != ":":
        raise _Unexpected(":", at)
    return at + 1

"""Tables over folders with one partition a day, views over tables, saved queries and workgroups.

Partitions are computed, not stored (docs.aws.amazon.com/athena/latest/ug/partition-projection.html): no crawler, no
MSCK REPAIR, and a day can be queried as soon as it is written.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from troposphere import Base64, Join, Ref, Sub, athena, glue

from blocks.parts import title

_QUERIES = Path(__file__).parents[1] / "queries"
LAKE = "s3://${LakeBucket}/"
# Before the product was: nothing is older.
FIRST_DAY = "2025-01-01"
# Name, Athena's type and a comment, or no comment.
Column = tuple[str, ...]
_PRESTO_TYPES = {
    "string": "varchar",
    "timestamp": "timestamp(3)",
    "int": "integer",
    "array<string>": "array(varchar)",
    "map<string,array<string>>": "map(varchar, array(varchar))",
}
_DAY = {"Name": "dt", "Type": "string", "Comment": "UTC day; name it in every query, it bounds what is read and billed"}


@dataclass(frozen=True, slots=True)
class Serde:
    """How Athena reads one kind of file: Glue's word for the kind, a library, and the formats it reads and writes."""

    classification: str
    library: str
    reads: str
    writes: str


PARQUET = Serde(
    "parquet",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
)
JSON_LINES = Serde(
    "json",
    "org.openx.data.jsonserde.JsonSerDe",
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
)


def database(logical_id: str, name: Any, description: Any) -> Any:
    """Return a database of Glue."""
    content = glue.DatabaseInput(Name=name, Description=description)
    return glue.Database(logical_id, CatalogId=Ref("AWS::AccountId"), DatabaseInput=content)


def table(
    name: str,
    description: str,
    location: str,
    columns: Sequence[Column],
    serde: Serde,
    *,
    logical_id: str = "",
    database: str = "Database",
    **input_of_glue: Any,
) -> Any:
    """Return a table over a folder with one partition a day, `dt=YYYY-MM-DD`, by projection.

    Args:
        name: In the database.
        description: One row is what.
        location: Where its `dt=` folders are, as `Sub` takes it, with a slash at its end.
        columns: Name, Athena type, comment.
        serde: How Athena reads the files.
        logical_id: `<Name>Table` by default.
        database: A logical id.
        input_of_glue: Further properties, such as other `PartitionKeys` and `Parameters`.
    """
    storage = glue.StorageDescriptor(
        Location=Sub(location),
        InputFormat=serde.reads,
        OutputFormat=serde.writes,
        SerdeInfo=glue.SerdeInfo(SerializationLibrary=serde.library),
        Columns=_columns(columns),
    )
    by_day = {"PartitionKeys": [glue.Column(**_DAY)], "Parameters": projected_days(location, serde)}
    content = {"TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, **by_day, **input_of_glue}
    return _glue_table(logical_id or f"{title(name)}Table", database, name, description, content)


def projected_days(location: str, serde: Serde, end: str = "") -> dict[str, Any]:
    """Return the parameters of a table whose partitions are the days since `FIRST_DAY`."""
    return {
        "classification": serde.classification,
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": f"{FIRST_DAY},NOW",
        "storage.location.template": projected(location, f"dt={{dt}}{end}"),
    }


def projected(location: str, path: str) -> Any:
    """Return a location with Athena's `${name}` for each `{name}` of a path.

    In pieces: CloudFormation writes it `${!name}` in a text with references, which not everything that reads templates
    knows.
    """
    first, *rest = path.split("{")
    return Join("$", [Sub(f"{location}{first}"), *(f"{{{name}" for name in rest)])


def view(
    name: str,
    description: str,
    columns: Sequence[Column],
    text: Any,
    *,
    logical_id: str = "",
    database: str = "Database",
    **properties: Any,
) -> Any:
    """Return a view in the form in which Athena keeps its own: it reads none without a SerdeInfo, even an empty one."""
    content = {
        "TableType": "VIRTUAL_VIEW",
        "PartitionKeys": [],
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "StorageDescriptor": glue.StorageDescriptor(
            Columns=_columns([column[:2] for column in columns]), SerdeInfo=glue.SerdeInfo()
        ),
        "ViewOriginalText": text,
        "ViewExpandedText": "/* Presto View */",
    }
    return _glue_table(logical_id or f"{title(name)}Table", database, name, description, content, **properties)


def view_text(
    sql: str, columns: Sequence[Column], schema: str, separators: tuple[str, str] | None = None, **variables: Any
) -> Any:
    """Return a query in Presto's own form of a view: github.com/trinodb/trino, `HiveViewReader`."""
    definition = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": schema,
        "columns": [{"name": name, "type": _PRESTO_TYPES.get(kind, kind)} for name, kind, *_ in columns],
    }
    text = json.dumps(definition, separators=separators)
    return Join("", ["/* Presto View: ", Base64(Sub(text, **variables)), " */"])


def _columns(columns: Sequence[Column]) -> list[Any]:
    return [glue.Column(**dict(zip(("Name", "Type", "Comment"), column, strict=False))) for column in columns]


def _glue_table(
    logical_id: str, database: str, name: str, description: str, content: Mapping[str, Any], **properties: Any
) -> Any:
    return glue.Table(
        logical_id,
        CatalogId=Ref("AWS::AccountId"),
        DatabaseName=Ref(database),
        TableInput=glue.TableInput(Name=name, Description=description, **content),
        **properties,
    )


def saved_queries(system: str, database: str = "Database", workgroup: str = "Workgroup") -> list[Any]:
    """Return the queries of `cfn/queries/<system>/*.sql`, each described by its first line."""
    return [
        _saved_query(f"{system}-{path.stem.replace('_', '-')}", path, database, workgroup)
        for path in sorted((_QUERIES / system).glob("*.sql"))
    ]


def _saved_query(name: str, path: Path, database: str, workgroup: str) -> Any:
    sql = path.read_text(encoding="utf-8")
    return athena.NamedQuery(
        f"{title(name)}Query",
        Name=name,
        Description=sql.splitlines()[0].removeprefix("-- "),
        Database=Ref(database),
        WorkGroup=Ref(workgroup),
        QueryString=sql,
    )


def workgroup(
    name: str,
    called: Any,
    description: str,
    *,
    limit: str = "AthenaScanLimitMegabytes",
    results: str = f"{LAKE}athena-results/",
    **more: Any,
) -> Any:
    """Return an Athena workgroup that nobody gets around: its results are encrypted and its queries limited.

    `limit` is the parameter that says how many megabytes a query may read; `results` is where results go, as `Sub`
    takes it; `more` are further settings of its configuration.
    """
    kept = {
        "OutputLocation": Sub(results),
        "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
        "ExpectedBucketOwner": Ref("AWS::AccountId"),
    }
    configuration = {
        "EnforceWorkGroupConfiguration": True,
        # Megabytes with six noughts behind them: CloudFormation has no multiplication.
        "BytesScannedCutoffPerQuery": Sub(f"${{{limit}}}000000"),
        "EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"},
        "ResultConfiguration": kept,
        **more,
    }
    about = {"Name": called, "Description": description, "RecursiveDeleteOption": True}
    return athena.WorkGroup.from_dict(name, {**about, "WorkGroupConfiguration": configuration})

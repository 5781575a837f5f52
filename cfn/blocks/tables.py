"""Tables over folders of the lake with one partition a day, and the saved queries over them.

Partitions are computed, not stored (docs.aws.amazon.com/athena/latest/ug/partition-projection.html): no crawler, no
MSCK REPAIR, and a day can be queried as soon as it is written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from troposphere import Base64, Join, Ref, Sub, athena, glue

from blocks.parts import title

_QUERIES = Path(__file__).parents[1] / "queries"
# Before the product was: nothing is older.
FIRST_DAY = "2025-01-01"
_PRESTO_TYPES = {"string": "varchar", "timestamp": "timestamp(3)", "int": "integer"}
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


def table(name: str, description: str, folder: str, columns: Sequence[tuple[str, str, str]], serde: Serde) -> Any:
    """Return a table over a folder of the lake with one partition a day, `dt=YYYY-MM-DD`, by projection.

    Args:
        name: In the database.
        description: One row is what.
        folder: Where its `dt=` folders are.
        columns: Name, Athena type, comment.
        serde: How Athena reads the files.
    """
    location = f"s3://${{LakeBucket}}/{folder}/"
    return glue.Table(
        f"{title(name)}Table",
        CatalogId=Ref("AWS::AccountId"),
        DatabaseName=Ref("Database"),
        TableInput=glue.TableInput(
            Name=name,
            Description=description,
            TableType="EXTERNAL_TABLE",
            PartitionKeys=[glue.Column(**_DAY)],
            StorageDescriptor=_storage(Sub(location), columns, serde),
            Parameters={
                "classification": serde.classification,
                "projection.enabled": "true",
                "projection.dt.type": "date",
                "projection.dt.format": "yyyy-MM-dd",
                "projection.dt.range": f"{FIRST_DAY},NOW",
                # ${!dt} is CloudFormation's way of writing ${dt}, which is Athena's.
                "storage.location.template": Sub(f"{location}dt=${{!dt}}"),
            },
        ),
    )


def view(name: str, description: str, columns: Sequence[tuple[str, str]], sql: str) -> Any:
    """Return a view in the form in which Athena keeps its own.

    The form: github.com/trinodb/trino, `HiveViewReader`, `/* Presto View: <base64 of JSON> */`.

    Args:
        name: In the database.
        description: One row is what.
        columns: Name and Athena type.
        sql: Athena's dialect; names tables of the same database.
    """
    definition = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": "deliverywatch_${Environment}",
        "columns": [{"name": name, "type": _PRESTO_TYPES.get(kind, kind)} for name, kind in columns],
    }
    return glue.Table(
        f"{title(name)}Table",
        CatalogId=Ref("AWS::AccountId"),
        DatabaseName=Ref("Database"),
        TableInput=glue.TableInput(
            Name=name,
            Description=description,
            TableType="VIRTUAL_VIEW",
            Parameters={"presto_view": "true", "comment": "Presto View"},
            StorageDescriptor=glue.StorageDescriptor(
                Columns=[glue.Column(Name=name, Type=kind) for name, kind in columns]
            ),
            ViewOriginalText=Join("", ["/* Presto View: ", Base64(Sub(json.dumps(definition))), " */"]),
            ViewExpandedText="/* Presto View */",
        ),
    )


def _storage(location: Any, columns: Sequence[tuple[str, str, str]], serde: Serde) -> Any:
    return glue.StorageDescriptor(
        Location=location,
        InputFormat=serde.reads,
        OutputFormat=serde.writes,
        SerdeInfo=glue.SerdeInfo(SerializationLibrary=serde.library),
        Columns=[glue.Column(Name=name, Type=kind, Comment=comment) for name, kind, comment in columns],
    )


def saved_queries(system: str, database: str = "Database", workgroup: str = "Workgroup") -> list[Any]:
    """Return the queries of `cfn/queries/<system>/*.sql`, each described by its first line.

    Args:
        system: The folder.
        database: Logical id of the database that they ask.
        workgroup: Logical id of the workgroup that lists them.
    """
    return [
        _saved_query(f"{system}-{path.stem.replace('_', '-')}", path, database, workgroup)
        for path in sorted((_QUERIES / system).glob("*.sql"))
    ]


def _saved_query(name: str, path: Path, database: str, workgroup: str) -> Any:
    sql = path.read_text()
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
    results: str = "s3://${LakeBucket}/athena-results/",
    **more: Any,
) -> Any:
    """Return an Athena workgroup that nobody gets around: its results are encrypted and its queries limited.

    Args:
        name: The logical id.
        called: Its name in Athena.
        description: What it is for.
        limit: The parameter that says how many megabytes a query may read.
        results: Where the results go, as `Sub` takes it.
        more: Further settings of its configuration.
    """
    kept = athena.ResultConfiguration(
        OutputLocation=Sub(results),
        EncryptionConfiguration=athena.EncryptionConfiguration(EncryptionOption="SSE_S3"),
        ExpectedBucketOwner=Ref("AWS::AccountId"),
    )
    configuration = athena.WorkGroupConfiguration(
        EnforceWorkGroupConfiguration=True,
        # Megabytes with six noughts behind them: CloudFormation has no multiplication.
        BytesScannedCutoffPerQuery=Sub(f"${{{limit}}}000000"),
        EngineVersion=athena.EngineVersion(SelectedEngineVersion="Athena engine version 3"),
        ResultConfiguration=kept,
        **more,
    )
    return athena.WorkGroup(
        name, Name=called, Description=description, RecursiveDeleteOption=True, WorkGroupConfiguration=configuration
    )

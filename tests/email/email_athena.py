"""Tables, views and saved queries of the template over a folder that the landing wrote; DuckDB stands in for Athena."""

import base64
import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from email_values import of_type
from sqlglot import exp

from deliverywatch.athena_duckdb import translated
from deliverywatch.email.events.streams import Stream

Rows = list[dict[str, Any]]


def database(root: Path, template: dict[str, Any], **parameters: str) -> duckdb.DuckDBPyConnection:
    """A database with the tables and views of the template, over files that the landing wrote."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")  # as Athena's sessions are
    tables = of_type(template, "AWS::Glue::Table", **parameters)
    for stream in Stream:
        _table(connection, root, tables[f"{stream.value.capitalize()}EventsTable"]["TableInput"])
    for name in ("EmailEventsView", "EmailEventsUniqueView"):
        view = tables[name]["TableInput"]
        encoded = view["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
        sql = json.loads(base64.b64decode(encoded))["originalSql"]
        connection.execute(f"CREATE VIEW {view['Name']} AS {_translated(sql)}")
    return connection


def _table(connection: duckdb.DuckDBPyConnection, root: Path, table: dict[str, Any]) -> None:
    folder = table["StorageDescriptor"]["Location"].removeprefix("s3://EmailBucket/")
    hive = ", ".join(f"'{each['Name']}': {each['Type'].upper()}" for each in table["PartitionKeys"])
    # Athena's timestamp has no zone, whatever the file says.
    columns = table["StorageDescriptor"]["Columns"]
    times = ", ".join(f"{c['Name']} AT TIME ZONE 'UTC' AS {c['Name']}" for c in columns if c["Type"] == "timestamp")
    options = f"hive_partitioning = true, hive_types = {{{hive}}}, filename = true"
    connection.execute(
        f'CREATE VIEW {table["Name"]} AS SELECT * EXCLUDE (filename) REPLACE ({times}), filename AS "$path" FROM '
        f"read_parquet('{root}/{folder}**/*.parquet', {options})"
    )


def saved(template: dict[str, Any]) -> dict[str, str]:
    found = of_type(template, "AWS::Athena::NamedQuery").values()
    return {each["Name"]: each["QueryString"] for each in found if each["Name"].startswith("email-")}


def run(athena: duckdb.DuckDBPyConnection, sql: str, now: datetime) -> Rows:
    """Run a query as if it were another time."""
    result = athena.execute(_as_at(sql, now))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


_translated = cache(translated)


@cache
def _as_at(sql: str, now: datetime) -> str:
    tree = sqlglot.parse_one(translated(sql), read="duckdb")
    moment = sqlglot.parse_one(f"CAST('{now.isoformat()}' AS TIMESTAMPTZ)", read="duckdb")
    clocks = list(tree.find_all(exp.CurrentTimestamp))
    assert clocks, "a query looks back from now"
    for clock in clocks:
        clock.replace(moment.copy())
    return tree.sql(dialect="duckdb")

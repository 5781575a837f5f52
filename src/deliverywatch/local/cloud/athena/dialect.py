"""Athena SQL -> the dialect of DuckDB, in which MiniStack runs it.

MiniStack passes a query on as it is, so that functions such as `approx_percentile` or `json_extract_scalar` fail; it
leaves the types of columns to DuckDB instead of Glue; and it knows neither views nor "$path", the name of a row's file.
"""

import base64
import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from deliverywatch.athena_duckdb import translated
from deliverywatch.local.cloud.emulator import hooks

_PATH = "$path"
_asks_for_path: ContextVar[bool] = ContextVar("asks_for_path", default=False)


def sql_of_view(table: Mapping[str, Any]) -> str | None:
    """Return the SQL of a view as Glue keeps it for Athena; none if the table is not a view."""
    text = str(table.get("ViewOriginalText") or "")
    if not text.startswith("/* Presto View: "):
        return None
    return str(json.loads(base64.b64decode(text.split()[3]))["originalSql"])


def typed(relation: str, table: Mapping[str, Any]) -> str:
    """Return a table's relation with the types that Glue gives its columns, as Athena reads them.

    DuckDB guesses the types of JSON, so that text which looks like a time becomes one; and it keeps the zone of
    Parquet's timestamps, which Athena reads in UTC without saying so.
    """
    if relation.startswith("read_parquet(") and _asks_for_path.get():
        relation = f"{relation[:-1]}, filename = '{_PATH}')"
    columns = (table.get("StorageDescriptor") or {}).get("Columns") or []
    if relation.startswith("read_json_auto("):
        kinds = {str(column["Name"]): hooks.inside("services.athena", "_duckdb_type")(column) for column in columns}
        return relation.replace("union_by_name = true", f"columns = {kinds}", 1)
    stamps = [str(column["Name"]) for column in columns if str(column.get("Type", "")).lower() == "timestamp"]
    replaced = ", ".join(f'make_timestamp(epoch_us("{name}")) AS "{name}"' for name in stamps)
    return f"(SELECT * REPLACE ({replaced}) FROM {relation})" if stamps else relation  # noqa: S608 - of our own template


def _table(database: str, name: str) -> Mapping[str, Any]:
    return hooks.inside("services.glue", "_tables").get(f"{database}/{name}") or {}


def install(placed: hooks.Hooks) -> None:
    """Translate each query before MiniStack hands it to DuckDB, and each table that it reads."""

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        async def run(query: str, database: str, *arguments: Any) -> Any:
            sql = translated(query, lambda name: sql_of_view(_table(database, name)))
            _asks_for_path.set(_PATH in sql)
            return await original(sql, database, *arguments)

        return run

    def around_relation(original: Callable[..., str]) -> Callable[..., str]:
        return lambda table, files: typed(original(table, files), table)

    placed.replace("services.athena", "_run_duckdb", around)
    placed.replace("services.athena", "_table_relation", around_relation)

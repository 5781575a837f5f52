"""Athena SQL -> the dialect of DuckDB, in which MiniStack runs it.

MiniStack passes a query on as it is, so that functions such as `approx_percentile` or `json_extract_scalar` fail, and
it leaves the types of columns to DuckDB instead of Glue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deliverywatch.local import hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def translated(query: str) -> str:
    """Return one Athena query in DuckDB's SQL."""
    import sqlglot

    (statement,) = sqlglot.transpile(query, read="athena", write="duckdb")
    return str(statement)


def typed(relation: str, table: Mapping[str, Any]) -> str:
    """Return a table's relation with the types that Glue gives its columns, as Athena reads them.

    DuckDB guesses the types of JSON, so that text which looks like a time becomes one; and it keeps the zone of
    Parquet's timestamps, which Athena reads in UTC without saying so.

    Args:
        relation: What DuckDB reads the table's files with.
        table: As Glue describes it.
    """
    columns = (table.get("StorageDescriptor") or {}).get("Columns") or []
    if relation.startswith("read_json_auto("):
        kinds = {str(each["Name"]): hooks.inside("services.athena", "_duckdb_type")(each) for each in columns}
        return relation.replace("union_by_name = true", f"columns = {kinds}", 1)
    stamps = [str(each["Name"]) for each in columns if str(each.get("Type", "")).lower() == "timestamp"]
    replaced = ", ".join(f'make_timestamp(epoch_us("{name}")) AS "{name}"' for name in stamps)
    return f"(SELECT * REPLACE ({replaced}) FROM {relation})" if stamps else relation  # noqa: S608 - of our own template


def install(placed: hooks.Hooks) -> None:
    """Translate each query before MiniStack hands it to DuckDB, and each table that it reads."""

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        async def run(query: str, *arguments: Any) -> Any:
            return await original(translated(query), *arguments)

        return run

    def around_relation(original: Callable[..., str]) -> Callable[..., str]:
        return lambda table, files: typed(original(table, files), table)

    placed.replace("services.athena", "_run_duckdb", around)
    placed.replace("services.athena", "_table_relation", around_relation)

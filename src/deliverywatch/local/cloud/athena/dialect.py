"""Athena SQL -> the dialect of DuckDB, in which MiniStack runs it; what Athena refuses is refused first.

MiniStack passes a query on as it is, so that functions such as `approx_percentile` or `json_extract_scalar` fail; it
leaves the types of columns to DuckDB instead of Glue; it knows neither views nor "$path", the name of a row's file; and
it reads tables that Athena cannot read, and folders that no partition names.
"""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from deliverywatch.athena_duckdb import refused_casts, translated
from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.athena import projection, statements
from deliverywatch.local.cloud.athena.tables import refusal, view_definition
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Clock

_ATHENA, _GLUE = "services.athena", "services.glue"
_PATH = "$path"
# Of the folder into which MiniStack copies a table's objects.
_COPIES = "ministack-athena-"
# What of DuckDB can name the file of each row.
_NAMING = ("read_parquet(", "read_json_auto(")
_asks_for_path: ContextVar[bool] = ContextVar("asks_for_path", default=False)


def sql_of_view(table: Mapping[str, Any]) -> str | None:
    """Return the SQL of a view as Glue keeps it for Athena; none if the table is not a view."""
    definition = view_definition(table)
    return str(definition["originalSql"]) if definition else None


def typed(relation: str, table: Mapping[str, Any]) -> str:
    """Return a table's relation with the types that Glue gives its columns, as Athena reads them.

    DuckDB guesses the types of JSON, so that text which looks like a time becomes one; and it keeps the zone of
    Parquet's timestamps, which Athena reads in UTC without saying so.
    """
    if _asks_for_path.get():
        relation = _with_path(relation)
    columns = (table.get("StorageDescriptor") or {}).get("Columns") or []
    if relation.startswith("read_json_auto("):
        kinds = {str(column["Name"]): hooks.inside(_ATHENA, "_duckdb_type")(column) for column in columns}
        return relation.replace("union_by_name = true", f"columns = {kinds}", 1)
    stamps = [str(column["Name"]) for column in columns if str(column.get("Type", "")).lower() == "timestamp"]
    replaced = ", ".join(f'make_timestamp(epoch_us("{name}")) AS "{name}"' for name in stamps)
    return f"(SELECT * REPLACE ({replaced}) FROM {relation})" if stamps else relation  # noqa: S608 - of our own template


def _with_path(relation: str) -> str:
    """Return a relation with the name of each row's file."""
    if relation.startswith(_NAMING):
        return f"{relation[:-1]}, filename = '{_PATH}')"
    return relation


class Dialect:
    """The queries of Athena and the tables of Glue."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def install(self, placed: hooks.Hooks) -> None:
        """Let MiniStack refuse what Athena and Glue refuse, and translate the rest before DuckDB gets it."""
        placed.replace(_ATHENA, "_start_query_execution", _around_start)
        placed.replace(_ATHENA, "_run_duckdb", _around_run)
        placed.replace(_ATHENA, "_table_relation", self._around_relation)
        placed.replace(_ATHENA, "_empty_relation", _around_empty)
        for name in ("_create_table", "_update_table"):
            placed.replace(_GLUE, name, _around_write)

    def _around_relation(self, original: Callable[..., str]) -> Callable[..., str]:
        def relation(table: Mapping[str, Any], files: list[str]) -> str:
            projected = projection.projection_of(str(table["Name"]), table)
            if projected is None:
                return typed(original(table, files), table)
            uris = {file: f"{projected.location}/{file.split(_COPIES, 1)[1].partition('/')[2]}" for file in files}
            read = [file for file, uri in uris.items() if projection.reads(projected, uri, self._clock.now)]
            return typed(original(table, read), table) if read else str(hooks.inside(_ATHENA, "_empty_relation")(table))

        return relation


def _around_empty(original: Callable[..., str]) -> Callable[..., str]:
    """Also a table without files has the name of each row's file: a view may ask for it."""

    def relation(table: Mapping[str, Any]) -> str:
        path = f', CAST(NULL AS VARCHAR) AS "{_PATH}"' if _asks_for_path.get() else ""
        return f"(SELECT *{path} FROM {original(table)})"  # noqa: S608 - of our own template

    return relation


def _around_start(original: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse at once what Athena does not parse."""

    def start(data: Mapping[str, Any]) -> Any:
        tree = _parsed(data["QueryString"])
        if tree is not None and (reason := statements.reserved(tree)):
            return _refused(reason, AthenaErrorCode="MALFORMED_QUERY")
        return original(data)

    return start


def _around_run(original: Callable[..., Any]) -> Callable[..., Any]:
    async def run(query: str, database: str, *arguments: Any) -> Any:
        for reason in _refusals(query, database):
            raise ConfigurationError(reason)
        sql = translated(query, lambda name: sql_of_view(_table(database, name) or {}))
        _asks_for_path.set(_PATH in sql)
        return await original(sql, database, *arguments)

    return run


def _around_write(original: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse names that Glue would change, and remember whether a table has partition keys at all."""

    def write(data: Mapping[str, Any]) -> Any:
        table = data["TableInput"]
        columns = [*(table.get("StorageDescriptor") or {}).get("Columns", []), *table.get("PartitionKeys", [])]
        for name in (table.get("Name", ""), *(column.get("Name", "") for column in columns)):
            if not name or name != name.lower():
                rule = "Names are lowercase letters, digits and underscores: Glue keeps others in lower case."
                return _refused(f"{rule} It is: '{name}'")
        answer = original(data)
        if answer[0] == 200 and "PartitionKeys" not in table:
            hooks.inside(_GLUE, "_tables")[f"{data['DatabaseName']}/{table['Name']}"].pop("PartitionKeys", None)
        return answer

    return write


def _refused(message: str, **more: str) -> tuple[int, dict[str, str], bytes]:
    code = "InvalidRequestException" if more else "InvalidInputException"
    return hooks.inside(_ATHENA, "error_response_json")(code, message, 400, extra=more)  # type: ignore[no-any-return]


def _refusals(query: str, database: str) -> Iterator[str]:
    """Yield what Athena says of the tables of a query, and of those of its views."""
    from sqlglot import exp  # only for this machine

    tree = _parsed(query)
    if tree is None:
        return
    temporary = {expression.alias for expression in tree.find_all(exp.CTE)}
    for reference in tree.find_all(exp.Table):
        if isinstance(reference.this, exp.Identifier) and reference.name not in temporary:
            home, name = (reference.db or database).lower(), reference.name.lower()
            table = _table(home, name)
            yield from _refusals_of(tree, home, name, table) if table else _missing(home, name)


def _refusals_of(tree: Any, database: str, name: str, table: Mapping[str, Any]) -> Iterator[str]:
    yield from filter(None, [refusal(name, table)])
    columns_of_glue = (table.get("StorageDescriptor") or {}).get("Columns") or []
    kinds = {str(column["Name"]): str(column.get("Type", "")) for column in columns_of_glue}
    yield from refused_casts(tree.sql(dialect="athena"), kinds)
    projected = projection.projection_of(name, table)
    yield from statements.unnamed_keys(tree, projected.injected if projected else ())
    if definition := view_definition(table):
        columns = [str(column["name"]) for column in definition["columns"]]
        yield from statements.stale(f"awsdatacatalog.{database}.{name}", definition["originalSql"], columns)
        yield from _refusals(definition["originalSql"], database)


def _missing(database: str, name: str) -> Iterator[str]:
    if database not in ("information_schema", "pg_catalog"):
        yield f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist"


def _parsed(query: str) -> Any:
    """Return the statement; none if it cannot be parsed, which MiniStack or DuckDB reports."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return sqlglot.parse_one(query, read="athena") if query else None
    except SqlglotError:
        return None


def _table(database: str, name: str) -> Mapping[str, Any] | None:
    table: Mapping[str, Any] | None = hooks.inside(_GLUE, "_tables").get(f"{database}/{name}")
    return table

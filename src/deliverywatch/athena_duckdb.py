"""Athena's SQL -> DuckDB's, to run it on this machine. Never deployed: both packages come with the extra `local`."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from deliverywatch.errors import ConfigurationError, with_extra


def connect(alternative: str = "") -> Any:
    """Return a connection of DuckDB with the time zone of Athena's sessions; `alternative` is what else can be done.

    Raises:
        ConfigurationError: DuckDB or sqlglot is not installed.
    """
    try:
        import duckdb  # both are only for this machine
        import sqlglot  # noqa: F401 - so that its absence is reported at once
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"SQL on this machine needs {error.name}, which is not installed.",
            next_step=f"{with_extra('local')}{alternative}",
        ) from error
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    # It would be mixed with the data on stdout.
    connection.execute("SET enable_progress_bar = false")
    return connection


def translated(query: str, views: Callable[[str], str | None] = lambda _: None) -> str:
    """Return an Athena query in DuckDB's SQL, with its views inlined; a long one takes a tenth of a second.

    `views` returns the SQL of a view by its name, None if there is no such view.
    """
    import sqlglot  # only for this machine

    tree = sqlglot.parse_one(query, read="athena")
    return query if tree is None else str(_inlined(tree, views).sql(dialect="duckdb"))


def refused_casts(query: str, kinds: Mapping[str, str]) -> Iterator[str]:
    """Yield what Athena says of casts to text that DuckDB makes.

    `kinds` has the types of the tables' columns, by their names in lower case, as DuckDB or Glue writes them.
    """
    for column in _spelled(query):
        kind = kinds.get(column.lower(), "").lower()
        nested = "array" if kind.endswith("[]") else next(filter(kind.startswith, _NEVER_TEXT), "")
        if nested:
            yield f'TYPE_MISMATCH: Cannot cast {_NEVER_TEXT.get(nested, nested)} to varchar: "{column}"'


# What Athena casts to no text, as it calls it.
_NEVER_TEXT = {"array": "array", "map": "map", "struct": "row", "blob": "varbinary", "binary": "varbinary"}


@lru_cache(64)
def _spelled(query: str) -> tuple[str, ...]:
    """Return the columns that a query casts to text; names that are not quoted are its own."""
    import sqlglot
    from sqlglot import exp

    casts = [cast for cast in sqlglot.parse_one(query, read="athena").find_all(exp.Cast) if cast.is_type("varchar")]
    columns = [cast.this for cast in casts if isinstance(cast.this, exp.Column)]
    return tuple(dict.fromkeys(column.name for column in columns if column.this.quoted))


def _inlined(tree: Any, views: Callable[[str], str | None]) -> Any:
    """Return a statement with its views inlined, and theirs: a view may read another one."""
    import sqlglot
    from sqlglot import exp

    named = {expression.alias for expression in tree.find_all(exp.CTE)}
    for table in [*tree.find_all(exp.Table)]:
        sql = None if table.name in named else views(table.name)
        if sql is not None:
            inner = _inlined(sqlglot.parse_one(sql, read="athena"), views)
            table.replace(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(table.alias_or_name))))
    return tree


def with_parameters(query: str, parameters: list[str]) -> str:
    """Return an Athena query with each `?` outside of quotes and comments replaced by its literal."""
    import sqlglot
    from sqlglot import exp

    values = iter(parameters)
    tree = sqlglot.parse_one(query, read="athena")
    replaced = tree.transform(
        lambda node: sqlglot.parse_one(next(values), read="athena") if isinstance(node, exp.Placeholder) else node
    )
    return str(replaced.sql(dialect="athena"))

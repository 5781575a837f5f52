"""Athena SQL -> the dialect of DuckDB, in which MiniStack runs it.

MiniStack passes a query on as it is, so that functions such as `approx_percentile` or `json_extract_scalar` fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from deliverywatch.local.hooks import Hooks


def translated(query: str) -> str:
    """Return one Athena query in DuckDB's SQL."""
    import sqlglot

    (statement,) = sqlglot.transpile(query, read="athena", write="duckdb")
    return str(statement)


def install(placed: Hooks) -> None:
    """Translate each query before MiniStack hands it to DuckDB."""

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        async def run(query: str, *arguments: Any) -> Any:
            return await original(translated(query), *arguments)

        return run

    placed.replace("services.athena", "_run_duckdb", around)

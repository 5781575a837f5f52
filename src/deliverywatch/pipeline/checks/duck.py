"""Tables in files on this machine -> DuckDB that answers Athena's SQL. Never deployed.

For `pipeline validate --local`, tests and benchmarks; a Lambda asks Athena.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from deliverywatch import athena_duckdb
from deliverywatch.errors import InputError

_translated = lru_cache(64)(athena_duckdb.translated)
# Of the lines that DuckDB says of an error, those that help.
_REASONS = ("Candidate bindings", "Did you mean", "Error when converting", "Could not convert")
_READERS = {".parquet": "read_parquet", ".csv": "read_csv", ".json": "read_json", ".jsonl": "read_json"}


class LocalTables:
    """A folder of tables: `users.parquet`, or the files below `users/`; Parquet, CSV or JSON lines."""

    def __init__(self, folder: Path | None = None, memory_bytes: int | None = None) -> None:
        """Open DuckDB, which may take so much memory and writes to disk what does not fit.

        Without a folder the caller makes tables in `connection`. Raises ConfigurationError where DuckDB is not
        installed.
        """
        self.connection = athena_duckdb.connect()
        import duckdb  # only for this machine

        self._error = duckdb.Error
        # A flag's ten words are compared faster than each row is joined with them: an eighth of the time of all checks.
        self.connection.execute("SET disabled_optimizers = 'in_clause'")
        if memory_bytes:
            self.connection.execute(f"SET memory_limit = '{memory_bytes // 10**6}MB'")
        for path in sorted(folder.iterdir()) if folder else ():
            self._name(path)

    def rows(self, sql: str, database: str) -> Sequence[dict[str, Any]]:  # noqa: ARG002 - a folder is one database
        """Return the rows of a query in Athena's SQL, or raise InputError if it cannot be run."""
        for reason in athena_duckdb.refused_casts(sql, self._kinds(sql)):
            raise InputError(
                f"The check cannot be run: {reason}.",
                next_step="Declare a column that holds one value, no list of them.",
            )
        try:
            result = self.connection.execute(_translated(sql))
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        except self._error as error:
            first, *lines = str(error).splitlines()
            reason = " ".join([first, *(line for line in lines if line.startswith(_REASONS))])
            raise InputError(
                f"The check cannot be run: {reason.rstrip('. ')}.",
                next_step=self._next_step(reason),
            ) from error

    def _next_step(self, reason: str) -> str:
        if re.search(r'(format|range): "\d+"', reason):
            return "Declare times, such as yyyymmdd or epoch_seconds: valid_from and valid_to are numbers."
        if "and type TIMESTAMP" in reason:
            return "loaded_at of records has to be a timestamp: make it one where it is written, or in a view."
        return f"Compare the declaration with the tables: {', '.join(self._names())}."

    def _kinds(self, sql: str) -> dict[str, str]:
        """Return the type of each column of the tables that a query names."""
        query = "SELECT table_name, column_name, data_type FROM information_schema.columns"
        listed = self.connection.execute(query).fetchall()
        return {name.lower(): kind for table, name, kind in listed if f'"{table.lower()}"' in sql.lower()}

    def _names(self) -> list[str]:
        listed = self.connection.execute("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall()
        return [name for (name,) in listed]

    def _name(self, path: Path) -> None:
        files = [path] if path.is_file() else sorted(filter(Path.is_file, path.rglob("*")))
        readable = [file for file in files if file.suffix in _READERS]
        if not readable:
            return
        reader = _READERS[readable[0].suffix]
        listed = ", ".join("'" + file.as_posix().replace("'", "''") + "'" for file in readable)
        name = path.name.split(".")[0].replace('"', "")
        source = f"{reader}([{listed}])"
        try:
            is_typed = readable[0].suffix == ".parquet"
            # A view of text would be read anew by each query, in the types that this one casts to.
            made, columns = ("VIEW", "*") if is_typed else ("TABLE", self._columns(source))
            self.connection.execute(f'CREATE {made} "{name}" AS SELECT {columns} FROM {source}')  # noqa: S608
        except self._error as error:
            raise InputError(
                f"{path} cannot be read as the table {name}: {str(error).splitlines()[0].rstrip('. ')}.",
                next_step="A table is one file or one folder, and all files of a folder are of one kind.",
            ) from error

    def _columns(self, source: str) -> str:
        """Return the columns of text files, which say no type where no row has a value: an end that is still open."""
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
        texts = ['"{}"'.format(name.replace('"', '""')) for name, kind, *_ in described if kind in ("VARCHAR", "JSON")]
        counts = ", ".join(f"COUNT({column})" for column in texts) or "1"
        (filled,) = self.connection.execute(f"SELECT {counts} FROM {source}").fetchall()  # noqa: S608
        empty = [f"NULL AS {column}" for column, count in zip(texts, filled, strict=False) if not count]
        return f"* REPLACE ({', '.join(empty)})" if empty else "*"

"""A folder with a lake -> the tables that Athena has, in DuckDB: the saved queries without an account.

Which objects count is decided here, so that `sms_messages` needs no view: the day's object, or else its hours.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from deliverywatch import athena_duckdb
from deliverywatch.alerting.incidents import outbox
from deliverywatch.errors import ConfigurationError, InputError
from deliverywatch.operate.lake.query import Answer, Saved
from deliverywatch.sms.lake import day_objects
from deliverywatch.sms.lake.columns import COLUMNS

# The texts that the template is made of; they lie beside the package in a checkout.
_QUERIES = Path(__file__).parents[5] / "cfn" / "queries"
_TYPES = {"string": "VARCHAR", "timestamp": "TIMESTAMP", "int": "INTEGER", "bigint": "BIGINT"}
_DAY = "hive_partitioning = true, hive_types = {'dt': VARCHAR}"

# Tables of lines of JSON: their names, folders and columns.
_OUTBOXES = (
    ("mails", "mails", outbox.COLUMNS),
    ("channel_messages", outbox.CHANNELS, outbox.CHANNEL_COLUMNS),
)


def saved() -> list[Saved]:
    """Return the saved queries of the template.

    Raises:
        ConfigurationError: This is not a checkout.
    """
    paths = sorted(_QUERIES.glob("*/*.sql"))
    if not paths:
        raise ConfigurationError(
            "The saved queries are not beside this installation.",
            next_step="Run it from a checkout of DeliveryWatch, or ask the stack without --local.",
        )
    return [
        Saved(f"{path.parent.name}-{path.stem.replace('_', '-')}", path.read_text(encoding="utf-8")) for path in paths
    ]


def run(folder: Path, sql: str) -> Answer:
    """Run Athena's SQL over a folder.

    Raises:
        InputError: It cannot be run, or the folder holds no lake.
        ConfigurationError: DuckDB or sqlglot is not installed.
    """
    connection = athena_duckdb.connect(" Or ask Athena: without --local and --copy.")
    import duckdb  # only for this machine
    from sqlglot.errors import SqlglotError

    # Else a table that is not there would be looked for among the variables of this program.
    connection.execute("SET python_enable_replacements = false")
    connection.execute(f"CREATE VIEW sms_messages AS {_messages(folder)}")
    for name, prefix, described in _OUTBOXES:
        paths = sorted(folder.glob(f"{prefix}/dt=*/*.json"))
        connection.execute(f"CREATE VIEW {name} AS {_lines(paths, described)}")
    try:
        result = connection.execute(athena_duckdb.translated(sql))
        columns = [(str(column[0]), str(column[1]).lower()) for column in result.description or ()]
        return Answer(columns, result.fetchall())
    except SqlglotError as error:
        at = next((f" at line {one['line']}, column {one['col']}" for one in getattr(error, "errors", ())), "")
        raise InputError(f"The query does not parse as Athena SQL{at}.", next_step="Correct the query.") from error
    except (duckdb.Error, ValueError) as error:
        raise InputError(
            f"DuckDB cannot run the query: {str(error).splitlines()[0]}", next_step="Correct the query."
        ) from error


def _messages(folder: Path) -> str:
    names = [path.relative_to(folder).as_posix() for path in folder.glob("sms/dt=*/*.parquet")]
    paths = [folder / name for name in day_objects.counting(names)]
    if not paths:
        return _empty((column.name, column.athena_type) for column in COLUMNS)
    # Athena's timestamp has no zone, whatever the file says.
    times = [column.name for column in COLUMNS if column.athena_type == "timestamp"]
    replaced = ", ".join(f"{name} AT TIME ZONE 'UTC' AS {name}" for name in times)
    return f"SELECT * REPLACE ({replaced}) FROM read_parquet({_list(paths)}, union_by_name = true, {_DAY})"  # noqa: S608


def _empty(columns: Iterable[tuple[str, str]]) -> str:
    named = ", ".join(f"CAST(NULL AS {_type(kind)}) AS {name}" for name, kind in columns)
    return f"SELECT {named}, '' AS dt WHERE false"


def _lines(paths: Sequence[Path], described: Iterable[tuple[str, str, str]]) -> str:
    if not paths:
        return _empty((name, kind) for name, kind, _ in described)
    columns = ", ".join(f"{name}: '{_type(kind)}'" for name, kind, _ in described)
    return f"SELECT * FROM read_json({_list(paths)}, columns = {{{columns}}}, {_DAY})"  # noqa: S608 - our own columns


def _type(athena_type: str) -> str:
    return _TYPES.get(athena_type, athena_type.upper())


def _list(paths: Sequence[Path]) -> str:
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"

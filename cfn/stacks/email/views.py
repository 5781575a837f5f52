"""The views of e-mail: both streams as one table, and the same without the copies that Firehose may deliver.

Athena keeps a view as a Glue table whose text is JSON in base64, Presto's own form of a view; the template writes it,
so that the views are there from the first minute and follow the columns.
"""

from __future__ import annotations

import json
from typing import Any

from troposphere import Base64, If, Join, Ref, Sub, glue

from deliverywatch.email.events.columns import COLUMNS, Column
from deliverywatch.email.events.streams import Stream

# A view's columns, in the words of Hive, of Glue, and of Presto.
_PRESTO = {
    "string": "varchar",
    "timestamp": "timestamp(3)",
    "array<string>": "array(varchar)",
    "map<string,array<string>>": "map(varchar, array(varchar))",
}
_TWO_DIGITS = "lpad(CAST({} AS varchar), 2, '0')"
_DAY_OF_PARTS = (
    f"CAST(CAST(year AS varchar) || '-' || {_TWO_DIGITS.format('month')} || '-' || {_TWO_DIGITS.format('day')} AS date)"
)

_PATH = Column("object_path", "string", "the object that the row lies in")


def table_id(stream: Stream) -> str:
    """Return the logical id of a stream's table."""
    return f"{stream.value.capitalize()}EventsTable"


def described_columns() -> list[Any]:
    """Return the columns of both tables, for Glue."""
    return [_described(column) for column in COLUMNS]


def _described(column: Column) -> Any:
    return glue.Column(Name=column.name, Type=column.athena_type, Comment=column.comment)


def resources() -> list[Any]:
    """Return the views."""
    listed = ", ".join(column.name for column in COLUMNS)
    numbered = "*, row_number() OVER (PARTITION BY dt, event_id ORDER BY arrived_at) AS copy_number"
    unique = f"SELECT stream, {listed}, dt FROM (SELECT {numbered} FROM email_events) WHERE copy_number = 1"  # noqa: S608
    return [
        _view(
            "email_events",
            "Both streams; name dt in every query",
            If("HasEmailDays", _encoded(*_both(listed, "dt")), _encoded(*_both(listed, _DAY_OF_PARTS))),
            _view_columns(_PATH),
            [table_id(stream) for stream in Stream],
        ),
        # A copy that came on another day is not found: over days no filter on dt could be pushed down, and each query
        # would read everything there is. Copies come within minutes.
        _view(
            "email_events_unique",
            "Both streams, each event once a day",
            _encoded(unique, _view_columns()),
            _view_columns(),
            ["EmailEventsView"],
        ),
    ]


def _both(listed: str, day: str) -> tuple[str, list[Column]]:
    parts = [
        f"SELECT CAST('{stream}' AS varchar) AS stream, {listed}, {day} AS dt, "  # noqa: S608
        f'"$path" AS object_path FROM {stream}_events'
        for stream in Stream
    ]
    return " UNION ALL ".join(parts), _view_columns(_PATH)


def _view_columns(*more: Column) -> list[Column]:
    day = Column("dt", "date", "UTC day of arrival; name it in every query")
    return [Column("stream", "string", "newsletter or transactional"), *COLUMNS, day, *more]


def _encoded(sql: str, shown: list[Column]) -> Any:
    columns = [{"name": each.name, "type": _PRESTO.get(each.athena_type, each.athena_type)} for each in shown]
    document = {"originalSql": sql, "catalog": "awsdatacatalog", "schema": "DATABASE", "columns": columns}
    text = json.dumps(document, separators=(",", ":")).replace("DATABASE", "email_events_db_${Environment}")
    return Join("", ["/* Presto View: ", Base64(Sub(text)), " */"])


def _view(name: str, description: str, text: Any, shown: list[Column], after: list[str]) -> Any:
    return glue.Table(
        "".join(word.capitalize() for word in name.split("_")) + "View",
        DependsOn=after,
        CatalogId=Ref("AWS::AccountId"),
        DatabaseName=Ref("EmailDatabase"),
        TableInput=glue.TableInput(
            Name=name,
            Description=description,
            TableType="VIRTUAL_VIEW",
            Parameters={"presto_view": "true", "comment": "Presto View"},
            StorageDescriptor=glue.StorageDescriptor(
                Columns=[_described(each) for each in shown], SerdeInfo=glue.SerdeInfo()
            ),
            ViewOriginalText=text,
            ViewExpandedText="/* Presto View */",
        ),
    )

"""The views of e-mail: both streams as one table, and the same without the copies that Firehose may deliver.

They are in the template, so that they exist from the first minute and follow the columns.
"""

from typing import Any

from troposphere import If

from blocks.tables import view, view_text
from deliverywatch.email.events.columns import COLUMNS
from deliverywatch.email.events.streams import Stream

SHARED_COLUMNS = [(column.name, column.athena_type, column.comment) for column in COLUMNS]
_COMPACT = (",", ":")
_SCHEMA = "email_events_db_${Environment}"
_TWO_DIGITS = "lpad(CAST({} AS varchar), 2, '0')"
_DAY_OF_PARTS = (
    f"CAST(CAST(year AS varchar) || '-' || {_TWO_DIGITS.format('month')} || '-' || {_TWO_DIGITS.format('day')} AS date)"
)
_LISTED = ", ".join(column.name for column in COLUMNS)
_UNIQUE_COLUMNS = [
    ("stream", "string", "newsletter or transactional"),
    *SHARED_COLUMNS,
    ("dt", "date", "UTC day of arrival; name it in every query"),
]
_BOTH_COLUMNS = [*_UNIQUE_COLUMNS, ("object_path", "string", "the object that the row lies in")]


def table_id(stream: Stream) -> str:
    """Return the logical id of a stream's table."""
    return f"{stream.value.capitalize()}EventsTable"


def resources() -> list[Any]:
    """Return the views."""
    numbered = "*, row_number() OVER (PARTITION BY dt, event_id ORDER BY arrived_at) AS copy_number"
    unique = f"SELECT stream, {_LISTED}, dt FROM (SELECT {numbered} FROM email_events) WHERE copy_number = 1"  # noqa: S608
    day = If("HasEmailDays", "dt", _DAY_OF_PARTS)
    return [
        view(
            "email_events",
            "Both streams; name dt in every query",
            _BOTH_COLUMNS,
            view_text(_both("${Day}"), _BOTH_COLUMNS, _SCHEMA, _COMPACT, Day=day),
            logical_id="EmailEventsView",
            DependsOn=[table_id(stream) for stream in Stream],
            database="EmailDatabase",
        ),
        # A copy that came on another day stays: over days no filter on dt could be pushed down, and each query would
        # read everything there is. Copies come within minutes.
        view(
            "email_events_unique",
            "Both streams, each event once a day",
            _UNIQUE_COLUMNS,
            view_text(unique, _UNIQUE_COLUMNS, _SCHEMA, _COMPACT),
            logical_id="EmailEventsUniqueView",
            DependsOn=["EmailEventsView"],
            database="EmailDatabase",
        ),
    ]


def _both(day: str) -> str:
    return " UNION ALL ".join(
        f"SELECT CAST('{stream}' AS varchar) AS stream, {_LISTED}, {day} AS dt, "  # noqa: S608
        f'"$path" AS object_path FROM {stream}_events'
        for stream in Stream
    )

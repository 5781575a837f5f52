"""The views of e-mail: both streams as one table, and the same judged and without the copies that Firehose may deliver.

They are in the template, so that they exist from the first minute and follow the columns.
"""

from typing import Any

from troposphere import If, Ref

from blocks.tables import view, view_text
from deliverywatch.email.events.columns import COLUMNS
from deliverywatch.email.events.links import is_unsubscribe_sql, page_sql
from deliverywatch.email.events.outcomes import COUNTED_RECIPIENTS_SQL, OUTCOME_SQL, READER_SQL
from deliverywatch.email.events.streams import Stream

SHARED_COLUMNS = [(column.name, column.athena_type, column.comment) for column in COLUMNS]
_COMPACT = (",", ":")
_SCHEMA = "email_events_db_${Environment}"
_TWO_DIGITS = "lpad(CAST({} AS varchar), 2, '0')"
_DAY_OF_PARTS = (
    f"CAST(CAST(year AS varchar) || '-' || {_TWO_DIGITS.format('month')} || '-' || {_TWO_DIGITS.format('day')} AS date)"
)
_LISTED = ", ".join(column.name for column in COLUMNS)
# A time of sending that could not be read: the event's own is the nearest that is known.
_READABLE = _LISTED.replace(" sent_at,", " coalesce(sent_at, event_time) AS sent_at,")
_EVENT_COLUMNS = [
    ("stream", "string", "newsletter or transactional"),
    *SHARED_COLUMNS,
    ("dt", "date", "UTC day of arrival; name it in every query"),
]
_BOTH_COLUMNS = [*_EVENT_COLUMNS, ("object_path", "string", "the object that the row lies in")]
# Every query that counts uses these, so that none counts otherwise than the report and the alarms.
_JUDGED = {
    "outcome": ("string", OUTCOME_SQL),
    "counted_recipients": ("array<string>", COUNTED_RECIPIENTS_SQL),
    "reader": ("string", READER_SQL),
    "page": ("string", page_sql("${Tracking}")),
    "is_unsubscribe": ("boolean", is_unsubscribe_sql("${Unsubscribe}")),
}
_UNIQUE_COLUMNS = [*_EVENT_COLUMNS, *((name, kind) for name, (kind, _) in _JUDGED.items())]


def table_id(stream: Stream) -> str:
    """Return the logical id of a stream's table."""
    return f"{stream.value.capitalize()}EventsTable"


def resources() -> list[Any]:
    """Return the views."""
    numbered = "*, row_number() OVER (PARTITION BY dt, event_id ORDER BY arrived_at) AS copy_number"
    judged = ", ".join(f"{_typed(kind, sql)} AS {name}" for name, (kind, sql) in _JUDGED.items())
    once = f"(SELECT {numbered} FROM email_events) WHERE copy_number = 1"  # noqa: S608
    unique = f"SELECT stream, {_READABLE}, dt, {judged} FROM {once}"  # noqa: S608
    links = {"Tracking": Ref("EmailTrackingParameters"), "Unsubscribe": Ref("EmailUnsubscribeLinks")}
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
            "Both streams, each event once a day, with what it counts as and for whom",
            _UNIQUE_COLUMNS,
            view_text(unique, _UNIQUE_COLUMNS, _SCHEMA, _COMPACT, **links),
            logical_id="EmailEventsUniqueView",
            DependsOn=["EmailEventsView"],
            database="EmailDatabase",
        ),
    ]


def _typed(kind: str, sql: str) -> str:
    return f"CAST({sql} AS varchar)" if kind == "string" else sql


def _both(day: str) -> str:
    return " UNION ALL ".join(
        f"SELECT CAST('{stream}' AS varchar) AS stream, {_LISTED}, {day} AS dt, "  # noqa: S608
        f'"$path" AS object_path FROM {stream}_events'
        for stream in Stream
    )

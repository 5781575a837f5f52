"""The two streams, and where in the bucket each keeps its objects.

events/<stream>/dt=YYYY-MM-DD/              the table; or <stream>/... at the top of the bucket, by choice
errors/<stream>/<type>/dt=YYYY-MM-DD/       what Firehose could not land, outside of the table
errors/<stream>/reasons/dt=YYYY-MM-DD/      why the transform refused a record, by the hash of its bytes
"""

import re
from datetime import date
from enum import StrEnum


class Stream(StrEnum):
    """A kind of mail; each has its own configuration set, delivery stream, table and alarms."""

    NEWSLETTER = "newsletter"
    TRANSACTIONAL = "transactional"


# The day as one partition, or as the three that some lakes have already.
DAY_PATHS = {
    "day": "dt=!{timestamp:yyyy-MM-dd}/",
    "year-month-day": "year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/",
}

# Above the folders of the streams: none is for lakes that have `newsletter/year=.../` at the top of the bucket already.
EVENTS_FOLDERS = ("events/", "")

_NAME = "email-events-"
_DAY = re.compile(r"/dt=(\d{4}-\d\d-\d\d)/|/year=(\d{4})/month=(\d\d)/day=(\d\d)/", re.ASCII)


def table_folder(stream: str, above: str = EVENTS_FOLDERS[0]) -> str:
    """Return the folder of a stream's table, with a slash at the end."""
    return f"{above}{stream}/"


def table_folders(stream: str) -> list[str]:
    """Return every folder that a stream's table can have; a bucket has objects in one of them."""
    return [table_folder(stream, above) for above in EVENTS_FOLDERS]


def day_of(key: str) -> date | None:
    """Return the UTC day of arrival that an object's folder names in either layout; None if it names none."""
    match = _DAY.search(key)
    try:
        return date.fromisoformat("-".join(part for part in match.groups() if part)) if match else None
    except ValueError:
        return None


def error_folder(stream: str) -> str:
    """Return the folder of what did not land, never inside the table's, with a slash at the end."""
    return f"errors/{stream}/"


def prefix(stream: str, partitions: str = "day", above: str = EVENTS_FOLDERS[0]) -> str:
    """Return Firehose's prefix of a stream's objects; the time in it is the arrival of the oldest record, in UTC."""
    return table_folder(stream, above) + DAY_PATHS[partitions]


def error_prefix(stream: str) -> str:
    """Return Firehose's prefix for what could not land; AWS wants the type of error in it."""
    return error_folder(stream) + "!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/"


def delivery_stream(stream: str, environment: str) -> str:
    """Return the name of a stream's delivery stream."""
    return f"{_NAME}{stream}-{environment}"


def stream_of(delivery_stream_arn: str) -> Stream:
    """Return the stream of a delivery stream's name or ARN; ValueError for one of somebody else's."""
    name = delivery_stream_arn.rpartition("/")[2].removeprefix(_NAME)
    return Stream(name.partition("-")[0])

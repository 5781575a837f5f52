"""The two streams, and where in the bucket each keeps what.

events/<stream>/dt=YYYY-MM-DD/              the table
errors/<stream>/<type>/dt=YYYY-MM-DD/       what Firehose could not land, outside of the table
errors/<stream>/reasons/dt=YYYY-MM-DD/      why the transform refused a record, by the hash of its bytes
"""

from enum import StrEnum


class Stream(StrEnum):
    """What is sent: each stream has its own configuration set, delivery stream, table and alarms."""

    NEWSLETTER = "newsletter"
    TRANSACTIONAL = "transactional"


# The day as one partition, or as the three that some lakes have already.
DAY_PATHS = {
    "day": "dt=!{timestamp:yyyy-MM-dd}/",
    "year-month-day": "year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/",
}

_NAME = "email-events-"


def table_folder(stream: str) -> str:
    """Return the folder of a stream's table, with its slash."""
    return f"events/{stream}/"


def error_folder(stream: str) -> str:
    """Return the folder of what did not land, with its slash; never inside the table's."""
    return f"errors/{stream}/"


def prefix(stream: str, partitions: str = "day") -> str:
    """Return Firehose's prefix of a stream's objects; the time in it is the arrival of the oldest record, in UTC."""
    return table_folder(stream) + DAY_PATHS[partitions]


def error_prefix(stream: str) -> str:
    """Return Firehose's prefix of what could not be landed; the type of error must be a part of it."""
    return error_folder(stream) + "!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/"


def delivery_stream(stream: str, environment: str) -> str:
    """Return the name of a stream's delivery stream."""
    return f"{_NAME}{stream}-{environment}"


def stream_of(delivery_stream_arn: str) -> Stream:
    """Return the stream of a delivery stream's name or ARN.

    Raises:
        ValueError: It is none of ours.
    """
    name = delivery_stream_arn.rpartition("/")[2].removeprefix(_NAME)
    return Stream(name.partition("-")[0])

"""Firehose's last steps, simulated: its prefixes are evaluated, and what failed becomes an error record.

Prefixes: docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html. Error records have the members that the real service
writes, as recorded: `rawData` holds the record as it came, in base64.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

_EXPRESSION = re.compile(r"!\{(\w+):([^}]*)\}")
_JAVA = re.compile(r"([a-zA-Z])\1*|'[^']*'|[^a-zA-Z']+")
_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}

PROCESSING_FAILED = "processing-failed"
CONVERSION_FAILED = "format-conversion-failed"


def evaluated(prefix: str, arrived_at: datetime, error_type: str = "") -> str:
    """Return a prefix with its expressions filled in.

    Args:
        prefix: As the delivery stream has it.
        arrived_at: Arrival of the oldest record of the object, in UTC.
        error_type: Of an error prefix, such as `processing-failed`.

    Raises:
        ValueError: The prefix holds an expression that is not simulated here.
    """
    expressions = [*_EXPRESSION.finditer(prefix)]
    text = _EXPRESSION.sub(lambda match: _value(match, arrived_at, error_type), prefix)
    # Without a time of its own a prefix gets one, with no slash in between.
    return text if any(match[1] == "timestamp" for match in expressions) else text + f"{arrived_at:%Y/%m/%d/%H/}"


def object_name(delivery_stream: str, arrived_at: datetime, token: str, extension: str = "") -> str:
    """Return the name of an object under its prefix, as Firehose writes it."""
    return f"{delivery_stream}-1-{arrived_at:%Y-%m-%d-%H-%M-%S}-{token}{extension}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """When a record came and when it was given up, and who gave it up."""

    arrived_at: datetime
    ended_at: datetime


def processing_error(raw_data: str, attempt: Attempt, lambda_arn: str) -> bytes:
    """Return the line of a record whose transform said `ProcessingFailed`; Firehose does not say why.

    Args:
        raw_data: The record as it came, in base64.
        attempt: When.
        lambda_arn: The transform.
    """
    return _line(
        {
            "rawData": raw_data,
            "errorCode": "Lambda.ProcessingFailedStatus",
            "errorMessage": "ProcessingFailed status set for record",
            **_times(attempt),
            "lambdaARN": lambda_arn,
        }
    )


def conversion_error(raw_data: str, attempt: Attempt, sentence: str, table: dict[str, str]) -> bytes:
    """Return the line of a record that does not fit the table.

    Args:
        raw_data: The record as it came to the conversion, in base64.
        attempt: When.
        sentence: What does not fit.
        table: `databaseName` and `tableName`.
    """
    return _line(
        {
            **_times(attempt),
            "errorCode": "DataFormatConversion.MalformedData",
            "errorMessage": sentence,
            "rawData": raw_data,
            "dataCatalogTable": table,
        }
    )


def _times(attempt: Attempt) -> dict[str, int]:
    return {
        "attemptsMade": 1,
        "arrivalTimestamp": int(attempt.arrived_at.timestamp() * 1000),
        "attemptEndingTimestamp": int(attempt.ended_at.timestamp() * 1000),
    }


def _line(members: dict[str, Any]) -> bytes:
    return orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE)


def _value(match: re.Match[str], arrived_at: datetime, error_type: str) -> str:
    kind, argument = match[1], match[2]
    if kind == "timestamp":
        return "".join(_time_part(part[0], arrived_at) for part in _JAVA.finditer(argument))
    if kind == "firehose" and argument == "error-output-type" and error_type:
        return error_type
    raise ValueError(f"{match[0]} cannot be evaluated here.")


def _time_part(part: str, arrived_at: datetime) -> str:
    if part.startswith("'"):
        return part.strip("'")
    if part[0].isalpha() and part not in _STRFTIME:
        raise ValueError(f"'{part}' in a time of a prefix cannot be evaluated here.")
    return arrived_at.strftime(_STRFTIME[part]) if part in _STRFTIME else part

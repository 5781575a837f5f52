"""Firehose's last steps, simulated: its prefixes are evaluated, and what failed becomes an error record.

Prefixes: docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html. Error records have the members that the real service
was recorded to write: `rawData` holds the record as it came, in base64.
"""

import re
from datetime import datetime
from typing import Any

import orjson

_EXPRESSION = re.compile(r"!\{(\w+):([^{}]*)\}")
_JAVA = re.compile(r"([a-zA-Z])\1*|'[^']*'|[^a-zA-Z']+")
_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}

PROCESSING_FAILED = "processing-failed"
CONVERSION_FAILED = "format-conversion-failed"


def evaluated(prefix: str, arrived_at: datetime, error_type: str = "") -> str:
    """Return a prefix with its expressions filled in.

    Args:
        prefix: As the delivery stream is configured.
        arrived_at: Arrival of the oldest record of the object, in UTC.
        error_type: For an error prefix, such as `processing-failed`.

    Raises:
        ValueError: The prefix holds an expression that is not simulated here.
    """
    expressions = [*_EXPRESSION.finditer(prefix)]
    text = _EXPRESSION.sub(lambda match: _value(match, arrived_at, error_type), prefix)
    # A prefix without a time gets one, with no slash in between.
    return text if any(match[1] == "timestamp" for match in expressions) else text + f"{arrived_at:%Y/%m/%d/%H/}"


def object_name(delivery_stream: str, arrived_at: datetime, token: str, extension: str = "") -> str:
    """Return the name of an object under its prefix, as Firehose writes it."""
    return f"{delivery_stream}-1-{arrived_at:%Y-%m-%d-%H-%M-%S}-{token}{extension}"


def processing_error(raw_data: str, arrived_at: datetime, lambda_arn: str) -> bytes:
    """Return the line of a record whose transform answered `ProcessingFailed`; Firehose does not say why."""
    return _line(
        {
            "rawData": raw_data,
            "errorCode": "Lambda.ProcessingFailedStatus",
            "errorMessage": "ProcessingFailed status set for record",
            **_times(arrived_at),
            "lambdaARN": lambda_arn,
        }
    )


def conversion_error(raw_data: str, arrived_at: datetime, sentence: str, table: dict[str, str]) -> bytes:
    """Return the line of a record that does not fit the table, for the reason in the sentence."""
    return _line(
        {
            **_times(arrived_at),
            "errorCode": "DataFormatConversion.MalformedData",
            "errorMessage": sentence,
            "rawData": raw_data,
            "dataCatalogTable": table,
        }
    )


def _times(arrived_at: datetime) -> dict[str, int]:
    arrival = int(arrived_at.timestamp() * 1000)
    return {"attemptsMade": 1, "arrivalTimestamp": arrival, "attemptEndingTimestamp": arrival}


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

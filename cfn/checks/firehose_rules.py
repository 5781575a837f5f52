"""What AWS refuses of a delivery stream when it is deployed, and no linter reports: refused when the template is built.

troposphere, cfn-lint and the emulators accept every one of these. Quoted reasons are AWS's own words; the others are
rules of its documentation: docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html, s3-prefixes.html and
the API reference. A template is judged with each value that its parameters allow, not only with their defaults.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cwalarm.definitions.template import resources
from deliverywatch.errors import ConfigurationError

if TYPE_CHECKING:
    Properties = Mapping[str, Any]
    Rule = Callable[[Properties], Iterator[str]]

STREAM = "AWS::KinesisFirehose::DeliveryStream"
DESTINATION = "AWS::SES::ConfigurationSetEventDestination"
TABLE = "AWS::Glue::Table"

_EVENT_TYPES = (
    *("send", "reject", "bounce", "complaint", "delivery", "open", "click"),
    *("renderingFailure", "deliveryDelay", "subscription"),
)
_EXPRESSION = re.compile(r"!\{(\w+):([^}]*)\}")
_ERROR_TYPE = "!{firehose:error-output-type}"
_LONGEST_PREFIX = 512
_LEAST_CONVERTED_MEGABYTES, _MOST_MEGABYTES, _MOST_SECONDS = 64, 128, 900
_STREAM_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# Java's letters that look right and are not: week-based year, minutes, day of the year.
_TRAPS = {"YYYY": ("yyyy", "the year of the week"), "mm": ("MM", "minutes"), "DD": ("dd", "the day of the year")}


def check(template: Mapping[str, Any]) -> None:
    """Raise ConfigurationError, with every reason, if AWS would refuse delivery streams, destinations or tables."""
    if reasons := problems(template):
        raise ConfigurationError(
            "AWS would refuse this template: " + " ".join(reasons),
            next_step="Correct these in cfn/stacks, or the parameters that allow them, and build again.",
        )


def problems(template: Mapping[str, Any]) -> list[str]:
    """Return every reason to refuse a template, each once, in the order of its resources."""
    kinds = {resource.get("Type") for resource in (template.get("Resources") or {}).values()}
    if not kinds & {STREAM, DESTINATION}:
        return []
    required = {name: "x" for name, field in (template.get("Parameters") or {}).items() if "Default" not in field}
    usual = dict.fromkeys(_with(template, required))
    return [f"{name}: {reason}" for name, reason in usual] + [
        f"{name} with {parameter}={value}: {reason}"
        for parameter, value in _values(template)
        for name, reason in _with(template, {**required, parameter: value})
        # What is wrong with the defaults need not be said again for every value.
        if (name, reason) not in usual
    ]


def _values(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each value that a parameter allows, or its limits; only of those parameters that these resources refer to."""
    judged = {STREAM, DESTINATION, TABLE}
    parts = [resource for resource in template["Resources"].values() if resource["Type"] in judged]
    text = json.dumps([parts, template.get("Conditions") or {}])
    for name, parameter in (template.get("Parameters") or {}).items():
        if f'"{name}"' in text or f"${{{name}}}" in text:
            limits = [parameter[limit] for limit in ("MinValue", "MaxValue") if limit in parameter]
            yield from ((name, str(value)) for value in parameter.get("AllowedValues") or limits)


def _with(template: Mapping[str, Any], parameters: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    tables = [table["TableInput"] for _, table in resources(template, TABLE, parameters)]
    for name, stream in resources(template, STREAM, parameters):
        for reason in _of_stream(stream, tables):
            yield name, reason
    for name, destination in resources(template, DESTINATION, parameters):
        for reason in _event_types(destination.get("EventDestination") or {}):
            yield name, reason


def _of_stream(stream: Properties, tables: list[Properties]) -> Iterator[str]:
    if not _STREAM_NAME.fullmatch(stream.get("DeliveryStreamName", "x")):
        yield "DeliveryStreamName must be 1 to 64 letters, digits, '_', '-' and '.'."
    destination = stream.get("ExtendedS3DestinationConfiguration")
    if destination is None:
        return
    for rule in _RULES:
        yield from rule(destination)
    if _is_converting(destination):
        yield from _lands_in_its_table(destination, tables)


def _is_converting(destination: Properties) -> bool:
    conversion = destination.get("DataFormatConversionConfiguration")
    # Left out, Enabled counts as true here.
    return conversion is not None and _is_true(conversion.get("Enabled", True))


def _is_partitioned(destination: Properties) -> bool:
    return _is_true((destination.get("DynamicPartitioningConfiguration") or {}).get("Enabled", False))


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"


def _buffers(destination: Properties) -> Iterator[str]:
    hints = destination.get("BufferingHints") or {}
    if len({"SizeInMBs", "IntervalInSeconds"} & set(hints)) == 1:
        yield "BufferingHints: SizeInMBs and IntervalInSeconds must be given together."
    converts, partitions = _is_converting(destination), _is_partitioned(destination)
    size = int(hints.get("SizeInMBs", _MOST_MEGABYTES if converts or partitions else 5))
    seconds = int(hints.get("IntervalInSeconds", 300))
    for wanted, feature in ((converts, "data format conversion"), (partitions, "Dynamic Partitioning")):
        if wanted and size < _LEAST_CONVERTED_MEGABYTES:
            yield f'"BufferingHints.SizeInMBs must be at least 64 when {feature} is enabled."'
    if partitions and seconds < 60:
        yield '"BufferingHints.IntervalInSeconds must be at least 60 seconds when Dynamic Partitioning is enabled."'
    if not 1 <= size <= _MOST_MEGABYTES:
        yield f"BufferingHints.SizeInMBs is {size}; Firehose takes 1 to {_MOST_MEGABYTES}."
    if not 0 <= seconds <= _MOST_SECONDS:
        yield f"BufferingHints.IntervalInSeconds is {seconds}; Firehose takes 0 to {_MOST_SECONDS}."


def _compression(destination: Properties) -> Iterator[str]:
    kind = destination.get("CompressionFormat", "UNCOMPRESSED")
    if _is_converting(destination) and kind != "UNCOMPRESSED":
        yield (
            f"CompressionFormat is {kind}; it must be UNCOMPRESSED when data format conversion is enabled, "
            "and Parquet compresses by ParquetSerDe.Compression."
        )


def _schema(destination: Properties) -> Iterator[str]:
    if not _is_converting(destination):
        return
    conversion = destination["DataFormatConversionConfiguration"]
    parts = ("SchemaConfiguration", "InputFormatConfiguration", "OutputFormatConfiguration")
    schema, fields = conversion.get("SchemaConfiguration") or {}, ("DatabaseName", "TableName", "RoleARN")
    missing = [name for name in parts if not conversion.get(name)]
    missing += [f"SchemaConfiguration.{name}" for name in fields if not schema.get(name)]
    if missing:
        yield f"Data format conversion is enabled without {', '.join(missing)}."


def _parquet(destination: Properties) -> Iterator[str]:
    conversion = destination.get("DataFormatConversionConfiguration") or {}
    serializer = (conversion.get("OutputFormatConfiguration") or {}).get("Serializer") or {}
    parquet = serializer.get("ParquetSerDe")
    if parquet is None:
        return
    codec = parquet.get("Compression", "SNAPPY")
    if codec not in ("UNCOMPRESSED", "GZIP", "SNAPPY"):
        yield f"ParquetSerDe.Compression is {codec}; Firehose takes UNCOMPRESSED, GZIP and SNAPPY."
    for name, least in {"BlockSizeBytes": 64 * 2**20, "PageSizeBytes": 64 * 2**10}.items():
        if int(parquet.get(name, least)) < least:
            yield f"ParquetSerDe.{name} must be at least {least}."


def _prefixes(destination: Properties) -> Iterator[str]:
    prefix, errors = destination.get("Prefix") or "", destination.get("ErrorOutputPrefix") or ""
    if "!{" in prefix and not errors:
        yield '"ErrorOutputPrefix cannot be null or empty when Prefix contains expressions"'
    if _ERROR_TYPE in prefix:
        yield f'"Prefix must not contain any occurrence of {_ERROR_TYPE}"'
    if "!{" in errors and _ERROR_TYPE not in errors:
        yield f"ErrorOutputPrefix has expressions and must then include {_ERROR_TYPE}."
    if any(kind.startswith("partitionKeyFrom") for kind, _ in _EXPRESSION.findall(errors)):
        yield "ErrorOutputPrefix must not contain partition keys."
    for name, text in {"Prefix": prefix, "ErrorOutputPrefix": errors}.items():
        yield from _prefix(name, text)


def _prefix(name: str, text: str) -> Iterator[str]:
    if len(text) > _LONGEST_PREFIX:
        yield f"{name} is longer than {_LONGEST_PREFIX} characters."
    for kind, argument in _EXPRESSION.findall(text):
        if kind not in ("timestamp", "firehose", "partitionKeyFromQuery", "partitionKeyFromLambda"):
            yield f"{name} has the expression !{{{kind}:{argument}}}, which Firehose does not know."
        # A time of day after the hour means minutes; before it, a month was meant.
        bare = re.sub(r"'[^']*'|HH\W*mm", "", argument)
        for wrong, (right, meaning) in _TRAPS.items():
            if kind == "timestamp" and wrong in re.findall(r"[A-Za-z]+", bare):
                yield f"{name} has {wrong} in {argument}: that is {meaning}; write {right}."


def _processing(destination: Properties) -> Iterator[str]:
    processing = destination.get("ProcessingConfiguration") or {}
    if processing.get("Processors") and not _is_true(processing.get("Enabled", False)):
        yield "ProcessingConfiguration has processors but is not Enabled: left out, that counts as false."
    for processor in processing.get("Processors") or ():
        settings = {pair["ParameterName"]: pair["ParameterValue"] for pair in processor.get("Parameters") or ()}
        if processor.get("Type") == "Lambda":
            yield from _transform(settings)


def _transform(settings: Mapping[str, str]) -> Iterator[str]:
    size, seconds = float(settings.get("BufferSizeInMBs", 1)), int(settings.get("BufferIntervalInSeconds", 60))
    if not settings.get("LambdaArn"):
        yield "A Lambda processor needs a LambdaArn."
    if not 0.2 <= size <= 3:
        yield f"The transform's BufferSizeInMBs is {size:g}; Firehose takes 0.2 to 3."
    if not 0 <= seconds <= _MOST_SECONDS:
        yield f"The transform's BufferIntervalInSeconds is {seconds}; Firehose takes 0 to {_MOST_SECONDS}."


def _lands_in_its_table(destination: Properties, tables: list[Properties]) -> Iterator[str]:
    """AWS takes this and the table stays empty, or reads errors as rows: no error anywhere."""
    schema = destination["DataFormatConversionConfiguration"].get("SchemaConfiguration") or {}
    table = next((table for table in tables if table.get("Name") == schema.get("TableName")), None)
    if table is None:
        return
    location = str((table.get("StorageDescriptor") or {}).get("Location", "")).partition("://")[2].partition("/")[2]
    fixed = (destination.get("Prefix") or "").partition("!{")[0]
    if not fixed.startswith(location):
        yield f"Prefix {fixed}... lies outside of the table's location {location}: the table would stay empty."
    if (destination.get("ErrorOutputPrefix") or "").startswith(location):
        yield f"ErrorOutputPrefix lies inside the table's location {location}: queries would read errors as rows."
    yield from _has_its_partitions(destination, table)


def _has_its_partitions(destination: Properties, table: Properties) -> Iterator[str]:
    keys = [key["Name"] for key in table.get("PartitionKeys") or ()]
    written = re.findall(r"(\w+)=!\{", destination.get("Prefix") or "")
    if keys != written:
        yield f"Prefix writes the partitions {written}, the table has {keys}."
    parameters = table.get("Parameters") or {}
    if parameters.get("projection.enabled") == "true":
        missing = [key for key in keys if f"projection.{key}.type" not in parameters]
        template = str(parameters.get("storage.location.template", ""))
        missing += [key for key in keys if template and f"${{{key}}}" not in template]
        if missing:
            yield f"Partition projection says nothing of {', '.join(missing)}: queries would fail."


def _event_types(destination: Properties) -> Iterator[str]:
    for kind in destination.get("MatchingEventTypes") or ():
        if kind not in _EVENT_TYPES:
            near = [name for name in _EVENT_TYPES if name.lower() == kind.lower().replace("_", "")]
            advice = f"write {near[0]}." if near else "no such type."
            yield f"MatchingEventTypes has {kind}, which SES refuses; {advice}"


_RULES: tuple[Rule, ...] = (_buffers, _compression, _schema, _parquet, _prefixes, _processing)

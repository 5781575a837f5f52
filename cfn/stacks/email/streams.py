"""Two delivery streams, each from its configuration set through the transform into Parquet under its own prefix.

What AWS refuses here at deploy time, and no linter reports, is checked by `firehose_rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, If, Ref, Sub, firehose, logs, ses

from blocks.parts import allow, arn, role, title
from deliverywatch.email.events.streams import (
    DAY_PATHS,
    Stream,
    delivery_stream,
    error_folder,
    error_prefix,
    prefix,
    table_folder,
)
from stacks.email.parameters import EVENTS, configuration_set
from stacks.email.views import table_id

if TYPE_CHECKING:
    from blocks.parts import Function, Statement

# CloudFormation's words for the ten event types; a word in another case passes every linter and fails at AWS.
EVENT_TYPES = (
    *("send", "delivery", "bounce", "complaint", "reject", "open", "click"),
    *("renderingFailure", "deliveryDelay", "subscription"),
)


def resources(transform: Function) -> list[Any]:
    """Return both streams with all that leads into them."""
    return [resource for stream in Stream for resource in _of(stream, transform)]


def stream_id(stream: Stream) -> str:
    """Return the logical id of a delivery stream."""
    return f"{title(stream)}DeliveryStream"


def _of(stream: Stream, transform: Function) -> list[Any]:
    name = title(stream)
    group = logs.LogGroup(
        f"{name}DeliveryLogs",
        LogGroupName=Sub(f"/aws/kinesisfirehose/{_name(stream)}"),
        RetentionInDays=Ref("LogRetentionDays"),
    )
    log_stream = logs.LogStream(f"{name}DeliveryLog", LogGroupName=Ref(group), LogStreamName="delivery")
    source = Sub(arn("firehose", f"deliverystream/{_name(stream)}"))
    delivers = role(f"email-{stream.value}-delivery", "firehose.amazonaws.com", _may(stream, transform), source)
    return [
        group,
        log_stream,
        delivers,
        _stream(stream, delivers, group, log_stream, transform),
        *_destinations(stream),
    ]


def _name(stream: Stream) -> str:
    return delivery_stream(stream, "${Environment}")


def _may(stream: Stream, transform: Function) -> list[Statement]:
    table = "table/${EmailDatabase}/${" + table_id(stream) + "}"
    schema = [Sub(arn("glue", resource)) for resource in ("catalog", "database/${EmailDatabase}", table)]
    folders = [
        Sub(f"${{EmailBucket.Arn}}/{folder}*") for folder in (table_folder(stream, EVENTS), error_folder(stream))
    ]
    bucket = GetAtt("EmailBucket", "Arn")
    return [
        allow(["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], folders),
        allow(["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], bucket),
        allow(["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"], schema),
        allow("logs:PutLogEvents", GetAtt(f"{title(stream)}DeliveryLogs", "Arn")),
        allow(["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"], _functions(transform)),
    ]


def _functions(transform: Function) -> list[Any]:
    name = title(transform.name)
    # Firehose may name the function with its version.
    return [GetAtt(name, "Arn"), Sub(f"${{{name}.Arn}}:*")]


def _stream(stream: Stream, delivers: Any, group: Any, log_stream: Any, transform: Function) -> Any:
    by_day, by_parts = (Sub(prefix(stream, layout, EVENTS)) for layout in DAY_PATHS)
    destination = {
        "BucketARN": GetAtt("EmailBucket", "Arn"),
        "RoleARN": GetAtt(delivers, "Arn"),
        "Prefix": If("HasEmailDays", by_day, by_parts),
        "ErrorOutputPrefix": error_prefix(stream),
        "BufferingHints": {"IntervalInSeconds": Ref("EmailBufferSeconds"), "SizeInMBs": Ref("EmailBufferMegabytes")},
        # Compression is a matter of the Parquet file: of the object, AWS takes none.
        "CompressionFormat": "UNCOMPRESSED",
        "CloudWatchLoggingOptions": {"Enabled": True, "LogGroupName": Ref(group), "LogStreamName": Ref(log_stream)},
        "ProcessingConfiguration": {"Enabled": True, "Processors": [_processor(transform)]},
        "DataFormatConversionConfiguration": _conversion(stream, delivers),
    }
    properties = {"DeliveryStreamName": Sub(_name(stream)), "DeliveryStreamType": "DirectPut"}
    return firehose.DeliveryStream.from_dict(
        stream_id(stream), {**properties, "ExtendedS3DestinationConfiguration": destination}
    )


def _processor(transform: Function) -> dict[str, Any]:
    arn = _functions(transform)[0]
    # The smallest wait: the day's buffer comes after it, and 1 MB of events is half a batch of what Lambda returns.
    parameters = {"LambdaArn": arn, "NumberOfRetries": "3", "BufferSizeInMBs": "1", "BufferIntervalInSeconds": "60"}
    pairs = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"Type": "Lambda", "Parameters": pairs}


def _conversion(stream: Stream, delivers: Any) -> dict[str, Any]:
    schema = {
        "CatalogId": Ref("AWS::AccountId"),
        "DatabaseName": Ref("EmailDatabase"),
        "TableName": Ref(table_id(stream)),
        "Region": Ref("AWS::Region"),
        "RoleARN": GetAtt(delivers, "Arn"),
        "VersionId": "LATEST",
    }
    return {
        "Enabled": True,
        # Exact case: the transform writes the columns' names as they are, and names of tags keep their case.
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {"CaseInsensitive": False}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": Ref("EmailCompression")}}},
        "SchemaConfiguration": schema,
    }


def _destinations(stream: Stream) -> list[Any]:
    name = title(stream)
    from_this_set = Sub(arn("ses", "configuration-set/${Set}"), Set=configuration_set(stream))
    puts = allow("firehose:PutRecordBatch", GetAtt(stream_id(stream), "Arn"))
    publishes = role(f"email-{stream.value}-events", "ses.amazonaws.com", [puts], from_this_set)
    lake = {"DeliveryStreamARN": GetAtt(stream_id(stream), "Arn"), "IAMRoleARN": GetAtt(publishes, "Arn")}
    # How many were sent, counted by SES itself: without it nobody could know silence from a quiet day.
    dimension = {
        "DimensionName": "ses:configuration-set",
        "DimensionValueSource": "messageTag",
        "DefaultDimensionValue": "none",
    }
    metrics = {"DimensionConfigurations": [dimension]}
    return [
        publishes,
        _destination(f"{name}ToLake", stream, "lake", EVENT_TYPES, KinesisFirehoseDestination=lake),
        _destination(f"{name}ToMetrics", stream, "metrics", ("send",), CloudWatchDestination=metrics),
    ]


def _destination(logical_id: str, stream: Stream, purpose: str, types: tuple[str, ...], **target: Any) -> Any:
    name = Sub(f"deliverywatch-${{Environment}}-{purpose}")
    destination = {"Name": name, "Enabled": True, "MatchingEventTypes": [*types], **target}
    return ses.ConfigurationSetEventDestination.from_dict(
        logical_id, {"ConfigurationSetName": configuration_set(stream), "EventDestination": destination}
    )

"""Two delivery streams, each from its configuration set through the transform into Parquet under its own prefix.

What AWS refuses here at deploy time, and no linter reports, is checked by `firehose_rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, If, Ref, Sub, firehose, logs, ses

from blocks.parts import allow, arn, role, title
from deliverywatch.email.events.streams import DAY_PATHS, Stream, delivery_stream, error_prefix, prefix
from stacks.email.parameters import configuration_set
from stacks.email.views import table_id

if TYPE_CHECKING:
    from blocks.parts import Function, Statement

# CloudFormation's words for the ten event types; a word in another case passes every linter and fails at AWS.
EVENT_TYPES = (
    *("send", "delivery", "bounce", "complaint", "reject", "open", "click"),
    *("renderingFailure", "deliveryDelay", "subscription"),
)
_CONFIGURATION_SET_TAG = "ses:configuration-set"


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
    delivers = role(f"email-{stream.value}-delivery", "firehose.amazonaws.com", _may(stream, transform))
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
    folders = [Sub(f"${{EmailBucket.Arn}}/{kind}/{stream}/*") for kind in ("events", "errors")]
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
    arn = GetAtt(delivers, "Arn")
    destination = firehose.ExtendedS3DestinationConfiguration(
        BucketARN=GetAtt("EmailBucket", "Arn"),
        RoleARN=arn,
        Prefix=_by_day(stream),
        ErrorOutputPrefix=error_prefix(stream),
        BufferingHints=firehose.BufferingHints(
            IntervalInSeconds=Ref("EmailBufferSeconds"), SizeInMBs=Ref("EmailBufferMegabytes")
        ),
        # Compression is a matter of the Parquet file: of the object, AWS takes none.
        CompressionFormat="UNCOMPRESSED",
        CloudWatchLoggingOptions=firehose.CloudWatchLoggingOptions(
            Enabled=True, LogGroupName=Ref(group), LogStreamName=Ref(log_stream)
        ),
        ProcessingConfiguration=_processing(transform),
        DataFormatConversionConfiguration=_conversion(stream, arn),
    )
    return firehose.DeliveryStream(
        stream_id(stream),
        DeliveryStreamName=Sub(_name(stream)),
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration=destination,
    )


def _by_day(stream: Stream) -> Any:
    day, parts = (prefix(stream, layout) for layout in DAY_PATHS)
    return If("HasEmailDays", day, parts)


def _processing(transform: Function) -> Any:
    arn = _functions(transform)[0]
    # The smallest wait: the day's buffer comes after it, and 1 MB of events is half a batch of what Lambda returns.
    parameters = {"LambdaArn": arn, "NumberOfRetries": "3", "BufferSizeInMBs": "1", "BufferIntervalInSeconds": "60"}
    processor = firehose.Processor(
        Type="Lambda",
        Parameters=[
            firehose.ProcessorParameter(ParameterName=name, ParameterValue=value) for name, value in parameters.items()
        ],
    )
    return firehose.ProcessingConfiguration(Enabled=True, Processors=[processor])


def _conversion(stream: Stream, arn: Any) -> Any:
    # Exact case: the transform writes the columns' names as they are, and names of tags keep their case.
    reads = firehose.Deserializer(OpenXJsonSerDe=firehose.OpenXJsonSerDe(CaseInsensitive=False))
    writes = firehose.Serializer(ParquetSerDe=firehose.ParquetSerDe(Compression=Ref("EmailCompression")))
    return firehose.DataFormatConversionConfiguration(
        Enabled=True,
        InputFormatConfiguration=firehose.InputFormatConfiguration(Deserializer=reads),
        OutputFormatConfiguration=firehose.OutputFormatConfiguration(Serializer=writes),
        SchemaConfiguration=firehose.SchemaConfiguration(
            CatalogId=Ref("AWS::AccountId"),
            DatabaseName=Ref("EmailDatabase"),
            TableName=Ref(table_id(stream)),
            Region=Ref("AWS::Region"),
            RoleARN=arn,
            VersionId="LATEST",
        ),
    )


def _destinations(stream: Stream) -> list[Any]:
    name = title(stream)
    from_this_set = {
        "StringEquals": {
            "AWS:SourceAccount": Ref("AWS::AccountId"),
            "AWS:SourceArn": Sub(arn("ses", "configuration-set/${Set}"), Set=configuration_set(stream)),
        }
    }
    puts = allow("firehose:PutRecordBatch", GetAtt(stream_id(stream), "Arn"))
    publishes = role(f"email-{stream.value}-events", "ses.amazonaws.com", [puts], from_this_set)
    lake = ses.KinesisFirehoseDestination(
        DeliveryStreamARN=GetAtt(stream_id(stream), "Arn"), IAMRoleARN=GetAtt(publishes, "Arn")
    )
    # How many were sent, counted by SES itself: without it nobody could know silence from a quiet day.
    dimension = ses.DimensionConfiguration(
        DimensionName=_CONFIGURATION_SET_TAG, DimensionValueSource="messageTag", DefaultDimensionValue="none"
    )
    return [
        publishes,
        _destination(f"{name}ToLake", stream, "lake", EVENT_TYPES, KinesisFirehoseDestination=lake),
        _destination(
            f"{name}ToMetrics",
            stream,
            "metrics",
            ("send",),
            CloudWatchDestination=ses.CloudWatchDestination(DimensionConfigurations=[dimension]),
        ),
    ]


def _destination(logical_id: str, stream: Stream, purpose: str, types: tuple[str, ...], **target: Any) -> Any:
    return ses.ConfigurationSetEventDestination(
        logical_id,
        ConfigurationSetName=configuration_set(stream),
        EventDestination=ses.EventDestination(
            Name=Sub(f"deliverywatch-${{Environment}}-{purpose}"), Enabled=True, MatchingEventTypes=[*types], **target
        ),
    )

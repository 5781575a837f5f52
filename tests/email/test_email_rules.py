"""What AWS would refuse is refused by the build, with AWS's reason; troposphere and cfn-lint let all of it pass."""

import copy
from typing import Any

import pytest
from email_values import of_type

from checks import firehose_rules
from deliverywatch.errors import ConfigurationError

DROP = object()
STREAM = "NewsletterDeliveryStream"
TO = ("ExtendedS3DestinationConfiguration",)
CONVERSION = (*TO, "DataFormatConversionConfiguration")
PARQUET = (*CONVERSION, "OutputFormatConfiguration", "Serializer", "ParquetSerDe")
PROCESSING = (*TO, "ProcessingConfiguration")
PARTITIONED = {"DynamicPartitioningConfiguration": {"Enabled": True}, "DataFormatConversionConfiguration": DROP}


def changed(template: dict[str, Any], path: tuple[str, ...], value: Any, resource: str = STREAM) -> dict[str, Any]:
    """The template with one property of a resource replaced, or dropped."""
    made = copy.deepcopy(template)
    *way, last = path
    owner = made["Resources"][resource]["Properties"]
    for part in way:
        owner = owner[part]
    if value is DROP:
        del owner[last]
    else:
        owner[last] = value
    return made


WRONG: dict[str, tuple[tuple[str, ...], Any, str]] = {
    "conversion and 5 MB": (
        (*TO, "BufferingHints"),
        {"SizeInMBs": 5, "IntervalInSeconds": 60},
        "BufferingHints.SizeInMBs must be at least 64 when data format conversion is enabled.",
    ),
    "conversion and GZIP of the object": ((*TO, "CompressionFormat"), "GZIP", "it must be UNCOMPRESSED"),
    "a size without an interval": ((*TO, "BufferingHints"), {"SizeInMBs": 64}, "must be given together"),
    "an interval over the limit": (
        (*TO, "BufferingHints"),
        {"SizeInMBs": 64, "IntervalInSeconds": 901},
        "IntervalInSeconds is 901; Firehose takes 0 to 900",
    ),
    "a size over the limit": (
        (*TO, "BufferingHints"),
        {"SizeInMBs": 129, "IntervalInSeconds": 60},
        "SizeInMBs is 129; Firehose takes 1 to 128",
    ),
    "no prefix for errors": (
        (*TO, "ErrorOutputPrefix"),
        DROP,
        "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions",
    ),
    "the type of error in the prefix": (
        (*TO, "Prefix"),
        "events/newsletter/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/",
        "Prefix must not contain any occurrence of !{firehose:error-output-type}",
    ),
    "no type of error in the error prefix": (
        (*TO, "ErrorOutputPrefix"),
        "errors/!{timestamp:yyyy}/",
        "must then include !{firehose:error-output-type}",
    ),
    "minutes for the month": (
        (*TO, "Prefix"),
        "events/newsletter/dt=!{timestamp:yyyy-mm-dd}/",
        "that is minutes; write MM",
    ),
    "the year of the week": (
        (*TO, "Prefix"),
        "events/newsletter/dt=!{timestamp:YYYY-MM-dd}/",
        "that is the year of the week; write yyyy",
    ),
    "the day of the year": (
        (*TO, "Prefix"),
        "events/newsletter/dt=!{timestamp:yyyy-MM-DD}/",
        "that is the day of the year; write dd",
    ),
    "an unknown expression": ((*TO, "Prefix"), "events/newsletter/dt=!{date:x}/", "which Firehose does not know"),
    "too long a prefix": (
        (*TO, "Prefix"),
        "events/newsletter/" + "x" * 500 + "dt=!{timestamp:yyyy}/",
        "longer than 512",
    ),
    "conversion without a schema": ((*CONVERSION, "SchemaConfiguration"), DROP, "without SchemaConfiguration"),
    "conversion without a role": ((*CONVERSION, "SchemaConfiguration", "RoleARN"), DROP, "SchemaConfiguration.RoleARN"),
    "conversion without a format": (
        (*CONVERSION, "InputFormatConfiguration"),
        DROP,
        "without InputFormatConfiguration",
    ),
    "a codec that Firehose has not": (PARQUET, {"Compression": "ZSTD"}, "takes UNCOMPRESSED, GZIP and SNAPPY"),
    "small blocks": (PARQUET, {"BlockSizeBytes": 1024}, "BlockSizeBytes must be at least"),
    "small pages": (PARQUET, {"PageSizeBytes": 1024}, "PageSizeBytes must be at least"),
    "a transform that is not switched on": ((*PROCESSING, "Enabled"), DROP, "left out, that counts as false"),
    "a transform of too much": (
        (*PROCESSING, "Processors"),
        [
            {
                "Type": "Lambda",
                "Parameters": [
                    {"ParameterName": "LambdaArn", "ParameterValue": "arn"},
                    {"ParameterName": "BufferSizeInMBs", "ParameterValue": "6"},
                ],
            }
        ],
        "BufferSizeInMBs is 6; Firehose takes 0.2 to 3",
    ),
    "a transform of nothing": ((*PROCESSING, "Processors"), [{"Type": "Lambda"}], "needs a LambdaArn"),
    "a name with a slash": (("DeliveryStreamName",), "a/b", "DeliveryStreamName must be"),
    "objects outside of the table": (
        (*TO, "Prefix"),
        "event/dt=!{timestamp:yyyy-MM-dd}/",
        "the table would stay empty",
    ),
    "errors inside the table": (
        (*TO, "ErrorOutputPrefix"),
        "events/newsletter/!{firehose:error-output-type}/",
        "read errors as rows",
    ),
    "other partitions than the table's": (
        (*TO, "Prefix"),
        "events/newsletter/day=!{timestamp:yyyy-MM-dd}/",
        "the table has ['dt']",
    ),
}


def test_what_is_built_is_taken_with_every_value_that_its_parameters_allow(template: dict[str, Any]) -> None:
    assert firehose_rules.problems(template) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_aws_would_refuse_is_refused_with_its_reason(template: dict[str, Any], name: str) -> None:
    path, value, reason = WRONG[name]
    found = firehose_rules.problems(changed(template, path, value))
    assert [each for each in found if reason in each and each.startswith(f"{STREAM}: ")], found


def test_dynamic_partitioning_has_limits_of_its_own(template: dict[str, Any]) -> None:
    made = copy.deepcopy(template)
    to = made["Resources"][STREAM]["Properties"]["ExtendedS3DestinationConfiguration"]
    del to["DataFormatConversionConfiguration"]
    to["DynamicPartitioningConfiguration"] = {"Enabled": True}
    to["BufferingHints"] = {"SizeInMBs": 5, "IntervalInSeconds": 10}
    found = " ".join(firehose_rules.problems(made))
    assert "SizeInMBs must be at least 64 when Dynamic Partitioning is enabled." in found
    assert "IntervalInSeconds must be at least 60 seconds when Dynamic Partitioning is enabled." in found


@pytest.mark.parametrize(("wrong", "right"), [("SEND", "send"), ("RENDERING_FAILURE", "renderingFailure")])
def test_a_type_of_event_in_the_wrong_case_is_refused(template: dict[str, Any], wrong: str, right: str) -> None:
    made = changed(template, ("EventDestination", "MatchingEventTypes"), [wrong], "NewsletterToLake")
    assert firehose_rules.problems(made) == [
        f"NewsletterToLake: MatchingEventTypes has {wrong}, which SES refuses; write {right}."
    ]


def test_a_parameter_that_allows_what_aws_refuses_is_found(template: dict[str, Any]) -> None:
    made = copy.deepcopy(template)
    made["Parameters"]["EmailBufferMegabytes"]["MinValue"] = 1
    found = firehose_rules.problems(made)
    assert len(found) == 2
    assert all("with EmailBufferMegabytes=1: " in each for each in found)


def test_projection_must_name_every_partition(template: dict[str, Any]) -> None:
    made = copy.deepcopy(template)
    table = made["Resources"]["NewsletterEventsTable"]["Properties"]["TableInput"]
    table["Parameters"] = {"projection.enabled": "true"}
    assert any("Partition projection says nothing of dt" in each for each in firehose_rules.problems(made))


def test_the_right_words_in_a_prefix_are_no_trap(template: dict[str, Any]) -> None:
    made = changed(template, (*TO, "Prefix"), "events/newsletter/dt=!{timestamp:yyyy-MM-dd}/!{timestamp:HHmm}/")
    assert not [each for each in firehose_rules.problems(made) if "; write" in each]


def test_the_build_stops_and_says_all_of_it(template: dict[str, Any]) -> None:
    made = changed(template, (*TO, "CompressionFormat"), "GZIP")
    with pytest.raises(ConfigurationError, match=r"^AWS would refuse this template: NewsletterDeliveryStream: Comp"):
        firehose_rules.check(made)
    firehose_rules.check({"Resources": {}})


def test_the_resolved_template_is_what_is_judged(template: dict[str, Any]) -> None:
    assert len(of_type(template, firehose_rules.STREAM)) == 2

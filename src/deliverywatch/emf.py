"""Counts -> documents in CloudWatch's embedded metric format, through aws-embedded-metrics.

A document is one line of JSON that a Lambda function prints; CloudWatch turns it into metrics without an API call.
Format: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def document(
    namespace: str,
    dimensions: Mapping[str, str],
    metrics: Mapping[str, tuple[float, str]],
    stamp: datetime,
    properties: Mapping[str, Any] | None = None,
) -> str:
    """Return one EMF document, a single line of JSON.

    Args:
        namespace: The CloudWatch namespace, such as `DeliveryWatch/Sms`.
        dimensions: The only set of dimensions; each new value is a metric that is billed.
        metrics: Name -> (value, unit), the unit in CloudWatch's words (`Count`, `Percent`).
        stamp: The timestamp of all values; aware, at most 14 days old and 2 hours ahead.
        properties: Further members of the log line; never billed as metrics.

    Raises:
        aws_embedded_metrics.exceptions.InvalidTimestampError: CloudWatch would not accept the stamp.
    """
    # Imported here: it brings aiohttp, 0.2 s of a cold start that a run without metrics does not pay.
    from aws_embedded_metrics.logger.metrics_context import MetricsContext
    from aws_embedded_metrics.serializers.log_serializer import LogSerializer

    context = MetricsContext(namespace=namespace)
    # A new context for each document: after a flush the library's logger would switch its default dimensions back on,
    # and the next document would be a different, billed metric.
    context.set_dimensions([dict(dimensions)], use_default=False)
    context.set_timestamp(stamp)
    for name, (value, unit) in metrics.items():
        context.put_metric(name, value, unit)
    for name, value in (properties or {}).items():
        context.set_property(name, value)
    lines: list[str] = LogSerializer.serialize(context)
    return lines[0]

"""A template -> functions whose failures nobody hears of, and events that vanish when a function fails.

Lambda drops an asynchronous event after its retries without a word, and so does Scheduler.
"""

from collections.abc import Iterator
from typing import Any

from checks.finding import Finding, Template, of_type, target

_FUNCTION = "AWS::Lambda::Function"
# What the URL of a function answers with 5xx includes what the function raised, and what it caught to answer kindly.
_TELLING = (
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Url5xxCount"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
)


def findings(template: Template) -> list[Finding]:
    """Return the functions without an alarm on their errors, and what starts one without retries or an end."""
    settings = {
        target(made["FunctionName"]): name for name, made in of_type(template, "AWS::Lambda::EventInvokeConfig")
    }
    return [
        *_silent(template, settings),
        *_dropped(template, settings),
        *(finding for name, made in of_type(template, "AWS::Scheduler::Schedule") for finding in _schedule(name, made)),
    ]


def _silent(template: Template, settings: dict[str, str]) -> Iterator[Finding]:
    watched = {name for _, alarm in of_type(template, "AWS::CloudWatch::Alarm") for name in _watched(alarm)}
    for name, _ in of_type(template, _FUNCTION):
        end = _end(template, settings.get(name, ""))
        is_topic = template["Resources"].get(end, {}).get("Type") == "AWS::SNS::Topic"
        if not (name in watched or end in watched or is_topic or _said(template, settings.get(name, ""), "SeenBy")):
            sentence = (
                "no alarm looks at its errors or at the queue of its failed events, no topic gets them, and no "
                "Metadata SeenBy of its EventInvokeConfig says who sees them."
            )
            yield Finding("errors", name, sentence)


def _watched(alarm: dict[str, Any]) -> Iterator[str]:
    """Yield the functions whose errors, and the queues whose messages, an alarm looks at."""
    queried = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    for metric in (*queried, *([alarm] if "MetricName" in alarm else [])):
        kind = (metric["Namespace"], metric["MetricName"])
        if kind in _TELLING:
            resources = (target(dimension["Value"]) for dimension in metric.get("Dimensions", []))
            # A function that is not of this template has a name there, and no resource.
            yield from filter(None, resources)


def _end(template: Template, settings: str) -> str:
    """Return the logical id of where failed events go; empty for nowhere."""
    properties = template["Resources"].get(settings, {}).get("Properties", {})
    return target(properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"))


def _said(template: Template, settings: str, what: str) -> str:
    """Return a reason that is written beside the settings of a function; empty if there is none."""
    metadata = template["Resources"].get(settings, {}).get("Metadata", {})
    return str(metadata.get("DeliveryWatch", {}).get(what, ""))


def _dropped(template: Template, settings: dict[str, str]) -> Iterator[Finding]:
    for name in sorted({name for name in _asynchronous(template) if name in dict(of_type(template, _FUNCTION))}):
        made = template["Resources"].get(settings.get(name, ""), {})
        if "MaximumRetryAttempts" not in made.get("Properties", {}):
            yield Finding(
                "retries", name, "it is started asynchronously, and no EventInvokeConfig says how often again."
            )
        elif not (_end(template, settings[name]) or _said(template, settings[name], "NotKept")):
            yield Finding("retries", name, "its failed events go nowhere, and no Metadata NotKept says why.")


def _asynchronous(template: Template) -> Iterator[str]:
    """Yield what services of AWS start without waiting: schedules, rules, topics, buckets."""
    for _, made in of_type(template, "AWS::Scheduler::Schedule"):
        yield target(made["Target"]["Arn"])
    for _, made in of_type(template, "AWS::Events::Rule"):
        yield from (target(one["Arn"]) for one in made["Targets"])
    for _, made in of_type(template, "AWS::SNS::Subscription"):
        yield target(made["Endpoint"])
    for _, made in of_type(template, "AWS::S3::Bucket"):
        notified = made.get("NotificationConfiguration", {}).get("LambdaConfigurations", [])
        yield from (target(one["Function"]) for one in notified)


def _schedule(name: str, made: dict[str, Any]) -> Iterator[Finding]:
    lacking = [key for key in ("RetryPolicy", "DeadLetterConfig") if key not in made["Target"]]
    if lacking:
        yield Finding("retries", name, f"a start that fails vanishes: it has no {' and no '.join(lacking)}.")

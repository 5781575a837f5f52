"""The alarms of e-mail, and the watches that say which of them are rungs of one ladder.

A share divides what the transform counted by what SES says was sent; where nothing was sent in its window, it is 0.
Whatever keeps events from landing is one watch per stream, whose mails say "we cannot see".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troposphere import Ref, Sub

from blocks.alarms import Metric, Rule, expression_alarm, metric_alarm
from deliverywatch import thresholds
from deliverywatch.email.counts import NAMESPACE
from deliverywatch.email.events.mail_context import key_of
from deliverywatch.email.events.streams import Stream, delivery_stream
from stacks.email.parameters import configuration_set

_ALERTS = ["AlertsTopic"]
_QUARTER_HOUR = 900
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class _Share:
    """One share of a stream; `failed` and `total` are how the notifier knows a rate of failures."""

    what: str
    counted: str
    failed: str
    total: str
    minimum: str
    window_seconds: int
    window: str
    words: str

    @property
    def expression(self) -> str:
        # A newsletter is sent once a week. Without FILL an alarm that finds nothing in its newest window would judge by
        # an older one, and raise again what was over.
        sent = f"FILL({self.total}, 0) >= ${{EmailMinimumSent}}"
        guard = f"{sent} AND FILL({self.failed}, 0) >= ${{{self.minimum}}}"
        return f"IF({guard}, 100 * {self.failed} / {self.total}, 0)"

    def metrics(self, stream: Stream) -> dict[str, Metric]:
        return {self.total: sent(stream), self.failed: counted(stream, self.counted)}


_BOUNCES = _Share(
    *("bounces", "Bounced", "failed", "total", "EmailMinimumBounced"),
    *(thresholds.EMAIL_BOUNCE_WINDOW_SECONDS, "6 hours", "bounced (%)"),
)
# Complaints are not failures: a mail that says "3 of 2,000 failed" would be wrong.
_COMPLAINTS = _Share(
    *("complaints", "Complained", "complained", "sent", "EmailMinimumComplained"),
    *(thresholds.EMAIL_COMPLAINT_WINDOW_SECONDS, "24 hours", "complaints (%)"),
)
_SHARES = {_BOUNCES: "Bounce", _COMPLAINTS: "Complaint"}
_LEVELS = {"critical": _ALERTS, "warning": _ALERTS, "recovery": []}


def sent(stream: Stream) -> Metric:
    """Return what SES says was sent with a stream's configuration set."""
    return Metric("AWS/SES", "Send", {"ses:configuration-set": configuration_set(stream)}, "Sum")


def counted(stream: Stream, name: str) -> Metric:
    """Return a metric that the transform emits for a stream."""
    return Metric(NAMESPACE, name, {"Environment": Ref("Environment"), "Stream": stream.value}, "Sum")


def of_firehose(stream: Stream, name: str, statistic: str) -> Metric:
    """Return a metric of a stream's delivery stream."""
    return Metric(
        "AWS/Firehose", name, {"DeliveryStreamName": Sub(delivery_stream(stream, "${Environment}"))}, statistic
    )


def alarms() -> list[Any]:
    """Return all alarms of e-mail."""
    return [*(alarm for stream in Stream for alarm in _of(stream)), *_reputation(), _transform_errors(), _refused()]


def watches() -> list[dict[str, Any]]:
    """Return the watches, for the notifier."""
    return [
        *(watch for stream in Stream for watch in _watches(stream)),
        *(
            {
                "name": f"email-reputation-{share.what}",
                "title": f"SES reputation: {share.what}",
                "rungs": [
                    {"alarm": f"email-reputation-{share.what}-{level}", "level": level}
                    for level in ("critical", "warning")
                ],
            }
            for share in _SHARES
        ),
        {
            "name": "email-unread",
            "title": "E-mail events that could not be read",
            "rungs": [
                {"alarm": "email-refused", "level": "warning"},
                {"alarm": "email-transform-errors", "level": "warning"},
            ],
        },
    ]


def _of(stream: Stream) -> list[Any]:
    shares = [_share(stream, share, level) for share in _SHARES for level in _LEVELS]
    return [*shares, _silence(stream), *_deliveries(stream)]


def _share(stream: Stream, share: _Share, level: str) -> Any:
    name = f"email-{stream}-{share.what}-{level}"
    parameter = f"Email{_SHARES[share]}{level.capitalize()}Percent"
    rule = Rule(
        _described(stream, share, level, parameter),
        Ref(parameter),
        share.window_seconds,
        "ignore",
        _LEVELS[level],
        _ALERTS,
    )
    label = f"{stream.value.capitalize()} mails, {share.words}"
    return expression_alarm(name, rule, share.expression, share.metrics(stream), label)


def _described(stream: Stream, share: _Share, level: str, parameter: str) -> str:
    if level == "recovery":
        return f"Keeps an incident open while {share.what} are over ${{{parameter}}} % of the {stream} mails."
    guard = f"with at least ${{EmailMinimumSent}} sent and ${{{share.minimum}}} {share.what}"
    return (
        f"{level.capitalize()}: {share.what} were over ${{{parameter}}} % of the {stream} mails of the last "
        f"{share.window}, {guard}."
    )


def _silence(stream: Stream) -> Any:
    rule = Rule(
        f"In ${{EmailSilenceMinutes}} minutes of an hour SES sent {stream} mails and Firehose had not one event: "
        "the configuration set no longer leads to the lake.",
        0,
        60,
        # Nothing sent, nothing to hear of.
        "notBreaching",
        _ALERTS,
        _ALERTS,
        # Minute by minute, because the two metrics do not appear at the same time: one minute that has only the first
        # says nothing.
        (Ref("EmailSilenceMinutes"), _HOUR // 60),
    )
    metrics = {"sent": sent(stream), "events": of_firehose(stream, "IncomingRecords", "Sum")}
    # A difference, because in metric math a metric that never was counts as 0 there, and nowhere else: a stream that
    # was never wired up has no IncomingRecords at all.
    silent = "IF(sent >= 1, 1, 0) - events"
    return expression_alarm(f"email-{stream}-silence", rule, silent, metrics, "Sent, and no events")


def _deliveries(stream: Stream) -> list[Any]:
    """What Firehose says of itself; a stream without events says nothing, and nothing is wrong with it."""
    stuck = (
        f"Events of {stream} mails have waited more than ${{EmailFreshnessSeconds}} seconds in Firehose: they do not "
        "reach the bucket."
    )
    writes = f"Firehose failed to write events of {stream} mails into the bucket, and goes on trying for 24 hours."
    schema = (
        f"Events of {stream} mails did not fit the table: they wait under the error prefix, and 'deliverywatch email "
        "replay --dry-run' says why."
    )
    limits = f"Firehose turned events of {stream} mails away because they came too fast, twice in 45 minutes."
    return [
        _delivery(stream, "freshness", ("DeliveryToS3.DataFreshness", "Maximum"), stuck, Ref("EmailFreshnessSeconds")),
        _delivery(stream, "delivery", ("DeliveryToS3.Success", "Average"), writes, 1, "LessThanThreshold"),
        _delivery(stream, "conversion", ("FailedConversion.Records", "Sum"), schema, 0),
        _delivery(stream, "throttled", ("ThrottledRecords", "Sum"), limits, 0, periods=(2, 3)),
    ]


def _delivery(
    stream: Stream,
    what: str,
    metric: tuple[str, str],
    description: str,
    threshold: Any,
    comparison: str = "GreaterThanThreshold",
    periods: tuple[int, int] = (1, 1),
) -> Any:
    rule = Rule(description, threshold, _QUARTER_HOUR, "notBreaching", _ALERTS, _ALERTS, periods, comparison)
    return metric_alarm(f"email-{stream}-{what}", rule, of_firehose(stream, *metric))


def _reputation() -> list[Any]:
    return [_judged(share, level) for share in _SHARES for level in ("critical", "warning")]


def _judged(share: _Share, level: str) -> Any:
    parameter = f"Email{_SHARES[share]}{level.capitalize()}Percent"
    rule = Rule(
        f"{level.capitalize()}: SES itself counts {share.what} at ${{{parameter}}} % or more for this account; "
        "it may review or pause sending. "
        f"Stop campaigns that can wait; the saved query email-sender-standing shows each stream's {share.what} by day.",
        Ref(parameter),
        _HOUR,
        "ignore",
        _ALERTS,
        _ALERTS,
        comparison="GreaterThanOrEqualToThreshold",
    )
    # SES publishes fractions, and leaves the metric out while too little is sent to judge.
    rate = Metric("AWS/SES", f"Reputation.{_SHARES[share]}Rate", {}, "Maximum")
    name = f"email-reputation-{share.what}-{level}"
    return expression_alarm(name, rule, "100 * rate", {"rate": rate}, f"{share.what.capitalize()} by SES's count (%)")


def _transform_errors() -> Any:
    rule = Rule(
        "The function that reads e-mail events failed; Firehose tries a batch three times and then puts it under the "
        "error prefix, from where 'deliverywatch email replay' sends it again.",
        0,
        _QUARTER_HOUR,
        "notBreaching",
        _ALERTS,
        _ALERTS,
    )
    errors = Metric("AWS/Lambda", "Errors", {"FunctionName": Ref("EmailTransform")}, "Sum")
    return metric_alarm("email-transform-errors", rule, errors)


def _refused() -> Any:
    rule = Rule(
        "E-mail events could not be read in the last hour: they wait under the error prefix, and 'deliverywatch "
        "email replay --dry-run' says why. Perhaps SES has a new type of event.",
        0,
        _HOUR,
        "notBreaching",
        _ALERTS,
        _ALERTS,
    )
    refused = Metric(NAMESPACE, "Refused", {"Environment": Ref("Environment")}, "Sum")
    # FILL ends it after an hour: without, missing data would be waited for.
    return expression_alarm("email-refused", rule, "FILL(refused, 0)", {"refused": refused}, "Events refused")


def _watches(stream: Stream) -> list[dict[str, Any]]:
    title, context = stream.value.capitalize(), key_of(stream)
    blind = ("silence", "freshness", "delivery", "conversion", "throttled")
    return [
        *(
            {
                "name": f"email-{stream}-{share.what}",
                "title": f"{title} {share.what}",
                "context": context,
                "rungs": [
                    {
                        "alarm": f"email-{stream}-{share.what}-critical",
                        "level": "critical",
                        # While a newsletter goes out its share goes up and down: critical stays until the warning ends.
                        "recovery": f"email-{stream}-{share.what}-warning",
                    },
                    {
                        "alarm": f"email-{stream}-{share.what}-warning",
                        "level": "warning",
                        "recovery": f"email-{stream}-{share.what}-recovery",
                    },
                ],
            }
            for share in _SHARES
        ),
        {
            "name": f"email-{stream}-blind",
            "title": f"{title} events do not land",
            "context": context,
            "rungs": [{"alarm": f"email-{stream}-{what}", "level": "blind"} for what in blind],
        },
    ]

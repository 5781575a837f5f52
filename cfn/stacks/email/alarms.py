"""The watches of e-mail and their alarms.

The transform and the judge count what became of mails by the time of their sending, and publish the share of those that
belong together; where too little was sent there is none. What they prove is the assessment of the watch, by which its
incidents end. Whatever keeps events from landing is one watch per stream, whose mails say "we cannot see".
"""

from dataclasses import dataclass
from typing import Any

from troposphere import Sub

from blocks.alarms import ENVIRONMENT, FILLED, Alarm, Expression, Metric, Severity, Watch, function_metric
from deliverywatch import thresholds
from deliverywatch.email.counts import NAMESPACE
from deliverywatch.email.events.mail_context import key_of
from deliverywatch.email.events.streams import Stream, delivery_stream
from stacks.email.parameters import configuration_set

_MINUTE, _FIVE_MINUTES, _QUARTER_HOUR, _HALF_HOUR = 60, 300, 900, 1800
_HOUR, _DAY = 3600, 86_400
_JUDGED_SECONDS = 600
_OPENING: tuple[Severity, ...] = ("critical", "warning")


@dataclass(frozen=True, slots=True)
class _Share:
    """One share of a stream."""

    what: str
    kind: str
    minimum: str
    window: str
    happened: str

    def parameter(self, level: str) -> str:
        return f"Email{self.kind}{level.capitalize()}Percent"


_SHARES = (
    _Share("bounces", "Bounce", "EmailMinimumBounced", "6 hours", "bounced for good"),
    _Share("complaints", "Complaint", "EmailMinimumComplained", "24 hours", "were complained about"),
)


def watches() -> list[Watch]:
    """Return all watches of e-mail."""
    return [
        *(watch for stream in Stream for watch in _watches_of(stream)),
        *(
            Watch(
                f"email-reputation-{share.what}",
                f"SES reputation: {share.what}",
                [_reputation(share, severity) for severity in _OPENING],
            )
            for share in _SHARES
        ),
        Watch("email-unread", "E-mail events that could not be read", [_REFUSED, _TRANSFORM_ERRORS]),
        Watch("email-unjudged", "E-mail is not judged", [_JUDGE_ERRORS]),
    ]


def _watches_of(stream: Stream) -> list[Watch]:
    name, context = stream.value.capitalize(), key_of(stream)
    shares = [
        Watch(f"email-{stream}-{share.what}", f"{name} {share.what}", _share(stream, share), context, is_assessed=True)
        for share in _SHARES
    ]
    # Without an alarm: a share of each receiving domain is no metric, which would cost 0.30 USD a month.
    delays = Watch(f"email-{stream}-delays", f"{name} delays", [], context, is_assessed=True)
    blind = [*_silences(stream), *_deliveries(stream)]
    return [*shares, delays, Watch(f"email-{stream}-blind", f"{name} events do not land", blind, context)]


def _sent(stream: Stream) -> Metric:
    """Return what SES says was sent with a stream's configuration set."""
    return Metric("AWS/SES", "Send", "Sum", {"ses:configuration-set": configuration_set(stream)})


def _counted(stream: Stream, name: str, statistic: str = "Sum") -> Metric:
    """Return a metric that the transform emits for a stream."""
    return Metric(NAMESPACE, name, statistic, {**ENVIRONMENT, "Stream": stream.value})


def _firehose(stream: Stream, name: str, statistic: str) -> Metric:
    dimensions = {"DeliveryStreamName": Sub(delivery_stream(stream, "${Environment}"))}
    return Metric("AWS/Firehose", name, statistic, dimensions)


def _share(stream: Stream, share: _Share) -> list[Alarm]:
    value = _counted(stream, f"{share.kind}Percent", "Maximum")
    return [
        Alarm(
            f"email-{stream}-{share.what}-{severity}",
            f"{severity.capitalize()}: more than ${{{share.parameter(severity)}}} % of the {stream} mails that were "
            f"sent within {share.window} {share.happened}, with at least ${{EmailMinimumSent}} sent and "
            f"${{{share.minimum}}} {share.what}, whenever SES reported them.",
            value,
            share.parameter(severity),
            # Judged with every batch, and at least every ten minutes.
            _JUDGED_SECONDS,
            severity=severity,
        )
        for severity in _OPENING
    ]


def _silences(stream: Stream) -> list[Alarm]:
    """Return what compares the mails that SES says it sent with the Send events that arrived.

    Opens of older mails arrive while today's sends are lost, so only Send events are counted.
    """
    rule = f"than ${{EmailMissingPercent}} % of the {stream} mails that SES sent, and at least ${{EmailMissingMinimum}}"
    broken = "the configuration set no longer leads to the lake"
    return [
        _silence(
            stream,
            f"email-{stream}-silence-hour",
            f"Of an hour more {rule}, have had no event for ${{EmailSilenceMinutes}} minutes: {broken}.",
            _missing(_LOSS, "${EmailSilenceMinutes}"),
            _MINUTE,
            _HOUR // _MINUTE,
        ),
        _silence(
            stream,
            f"email-{stream}-silence-day",
            f"Of a day with less than {thresholds.EMAIL_SMALL_DAY_COUNT} mails more {rule}, have had no event for half "
            f"an hour: {broken}.",
            _missing(f"{_LOSS} AND {_ALL} < {thresholds.EMAIL_SMALL_DAY_COUNT}", _HALF_HOUR // _FIVE_MINUTES),
            _FIVE_MINUTES,
            _DAY // _FIVE_MINUTES,
            **{"not-decided": "Sums over a day are more than the lint plays; that it ends is a case of its backtests."},
        ),
    ]


# From the first period that the alarm looks at. A difference, because in metric math a metric that never was counts as
# 0 there, and nowhere else: of a stream that was never wired up no event was ever counted.
_ALL = "RUNNING_SUM(FILL(sent, 0))"
_LOST = "RUNNING_SUM(FILL(sent, 0) - arrived)"


# A loss, and its opposite. Between them there is no value: neither no mail nor a few is evidence that events arrive.
_ARRIVES = f"100 * {_LOST} <= ${{EmailMissingPercent}} * {_ALL}"
_LOSS = f"{_LOST} >= ${{EmailMissingMinimum}} AND 100 * {_LOST} > ${{EmailMissingPercent}} * {_ALL}"


def _missing(loss: str, periods: object) -> str:
    # One IF, as in metric math a value that is missing inside of another IF counts as 0. The periods of a loss are
    # counted here: CloudWatch would call an alarm that is raised over, while there are fewer of a second loss.
    lasts = f"{loss} AND RUNNING_SUM({loss}) >= {periods}"
    return f"IF({_ALL} > 0 AND ({_ARRIVES} OR ({lasts})), 100 * {_LOST} / {_ALL})"


def _silence(
    stream: Stream, name: str, description: str, value: str, period_seconds: int, looked_at: int, **accepted: str
) -> Alarm:
    # Period by period, because a mail and its event are not seen at the same time: a newsletter that has just been sent
    # has no events yet, and a window that slides over it would show that as silence.
    return Alarm(
        name,
        description,
        Expression("Mails without an event (%)", value, {"sent": _sent(stream), "arrived": _counted(stream, "Sends")}),
        "EmailMissingPercent",
        period_seconds,
        periods=(1, looked_at),
        severity="blind",
        # Before the stack SES counted its mails and nobody their events; `judge.py` makes up for what 0.4.0 knew.
        looks_back_minutes=(looked_at * period_seconds + _QUARTER_HOUR) // 60,
        accepted={
            "depends-on-range": "A period more at the beginning moves when it is over by as much, and no more.",
            **accepted,
        },
    )


def _deliveries(stream: Stream) -> list[Alarm]:
    """What Firehose says of itself; a stream without events says nothing, and each alarm keeps its state."""
    rows: list[tuple[str, tuple[str, str], float | str, str, dict[str, Any]]] = [
        ("freshness", ("DeliveryToS3.DataFreshness", "Maximum"), "EmailFreshnessSeconds",
         (f"Events of {stream} mails have waited more than ${{EmailFreshnessSeconds}} seconds in Firehose: they do not "
          "reach the bucket."), {}),
        ("delivery", ("DeliveryToS3.Success", "Average"), 1,
         f"Firehose failed to write events of {stream} mails into the bucket, and goes on trying for 24 hours.",
         {"comparison": "LessThanThreshold", "accepted": {"blind-without-data": "Silence has an alarm of its own."}}),
        ("conversion", ("FailedConversion.Records", "Sum"), 0,
         (f"Events of {stream} mails did not fit the table: they wait under the error prefix, and 'deliverywatch email "
          "replay --dry-run' says why."), {}),
        ("throttled", ("ThrottledRecords", "Sum"), 0,
         f"Firehose turned events of {stream} mails away because they came too fast, twice in 45 minutes.",
         {"periods": (2, 3)}),
    ]  # fmt: skip
    return [
        Alarm(
            f"email-{stream}-{what}",
            words,
            _firehose(stream, *metric),
            threshold,
            _QUARTER_HOUR,
            severity="blind",
            **more,
        )
        for what, metric, threshold, words, more in rows
    ]


def _reputation(share: _Share, severity: Severity) -> Alarm:
    # SES publishes fractions, and leaves the metric out while too little is sent to judge.
    rate = Metric("AWS/SES", f"Reputation.{share.kind}Rate", "Maximum", {})
    parameter = f"EmailReputation{severity.capitalize()}Percent"
    limit = thresholds.SES_REVIEW_PERCENT[share.what]
    return Alarm(
        f"email-reputation-{share.what}-{severity}",
        f"{severity.capitalize()}: SES itself counts {share.what} of this account at ${{{parameter}}} % or more of the "
        f"{limit:g} % at which it reviews accounts. Stop campaigns that can wait; the saved query "
        f"email-sender-standing shows each stream's {share.what} by day.",
        Expression(
            f"{share.what.capitalize()}, of SES's review limit (%)", f"{10_000 / limit:g} * rate", {"rate": rate}
        ),
        parameter,
        _HOUR,
        # It is over when a whole day was below: a rate that drifts about the threshold is one mail.
        periods=(1, 24),
        comparison="GreaterThanOrEqualToThreshold",
        severity=severity,
    )


_TRANSFORM_ERRORS = Alarm(
    "email-transform-errors",
    "The function that reads e-mail events failed; Firehose tries a batch three times and then puts it under the "
    "error prefix, from where 'deliverywatch email replay' sends it again.",
    function_metric("Errors", "email-transform"),
    period_seconds=_QUARTER_HOUR,
)
_JUDGE_ERRORS = Alarm(
    "email-judge-errors",
    "The function that judges what was sent failed in two of the last three periods of 10 minutes: complaints that "
    "come days later, and the end of incidents, would not be seen.",
    function_metric("Errors", "email-judge"),
    period_seconds=_JUDGED_SECONDS,
    periods=(2, 3),
    severity="blind",
)
_REFUSED = Alarm(
    "email-refused",
    "E-mail events could not be read in the last hour: they wait under the error prefix, and 'deliverywatch "
    "email replay --dry-run' says why. Perhaps SES has a new type of event.",
    # FILL ends it after an hour: without, missing data would be waited for.
    Expression("Events refused", "FILL(refused, 0)", {"refused": Metric(NAMESPACE, "Refused", "Sum")}),
    period_seconds=_HOUR,
    accepted=FILLED,
)

"""The dashboard of e-mail: one per environment, the newsletter on the left and transactional mails on the right."""

from __future__ import annotations

from typing import Any

from blocks.dashboards import (
    BLUE,
    ENVIRONMENT,
    GREY,
    ORANGE,
    RED,
    chart,
    dashboard,
    function_line,
    limit,
    line,
    state_of,
)
from deliverywatch.email.counts import NAMESPACE
from deliverywatch.email.events.streams import Stream, delivery_stream
from stacks.email.parameters import configuration_set

_GREEN = "#2ca02c"
_WATCHED = (
    *("bounces-critical", "bounces-warning", "complaints-critical", "complaints-warning"),
    *("silence-hour", "freshness"),
)
# Row and kind.
_SHARES = ((4, "Bounce"), (10, "Complaint"))
_SHARED = ("email-reputation-bounces-warning", "email-reputation-complaints-warning", "email-refused")


def email_dashboard() -> Any:
    """Return the dashboard."""
    names = [*(f"email-{stream}-{what}" for stream in Stream for what in _WATCHED), *_SHARED]
    sets = {_set_variable(stream): configuration_set(stream) for stream in Stream}
    columns = [widget for number, stream in enumerate(Stream) for widget in _of(stream, 12 * number)]
    return dashboard("email", [state_of("Alarms", names, (0, 0, 24, 4)), *columns, _account(), _reading()], sets)


def _set_variable(stream: Stream) -> str:
    return f"{stream.value.capitalize()}Set"


def _of(stream: Stream, x: int) -> list[dict[str, Any]]:
    return [*(_share(stream, x, *share) for share in _SHARES), _volume(stream, x), _firehose(stream, x)]


def _sent(stream: Stream, **look: Any) -> list[Any]:
    dimensions = {"ses:configuration-set": f"${{{_set_variable(stream)}}}"}
    return line("AWS/SES", "Send", dimensions, id="sent", label="sent", stat="Sum", **look)


def _share(stream: Stream, x: int, y: int, kind: str) -> dict[str, Any]:
    what, dimensions = f"{kind.lower()}s", {**ENVIRONMENT, "Stream": stream.value}
    share = line(NAMESPACE, f"{kind}Percent", dimensions, label=f"{what} (%)", stat="Maximum", color=BLUE)
    limits = limit("critical", f"Email{kind}CriticalPercent", RED), limit("warning", f"Email{kind}WarningPercent")
    return chart(
        f"{stream.value.capitalize()} {what}, of the mails sent together", [share], (x, y, 12, 6), 600, *limits
    )


def _volume(stream: Stream, x: int) -> dict[str, Any]:
    incoming = _of_firehose(stream, "IncomingRecords", "Sum", label="events", color=_GREEN)
    metrics = [_sent(stream, color=GREY), incoming]
    return chart(f"{stream.value.capitalize()}: mails sent and events, per hour", metrics, (x, 16, 12, 6), 3600)


def _firehose(stream: Stream, x: int) -> dict[str, Any]:
    metrics = [
        _of_firehose(stream, "DeliveryToS3.DataFreshness", "Maximum", label="oldest event (s)", color=BLUE),
        _of_firehose(stream, "FailedConversion.Records", "Sum", label="not converted", color=RED),
        _of_firehose(stream, "ThrottledRecords", "Sum", label="throttled", color=ORANGE),
    ]
    stuck = limit("stuck", "EmailFreshnessSeconds")
    return chart(f"{stream.value.capitalize()}: Firehose", metrics, (x, 22, 12, 6), 900, stuck)


def _of_firehose(stream: Stream, name: str, statistic: str, **look: Any) -> list[Any]:
    dimensions = {"DeliveryStreamName": delivery_stream(stream, "${Environment}")}
    return line("AWS/Firehose", name, dimensions, stat=statistic, **look)


def _account() -> dict[str, Any]:
    metrics = [
        [{"expression": "100 * bounces", "id": "bounce", "label": "bounces (%)", "color": BLUE}],
        [{"expression": "100 * complaints", "id": "complaint", "label": "complaints (%)", "color": ORANGE}],
        line("AWS/SES", "Reputation.BounceRate", {}, id="bounces", stat="Maximum", visible=False),
        line("AWS/SES", "Reputation.ComplaintRate", {}, id="complaints", stat="Maximum", visible=False),
    ]
    return chart("Reputation of the account, by SES's own count", metrics, (0, 28, 12, 6), 3600)


def _reading() -> dict[str, Any]:
    metrics = [
        line(NAMESPACE, "Refused", ENVIRONMENT, label="events refused", stat="Sum", color=RED),
        function_line("Errors", "email-transform", "errors of email-transform", color=ORANGE),
        function_line("Duration", "email-transform", "longest batch (ms)", "Maximum", color=GREY),
    ]
    return chart("Reading of events, per hour", metrics, (12, 28, 12, 6), 3600)

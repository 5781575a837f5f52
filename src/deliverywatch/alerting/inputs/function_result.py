"""What became of an asynchronous run of a function, as Lambda's destinations publish it -> a system notice.

Format: docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html. Nightly and weekly functions have no
alarm: the record of a run that failed for good opens the function's watch, and that of the next good run ends it.
"""

from collections.abc import Mapping
from typing import Any

from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice
from deliverywatch.messages.untrusted import count, key_part, mapping, moment, text

_LEVELS = {"Success": Level.OK, "RetriesExhausted": Level.WARNING, "EventAgeExceeded": Level.WARNING}


def is_result(body: Mapping[str, Any]) -> bool:
    """Return whether a message is such a record."""
    context = mapping(body.get("requestContext"))
    return text(context.get("condition"), 40) in _LEVELS and ":function:" in text(context.get("functionArn"), 400)


def notice_of(body: Mapping[str, Any]) -> SystemNotice:
    """Return the notice of a record."""
    context, answer = mapping(body["requestContext"]), mapping(body.get("responsePayload"))
    # arn:aws:lambda:<region>:<account>:function:<name>[:<version>]
    name = text(context["functionArn"], 400).split(":function:")[1].partition(":")[0]
    said = {"Error": answer.get("errorType"), "Request": context.get("requestId"), "Log": f"/aws/lambda/{name}"}
    return SystemNotice(
        watch=key_part(f"function.{name}"),
        level=_LEVELS[context["condition"]],
        time=moment(body.get("timestamp")),
        title=name,
        sentence=_sentence(name, context, text(answer.get("errorMessage"), 300)),
        facts=tuple((key, text(value)) for key, value in said.items() if value),
    )


def _sentence(name: str, context: Mapping[str, Any], error: str) -> str:
    if context["condition"] == "Success":
        return f"{name} ran to its end."
    tries = count(context.get("approximateInvokeCount"))
    times = f"failed {tries} times" if tries > 1 else "failed"
    return f"{name} {times}: {error}" if error else f"{name} {times}, and Lambda gives no reason."

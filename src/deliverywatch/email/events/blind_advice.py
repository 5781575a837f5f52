"""The alarms that say that a stream's events do not land -> what each means, and what to do about it.

Whether anything waits to be sent again depends on where the events are: with SES they are gone, under the error prefix
they wait. A sentence may name a dimension of the alarm's metrics in braces; the notifier fills it in.
"""

from deliverywatch.email.events.streams import delivery_stream, error_folder
from deliverywatch.messages.advice import Advice

# The alarm's own dimension: a parameter of the stack chooses the name.
_SET = "{ses:configuration-set}"

# A paragraph is the sentence, and each further one a step.
_SILENCE = """
SES sends mails with the configuration set {set}, and their events do not arrive. What became of these mails is not
seen, and what SES could not hand over it does not send again.

Look at the event destination {prefix}-lake of the configuration set {set}: it has to be enabled and to name all types
of events. 'deliverywatch doctor{stack}' says what was changed.

See on the dashboard whether Firehose got events (IncomingRecords of {delivery}). If not, its role may not put records,
or the destination is gone: nothing waits anywhere.

If it did, read the log groups /aws/lambda/{prefix}-email-transform and {log_group}.

Mails still go out. Bounces and complaints meanwhile are in SES's suppression list and in its metrics.
"""
_FRESHNESS = """
Events of the {stream} stream have reached Firehose and wait in it. Nothing is lost yet: it goes on by itself once it
can, and gives up after 24 hours.

Read the log group {log_group}: it says what Firehose cannot do.

Look whether the function {prefix}-email-transform fails or is throttled: Firehose waits for its answer.

There is nothing to replay: what waits in Firehose is not under the error prefix.
"""
_DELIVERY = """
Firehose cannot write the events of the {stream} stream into the bucket. It tries for 24 hours; then they are lost.

Read the log group {log_group}: S3's refusal is in it, with its code.

Look at what changed: the bucket's policy, the key that encrypts it, the role of the delivery stream. 'deliverywatch
doctor{stack}' prints the command that undoes a change by hand.

There is nothing to replay: Firehose writes what it holds as soon as it may.
"""
_CONVERSION = """
Events of the {stream} stream did not fit the table. They wait, whole, under {errors} in the bucket.

Run 'deliverywatch email replay --dry-run{stack}': it says how many there are. The log group {log_group} says why.

If the table was changed by hand, 'deliverywatch doctor{stack}' prints the command that undoes it; if not, update the
stack: the table and the function are of one release.

Then 'deliverywatch email replay{stack}' sends them again.
"""
_THROTTLED = """
Events of the {stream} stream come faster than the quota of Firehose allows, and some were turned away. Whether SES
hands these over again is not documented: if they are missing, the alarm on silence says so.

Send more slowly, or have the quotas of {delivery} raised in Service Quotas: records, requests and megabytes a second of
Amazon Data Firehose.

There is nothing to replay: what was turned away is not under the error prefix.
"""
_BY_ALARM = {
    "silence-hour": _SILENCE,
    "silence-day": _SILENCE,
    "freshness": _FRESHNESS,
    "delivery": _DELIVERY,
    "conversion": _CONVERSION,
    "throttled": _THROTTLED,
}


def advice(stream: str, environment: str, stack: str) -> dict[str, Advice]:
    """Return the advice of each alarm, by its full name.

    Args:
        stream: Which of the two.
        environment: Of the stack.
        stack: The option that names the stack on the command line, with a blank before it; empty for the default.
    """
    delivery, prefix = delivery_stream(stream, environment), f"deliverywatch-{environment}"
    names = {
        "stream": stream,
        "stack": stack,
        "set": _SET,
        "prefix": prefix,
        "delivery": delivery,
        "log_group": f"/aws/kinesisfirehose/{delivery}",
        "errors": f"{error_folder(stream)}format-conversion-failed/",
    }
    return {f"{prefix}-email-{stream}-{alarm}": _advice(text.format_map(names)) for alarm, text in _BY_ALARM.items()}


def _advice(text: str) -> Advice:
    sentence, *steps = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return Advice(sentence, tuple(steps))

"""What starts the notifier -> notices: SNS-to-Lambda events, bare messages, direct alarm events, own notices.

Message formats: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
Own notices are published to the same topic by a system whose condition is too fine for an alarm of its own:

    {"deliverywatch": 1, "watch": "queries.daily-sales", "level": "warning", "time": "2026-11-21T12:04:00Z",
     "title": "Daily sales", "sentence": "The query returned no rows.", "facts": {"query": "daily-sales"}}

A message that is neither is not dropped: it becomes a notice that shows what came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deliverywatch.alerting.incidents.severity import Level
from deliverywatch.alerting.inputs.alarm import Alarm, State, from_trigger, state_of
from deliverywatch.errors import InputError
from deliverywatch.messages.untrusted import key_part, mapping, moment, objects, text

_FACT_COUNT = 30
_FACT_LIMIT = 500
# A test goes to whoever tries it, not to the world.
_TO_COUNT = 5


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that the notifier was told.

    Attributes:
        key: The same for every delivery of the same message.
        time: When the state changed; never the time of delivery where the message says better.
        alarm: The alarm as the message tells it, with its new state; None for an own or an unreadable notice.
        old_state: The alarm's state before.
        watch: The watch of an own or an unreadable notice; empty for an alarm, whose watch is looked up by its name.
        level: The level of an own or an unreadable notice.
        facts: What the message says that no other field holds, in its own words and order.
        problem: Why the message could not be read as an alarm; empty if it could.
        is_test: Whether it asks for a test mail and tells of nothing.
        by: Who asked for a test.
        to: Where a test goes instead of the stack's recipients; empty for these.
    """

    key: str
    time: datetime
    alarm: Alarm | None = None
    old_state: State | None = None
    watch: str = ""
    level: Level | None = None
    title: str = ""
    sentence: str = ""
    account: str = ""
    region: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    is_test: bool = False
    by: str = ""
    to: tuple[str, ...] = ()


def parse(event: object, received_at: datetime) -> list[Notice]:
    """Return the notices of an event, in its order; every message gives one, however broken it is.

    Args:
        event: The decoded JSON that Lambda hands over, or a bare message.
        received_at: The time for messages that tell none.
    """
    return [_notice(message, envelope, received_at) for message, envelope in _messages(event)]


def read(message: object, envelope: Mapping[str, Any], received_at: datetime) -> Notice:
    """Return the notice of one message.

    Raises:
        InputError: The message is not JSON, or neither an alarm nor an own notice.
    """
    body = mapping(_decoded(message))
    if body.get("deliverywatch") is not None:
        return _own(body, envelope, received_at)
    if body.get("AlarmName"):
        return _from_sns(body, envelope, received_at)
    if body.get("alarmData") or body.get("detail"):
        return _from_lambda(body, received_at)
    raise InputError("The message names no alarm: it has neither AlarmName nor alarmData.")


def _messages(event: object) -> Iterator[tuple[object, Mapping[str, Any]]]:
    records = objects(mapping(event).get("Records"))
    if not records:
        yield _message_of(event)
    for record in records:
        yield _message_of(record.get("Sns", record))


def _message_of(sns: object) -> tuple[object, Mapping[str, Any]]:
    envelope = mapping(sns)
    return (envelope["Message"], envelope) if "Message" in envelope else (sns, {})


def _notice(message: object, envelope: Mapping[str, Any], received_at: datetime) -> Notice:
    try:
        return read(message, envelope, received_at)
    except InputError as error:
        return _unreadable(message, envelope, received_at, str(error))


def _decoded(message: object) -> object:
    if not isinstance(message, (str, bytes)):
        return message
    try:
        return json.loads(message)
    except (ValueError, RecursionError) as error:
        raise InputError("The message is not JSON.") from error


def _from_sns(body: Mapping[str, Any], envelope: Mapping[str, Any], received_at: datetime) -> Notice:
    arn = text(body.get("AlarmArn"), 1600)
    time = moment(body.get("StateChangeTime")) or moment(envelope.get("Timestamp")) or received_at
    alarm = from_trigger(
        mapping(body.get("Trigger")),
        name=text(body["AlarmName"], 255),
        state=_required_state(body.get("NewStateValue")),
        updated_at=time,
        reason=text(body.get("NewStateReason")),
        description=text(body.get("AlarmDescription")),
        arn=arn,
        rule=text(body.get("AlarmRule")),
    )
    return Notice(
        key=_key(envelope, alarm, time),
        time=time,
        alarm=alarm,
        old_state=state_of(body.get("OldStateValue")),
        account=text(body.get("AWSAccountId"), 40),
        region=_region(arn),
        facts=_children(body),
    )


def _from_lambda(body: Mapping[str, Any], received_at: datetime) -> Notice:
    # A direct alarm action puts it under alarmData, EventBridge under detail; the content is the same.
    data = mapping(body.get("alarmData") or body.get("detail"))
    state, configuration = mapping(data.get("state")), mapping(data.get("configuration"))
    if not data.get("alarmName"):
        raise InputError("The event names no alarm.")
    time = moment(state.get("timestamp")) or moment(body.get("time")) or received_at
    arn = text(body.get("alarmArn") or next(iter(body.get("resources") or []), ""), 1600)
    alarm = from_trigger(
        {"Metrics": [_spelled_as_sns(item) for item in objects(configuration.get("metrics"))]} | _judged(state),
        name=text(data["alarmName"], 255),
        state=_required_state(state.get("value")),
        updated_at=time,
        reason=text(state.get("reason")),
        description=text(configuration.get("description")),
        arn=arn,
        rule=text(configuration.get("alarmRule")),
    )
    return Notice(
        key=_key({}, alarm, time),
        time=time,
        alarm=alarm,
        old_state=state_of(mapping(data.get("previousState")).get("value")),
        account=text(body.get("accountId") or body.get("account"), 40),
        region=text(body.get("region"), 40) or _region(arn),
    )


def _judged(state: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"Threshold": mapping(_decoded(state.get("reasonData") or "{}")).get("threshold")}
    except InputError:
        return {}


def _spelled_as_sns(item: Mapping[str, Any]) -> Mapping[str, Any]:
    stat = mapping(item.get("metricStat"))
    metric = mapping(stat.get("metric"))
    dimensions = [{"name": name, "value": value} for name, value in mapping(metric.get("dimensions")).items()]
    named = {"Namespace": metric.get("namespace"), "MetricName": metric.get("name"), "Dimensions": dimensions}
    query = {"Id": item.get("id"), "Label": item.get("label"), "ReturnData": item.get("returnData", True)}
    if item.get("expression"):
        return query | {"Expression": item["expression"]}
    return query | {"MetricStat": {"Metric": named, "Period": stat.get("period"), "Stat": stat.get("stat")}}


def _own(body: Mapping[str, Any], envelope: Mapping[str, Any], received_at: datetime) -> Notice:
    watch = text(body.get("watch"), 255)
    word = text(body.get("level"), 20)
    if not watch or word not in list(Level):
        raise InputError(f"An own notice needs a watch and a level out of {', '.join(Level)}.")
    time = moment(body.get("time")) or moment(envelope.get("Timestamp")) or received_at
    return Notice(
        key=text(envelope.get("MessageId"), 100) or f"{watch} {word} {time.isoformat()}",
        time=time,
        watch=key_part(watch),
        level=Level(word),
        title=text(body.get("title"), 100) or watch,
        sentence=text(body.get("sentence")),
        facts=_facts(mapping(body.get("facts"))),
        is_test=body.get("test") is True,
        by=text(body.get("by"), 60),
        to=_addresses(body.get("to")),
    )


def _addresses(value: object) -> tuple[str, ...]:
    found = [text(each, 254) for each in value] if isinstance(value, list) else []
    return tuple(each for each in found if "@" in each)[:_TO_COUNT]


def _unreadable(message: object, envelope: Mapping[str, Any], received_at: datetime, problem: str) -> Notice:
    raw = text(message)
    try:
        known = _facts(mapping(_decoded(message)))
    except InputError:
        known = ()
    subject = text(envelope.get("Subject"), 100)
    return Notice(
        key=text(envelope.get("MessageId"), 100) or key_part(raw),
        time=moment(envelope.get("Timestamp")) or received_at,
        # Each text is a watch of its own: one broken message must not keep the next one from being mailed.
        watch=key_part(f"message {raw}", 40),
        level=Level.ALARM,
        title=subject or "Unreadable message",
        facts=known or (("Message", raw),),
        problem=problem,
    )


def _required_state(value: object) -> State:
    state = state_of(value)
    if state is None:
        raise InputError(f"The message gives the alarm a state that CloudWatch does not have: '{text(value, 40)}'.")
    return state


def _key(envelope: Mapping[str, Any], alarm: Alarm, time: datetime) -> str:
    return text(envelope.get("MessageId"), 100) or f"{alarm.name} {alarm.state} {time.isoformat()}"


def _region(arn: str) -> str:
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 else ""


def _children(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What triggered a composite alarm: its children with their states."""
    children = objects(body.get("TriggeringChildren"))
    names = [
        (text(child.get("Arn"), _FACT_LIMIT).rpartition(":alarm:")[2], mapping(child.get("State")))
        for child in children
    ]
    return tuple((f"Child alarm {name}", text(state.get("Value"), 40)) for name, state in names[:_FACT_COUNT])


def _facts(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    pairs = [(text(name, 60), text(value, _FACT_LIMIT)) for name, value in list(values.items())[:_FACT_COUNT]]
    return tuple((name, value) for name, value in pairs if value)

"""What starts the notifier -> notices: SNS-to-Lambda events, bare messages, direct alarm events, system notices.

Alarm messages: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
System notices: `deliverywatch.messages.notice`. A message that is neither is no state of anything. It is not dropped,
but a single notice, which is mailed once and opens no incident.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.alerting.inputs import function_result, other_messages
from deliverywatch.alerting.inputs.alarm import Alarm, State, from_trigger, is_elsewhere, state_of
from deliverywatch.errors import InputError
from deliverywatch.messages import notice as system_notice
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import FACT_COUNT, FACT_LIMIT, SystemNotice
from deliverywatch.messages.untrusted import iso, key_part, mapping, moment, objects, text
from deliverywatch.messages.verdict import Assessment
from deliverywatch.thresholds import FUTURE_MINUTES

Facts = tuple[tuple[str, str], ...]

# Of EventBridge's events about alarms, those that report a state; another says that an alarm was edited.
_STATE_CHANGE, _CONTRIBUTOR_CHANGE = "CloudWatch Alarm State Change", "CloudWatch Alarm Contributor State Change"


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to the notifier.

    Attributes:
        time: When the state changed; the time of delivery only if the message does not say.
        alarm: The alarm as the message describes it, with its new state; None for other messages.
        watch: Of a system notice or an alarm elsewhere; empty for another alarm, whose watch is looked up by its name.
        level: Of a system notice, or of an alarm elsewhere.
        facts: What the message says and no other field holds, in its own words and order.
        problem: What of an alarm or a system notice could not be read; empty if nothing.
        assessment: What a system's data say about the watch that its notice names.
        test: The notice itself if it asks for a test mail and reports nothing.
        is_single: Whether it is no state of anything: it is mailed once, and there is nothing that could end.
        message_id: What SNS calls the message, the same when it is delivered twice; else a hash of its content.
        received_at: When this invocation began.
    """

    time: datetime
    alarm: Alarm | None = None
    old_state: State | None = None
    watch: str = ""
    level: Level | None = None
    title: str = ""
    sentence: str = ""
    facts: Facts = ()
    problem: str = ""
    assessment: Assessment | None = None
    test: SystemNotice | None = None
    is_single: bool = False
    message_id: str = ""
    received_at: datetime | None = None


def parse(event: object, received_at: datetime) -> list[Notice]:
    """Return the notices of an event of Lambda or a bare message; every message gives one, however broken it is."""
    return [_notice(message, envelope, received_at) for message, envelope in _messages(event)]


def read(message: object, envelope: Mapping[str, Any], received_at: datetime) -> Notice:
    """Return the notice of one message, or raise InputError if it is neither an alarm nor a system notice."""
    body = mapping(_decoded(message))
    if system_notice.is_notice(body):
        return _from_system(body, envelope, received_at)
    if body.get("AlarmName"):
        return _from_sns(body, envelope, received_at)
    if body.get("requestContext") and function_result.is_result(body):
        return _from_system(system_notice.to_document(function_result.notice_of(body)), envelope, received_at)
    is_state = body.get("detail-type", _STATE_CHANGE) in (_STATE_CHANGE, _CONTRIBUTOR_CHANGE)
    if is_state and (body.get("alarmData") or body.get("detail")):
        return _from_lambda(body, received_at)
    raise InputError("The message names no alarm: it has neither AlarmName nor alarmData.")


def as_report(notice: Notice, account: str, region: str) -> Notice:
    """Return the message of an alarm of another account or region as a notice with a level of its own.

    Nobody here can look whether such an alarm exists, or what its state is now: its messages are all there is to know.
    An alarm here may have the same name, as where many accounts are set up alike.
    """
    alarm = notice.alarm
    if alarm is None or not is_elsewhere(alarm, account, region):
        return notice
    levels = {State.ALARM: Level.ALARM, State.OK: Level.OK}
    return replace(
        notice,
        watch=key_part(f"alarm.{alarm.arn}"),
        level=levels.get(alarm.state) if alarm.state else None,
        title=alarm.name,
        sentence=alarm.reason,
    )


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
        notice = read(message, envelope, received_at)
    except InputError as error:
        notice = _single(message, envelope, received_at, str(error))
    return _as_of_receipt(replace(notice, message_id=_message_id(message, envelope), received_at=received_at))


def _as_of_receipt(notice: Notice) -> Notice:
    """Return a system's notice from the future as one of its receipt: else every later one would come too late."""
    now = notice.received_at
    if now is None or notice.level is None or notice.time - now <= timedelta(minutes=FUTURE_MINUTES):
        return notice
    said = ("Time of the message", f"{iso(notice.time)} is later than its receipt, which counts instead.")
    return replace(notice, time=now, facts=(*notice.facts, said))


def _message_id(message: object, envelope: Mapping[str, Any]) -> str:
    named = text(envelope.get("MessageId"), 100)
    return named or hashlib.sha256(text(message).encode()).hexdigest()[:16]


def _decoded(message: object) -> object:
    if not isinstance(message, (str, bytes)):
        return message
    try:
        return json.loads(message)
    except (ValueError, RecursionError) as error:
        raise InputError("The message is not JSON.") from error


def _from_sns(body: Mapping[str, Any], envelope: Mapping[str, Any], received_at: datetime) -> Notice:
    time = moment(body.get("StateChangeTime")) or moment(envelope.get("Timestamp")) or received_at
    alarm = from_trigger(
        mapping(body.get("Trigger")),
        name=text(body["AlarmName"], 255),
        state=_state_of_alarm(_required_state(body.get("NewStateValue")), body.get("AlarmContributorId")),
        updated_at=time,
        reason=text(body.get("NewStateReason")),
        description=text(body.get("AlarmDescription")),
        arn=text(body.get("AlarmArn"), 1600),
        rule=text(body.get("AlarmRule")),
        configured_at=moment(body.get("AlarmConfigurationUpdatedTimestamp")),
    )
    contributor = _contributor(body.get("AlarmContributorAttributes"), body.get("AlarmContributorId"))
    facts = (*contributor, *_children(body.get("TriggeringChildren")), *_circumstances(body))
    facts += _unreadable_time(body.get("StateChangeTime"))
    return Notice(time, alarm, state_of(body.get("OldStateValue")), facts=facts)


def _from_lambda(body: Mapping[str, Any], received_at: datetime) -> Notice:
    # A direct alarm action puts it under alarmData, EventBridge under detail; the content is the same.
    data = mapping(body.get("alarmData") or body.get("detail"))
    state, configuration = mapping(data.get("state")), mapping(data.get("configuration"))
    contributor = mapping(data.get("alarmContributor"))
    if not data.get("alarmName"):
        raise InputError("The event names no alarm.")
    time = moment(state.get("timestamp")) or moment(body.get("time")) or received_at
    alarm = from_trigger(
        {"Metrics": [_spelled_as_sns(item) for item in objects(configuration.get("metrics"))]}
        | {"Threshold": _reason_data(state).get("threshold")},
        name=text(data["alarmName"], 255),
        state=_state_of_alarm(_required_state(state.get("value")), contributor.get("id")),
        updated_at=time,
        reason=text(state.get("reason")),
        description=text(configuration.get("description")),
        arn=text(body.get("alarmArn") or next(iter(body.get("resources") or []), ""), 1600),
        rule=text(configuration.get("alarmRule")),
    )
    facts = (
        *_contributor(contributor.get("attributes"), contributor.get("id")),
        *_children(_reason_data(state).get("triggeringAlarms")),
        *_circumstances(data),
        *_suppressed(state),
    )
    facts += _unreadable_time(state.get("timestamp"))
    return Notice(time, alarm, state_of(mapping(data.get("previousState")).get("value")), facts=facts)


def _reason_data(state: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return mapping(_decoded(state.get("reasonData") or "{}"))
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
    return query | {
        "MetricStat": {
            "Metric": named,
            "Period": stat.get("period"),
            "Stat": stat.get("stat"),
            "Unit": stat.get("unit"),
        }
    }


def _from_system(body: Mapping[str, Any], envelope: Mapping[str, Any], received_at: datetime) -> Notice:
    notice = system_notice.from_document(body)
    return Notice(
        time=notice.time or moment(envelope.get("Timestamp")) or received_at,
        watch=notice.watch,
        level=notice.level,
        title=notice.title,
        sentence=notice.sentence,
        facts=notice.facts + (_unreadable_time(body["time"]) if body.get("time") else ()),
        assessment=notice.assessment,
        test=notice if notice.is_test else None,
    )


def _single(message: object, envelope: Mapping[str, Any], received_at: datetime, problem: str) -> Notice:
    try:
        content = _decoded(message)
    except InputError:
        content = message
    # An alarm or a system notice that cannot be read is not mistaken for what never was one.
    is_broken = bool(mapping(content).get("AlarmName")) or system_notice.is_notice(mapping(content))
    return Notice(
        time=moment(envelope.get("Timestamp")) or received_at,
        title=other_messages.title_of(content, text(envelope.get("Subject"), 100)),
        sentence=other_messages.sentence_of(content),
        facts=other_messages.facts_of(content),
        problem=problem if is_broken else "",
        is_single=True,
    )


def _required_state(value: object) -> State:
    state = state_of(value)
    if state is None:
        raise InputError(f"The message gives the alarm a state that CloudWatch does not have: '{text(value, 40)}'.")
    return state


def _children(value: object) -> Facts:
    """Return what triggered a composite alarm: its children with their states, in either spelling."""
    children = objects(value)[:FACT_COUNT]
    names = [text(child.get("Arn") or child.get("arn"), FACT_LIMIT).rpartition(":alarm:")[2] for child in children]
    states = [mapping(child.get("State") or child.get("state")) for child in children]
    words = [text(state.get("Value") or state.get("value"), 40) for state in states]
    return tuple((f"Child alarm {name}", word) for name, word in zip(names, words, strict=True))


def _state_of_alarm(state: State, contributor_id: object) -> State | None:
    """Return the state of the alarm: that one of its series is fine again says nothing about the others."""
    return None if contributor_id and state is not State.ALARM else state


def _contributor(values: object, contributor_id: object) -> Facts:
    """Return which series of an alarm over many series the message is about."""
    pairs = list(mapping(values).items())[:FACT_COUNT]
    attributes = ", ".join(f"{text(name, 255)}={text(value, 255)}" for name, value in pairs)
    facts = (
        ("Contributor", text(attributes, FACT_LIMIT)),
        ("Contributor id", text(contributor_id, 100)),
    )
    return tuple((name, value) for name, value in facts if value)


def _circumstances(body: Mapping[str, Any]) -> Facts:
    """Return why the message comes now and not at the change of state."""
    is_after_mute = body.get("ActionExecutedAfterMuteWindow", body.get("actionExecutedAfterMuteWindow")) is True
    sentence = "A mute rule held this message back; it was sent when the mute ended."
    until = text(mapping(body.get("muteDetail")).get("muteWindowEnd"), 40)
    facts = (("After a mute", sentence if is_after_mute else ""), ("Muted until", until))
    return tuple((name, value) for name, value in facts if value)


def _suppressed(state: Mapping[str, Any]) -> Facts:
    """Return what holds back a composite alarm's actions, and why."""
    facts = (("Suppressed by", state.get("actionsSuppressedBy")), ("Because", state.get("actionsSuppressedReason")))
    return tuple((name, text(value, FACT_LIMIT)) for name, value in facts if value)


def _unreadable_time(value: object) -> Facts:
    if moment(value) is not None:
        return ()
    what = f"'{text(value, 40)}' is not a time" if value else "The message has none"
    return (("Time of the change", f"{what}: times here are those of its delivery."),)

"""The deployed alarms in simulated time: our engine evaluates them, SNS carries what follows.

It replaces MiniStack's evaluator, which looks at an alarm only when somebody puts data, and then ignores
dimensions, M of N, missing data and metric math.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cwalarm.definitions import alarm as definitions
from cwalarm.evaluation.evaluate import Evaluation, evaluate
from cwalarm.evaluation.message import Outcome, envelope, sns_message, sns_subject
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.statistic import Sample
from deliverywatch.local.cloud.cloudwatch.metrics import Point
from deliverywatch.local.cloud.cloudwatch.mutes import Mutes
from deliverywatch.local.cloud.cloudwatch.wire import CLOUDWATCH
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Clock
from deliverywatch.local.cloud.emulator.emulator import ACCOUNT, HOST, REGION

_ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of an alarm's state."""

    at: datetime
    alarm: str
    old: str
    new: str
    reason: str


class Alarms:
    """Evaluates MiniStack's alarms with the engine, over the points that are visible."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._read: dict[str, tuple[Any, definitions.Alarm]] = {}
        self.series = Series()
        self.transitions: list[Transition] = []
        self._mutes = Mutes(clock, self._release_raised)
        # What a mute rule holds back: by alarm, the state before the first change that was.
        self._held: dict[str, str] = {}

    def install(self, placed: hooks.Hooks) -> None:
        """Put the bridges into MiniStack."""
        placed.replace(CLOUDWATCH, "_store_datum", self._around_store)
        placed.replace(CLOUDWATCH, "_evaluate_alarm", lambda _: lambda *_: None)
        placed.replace(CLOUDWATCH, "_dispatch_alarm_actions", lambda _: self._act)
        self._mutes.install(placed)

    def store(self, point: Point) -> None:
        """Make a point visible to alarms, GetMetricData and every other request."""
        stamp = point.time.timestamp()
        hooks.inside(CLOUDWATCH, "_store_datum")(
            point.namespace, point.name, dict(point.dimensions), stamp, point.unit, point.value, None, None, None
        )

    def timetable(self) -> list[tuple[int, str]]:
        """Return each alarm's second of the minute and its name, in order of time."""
        return sorted((zlib.crc32(name.encode()) % 60, name) for name in hooks.inside(CLOUDWATCH, "_alarms"))

    def evaluate(self, name: str) -> None:
        """Evaluate one alarm at the clock's time, and act if its state changes."""
        record = hooks.inside(CLOUDWATCH, "_alarms").get(name)
        if record is None:
            return
        self._release(name)
        # An alarm warms up when it is made and again when it is changed.
        configured = datetime.fromtimestamp(record["AlarmConfigurationUpdatedTimestamp"], UTC)
        alarm, state = self._definition(record), record["StateValue"]
        result = evaluate(alarm, self.series, self._clock.now, state, created=configured)
        if result.state != record["StateValue"]:
            self._change(record, result)

    def _definition(self, record: dict[str, Any]) -> definitions.Alarm:
        """Read an alarm's definition, once as long as MiniStack keeps the same record."""
        name = record["AlarmName"]
        if name not in self._read or self._read[name][0] is not record:
            self._read[name] = (record, definitions.from_description(record))
        return self._read[name][1]

    def _change(self, record: dict[str, Any], result: Evaluation) -> None:
        old, now = record["StateValue"], self._clock.now.timestamp()
        record |= {
            "StateValue": str(result.state),
            "StateReason": result.reason,
            "StateReasonData": json.dumps(result.reason_data),
            "StateUpdatedTimestamp": now,
            "StateTransitionedTimestamp": now,
        }
        name, new = record["AlarmName"], record["StateValue"]
        hooks.inside(CLOUDWATCH, "_record_history")(name, old, new, result.reason, reason_data=result.reason_data)
        self._act(record, old, new, result.reason)
        hooks.inside(CLOUDWATCH, "_evaluate_parent_alarms")(record)

    def _act(self, record: dict[str, Any], old: str, new: str, reason: str) -> None:
        """Note a change, and publish it to the topics among the alarm's actions unless a rule mutes it."""
        name = record["AlarmName"]
        self.transitions.append(Transition(self._clock.now, name, old, new, reason))
        if self._mutes.holds_back(name):
            self._held.setdefault(name, old)
            return
        self._held.pop(name, None)
        self._publish(record, old, Outcome(new, reason))

    def _release(self, name: str) -> None:
        """Make up for what was held back, when no rule mutes the alarm any more: the actions of its present state."""
        if name not in self._held or self._mutes.holds_back(name):
            return
        old, record = self._held.pop(name), self._record(name)
        if record is not None:
            outcome = Outcome(record["StateValue"], record["StateReason"])
            self._publish(record, old, outcome, {"ActionExecutedAfterMuteWindow": True})

    def _release_raised(self, names: list[str]) -> None:
        """A deleted rule lets those act that are in ALARM; what is over is not published."""
        for name in names:
            record = self._record(name)
            if record is None or record["StateValue"] != "ALARM":
                self._held.pop(name, None)
            self._release(name)

    def _record(self, name: str) -> dict[str, Any] | None:
        kinds = (hooks.inside(CLOUDWATCH, kind) for kind in ("_alarms", "_composite_alarms"))
        return next((records[name] for records in kinds if name in records), None)

    def _publish(
        self, record: dict[str, Any], old: str, outcome: Outcome, more: Mapping[str, Any] | None = None
    ) -> None:
        if not record.get("ActionsEnabled", True):
            return
        name = record["AlarmName"]
        body = json.dumps({**self._message(record, old, outcome), **(more or {})})
        for action in record.get(_ACTIONS[outcome.state]) or []:
            if ":sns:" in action and _lets_in(action, record["AlarmArn"]):
                message_id = hashlib.md5(f"{action}{body}".encode(), usedforsecurity=False).hexdigest()
                hooks.inside("services.sns", "_fanout")(
                    action, message_id, body, sns_subject(name, outcome.state, REGION)
                )

    def _message(self, record: dict[str, Any], old: str, outcome: Outcome) -> dict[str, Any]:
        about = (ACCOUNT, REGION, self._clock.now)
        if "AlarmRule" not in record:
            return sns_message(self._definition(record), outcome, old, *about)
        shared = envelope(record["AlarmName"], record["AlarmDescription"], outcome, old, *about)
        children = json.loads(record.get("StateReasonData") or "{}").get("triggeringAlarms", [])
        triggering = [
            {"Arn": child["arn"], "State": {"Value": child["state"]["value"], "Timestamp": child["state"]["timestamp"]}}
            for child in children
        ]
        return {**shared, "AlarmRule": record["AlarmRule"], "TriggeringChildren": triggering}

    def _around_store(self, original: Callable[..., None]) -> Callable[..., None]:
        """Let the engine see whatever MiniStack stores, whoever published it."""

        def store(namespace: str, name: str, dimensions: dict[str, str], stamp: float, unit: str, *values: Any) -> None:
            original(namespace, name, dimensions, stamp, unit, *values)
            metric = definitions.Metric(namespace, name, tuple(sorted(dimensions.items())))
            for sample in _samples(*values):
                self.series.add_set(metric, datetime.fromtimestamp(stamp, UTC), sample)

        return store


def _lets_in(topic: str, alarm: str) -> bool:
    """Return whether a topic's policy lets CloudWatch publish for this alarm; without it AWS drops the message."""
    hooks.inside("core.iam_evaluator", "pin_request_origin")(HOST, secure_transport=True)
    allows = hooks.inside("services.sns", "topic_policy_allows")
    return bool(allows(topic, "cloudwatch.amazonaws.com", alarm, ACCOUNT))


def _samples(value: Any, values: Any, counts: Any, statistics: Any) -> list[Sample]:
    """Return what one MetricDatum holds: a value, values with their counts, or a statistic set."""
    if statistics:
        names = ("Sum", "SampleCount", "Minimum", "Maximum")
        return [Sample(*(float(statistics.get(name, 0)) for name in names))]
    several = values if values is not None else [value or 0]
    pairs = zip(map(float, several), map(float, counts or [1] * len(several)), strict=True)
    return [Sample(value * count, count, value, value) for value, count in pairs]

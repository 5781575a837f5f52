"""Alarm mute rules, which MiniStack does not know: kept here, and judged by the engine at the simulated time.

Requests are those of PutAlarmMuteRule and its three neighbours in the CloudWatch API reference. What is held back by a
rule is made up for when its window ends; a rule that is deleted lets those alarms act that are in ALARM
(docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarmMuteRule.html).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cwalarm.evaluation import mute
from deliverywatch.local.cloud.cloudwatch import wire
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Clock
from deliverywatch.local.cloud.emulator.emulator import ACCOUNT, REGION

_A_YEAR = timedelta(days=366)


class Mutes:
    """The mute rules of the local cloud."""

    def __init__(self, clock: Clock, released: Callable[[list[str]], None]) -> None:
        """Begin without rules; `released` is called with the alarms of a rule that is deleted."""
        self._clock = clock
        self._released = released
        self._rules: dict[str, dict[str, Any]] = {}

    def install(self, placed: hooks.Hooks) -> None:
        """Put the four operations into MiniStack."""
        one = {"PutAlarmMuteRule": self._put, "GetAlarmMuteRule": self._get, "DeleteAlarmMuteRule": self._delete}
        wire.serve(placed, {**one, "ListAlarmMuteRules": self._list})

    def holds_back(self, alarm: str) -> bool:
        """Return whether a rule mutes the alarm now."""
        return any(alarm in _targets(rule) and self._status(rule) == "ACTIVE" for rule in self._rules.values())

    def _put(self, request: dict[str, Any]) -> dict[str, Any]:
        mute.from_description(_plain(request))
        self._rules[request["Name"]] = {**request, "LastUpdatedTimestamp": self._clock.now}
        return {}

    def _get(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["AlarmMuteRuleName"]
        if name not in self._rules:
            raise LookupError(f"Alarm mute rule {name} does not exist")
        return {**self._rules[name], **self._summary(self._rules[name])}

    def _list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        alarm, statuses = request.get("AlarmName"), request.get("Statuses")
        summaries = [self._summary(rule) for rule in self._rules.values() if not alarm or alarm in _targets(rule)]
        listed = [summary for summary in summaries if not statuses or summary["Status"] in statuses]
        return {"AlarmMuteRuleSummaries": listed}

    def _delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        rule = self._rules.pop(request["AlarmMuteRuleName"], None)
        if rule is not None:
            self._released([name for name in _targets(rule) if not self.holds_back(name)])
        return {}

    def _summary(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        optional = {name: rule[name] for name in ("LastUpdatedTimestamp", "ExpireDate") if name in rule}
        arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm-mute-rule:{rule['Name']}"
        return {"AlarmMuteRuleArn": arn, "Status": self._status(rule), **optional}

    def _status(self, rule: Mapping[str, Any]) -> str:
        now, read = self._clock.now, mute.from_description(_plain(rule))
        if any(window.start <= now < window.end for window in mute.windows(read, now, now + timedelta(seconds=1))):
            return "ACTIVE"
        return "SCHEDULED" if mute.windows(read, now, now + _A_YEAR) else "EXPIRED"


def _targets(rule: Mapping[str, Any]) -> list[str]:
    return list((rule.get("MuteTargets") or {}).get("AlarmNames") or ())


def _plain(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The engine reads dates as text, as templates have them."""
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in rule.items()}

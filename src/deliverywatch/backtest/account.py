"""The states and datapoints of a moment in the past -> CloudWatch as the notifier asks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from deliverywatch.alerting import alarm as told
from deliverywatch.engine.alarm import Alarm, State
from deliverywatch.engine.evaluate import evaluate
from deliverywatch.engine.message import alarm_arn, trigger
from deliverywatch.errors import MetricsUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from deliverywatch.engine.backtest import Change
    from deliverywatch.engine.series import Series

ACCOUNT, REGION = "123456789012", "us-east-1"


@dataclass(slots=True)
class Account:
    """CloudWatch without an account: it knows the past up to the changes that it was told.

    Attributes:
        alarms: The metric alarms by name.
        rules: The rules of composite alarms by name.
        series: The datapoints.
        changes: The latest change of each alarm.
    """

    alarms: Mapping[str, Alarm]
    rules: Mapping[str, str]
    series: Series
    changes: dict[str, Change] = field(default_factory=dict)

    def describe(self, names: Sequence[str]) -> list[told.Alarm]:
        """Return those of the alarms that exist."""
        return [self._described(name) for name in names if name in self.alarms or name in self.rules]

    def newest(self, alarms: Iterable[told.Alarm], now: datetime) -> Mapping[str, Mapping[str, float]]:
        """Return by alarm name, by query id, the value of the alarm's period that ends at the minute of `now`."""
        return {each.name: self._values(self.alarms[each.name], now) for each in alarms if each.name in self.alarms}

    def sums(self, alarm: told.Alarm, start: datetime, end: datetime) -> Mapping[str, float]:
        """Return by query id the sum of each of the alarm's own metrics over a time."""
        return self._windows(self.alarms[alarm.name], int(start.timestamp()), int(end.timestamp()), end)

    def png(self, *_: object) -> NoReturn:
        """Raise MetricsUnavailable: the mails draw bars."""
        raise MetricsUnavailable("There is no CloudWatch here to draw a picture.")

    def _described(self, name: str) -> told.Alarm:
        change, alarm = self.changes.get(name), self.alarms.get(name)
        known = {
            "name": name,
            "state": told.State(change.state.value if change else State.INSUFFICIENT_DATA.value),
            "updated_at": change.time if change else None,
            "arn": alarm_arn(name, ACCOUNT, REGION),
        }
        if alarm is None:
            return told.from_trigger({}, **known, rule=self.rules[name])
        return told.from_trigger(trigger(alarm), **known, description=alarm.description or "")

    def _values(self, alarm: Alarm, now: datetime) -> dict[str, float]:
        end = int(now.timestamp()) // 60 * 60
        found = self._windows(alarm, end - alarm.period_seconds, end, now)
        value = evaluate(alarm, self.series, now).slots[-1].value
        returned = next(query.id for query in alarm.queries if query.return_data)
        return found if value is None else {**found, returned: value}

    def _windows(self, alarm: Alarm, start: int, end: int, as_of: datetime) -> dict[str, float]:
        values = {
            query.id: self.series.window(query.metric, start, end, as_of.timestamp())
            for query in alarm.queries
            if query.metric
        }
        return {name: value for name, value in values.items() if value is not None}

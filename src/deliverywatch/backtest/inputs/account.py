"""The states and datapoints of a moment in the past -> CloudWatch as the notifier sees it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NoReturn

from cwalarm.definitions.alarm import Alarm, Query, State
from cwalarm.evaluation.evaluate import evaluate, returned
from cwalarm.evaluation.message import alarm_arn, trigger
from cwalarm.evaluation.series import Series
from cwalarm.replay.backtest import Change
from deliverywatch.alerting.inputs import alarm as cloudwatch
from deliverywatch.errors import MetricsUnavailable
from deliverywatch.messages.untrusted import text

ACCOUNT, REGION = "123456789012", "us-east-1"


@dataclass(slots=True)
class Account:
    """CloudWatch without an account: it answers from the datapoints and the latest change of each alarm.

    The alarms were created at `created`, or long ago.
    """

    alarms: Mapping[str, Alarm]
    rules: Mapping[str, str]
    series: Series
    created: datetime | None = None
    changes: dict[str, Change] = field(default_factory=dict)
    _definitions: dict[str, cloudwatch.Alarm] = field(default_factory=dict)
    _cache: tuple[datetime | None, dict[tuple[Query, ...], dict[str, float]]] = (None, {})

    def describe(self, names: Sequence[str]) -> list[cloudwatch.Alarm]:
        """Return the alarms; one that is not replayed has no data."""
        return [self._described(self._exact(name)) for name in names]

    def newest(self, alarms: Iterable[cloudwatch.Alarm], now: datetime) -> Mapping[str, Mapping[str, float]]:
        """Return by alarm name, by query id, the value of the alarm's period that ends at the minute of `now`."""
        exact = {alarm.name: self._exact(alarm.name) for alarm in alarms}
        return {name: self._values(self.alarms[key], now) for name, key in exact.items() if key in self.alarms}

    def sums(self, alarm: cloudwatch.Alarm, start: datetime, end: datetime) -> Mapping[str, float]:
        """Return by query id the sum of each of the alarm's own metrics over a time."""
        return self._windows(self.alarms[self._exact(alarm.name)], int(start.timestamp()), int(end.timestamp()), end)

    def is_muted(self, names: Sequence[str]) -> bool:  # noqa: ARG002 - the port's signature
        """Return that nothing is muted: what is replayed is what the alarms would have said."""
        return False

    def png(self, *_: object) -> NoReturn:
        """Raise MetricsUnavailable: the mails draw bars."""
        raise MetricsUnavailable("There is no CloudWatch here to draw a picture.")

    def _exact(self, name: str) -> str:
        """Return the name of an alarm as it is, for a name that the notifier cleaned."""
        if name in self.alarms or name in self.rules:
            return name
        return next((exact for exact in (*self.alarms, *self.rules) if text(exact, 255) == name), name)

    def _described(self, name: str) -> cloudwatch.Alarm:
        if name not in self._definitions:
            self._definitions[name] = self._defined(name)
        change = self.changes.get(name)
        state = cloudwatch.State(change.state.value if change else State.INSUFFICIENT_DATA.value)
        changed_at = change.time if change else None
        return replace(self._definitions[name], state=state, updated_at=changed_at, configured_at=self.created)

    def _defined(self, name: str) -> cloudwatch.Alarm:
        alarm, arn = self.alarms.get(name), alarm_arn(name, ACCOUNT, REGION)
        unknown = cloudwatch.State.INSUFFICIENT_DATA
        if alarm is None:
            return cloudwatch.from_trigger(
                {}, name=text(name, 255), state=unknown, arn=arn, rule=self.rules.get(name, "")
            )
        return cloudwatch.from_trigger(
            trigger(alarm), name=text(name, 255), state=unknown, arn=arn, description=alarm.description or ""
        )

    def _values(self, alarm: Alarm, now: datetime) -> dict[str, float]:
        """Return the values of a moment, computed once for all alarms that share their queries."""
        if self._cache[0] != now:
            self._cache = (now, {})
        seen = self._cache[1]
        if alarm.queries not in seen:
            seen[alarm.queries] = self._computed(alarm, now)
        return seen[alarm.queries]

    def _computed(self, alarm: Alarm, now: datetime) -> dict[str, float]:
        end = int(now.timestamp()) // 60 * 60
        values = self._windows(alarm, end - alarm.period_seconds, end, now)
        value = evaluate(alarm, self.series, now).slots[-1].value
        # The notifier's own id for the metric of an alarm without metric math.
        name = returned(alarm) if alarm.is_math else "value"
        return values if value is None else {**values, name: value}

    def _windows(self, alarm: Alarm, start: int, end: int, as_of: datetime) -> dict[str, float]:
        values = {
            query.id: self.series.window(query.metric, start, end, as_of.timestamp())
            for query in alarm.queries
            if query.metric
        }
        return {name: value for name, value in values.items() if value is not None}

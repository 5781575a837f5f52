"""For pytest: the fixture `alarm`, to say in one line what an alarm of a template does over a series.

    def test_five_errors_in_a_minute_raise_it(alarm):
        alarm("errors", "template.yaml").given("0x6 5x3").becomes("OK", at="7m").becomes("ALARM", at="8m")

`pip install` of the package registers it; nothing needs to be imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cwalarm.definitions import documents, inventory, scalars
from cwalarm.definitions.alarm import State
from cwalarm.errors import InputError
from cwalarm.unit_tests import case_run, notation
from cwalarm.unit_tests.cases import MINUTE, START, Case, ExpectedState, duration

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Alarm
    from cwalarm.definitions.composites import Composite

_read = cache(documents.read)


@dataclass(frozen=True, slots=True)
class AlarmUnderTest:
    """An alarm of a template, and the series that it is given; every method but the expectations returns another."""

    name: str
    alarms: tuple[Alarm, ...]
    composites: tuple[Composite, ...]
    series: Mapping[str, str] = field(default_factory=dict)
    interval: str = "1m"
    delay: str = "0m"

    def given(self, line: str = "", *, interval: str = "1m", delay: str = "0m", **series: str) -> AlarmUnderTest:
        """Return the alarm with a series, by the metric's name, or as a line alone where it watches one metric.

        A line is in compact notation: `0x2 5x3` is 0 0 0 5 5 5 5, `_` is a gap. `interval` is from one value
        to the next, `delay` from the time that a value stands for until alarms see it.
        """
        named = {self._only_metric(): line} if line else {}
        return replace(self, series={**self.series, **named, **series}, interval=interval, delay=delay)

    def becomes(self, state: str, *, at: str) -> AlarmUnderTest:
        """Fail the test unless the alarm has the state after the evaluation of a time, such as `4m` or `1h30m`."""
        __tracebackhide__ = True
        expected = ExpectedState(duration(at), self.name, State(state))
        difference = case_run.difference(self._run((expected,)))
        if difference is not None:
            pytest.fail(difference, pytrace=False)
        return self

    def never(self, state: str, *, until: str = "0m") -> AlarmUnderTest:
        """Fail the test if the alarm comes into the state up to a time, or up to the last value of its series."""
        __tracebackhide__ = True
        for change in self._run((), until).changes:
            if change.alarm == self._full_name() and change.state is State(state):
                pytest.fail(f"{self.name} was {state} at {case_run.clock(change.time - START)}.", pytrace=False)
        return self

    def changes(self, *, until: str = "0m") -> list[tuple[str, str]]:
        """Return every change of state, as time and state, such as `[("1m", "OK"), ("7m", "ALARM")]`."""
        run = self._run((), until)
        own = [change for change in run.changes if change.alarm == self._full_name()]
        return [(case_run.clock(change.time - START), str(change.state)) for change in own]

    def _run(self, states: tuple[ExpectedState, ...], until: str = "0m") -> case_run.CaseRun:
        interval = duration(self.interval)
        given = max((len(notation.values(line)) for line in self.series.values()), default=0) * interval
        case = Case(
            self.name,
            START,
            interval,
            self.series,
            states,
            delay=duration(self.delay),
            until=max(given, duration(until)) + MINUTE,  # the evaluation that sees the last value, too
        )
        return case_run.replay_case(case, self.alarms, self.composites)

    def _only_metric(self) -> str:
        alarm = next((one for one in self.alarms if one.name == self._full_name()), None)
        watched = sorted({f"{stat.namespace}/{stat.name}" for stat in alarm.metrics}) if alarm else []
        if len(watched) == 1:
            return watched[0]
        raise InputError(
            f"{self.name} watches {len(watched)} metrics: {', '.join(watched) or 'it is a composite'}.",
            next_step='Give each series by its name, such as given(Errors="0x6 5x3", Invocations="10x9").',
        )

    def _full_name(self) -> str:
        return inventory.named(self.name, [one.name for one in (*self.alarms, *self.composites)], " of the template")


@pytest.fixture
def alarm() -> Callable[..., AlarmUnderTest]:
    """Return a function that reads one alarm out of a template: `alarm("errors", "template.yaml", Stage="prod")`."""

    def of_template(name: str, template: str | Path, **parameters: Any) -> AlarmUnderTest:
        document = _read(Path(template))
        overrides = {key: str(scalars.of_value(value)) for key, value in parameters.items()}
        inventoried = inventory.read(document, overrides)
        try:
            inventoried.require(name, f" of {Path(template).name}")
        except InputError as error:
            pytest.fail(f"{error} {error.next_step}", pytrace=False)
        return AlarmUnderTest(name, inventoried.alarms, inventoried.composites)

    return of_template

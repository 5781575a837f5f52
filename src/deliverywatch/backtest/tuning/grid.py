"""An alarm of a template -> the settings to try: its threshold, and of a guarded share the guard and the window.

Which parameter chooses the threshold is asked of the template itself: it is the one that moves it. The values to try
are those that the template allows; the most sensitive comes first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cwalarm.definitions.alarm import Comparison
from deliverywatch.backtest.results.recommendation import Setting
from deliverywatch.errors import InputError
from deliverywatch.thresholds import BACKTEST_MINIMUM_FAILURES, BACKTEST_MINIMUM_TOTALS

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Alarm
    from deliverywatch.backtest.inputs.definitions import Definitions

# Parameters of the guard and the window, in the order in which a smaller value is preferred.
_GUARD: Mapping[str, tuple[str, ...]] = {
    "MinimumFailed": tuple(map(str, BACKTEST_MINIMUM_FAILURES)),
    "MinimumTotal": tuple(map(str, BACKTEST_MINIMUM_TOTALS)),
    # What the template allows.
    "WindowMinutes": (),
}
# Thresholds that people choose, between two powers of ten.
_ROUND = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
# How far below and above today's threshold they reach.
_REACH = 5.0
# A recovery lies at most so far below its threshold, as the template's own: 2 to 3.
_RECOVERY_SHARE = 2 / 3

Load = Callable[[Mapping[str, str]], "Definitions"]


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter with the values to try, the most sensitive first; the threshold is always the first axis.

    Attributes:
        parameter: Its name; empty for a threshold that no parameter chooses.
        today: The position of today's value.
        recovery: Name and allowed values of the parameter that has to stay below it.
    """

    parameter: str
    values: tuple[str, ...]
    today: int
    recovery: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class SettingGrid:
    """All settings to try."""

    alarm: str
    axes: tuple[Axis, ...]
    parameters: Mapping[str, str]
    _made: dict[tuple[int, ...], Setting] = field(default_factory=dict)

    @property
    def today(self) -> Setting:
        """The setting of the template as it is."""
        return self.at(tuple(axis.today for axis in self.axes))

    def at(self, ranks: tuple[int, ...]) -> Setting:
        """Return the setting with these positions on the axes."""
        if ranks not in self._made:
            self._made[ranks] = self._setting(ranks)
        return self._made[ranks]

    def all(self) -> list[Setting]:
        """Return all settings, the smallest threshold first, then the smallest of the next axis, and so on."""
        return [self.at(ranks) for ranks in itertools.product(*(range(len(axis.values)) for axis in self.axes))]

    def step(self, setting: Setting, axis: int, by: int) -> Setting | None:
        """Return the setting some steps along an axis; None if none is tried there."""
        rank = setting.ranks[axis] + by
        if not 0 <= rank < len(self.axes[axis].values):
            return None
        return self.at((*setting.ranks[:axis], rank, *setting.ranks[axis + 1 :]))

    def _setting(self, ranks: tuple[int, ...]) -> Setting:
        values: list[tuple[str, str]] = []
        for axis, rank in zip(self.axes, ranks, strict=True):
            values.append((axis.parameter or f"threshold of {self.alarm}", axis.values[rank]))
            values.extend(self._recovery(axis, float(axis.values[rank])) if axis.recovery else ())
        literal = None if self.axes[0].parameter else float(self.axes[0].values[ranks[0]])
        return Setting(ranks, tuple(values), literal)

    def _recovery(self, axis: Axis, threshold: float) -> list[tuple[str, str]]:
        """Return the recovery that has to change with a threshold: today's, if that lies below it."""
        name, allowed = axis.recovery or ("", ())
        if float(self.parameters[name]) < threshold:
            return []
        low = [value for value in allowed if float(value) < threshold]
        fitting = [value for value in low if float(value) <= _RECOVERY_SHARE * threshold]
        return [(name, max(fitting or low, key=float))] if low else []


def is_above(alarm: Alarm) -> bool:
    """Return whether high values raise an alarm."""
    return alarm.comparison in (Comparison.ABOVE, Comparison.AT_LEAST)


def grid_of(alarm: Alarm, today: Definitions, load: Load, wanted: Mapping[str, Sequence[str]]) -> SettingGrid:
    """Return the settings to try for an alarm.

    Args:
        alarm: As it is today.
        today: Its template as it is today.
        load: Returns the template with other values of parameters; empty for today's.
        wanted: Values to try by parameter, where a person named them.

    Raises:
        InputError: A value that a person named is not a number.
    """
    axes = [_threshold_axis(alarm, today, load, wanted)]
    for name, tried in _GUARD.items():
        values = wanted.get(name) or tried or today.choices.get(name, ())
        if name in today.parameters and values and _moves(alarm, load, name, _other(today.parameters[name], values)):
            axes.append(_axis(name, values, today.parameters[name]))
    return SettingGrid(alarm.name, tuple(axes), today.parameters)


def _threshold_axis(alarm: Alarm, today: Definitions, load: Load, wanted: Mapping[str, Sequence[str]]) -> Axis:
    name = next((name for name in today.parameters if _is_threshold(alarm, today, load, name)), "")
    values = wanted.get(name) or today.choices.get(name) or [f"{value:g}" for value in thresholds(alarm.threshold)]
    axis = _axis(name, values, today.parameters.get(name, f"{alarm.threshold:g}"), is_reversed=not is_above(alarm))
    recovery = name.replace("Threshold", "Recovery")
    if not name or recovery == name or recovery not in today.parameters or not is_above(alarm):
        return axis
    allowed = tuple(today.choices.get(recovery, ()))
    values = [value for value in axis.values if any(float(one) < float(value) for one in allowed)] if allowed else []
    if not values:
        return axis
    return Axis(name, tuple(values), values.index(axis.values[axis.today]), (recovery, allowed))


def thresholds(today: float) -> list[float]:
    """Return round thresholds around today's."""
    if not today:
        return [0.0]
    size, sign = abs(today), 1 if today > 0 else -1
    steps = {factor * 10.0**power for power in range(-6, 12) for factor in _ROUND}
    near = {step for step in steps if size / _REACH <= step <= size * _REACH}
    return sorted(sign * step for step in near | {size})


def _axis(name: str, values: Sequence[str], today: str, *, is_reversed: bool = False) -> Axis:
    try:
        by_number = {float(value): value for value in values}
        by_number.setdefault(float(today), today)
    except ValueError as error:
        raise InputError(
            f"A value of {name} is not a number: {', '.join(values)}.", next_step=f"Give numbers to --set {name}."
        ) from error
    ordered = sorted(by_number, reverse=is_reversed)
    return Axis(name, tuple(by_number[number] for number in ordered), ordered.index(float(today)))


def _is_threshold(alarm: Alarm, today: Definitions, load: Load, name: str) -> bool:
    """Return whether the alarm's threshold follows a parameter."""
    if not _is_number(today.parameters[name]) or float(today.parameters[name]) != alarm.threshold:
        return False
    value = _other(today.parameters[name], today.choices.get(name, ()))
    moved = _named(load({name: value}), alarm.name)
    return moved is not None and moved.threshold == float(value)


def _moves(alarm: Alarm, load: Load, name: str, value: str) -> bool:
    """Return whether a parameter changes what an alarm measures."""
    moved = _named(load({name: value}), alarm.name)
    return moved is not None and moved.queries != alarm.queries


def _other(today: str, values: Sequence[str]) -> str:
    others = (value for value in values if _is_number(value) and float(value) != float(today))
    return next(others, f"{float(today) + 1:g}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _named(definitions: Definitions, name: str) -> Alarm | None:
    return next((alarm for alarm in definitions.alarms if alarm.name == name), None)

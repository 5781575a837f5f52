"""A template file and values of its parameters -> all that decides on mails: alarms, mute rules, watches."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting import ladder
from deliverywatch.engine import alarm as alarms
from deliverywatch.engine import composite as composites
from deliverywatch.engine import documents, mute
from deliverywatch.engine import template as cloudformation
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from deliverywatch.engine.alarm import Alarm, Metric, MetricStat
    from deliverywatch.engine.composite import Composite

_VARIANT_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Definitions:
    """A template with one set of parameters.

    Attributes:
        overrides: The parameters that differ from the template's defaults.
        parameters: All parameters that have a value.
        warm_up_minutes: How long alarms wait for their first data before they may call.
        undeployable: Overrides that the template would refuse, such as `WarningThresholdPercent=2.5`.
    """

    overrides: Mapping[str, str]
    parameters: Mapping[str, str]
    alarms: tuple[Alarm, ...]
    composites: tuple[Composite, ...]
    mutes: tuple[mute.MuteRule, ...]
    watches: tuple[ladder.Watch, ...]
    warm_up_minutes: int = 0
    undeployable: tuple[str, ...] = ()

    @property
    def environment(self) -> str:
        """The stack's environment."""
        return self.parameters.get("Environment", "prod")

    @property
    def label(self) -> str:
        """What tells it from others, such as `WarningThresholdPercent=5`."""
        return ", ".join(f"{name}={value}" for name, value in self.overrides.items()) or "as it is"

    @property
    def metrics(self) -> list[Metric]:
        """All metrics that an alarm watches, once."""
        found = (query.metric.metric for each in self.alarms for query in each.queries if query.metric)
        return list(dict.fromkeys(found))

    @property
    def ratio(self) -> Alarm | None:
        """The alarm that says what a failure is: it compares `failed` with `total` and calls first."""
        found = [each for each in self.alarms if {"failed", "total"} <= _ids(each) and each.alarm_actions]
        return min(found, key=lambda each: (each.period_seconds, each.threshold), default=None)


def counts_of(alarm: Alarm) -> tuple[MetricStat, MetricStat]:
    """Return the metrics `failed` and `total` of a ratio alarm."""
    named = {query.id: query.metric for query in alarm.queries if query.metric}
    return named["failed"], named["total"]


def combinations(settings: Sequence[str]) -> list[dict[str, str]]:
    """Return every combination of settings such as `WarningThresholdPercent=2,3,5`; one empty one for none.

    Raises:
        InputError: A setting is not of that form, or there are too many combinations.
    """
    choices: dict[str, list[str]] = {}
    for setting in settings:
        name, _, values = setting.partition("=")
        choices[name.strip()] = [value.strip() for value in values.split(",") if value.strip()]
        if not name.strip() or not choices[name.strip()]:
            raise InputError(
                f"'{setting}' is no setting.", next_step="Write it like --set WarningThresholdPercent=2,3,5."
            )
    found = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    if len(found) > _VARIANT_LIMIT:
        raise InputError(
            f"{len(found)} combinations are more than {_VARIANT_LIMIT}.", next_step="Give fewer values to --set."
        )
    return found


def load(path: Path, overrides: Mapping[str, str], without: Sequence[str] = ()) -> Definitions:
    """Read a template.

    Args:
        path: JSON or YAML; `watches.json` is looked for beside it.
        overrides: Values of parameters.
        without: Patterns of names of alarms that are left out, such as `*-blind`.

    Raises:
        InputError: A file cannot be read, or an alarm cannot be resolved.
    """
    template = documents.read(path)
    declared = template.get("Parameters") or {}
    defaults = {name: str(each["Default"]) for name, each in declared.items() if "Default" in each}
    parameters = {**defaults, **overrides}
    found = alarms.from_template(template, overrides, without)
    if not found:
        raise InputError(f"{path.name} has no alarm to replay.", next_step="Give a template with CloudWatch alarms.")
    return Definitions(
        overrides=dict(overrides),
        parameters=parameters,
        alarms=tuple(found),
        composites=tuple(composites.from_template(template, overrides)),
        mutes=tuple(mute.from_template(template, overrides)),
        watches=_watches(path, parameters.get("Environment", "prod")),
        warm_up_minutes=max(_warm_ups(template, overrides), default=0),
        undeployable=tuple(
            f"{name}={value}"
            for name, value in overrides.items()
            if value not in map(str, declared[name].get("AllowedValues") or [value])
        ),
    )


def _ids(alarm: Alarm) -> set[str]:
    return {query.id for query in alarm.queries}


def _warm_ups(template: Mapping[str, Any], overrides: Mapping[str, str]) -> Iterator[int]:
    for _, properties in cloudformation.resources(template, "AWS::CloudWatch::Alarm", overrides):
        yield int((properties.get("WarmUpConfiguration") or {}).get("WarmUpPeriodDurationInMinutes") or 0)


def _watches(template: Path, environment: str) -> tuple[ladder.Watch, ...]:
    path = template.with_name("watches.json")
    if not path.exists():
        return ()
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.", next_step="Run `python cfn/build.py` again.") from error
    return ladder.watches(document, f"deliverywatch-{environment}")

"""A template and values of its parameters, or an account -> all that decides on mails: alarms, mute rules, watches."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.alerting.incidents import severity
from deliverywatch.engine.definitions import alarm as alarms
from deliverywatch.engine.definitions import composites, documents, template_parameters, template_rules
from deliverywatch.engine.evaluation import mute
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.engine.definitions.alarm import Alarm, Metric, MetricStat
    from deliverywatch.engine.definitions.composites import Composite

_VARIANT_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Definitions:
    """A template with one set of parameters.

    Attributes:
        overrides: The parameters that differ from the template's defaults.
        parameters: All parameters that have a value.
        warm_up_minutes: How long alarms wait for their first data before they may call.
        undeployable: Overrides that the template would refuse, such as `WarningThresholdPercent=2.5`.
        contradictions: What the template's rules say against these parameters.
        notes: What to know of where they come from.
        is_as_it_is: Whether the overrides are the template's own defaults.
    """

    overrides: Mapping[str, str]
    parameters: Mapping[str, str]
    alarms: tuple[Alarm, ...]
    composites: tuple[Composite, ...]
    mutes: tuple[mute.MuteRule, ...]
    watches: tuple[severity.Watch, ...]
    warm_up_minutes: int = 0
    undeployable: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_as_it_is: bool = False

    @property
    def environment(self) -> str:
        """The stack's environment."""
        return self.parameters.get("Environment", "prod")

    @property
    def label(self) -> str:
        """What tells it from others, such as `WarningThresholdPercent=5`."""
        told = ", ".join(f"{name}={value}" for name, value in self.overrides.items())
        return f"{told} (as it is)" if told and self.is_as_it_is else told or "as it is"

    @property
    def metrics(self) -> list[Metric]:
        """All metrics that an alarm watches, once."""
        return list(dict.fromkeys(stat.metric for alarm in self.alarms for stat in alarm.metrics))

    @property
    def ratio(self) -> Alarm | None:
        """The alarm that says what a failure is: it compares `failed` with `total` and calls first."""
        found = [each for each in self.alarms if {"failed", "total"} <= _ids(each) and each.alarm_actions]
        return min(found, key=lambda each: (each.period_seconds, each.threshold), default=None)


def counts_of(alarm: Alarm) -> tuple[MetricStat, MetricStat]:
    """Return the metrics `failed` and `total` of a ratio alarm."""
    named = {query.id: query.metric for query in alarm.queries if query.metric}
    return named["failed"], named["total"]


class Source(Protocol):
    """Where alarms come from."""

    def variants(self, settings: Sequence[str]) -> list[dict[str, str]]:
        """Return the overrides of each variant, that without a what-if first."""

    def load(self, overrides: Mapping[str, str]) -> Definitions:
        """Return what decides on mails, with these parameters."""


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A template, JSON or YAML; `watches.json` is looked for beside it.

    Attributes:
        path: The file.
        without: Patterns of names of alarms that are left out, such as `*-blind`.
    """

    path: Path
    without: Sequence[str] = ()

    def variants(self, settings: Sequence[str]) -> list[dict[str, str]]:
        """Return the overrides of each variant: the template as it is first, then every combination of the settings.

        A setting with one value, and the first for a parameter without a default, hold for the template as it is too.

        Args:
            settings: Such as `WarningThresholdPercent=2,3,5`.

        Raises:
            InputError: A setting is not of that form, there are too many combinations, or the file cannot be read.
        """
        choices, defaults = _choices(settings), _defaults(documents.read(self.path))
        own = {name: values[0] for name, values in choices.items() if len(values) == 1 or name not in defaults}
        found = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
        if len(found) > _VARIANT_LIMIT:
            raise InputError(
                f"{len(found)} combinations are more than {_VARIANT_LIMIT}.", next_step="Give fewer values to --set."
            )
        known = {**defaults, **own}
        same = [each for each in found if all(known.get(name) == value for name, value in each.items())]
        return [*(same or [own]), *(each for each in found if each not in same)]

    def load(self, overrides: Mapping[str, str]) -> Definitions:
        """Read the template with values of its parameters.

        Raises:
            InputError: A file cannot be read, or an alarm cannot be resolved.
        """
        template = documents.read(self.path)
        declared, defaults = template.get("Parameters") or {}, _defaults(template)
        parameters = {**defaults, **overrides}
        found = alarms.from_template(template, overrides, self.without)
        if not found:
            raise InputError(
                f"{self.path.name} has no alarm to replay.", next_step="Give a template with CloudWatch alarms."
            )
        return Definitions(
            overrides=dict(overrides),
            parameters=parameters,
            alarms=tuple(found),
            composites=tuple(composites.from_template(template, overrides, self.without)),
            mutes=tuple(mute.from_template(template, overrides, self.without)),
            watches=_watches(self.path, parameters.get("Environment", "prod")),
            warm_up_minutes=max((each.warm_up.minutes for each in found if each.warm_up), default=0),
            undeployable=tuple(
                f"{name}={value}"
                for name, value in overrides.items()
                if value not in map(str, declared[name].get("AllowedValues") or [value])
            ),
            contradictions=tuple(template_rules.contradictions(template, overrides)),
            is_as_it_is=all(defaults.get(name) == value for name, value in overrides.items()),
        )


@dataclass(frozen=True, slots=True)
class LiveAccount:
    """The alarms of an account as they are; each is a watch of its own, because CloudWatch knows no watches.

    Attributes:
        definitions: Returns alarms, composites, and name and reason of each that the engine refuses.
        without: Patterns of names of alarms that are left out.
    """

    definitions: Callable[[], tuple[list[Alarm], list[Composite], list[tuple[str, str]]]]
    without: Sequence[str] = ()

    def variants(self, settings: Sequence[str]) -> list[dict[str, str]]:
        """Return one variant without overrides.

        Raises:
            InputError: There are settings: an account has no parameters.
        """
        if settings:
            raise InputError("An account has no parameters.", next_step="Give --set together with a template.")
        return [{}]

    def load(self, overrides: Mapping[str, str]) -> Definitions:
        """Ask the account for its alarms.

        Raises:
            InputError: It has none that can be evaluated.
        """
        found, combined, refused = self.definitions()
        kept = [each for each in found if not _is_left_out(each.name, self.without)]
        if not kept:
            raise InputError("The account has no alarm to evaluate.", next_step="Check the region, or use a template.")
        return Definitions(
            overrides=overrides,
            parameters={},
            alarms=tuple(kept),
            composites=tuple(each for each in combined if not _is_left_out(each.name, self.without)),
            mutes=(),
            watches=(),
            notes=tuple(f"Left out {name}: {reason}" for name, reason in refused),
        )


def _is_left_out(name: str, without: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in without)


def _choices(settings: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for setting in settings:
        name, _, values = setting.partition("=")
        found[name.strip()] = list(dict.fromkeys(value.strip() for value in values.split(",") if value.strip()))
        if not name.strip() or not found[name.strip()]:
            raise InputError(
                f"'{setting}' is no setting.", next_step="Write it like --set WarningThresholdPercent=2,3,5."
            )
    return found


def _defaults(template: Mapping[str, Any]) -> dict[str, str]:
    declared = template.get("Parameters") or {}
    known = {name: each for name, each in declared.items() if "Default" in each}
    return {name: str(each["Default"]) for name, each in known.items() if not template_parameters.is_in_ssm(each)}


def _ids(alarm: Alarm) -> set[str]:
    return {query.id for query in alarm.queries}


def _watches(template: Path, environment: str) -> tuple[severity.Watch, ...]:
    path = template.with_name("watches.json")
    if not path.exists():
        return ()
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.", next_step="Run `python cfn/build.py` again.") from error
    return severity.watches(document, f"deliverywatch-{environment}")

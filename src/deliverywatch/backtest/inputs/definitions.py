"""A template and values of its parameters, or an account -> all that decides on mails: alarms, mute rules, watches."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cwalarm.definitions import documents, inventory, template_parameters, template_rules
from cwalarm.definitions.absence import Absent
from cwalarm.definitions.alarm import Alarm, Metric, MetricStat
from cwalarm.definitions.composites import Composite
from cwalarm.definitions.readings import Refused, require_all
from cwalarm.definitions.template import fits
from cwalarm.evaluation import mute
from deliverywatch.alerting.incidents import severity
from deliverywatch.errors import InputError

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
        choices: The values that the template allows, by parameter, where it lists them.
        is_as_it_is: Whether the overrides are the template's own defaults.
        absent: The alarms whose condition does not hold.
        refused: The alarms that cannot be read.
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
    absent: tuple[Absent, ...] = ()
    refused: tuple[Refused, ...] = ()
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def environment(self) -> str:
        """The stack's environment."""
        return self.parameters.get("Environment", "prod")

    @property
    def label(self) -> str:
        """What distinguishes it from others, such as `WarningThresholdPercent=5`."""
        settings = ", ".join(f"{name}={value}" for name, value in self.overrides.items())
        return f"{settings} (as it is)" if settings and self.is_as_it_is else settings or "as it is"

    @property
    def metrics(self) -> list[Metric]:
        """All metrics that an alarm watches, once."""
        return list(dict.fromkeys(stat.metric for alarm in self.alarms for stat in alarm.metrics))

    @property
    def ratio(self) -> Alarm | None:
        """The alarm that says what a failure is: it compares `failed` with `total` and calls first."""
        ratios = [alarm for alarm in self.alarms if is_ratio(alarm) and alarm.alarm_actions]
        return min(ratios, key=lambda alarm: (alarm.period_seconds, alarm.threshold), default=None)


def is_ratio(alarm: Alarm) -> bool:
    """Return whether an alarm compares metrics with the ids `failed` and `total`."""
    return {"failed", "total"} <= {query.id for query in alarm.queries if query.metric}


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
    """A template, JSON or YAML, without the alarms whose names fit patterns; `watches.json` is looked for beside it."""

    path: Path
    without: Sequence[str] = ()

    def variants(self, settings: Sequence[str]) -> list[dict[str, str]]:
        """Return the overrides of each variant: the template as it is first, then every combination of the settings.

        A setting with one value, and the first for a parameter without a default, hold for the template as it is too.

        Raises:
            InputError: A setting is not of that form, there are too many combinations, or the file cannot be read.
        """
        values_by_name, defaults = _values(settings), _defaults(documents.read(self.path))
        fixed = {name: values[0] for name, values in values_by_name.items() if len(values) == 1 or name not in defaults}
        combinations = [
            dict(zip(values_by_name, values, strict=True)) for values in itertools.product(*values_by_name.values())
        ]
        if len(combinations) > _VARIANT_LIMIT:
            raise InputError(
                f"{len(combinations)} combinations are more than {_VARIANT_LIMIT}.",
                next_step="Give fewer values to --set.",
            )
        baseline = {**defaults, **fixed}
        same = [
            variant for variant in combinations if all(baseline.get(name) == value for name, value in variant.items())
        ]
        return [*(same or [fixed]), *(variant for variant in combinations if variant not in same)]

    def load(self, overrides: Mapping[str, str]) -> Definitions:
        """Read the template with values of its parameters; raise InputError if a file or an alarm cannot be read."""
        definitions = self.load_readable(overrides, is_what_if=True)
        require_all(definitions.refused)
        return definitions

    def load_readable(self, overrides: Mapping[str, str], *, is_what_if: bool = False) -> Definitions:
        """Read the template as `load` does, and list alarms that cannot be read; raise InputError if none is left.

        With `is_what_if` the template need not allow the values: those are `undeployable`.
        """
        template = documents.read(self.path)
        declared, defaults = template.get("Parameters") or {}, _defaults(template)
        parameters = {**defaults, **overrides}
        loaded = inventory.read(template, overrides, self.without, is_what_if=is_what_if)
        if not loaded.alarms:
            require_all(loaded.refused)
            loaded.require_some(self.path.name)
        watches = _watches(self.path, parameters.get("Environment", "prod"))
        return Definitions(
            overrides=dict(overrides),
            parameters=parameters,
            alarms=loaded.alarms,
            composites=loaded.composites,
            mutes=tuple(mute.from_template(template, overrides, self.without)),
            watches=watches,
            warm_up_minutes=max([0, *_warm_up_minutes(loaded.alarms, watches)]),
            undeployable=tuple(
                f"{name}={value}"
                for name, value in overrides.items()
                if template_parameters.violation(declared.get(name, {}), value)
            ),
            contradictions=tuple(template_rules.contradictions(template, overrides)),
            notes=tuple(f"{one.name} is not in the stack: {one.reason}. {one.next_step}" for one in loaded.absent),
            is_as_it_is=all(defaults.get(name) == value for name, value in overrides.items()),
            absent=loaded.absent,
            refused=loaded.refused,
            choices={
                name: [str(value) for value in definition["AllowedValues"]]
                for name, definition in declared.items()
                if definition.get("AllowedValues")
            },
        )


@dataclass(frozen=True, slots=True)
class LiveAccount:
    """The alarms of an account as they are; each is a watch of its own, because CloudWatch knows no watches.

    `definitions` returns alarms, composites, and name and reason of each that the engine refuses.
    """

    definitions: Callable[[], tuple[list[Alarm], list[Composite], list[tuple[str, str]]]]
    without: Sequence[str] = ()

    def variants(self, settings: Sequence[str]) -> list[dict[str, str]]:
        """Return one variant without overrides; raise InputError for settings, because an account has no parameters."""
        if settings:
            raise InputError("An account has no parameters.", next_step="Give --set together with a template.")
        return [{}]

    def load(self, overrides: Mapping[str, str]) -> Definitions:
        """Ask the account for its alarms; raise InputError if it has none that can be evaluated."""
        metric_alarms, combined, refused = self.definitions()
        kept = [alarm for alarm in metric_alarms if not fits(alarm.name, self.without)]
        if not kept:
            raise InputError("The account has no alarm to evaluate.", next_step="Check the region, or use a template.")
        return Definitions(
            overrides=overrides,
            parameters={},
            alarms=tuple(kept),
            composites=tuple(composite for composite in combined if not fits(composite.name, self.without)),
            mutes=(),
            watches=(),
            notes=tuple(f"Left out {name}: {reason}" for name, reason in refused),
        )


def _values(settings: Sequence[str]) -> dict[str, list[str]]:
    values_by_name: dict[str, list[str]] = {}
    for setting in settings:
        name, _, values = setting.partition("=")
        values_by_name[name.strip()] = list(
            dict.fromkeys(value.strip() for value in values.split(",") if value.strip())
        )
        if not name.strip() or not values_by_name[name.strip()]:
            raise InputError(
                f"'{setting}' is not NAME=VALUE.", next_step="Write it like --set WarningThresholdPercent=2,3,5."
            )
    return values_by_name


def _warm_up_minutes(alarms: Sequence[Alarm], watches: Sequence[severity.Watch]) -> Iterator[int]:
    """Yield how long new alarms wait for their first data: in CloudWatch, or in the notifier."""
    yield from (alarm.warm_up.minutes for alarm in alarms if alarm.warm_up)
    for watch in watches:
        yield from (int(one.warm_up.total_seconds() // 60) for one in watch.severities)


def _defaults(template: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in template_parameters.defaults(template).items()}


def _watches(template: Path, environment: str) -> tuple[severity.Watch, ...]:
    path = template.with_name("watches.json")
    if not path.exists():
        return ()
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.", next_step="Run `python cfn/build.py` again.") from error
    return severity.watches(document, f"deliverywatch-{environment}")

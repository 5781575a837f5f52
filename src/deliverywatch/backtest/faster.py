"""An incident of a deployed stack -> when two other settings would have sent its first mail, and at which price."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwalarm.definitions import template_parameters
from deliverywatch.backtest.compare import Request, compare
from deliverywatch.backtest.inputs.definitions import TemplateFile
from deliverywatch.operate.incidents.watch_verdicts import declared_watches
from deliverywatch.operate.review.alternative import Alternative, Replayed
from deliverywatch.sms.lake import day_objects
from deliverywatch.sms.lake.slots import day_of, folder_of, steps
from deliverywatch.sms.lake.watermark import WATERMARK
from deliverywatch.thresholds import REVIEW_REPLAYED_DAYS

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.backtest.inputs.definitions import Definitions
    from deliverywatch.backtest.inputs.history import History
    from deliverywatch.backtest.results.result import Variant
    from deliverywatch.storage.store import Store

_HOUR = timedelta(hours=1)
_DAY_MINUTES = 24 * 60
_SHOWN = 2
# What a small account turns, with the least that each may be.
_FEWEST = {"MinimumTotal": 1, "MinimumFailed": 1, "OutageMinimumFailed": 2}


@dataclass(frozen=True, slots=True)
class _Deployed:
    """A deployed stack's template, with its parameters and two other sets of them."""

    path: Path
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    others: Sequence[Mapping[str, str]]

    def variants(self, settings: Sequence[str]) -> list[dict[str, str]]:  # noqa: ARG002 - the back-test's signature
        return [{**self.parameters, **other} for other in ({}, *self.others)]

    def load(self, overrides: Mapping[str, str]) -> Definitions:
        definitions = TemplateFile(self.path).load(overrides)
        prefix = f"deliverywatch-{definitions.environment}"
        return replace(definitions, watches=declared_watches(self.template, definitions.parameters, prefix))


def replayed(
    incident: Incident,
    ended_at: datetime,
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    folder: Path,
    history_for: Callable[[Definitions], History],
) -> Replayed:
    """Return what the back-test says of an incident.

    Args:
        incident: Of a watch of the template.
        ended_at: When it was over, or the current time.
        template: As it is deployed.
        parameters: Those of the stack.
        folder: The template is written there.
        history_for: Returns the history of `copied` for a template's parameters.

    Raises:
        InputError: The lake or the template cannot be replayed.
    """
    path = folder / "template.json"
    path.write_text(json.dumps(template), encoding="utf-8")
    declared = template.get("Parameters") or {}
    known = {name: value for name, value in parameters.items() if name in declared}
    others = list(other_settings(template_parameters.defaults(template) | known, declared))
    source = _Deployed(path, template, known, others)
    start = incident.opened_at - timedelta(days=REVIEW_REPLAYED_DAYS)
    result = compare(Request(source, history_for, start=start, end=ended_at + _HOUR))
    labels = ["", *(_label(other) for other in others)]
    today, *rest = (
        _alternative(label, variant, incident, ended_at) for label, variant in zip(labels, result.variants, strict=True)
    )
    return Replayed([today, *sorted(rest, key=_worth)[:_SHOWN]], result.span.days)


def _worth(one: Alternative) -> tuple[bool, datetime | None, int]:
    """The sooner the better, and of those that are as soon the one with fewer mails."""
    return one.mailed_at is None, one.mailed_at, one.mails_count


def copied(store: Store, folder: Path, incident: Incident, ended_at: datetime) -> Path:
    """Copy what the replay of an incident reads of the lake into a folder, and return that."""
    first = day_of(incident.opened_at - timedelta(days=REVIEW_REPLAYED_DAYS))
    keys = [WATERMARK]
    for day in steps(first, ended_at + _HOUR, _DAY_MINUTES):
        keys += day_objects.counting(store.keys(folder_of(day)))
    for key in keys:
        stored = store.read(key)
        if stored is not None:
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(stored.body)
    return folder


def other_settings(values: Mapping[str, Any], declared: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield settings that could see an incident sooner, the likeliest first: of offered values only."""
    threshold = _below(values, declared, "WarningThresholdPercent", 0.5)
    recovery = threshold and _under(values, declared, "WarningRecoveryPercent", float(threshold))
    if threshold and recovery:
        yield {"WarningThresholdPercent": threshold, "WarningRecoveryPercent": recovery}
    if window := _below(values, declared, "WindowMinutes", 0.99):
        yield {"WindowMinutes": window}
    fewer = {name: _half(values[name], fewest) for name, fewest in _FEWEST.items() if name in values}
    if any(values[name] != value for name, value in fewer.items()):
        yield fewer


def _below(values: Mapping[str, Any], declared: Mapping[str, Any], name: str, part: float) -> str:
    """Return the largest offered value that is at most this part of the present one; empty if there is none."""
    return _under(values, declared, name, part * float(values[name]) + 1e-9) if name in values else ""


def _under(values: Mapping[str, Any], declared: Mapping[str, Any], name: str, limit: float) -> str:
    """Return the largest offered value below a limit, but none above the present one."""
    offered = [str(value) for value in declared.get(name, {}).get("AllowedValues", ())]
    fitting = [value for value in offered if float(value) < limit and float(value) <= float(values.get(name, 0))]
    return max(fitting, key=float, default="")


def _half(value: object, fewest: int) -> str:
    return str(max(fewest, int(float(str(value))) // 2))


def _label(settings: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())


def _alternative(label: str, variant: Variant, incident: Incident, ended_at: datetime) -> Alternative:
    opened = [
        mail.time
        for mail in variant.mails
        if mail.watch == incident.watch and mail.level != "ok" and _is_near(mail.time, incident, ended_at)
    ]
    return Alternative(label, min(opened, default=None), len(variant.mails))


def _is_near(time: datetime, incident: Incident, ended_at: datetime) -> bool:
    """Whether a mail may be about the incident: a faster setting mails before it opened."""
    return incident.opened_at - 6 * _HOUR <= time <= ended_at

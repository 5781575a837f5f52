"""A stack's declared watches, its alarms and what its systems left -> which of the four verdicts holds of each watch.

The watches are declared in the template's metadata, as the notifier is configured with. What an alarm says without data
is too little to tell, and a watch whose alarm is gone, or that nobody judged for half an hour, is blind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cwalarm.definitions.template import Resolver
from deliverywatch.alerting.incidents import severity
from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import iso, mapping, objects
from deliverywatch.messages.verdict import Verdict, to_document
from deliverywatch.thresholds import ASSESSMENT_FRESH_MINUTES, FUTURE_MINUTES

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.severity import Watch
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.messages.context import Context
    from deliverywatch.messages.verdict import Assessment

_FRESH, _FUTURE = timedelta(minutes=ASSESSMENT_FRESH_MINUTES), timedelta(minutes=FUTURE_MINUTES)


@dataclass(frozen=True, slots=True)
class WatchVerdict:
    """What can be said of one watch now; `assessment` is what its system left, however old."""

    watch: str
    title: str
    verdict: Verdict
    sentence: str = ""
    assessment: Assessment | None = None


def declared_watches(template: Mapping[str, Any], parameters: Mapping[str, str], prefix: str) -> tuple[Watch, ...]:
    """Return the watches that a deployed template declares and its parameters do not switch off.

    A template of a version that declared them nowhere has none.
    """
    items = objects(_listed(mapping(mapping(template.get("Metadata")).get("DeliveryWatch")).get("Watches")))
    known = {name: value for name, value in parameters.items() if name in (template.get("Parameters") or {})}
    resolver = Resolver(template, known)
    return severity.watches({"watches": [item for item in items if resolver.holds(item.get("condition"))]}, prefix)


def _listed(watches: object) -> object:
    """Return the watches of a template, which are JSON in a text since version 0.4."""
    try:
        return json.loads(watches) if isinstance(watches, str) else watches
    except ValueError:
        return None


def watch_verdicts(
    declared: Iterable[Watch], alarms: Mapping[str, Alarm] | None, contexts: Mapping[str, Context], now: datetime
) -> list[WatchVerdict]:
    """Return what can be said of each watch, given its alarms by name and the documents by their keys.

    Without alarms, as nobody could read them, only what its data prove is said of a watch.
    """
    if alarms is None:
        return [_by_data_alone(watch, contexts.get(watch.context), now) for watch in declared]
    return [_verdict(watch, alarms, contexts.get(watch.context), now) for watch in declared]


def _by_data_alone(watch: Watch, left: Context | None, now: datetime) -> WatchVerdict:
    assessment = left.assessments.get(watch.name) if left and watch.is_assessed else None
    verdict, sentence = _of_assessment(assessment, now, is_raised=False)
    if verdict is not Verdict.FAILING:
        verdict, sentence = Verdict.BLIND, "Its alarms could not be read."
    return WatchVerdict(watch.name, watch.title, verdict, sentence, assessment)


def _verdict(watch: Watch, alarms: Mapping[str, Alarm], left: Context | None, now: datetime) -> WatchVerdict:
    assessment = left.assessments.get(watch.name) if left and watch.is_assessed else None
    if watch.is_assessed:
        is_raised = _is_raised_since(watch, alarms, assessment)
        missing = None if is_raised else _of_missing(watch, alarms)
        verdict, sentence = missing or _of_assessment(assessment, now, is_raised=is_raised)
    else:
        verdict, sentence = _of_raised(watch, alarms, now) or _of_missing(watch, alarms) or _of_data(watch, alarms)
    return WatchVerdict(watch.name, watch.title, verdict, sentence, assessment)


def _of_raised(watch: Watch, alarms: Mapping[str, Alarm], now: datetime) -> tuple[Verdict, str] | None:
    known = [(one, alarms[one.alarm]) for one in watch.by_severity if one.alarm in alarms]
    raised = [one for one, alarm in known if alarm.state is State.ALARM and not alarm.waits(one.warm_up, now)]
    if not raised:
        return None
    verdict = Verdict.BLIND if raised[0].level is Level.BLIND else Verdict.FAILING
    return verdict, f"{raised[0].alarm} is in ALARM."


def _is_raised_since(watch: Watch, alarms: Mapping[str, Alarm], assessment: Assessment | None) -> bool:
    """Return whether an alarm is raised since the data were judged; one that ignores missing data keeps ALARM."""
    known = (alarms[one.alarm] for one in watch.severities if one.alarm in alarms)
    return any(
        alarm.state is State.ALARM and not (assessment and alarm.updated_at and alarm.updated_at <= assessment.as_of)
        for alarm in known
    )


def _of_missing(watch: Watch, alarms: Mapping[str, Alarm]) -> tuple[Verdict, str] | None:
    if missing := [name for name in watch.alarms if name not in alarms]:
        return Verdict.BLIND, f"The alarm {missing[0]} does not exist."
    mute = [name for name in watch.alarms if not alarms[name].acts]
    return (Verdict.BLIND, f"The actions of {mute[0]} are switched off.") if mute else None


def _of_assessment(assessment: Assessment | None, now: datetime, *, is_raised: bool) -> tuple[Verdict, str]:
    if assessment is None:
        return Verdict.BLIND, "Its data were not judged yet."
    if now - assessment.as_of > _FRESH:
        return Verdict.BLIND, f"Its data were last judged at {iso(assessment.as_of)}."
    if assessment.as_of - now > _FUTURE:
        return Verdict.BLIND, f"Its data say that they were judged at {iso(assessment.as_of)}, which is yet to come."
    return (Verdict.FAILING if is_raised else assessment.verdict), assessment.sentence


def _of_data(watch: Watch, alarms: Mapping[str, Alarm]) -> tuple[Verdict, str]:
    without = [
        name
        for name in watch.alarms
        if alarms[name].state in (None, State.INSUFFICIENT_DATA) or alarms[name].is_without_data
    ]
    # One alarm of several that has data is no proof of what the others watch.
    return (Verdict.TOO_LITTLE, f"{without[0]} has no data.") if without else (Verdict.HEALTHY, "")


def document(one: WatchVerdict) -> dict[str, Any]:
    """Return a verdict as JSON has it."""
    assessment = to_document(one.assessment) if one.assessment else None
    return {
        "watch": one.watch,
        "title": one.title,
        "verdict": one.verdict.value,
        "sentence": one.sentence,
        "assessment": assessment,
    }

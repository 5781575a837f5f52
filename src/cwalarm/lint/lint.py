"""A template -> the report: for each alarm the answers to four questions, and what is wrong with it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cwalarm.definitions import inventory
from cwalarm.definitions.absence import Absent
from cwalarm.definitions.alarm import Alarm
from cwalarm.definitions.template import Resolver
from cwalarm.definitions.template_parameters import ParametersMissing
from cwalarm.describe.behaviour import Behaviour, behaviour
from cwalarm.describe.probe import MAXIMUM_WORK
from cwalarm.describe.soundness import problems
from cwalarm.lint import acceptances, answers, definition_rules, facts, template_rules
from cwalarm.lint.facts import Facts
from cwalarm.lint.findings import Answers, Finding, finding
from cwalarm.lint.lines import Place
from cwalarm.lint.rules import Level

# What is computed for all alarms of a template: some seconds where every one of them is as costly as can be.
_ALL_WORK = 6_000_000


@dataclass(frozen=True, slots=True)
class Judged:
    """What the lint says of one alarm; a composite, and one that cannot be evaluated, has no answers."""

    alarm: str
    logical_id: str
    place: Place
    answers: Answers | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What the lint says of a template; `missing` are the parameters for want of which alarms were not judged."""

    judged: tuple[Judged, ...]
    absent: tuple[Absent, ...]
    missing: tuple[str, ...]

    @property
    def findings(self) -> list[Finding]:
        """All findings, in the order of the alarms."""
        return [one for judged in self.judged for one in judged.findings]

    def count(self, level: Level) -> int:
        """Return how many findings of a level are not accepted."""
        return sum(one.rule.level is level and one.accepted is None for one in self.findings)


def lint(
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    without: Sequence[str] = (),
    allowed: Sequence[str] = (),
    places: Mapping[str, Place] | None = None,
    work: int = _ALL_WORK,
) -> Report:
    """Return the report on a template; alarms that fit `without` are left out, findings of `allowed` rules accepted.

    `work` bounds what is computed for all alarms together (see `cwalarm.describe.probe.Budget`).

    Raises InputError for a template that cannot be read, or that has no alarm at all.
    """
    resolver = Resolver(template, parameters)
    alarms = inventory.read(template, parameters, without)
    known = facts.read(resolver, alarms)
    accepted = acceptances.read(template, allowed)
    judged = [_judged(*one, known, places or {}) for one in _every_alarm(alarms, known, work)]
    if not judged:
        alarms.require_some("The template")
    names = {one.logical_id: one.alarm for one in judged}
    every = [one for alarm in judged for one in alarm.findings]
    idle = list(acceptances.unused(accepted, names, every))
    complete = [_with(one, idle, accepted) for one in judged]
    loose = [one for one in idle if one.alarm not in names.values()]
    if loose:
        complete.append(Judged("(template)", "", Place(), None, tuple(loose)))
    missing = {
        name for item in alarms.refused if isinstance(item.error, ParametersMissing) for name in item.error.lacks
    }
    return Report(tuple(complete), alarms.absent, tuple(sorted(missing)))


def _every_alarm(
    alarms: inventory.Inventory, known: Facts, work: int
) -> Iterator[tuple[str, Answers | None, list[Finding]]]:
    for alarm in alarms.alarms:
        yield alarm.name, *of_alarm(alarm, known, min(MAXIMUM_WORK, work // len(alarms.alarms)))
    for composite in alarms.composites:
        yield composite.name, None, list(template_rules.composite(composite, known))
    for item in alarms.refused:
        yield item.name, None, list(template_rules.refused(item, known))


def of_alarm(alarm: Alarm, known: Facts, work: int = MAXIMUM_WORK) -> tuple[Answers | None, list[Finding]]:
    """Return the answers about a metric alarm and its findings; one that CloudWatch refuses has no answers."""
    refusals = problems(alarm)
    if refusals:
        return None, [finding("refused-definition", alarm.name, problem) for problem in refusals]
    return of_behaviour(behaviour(alarm, work=work), known)


def of_behaviour(measured: Behaviour, known: Facts) -> tuple[Answers, list[Finding]]:
    """Return the answers about a sound alarm whose behaviour has been measured, and its findings."""
    result = answers.answers(measured)
    alarm = measured.probe.alarm
    every = [
        *(() if known.scales(alarm.name) else answers.findings(measured, result)),
        *definition_rules.findings(alarm),
        *template_rules.findings(measured, known),
    ]
    return result, every


def _judged(
    name: str, result: Answers | None, every: Iterable[Finding], known: Facts, places: Mapping[str, Place]
) -> Judged:
    logical_id = known.logical_ids.get(name, name)
    place = places.get(logical_id, Place())
    every = [*every, *_repeated(name, logical_id, place)]
    ordered = sorted(dict.fromkeys(every), key=lambda one: list(Level).index(one.rule.level))
    return Judged(
        name, logical_id, place, result, tuple(replace(one, logical_id=logical_id, line=place.line) for one in ordered)
    )


def _repeated(name: str, logical_id: str, place: Place) -> Iterator[Finding]:
    if place.replaced_lines:
        lines = ", ".join(map(str, place.replaced_lines))
        yield finding("repeated-logical-id", name, f"{logical_id} stands in line {lines} too; only the last counts.")


def _with(judged: Judged, idle: Sequence[Finding], accepted: acceptances.Acceptances) -> Judged:
    """Return what was judged with the acceptances that apply to it, and those that do not."""
    own = [
        replace(one, logical_id=judged.logical_id, line=judged.place.line) for one in idle if one.alarm == judged.alarm
    ]
    return replace(judged, findings=tuple(acceptances.applied(accepted, [*judged.findings, *own])))

"""What a template accepts of its findings, with a reason: in the Metadata of an alarm, or of the whole template.

Metadata: {cwalarm: {accept: {single-datapoint: one missed backup is bad enough}}}
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cwalarm.errors import InputError
from cwalarm.lint.findings import Finding, finding
from cwalarm.lint.rules import RULES

_BY_OPTION = "allowed by --allow"


@dataclass(frozen=True, slots=True)
class Acceptances:
    """The reasons for which findings are accepted, by their rules."""

    of_template: Mapping[str, str]
    of_alarms: Mapping[str, Mapping[str, str]]
    allowed: frozenset[str]

    def reason(self, one: Finding) -> str | None:
        """Return why a finding is accepted; None if it is not."""
        own = self.of_alarms.get(one.logical_id, {})
        reason = own.get(one.rule.name) or self.of_template.get(one.rule.name)
        return reason or (_BY_OPTION if one.rule.name in self.allowed else None)


def read(template: Mapping[str, Any], allowed: Sequence[str]) -> Acceptances:
    """Return what a template and the option --allow accept; raise InputError for a rule of the option that is none."""
    for name in allowed:
        if name not in RULES:
            raise InputError(f"There is no rule {name}.", next_step=f"The rules are: {', '.join(RULES)}.")
    resources = template.get("Resources") or {}
    of_alarms = {key: _accepted(resource) for key, resource in resources.items() if isinstance(resource, dict)}
    return Acceptances(_accepted(template), of_alarms, frozenset(allowed))


def _accepted(holder: Mapping[str, Any]) -> dict[str, str]:
    metadata = holder.get("Metadata")
    own = metadata.get("cwalarm") if isinstance(metadata, dict) else None
    accepted = own.get("accept") if isinstance(own, dict) else None
    if not isinstance(accepted, dict):
        return {}
    return {str(rule): reason.strip() if isinstance(reason, str) else "" for rule, reason in accepted.items()}


def applied(acceptances: Acceptances, findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, each with the reason why it is accepted, if it is."""
    return [replace(one, accepted=acceptances.reason(one)) for one in findings]


def unused(acceptances: Acceptances, names: Mapping[str, str], findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield a finding for each acceptance without a finding or a reason; `names` has the alarms by logical id."""
    for logical_id, name in names.items():
        hit = {one.rule.name for one in findings if one.logical_id == logical_id}
        yield from _idle(name, acceptances.of_alarms.get(logical_id, {}), hit)
    yield from _idle("(template)", acceptances.of_template, {one.rule.name for one in findings})


def _idle(name: str, accepted: Mapping[str, str], hit: set[str]) -> Iterator[Finding]:
    for rule, reason in accepted.items():
        if rule not in hit:
            why = f"It accepts {rule}, which {'is not found here' if rule in RULES else 'is no rule'}."
            yield finding("unused-acceptance", name, why, "Remove the acceptance.")
        elif not reason:
            yield finding("unused-acceptance", name, f"It accepts {rule} without a reason.", "Write the reason.")

"""A definition -> all that hides its failures: the one list of rules, in the order of the file's states."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deliverywatch.pipeline.lint.caught import caught
from deliverywatch.pipeline.lint.findings import Finding
from deliverywatch.pipeline.lint.graph import scopes_of
from deliverywatch.pipeline.lint.machines import machines_of
from deliverywatch.pipeline.lint.tasks import tasks, unreached


def findings_of(definition: Mapping[str, Any], machine: str = "") -> list[Finding]:
    """Return the findings in one decoded definition, the errors first."""
    scopes = scopes_of(definition)
    is_limited = "TimeoutSeconds" in definition
    findings = [*caught(scopes), *unreached(scopes), *tasks(scopes, is_limited=is_limited)]
    return [replace(one, machine=machine) for one in sorted(findings, key=lambda one: one.severity)]


def findings_in(document: object) -> list[Finding]:
    """Return the findings of every state machine in a decoded definition or template."""
    return [one for machine in machines_of(document) for one in findings_of(machine.definition, machine.name)]

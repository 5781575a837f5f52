"""An alarm of a template -> what it means in words, and what the lint finds about it: data is played only once."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cwalarm.definitions.alarm import Alarm
from cwalarm.definitions.composites import Composite
from cwalarm.definitions.inventory import Inventory
from cwalarm.definitions.template import Resolver
from cwalarm.describe.behaviour import behaviour
from cwalarm.describe.explain import explain_composite, explain_measured
from cwalarm.describe.soundness import require_sound
from cwalarm.lint import acceptances, facts, lint, template_rules
from cwalarm.lint.findings import Finding


class Explained:
    """Explains the alarms of one template."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str], alarms: Inventory) -> None:
        self._facts = facts.read(Resolver(template, parameters), alarms)
        self._accepted = acceptances.read(template, ())

    def alarm(self, definition: Alarm | Composite) -> tuple[str, list[Finding]]:
        """Return the words and the findings that are not accepted; raise InputError if CloudWatch would refuse it."""
        if isinstance(definition, Composite):
            text, findings = explain_composite(definition), list(template_rules.composite(definition, self._facts))
        else:
            require_sound(definition)
            measured = behaviour(definition)
            text, findings = explain_measured(measured), lint.of_behaviour(measured, self._facts)[1]
        logical_id = self._facts.logical_ids.get(definition.name, "")
        own = [replace(one, logical_id=logical_id) for one in findings]
        return text, [one for one in own if self._accepted.reason(one) is None]

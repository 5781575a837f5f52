"""A composite alarm's definition -> plain words: when it calls, what holds its actions back, and on what it acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.engine.definitions import rule as rules
from deliverywatch.engine.describe.explain import duration, listed

if TYPE_CHECKING:
    from deliverywatch.engine.definitions.composites import Composite


def explain(composite: Composite) -> str:
    """Return what the composite means, in sentences."""
    begin = f"It is in ALARM while {_told(composite.rule)}, and OK otherwise."
    judged = "CloudWatch judges it when one of these alarms changes, not every minute."
    sentences = (begin, judged, _held_back(composite), _acts(composite))
    return f"{composite.name}: {' '.join(sentence for sentence in sentences if sentence)}"


def _told(rule: rules.Rule) -> str:
    match rule:
        case rules.Constant(value):
            return "always" if value else "never"
        case rules.Is(state, alarm):
            return f"{alarm} is in {state}"
        case rules.Not(inner):
            return _denied(inner)
        case rules.All(parts):
            return " and ".join(map(_bracketed, parts))
        case rules.Any(parts):
            return " or ".join(map(_bracketed, parts))
        case rules.AtLeast(count, state, is_negated, alarms):
            return f"at least {count} of {listed(list(alarms))} are {'not ' if is_negated else ''}in {state}"


def _denied(rule: rules.Rule) -> str:
    if isinstance(rule, rules.Is):
        return f"{rule.alarm} is not in {rule.state}"
    return f"it is not so that {_bracketed(rule)}"


def _bracketed(rule: rules.Rule) -> str:
    return f"({_told(rule)})" if isinstance(rule, (rules.All, rules.Any)) else _told(rule)


def _held_back(composite: Composite) -> str:
    if not composite.suppressor:
        return ""
    wait, extension = duration(composite.wait_seconds), duration(composite.extension_seconds)
    return (
        f"Its actions are held back while {composite.suppressor} is in ALARM, for {extension} after that, "
        f"and for {wait} after each change of its own."
    )


def _acts(composite: Composite) -> str:
    if not composite.actions_enabled:
        return "Its actions are switched off."
    counts = {
        "ALARM": composite.alarm_actions,
        "OK": composite.ok_actions,
        "INSUFFICIENT_DATA": composite.insufficient_data_actions,
    }
    named = [state for state, found in counts.items() if found]
    return f"It acts when it changes to {listed(named)}." if named else "It acts on nothing by itself."

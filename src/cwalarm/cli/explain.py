"""`cwalarm explain`: what the alarms of a template mean, in words, and which of them there are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import (
    counted,
    echo,
    json_option,
    one_line,
    pairs,
    print_json,
    settings_option,
    template_option,
    without_option,
    wrapped,
)
from cwalarm.errors import InputError

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Alarm
    from cwalarm.definitions.composites import Composite
    from cwalarm.definitions.inventory import Inventory
    from cwalarm.definitions.readings import Refused
    from cwalarm.lint.explained import Explained

_DEFINED, _ABSENT, _REFUSED = "defined", "absent", "refused"
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What is printed of one alarm."""

    alarm: str
    text: str
    warnings: Sequence[str] = ()
    status: str = _DEFINED


@click.command()
@click.argument("name", required=False)
@template_option
@settings_option
@without_option
@json_option
def explain(
    *, name: str | None, template: Path, settings: tuple[str, ...], without: tuple[str, ...], as_json: bool
) -> None:
    """Say what the alarm NAME means.

    What it watches, how fast it fires and recovers, what missing data does, and what `lint` finds: all of it comes from
    playing data to the evaluator. "In view" is how long it is in ALARM. NAME may be the end of the full name,
    such as sms-warning. Without it all alarms are explained: one behind a condition that does not hold is listed with
    the parameter that puts it into the stack, and one that cannot be read with the reason.

    \b
    JSON: [{"alarm": "full name", "text": "one paragraph", "warnings": [""],
            "status": "defined, absent or refused"}]
    Exit codes: 0 all explained, 2 there is none or one is refused.
    """  # noqa: D301 - click wants the control character
    from cwalarm.definitions import documents, inventory
    from cwalarm.lint.explained import Explained

    document, overrides = documents.read(template), pairs(settings)
    alarms = inventory.read(document, overrides, without)
    explained = Explained(document, overrides, alarms)
    one = None if name is None else alarms.one(name, template.name)
    meanings, refused = _meanings(alarms, explained) if one is None else ([_meaning(one, explained)], [])
    if as_json:
        print_json([{**asdict(meaning), "warnings": list(meaning.warnings)} for meaning in meanings])
    else:
        others = f"Its nested stacks have templates of their own: {', '.join(alarms.nested)}." if alarms.nested else ""
        paragraphs = [*map(_paragraph, meanings), *([others] if others and name is None else [])]
        echo("\n\n".join(wrapped(one_line(" ".join(text.split()))) for text in paragraphs))
    _require_all(alarms, refused, template.name, is_one=name is not None)


def _paragraph(meaning: _Meaning) -> str:
    return " ".join((meaning.text, *(f"Mind: {warning}" for warning in meaning.warnings)))


def _meanings(alarms: Inventory, explained: Explained) -> tuple[list[_Meaning], list[Refused]]:
    """Return what is printed of every alarm, those that are defined first, and which are refused."""
    from cwalarm.definitions.readings import Refused

    meanings: list[_Meaning] = []
    refused = list(alarms.refused)
    for definition in sorted(alarms.defined, key=lambda alarm: alarm.name):
        try:
            meanings.append(_meaning(definition, explained))
        except InputError as error:
            refused.append(Refused(definition.name, definition.name, error))
    return [*meanings, *_not_defined(alarms, refused)], refused


def _not_defined(alarms: Inventory, refused: Sequence[Refused]) -> Iterator[_Meaning]:
    for absent in alarms.absent:
        text = f"{absent.name}: not in the stack, because {absent.reason}. {absent.next_step}"
        yield _Meaning(absent.name, text, status=_ABSENT)
    for item in refused:
        yield _Meaning(item.name, f"{item.name}: not explained. {item.error} {item.error.next_step}", status=_REFUSED)


def _meaning(definition: Alarm | Composite, explained: Explained) -> _Meaning:
    """Return what an alarm or a composite means, and what the lint finds about it."""
    text, findings = explained.alarm(definition)
    return _Meaning(
        definition.name, text, [f"[{one.rule.name}] {one.sentence if one.counts else one.why}" for one in findings]
    )


def _require_all(alarms: Inventory, refused: Sequence[Refused], template: str, *, is_one: bool) -> None:
    """Raise InputError if alarms were asked for and some, or all, are not explained."""
    from cwalarm.definitions.readings import missing_parameters
    from cwalarm.definitions.template_parameters import ParametersMissing, options

    if is_one or not refused:
        alarms.require_some(template)
        return
    if len(refused) == 1:
        raise refused[0].error
    names = missing_parameters(refused)
    others = [item.logical_id for item in refused if not isinstance(item.error, ParametersMissing)]
    steps = [f"Add {options(names)} with values." if names else "", _leave_out(others)]
    raise InputError(
        f"{counted(len(refused), 'alarm')} of {template} could not be explained.",
        next_step=" ".join(filter(None, steps)),
    )


def _leave_out(logical_ids: Sequence[str]) -> str:
    if not logical_ids:
        return ""
    named = " ".join(f"--without {logical_id}" for logical_id in logical_ids[:_MOST_NAMED])
    more = f" and {len(logical_ids) - _MOST_NAMED} more" if len(logical_ids) > _MOST_NAMED else ""
    return f"Leave out {named}{more}."

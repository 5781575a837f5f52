"""A section of a template with `Fn::ForEach` -> the section with what the loops make of it.

Follows "Fn::ForEach" of the CloudFormation template reference (AWS::LanguageExtensions).
"""

from collections.abc import Callable, Mapping
from typing import Any

from cwalarm.definitions import sam
from cwalarm.errors import InputError

PREFIX = "Fn::ForEach::"
TRANSFORM = "AWS::LanguageExtensions"
# CloudFormation allows 500 resources; loops in loops, a few lines long, make millions.
_MOST_MADE = 10_000


def require_transform(template: Mapping[str, Any]) -> None:
    """Raise InputError if a template has loops but not the transform that expands them."""
    sections = (template.get(section) or {} for section in ("Resources", "Conditions"))
    is_looped = any(str(name).startswith(PREFIX) for section in sections for name in section)
    if is_looped and TRANSFORM not in sam.transforms(template):
        raise InputError(
            f"The template has loops, which CloudFormation refuses without the transform {TRANSFORM}.",
            next_step=f"Add `Transform: {TRANSFORM}`.",
        )


def expand(
    section: Mapping[str, Any], resolve: Callable[[Any], Any], refused: dict[str, InputError] | None = None
) -> dict[str, Any]:
    """Return a mapping with every loop in it replaced by what it makes, loops within loops too.

    A loop that cannot be expanded raises InputError, or is added to `refused` by its key.
    """
    made: dict[str, Any] = {}
    for key, value in section.items():
        if not str(key).startswith(PREFIX):
            made[key] = value
            continue
        try:
            _add(made, _rounds(key, value, resolve), key)
        except InputError as error:
            if refused is None:
                raise
            refused[key] = error
    return made


def _rounds(key: str, loop: Any, resolve: Callable[[Any], Any]) -> dict[str, Any]:
    name = key.removeprefix(PREFIX)
    if not isinstance(loop, list) or len(loop) != 3 or not isinstance(loop[0], str) or not isinstance(loop[2], dict):
        raise InputError(f"{key} is not an identifier, a collection and an output.", next_step="Correct the template.")
    identifier, collection, output = loop
    items = resolve(collection)
    items = items.split(",") if isinstance(items, str) else items
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise InputError(f"The collection of loop {name} is no list of texts.", next_step="Correct the template.")
    made: dict[str, Any] = {}
    for item in items:
        _add(made, expand(_replaced(output, identifier, item), resolve), key)
    return made


def _add(made: dict[str, Any], more: Mapping[str, Any], key: str) -> None:
    """Add what a loop makes, or raise InputError where it would replace something without a word."""
    if twice := [name for name in more if name in made]:
        raise InputError(
            f"{key} makes {twice[0]} although there is one already.",
            next_step="Write the loop's variable into the name, so that each round makes another one.",
        )
    made.update(more)
    if len(made) > _MOST_MADE:
        problem = f"{key} makes more than {_MOST_MADE:,} entries, and CloudFormation allows 500 resources."
        raise InputError(problem, next_step="Give shorter collections.")


def _replaced(value: Any, identifier: str, item: str) -> Any:
    """Return a value with the loop's variable replaced: `${Name}`, `&{Name}` (letters and digits only) and its Ref."""
    if isinstance(value, str):
        alphanumeric = "".join(letter for letter in item if letter.isalnum())
        return value.replace(f"${{{identifier}}}", item).replace(f"&{{{identifier}}}", alphanumeric)
    if isinstance(value, list):
        return [_replaced(part, identifier, item) for part in value]
    if not isinstance(value, dict):
        return value
    if value == {"Ref": identifier}:
        return item
    return {_replaced(key, identifier, item): _replaced(part, identifier, item) for key, part in value.items()}

"""`cwalarm explain`: what the alarms of a template mean, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cwalarm.cli.terminal import (
    json_option,
    pairs,
    print_json,
    settings_option,
    template_option,
    without_option,
    wrapped,
)


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

    What it watches, how fast it fires and recovers, and what missing data does. NAME may be the end of the full name,
    such as sms-warning. Without it all alarms are explained.

    JSON: [{"alarm": "full name", "text": "one paragraph", "warnings": [""]}]
    """
    from cwalarm.unit_tests.case_run import named

    explained = _explained(template, pairs(settings), without)
    chosen = sorted(explained) if name is None else [named(name, explained, f" of {template.name}")]
    meanings = [(alarm, *explained[alarm]) for alarm in chosen]
    if as_json:
        print_json([{"alarm": alarm, "text": text, "warnings": warnings} for alarm, text, warnings in meanings])
        return
    paragraphs = [" ".join((text, *(f"Mind: {warning}" for warning in warnings))) for _, text, warnings in meanings]
    click.echo("\n\n".join(map(wrapped, paragraphs)) or f"{template.name} has no alarm.")


def _explained(template: Path, overrides: dict[str, str], without: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    """Return by name what each alarm and each composite means, and what is easily overlooked about it."""
    from cwalarm.definitions import alarm, composites, documents
    from cwalarm.describe import explain as words
    from cwalarm.describe import lint

    document = documents.read(template)
    explained: dict[str, tuple[str, list[str]]] = {}
    for definition in alarm.from_template(document, overrides, without):
        lint.require_sound(definition)
        explained[definition.name] = (words.explain(definition), lint.warnings(definition))
    for composite in composites.from_template(document, overrides, without):
        explained[composite.name] = (words.explain_composite(composite), [])
    return explained

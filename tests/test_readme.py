"""The README tells the truth about the template: every parameter with its default, and nothing that does not exist."""

import re
from pathlib import Path
from typing import Any

import stacks
from deliverywatch import errors

README = (Path(__file__).parents[1] / "README.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", README, re.MULTILINE))


def parameters() -> dict[str, Any]:
    template: dict[str, Any] = stacks.template(stacks.chosen(["sms"]), "arm64", "0").to_dict()
    return dict(template["Parameters"])


def test_every_parameter_stands_in_the_table_with_its_default() -> None:
    defaults = {name: parameter.get("Default", "required") or "none" for name, parameter in parameters().items()}
    assert {name: default for name, default in ROWS.items() if name in defaults} == defaults


def test_the_deploy_command_gives_every_parameter_that_has_no_default() -> None:
    required = [name for name, parameter in parameters().items() if "Default" not in parameter]
    deploy = README.partition("aws cloudformation deploy")[2].partition("```")[0]
    assert all(f"{name}=" in deploy for name in required)


def test_a_link_to_a_picture_leads_somewhere() -> None:
    pictures = re.findall(r"!\[[^]]*\]\((\.github/[^)]+)\)", README)
    assert pictures
    assert all((Path(__file__).parents[1] / picture).exists() for picture in pictures)


def error_rows(above: type[errors.DeliveryWatchError] = errors.DeliveryWatchError) -> list[str]:
    """One row per error that can be raised, in the order of the tree."""
    found = []
    for error in above.__subclasses__():
        # A room may have a kind of its own of one of these; it says more, and stands nowhere else.
        if error.__module__ == errors.__name__ and error not in (errors.Retryable, errors.Rejected):
            found.append(f"| `{error.kind}` | {(error.__doc__ or '').splitlines()[0]} | {error.next_step} |")
        found += error_rows(error)
    return found


def test_every_error_stands_in_the_table_with_what_to_do() -> None:
    table = README.partition("| kind | what happened | what to do |\n|---|---|---|\n")[2].partition("\n\n")[0]
    assert table.splitlines() == error_rows()

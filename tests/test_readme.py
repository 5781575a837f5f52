"""The README tells the truth about the template: every parameter with its default, and nothing that does not exist."""

import re
from pathlib import Path
from typing import Any

import stacks

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

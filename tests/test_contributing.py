"""CONTRIBUTING leads to files that exist, and lists that one extends by hand say what they lack."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

import stacks
from blocks.alarms import Severity
from cwalarm.definitions import alarm as definition
from cwalarm.evaluation import message, statistic
from deliverywatch.alerting.inputs import alarm as alarm_message
from deliverywatch.cli.route import _LEVELS as ROUTE_OPTIONS
from deliverywatch.cli.test_fire import test_fire as fire
from deliverywatch.messages.level import Level
from deliverywatch.operate.incidents.route import LEVELS as ROUTES

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / ".github/CONTRIBUTING.md").read_text()
# With "new" before it, only the folder that the path would lie in is there already.
PATHS = re.findall(r"(new )?`((?:src|cfn|tests|scripts|\.github)/[^`\s]+)`", TEXT)
# Files beside one that is named.
NAMES = re.findall(r"`(\w+\.(?:py|md|toml))`", TEXT.partition("## Recipes")[2])
LEVELS = {level.value for level in Level}
# An alarm that belongs to no watch has the level alarm: nobody declares it.
DECLARED = LEVELS - {"alarm"}
STATUS = ROOT / "src/deliverywatch/operate/incidents/status.schema.json"
PAGE = ROOT / "src/deliverywatch/local/demo/page.html.j2"


@pytest.mark.parametrize(("is_new", "path"), dict.fromkeys(PATHS), ids=lambda part: part.strip() or "-")
def test_a_path_that_is_named_exists(is_new: str, path: str) -> None:
    if is_new:
        assert not (ROOT / path).exists(), f"{path} exists now: CONTRIBUTING calls it new"
        path = str(Path(path).parent)
        assert (ROOT / path).exists() or path.rstrip("/") in {named.rstrip("/") for new, named in PATHS if new}
    else:
        assert list(ROOT.glob(path)), f"CONTRIBUTING names {path}, which does not exist"


def test_a_file_that_is_named_without_its_folder_is_somewhere_in_the_repository() -> None:
    known = {path.name for top in ("src", "cfn", "tests") for path in (ROOT / top).rglob("*.*")}
    assert set(NAMES) - known <= {"README.md", "pyproject.toml", "handle_run.py", "run.py"}


def test_twelve_recipes_each_say_what_turns_red() -> None:
    recipes = re.split(r"^### \d+\. ", TEXT, flags=re.MULTILINE)[1:]
    assert len(recipes) == 12
    assert all(re.search(r"^Red\b", recipe, re.MULTILINE) for recipe in recipes)


def of_schema(path: Path) -> Any:
    levels = re.search(r'"level": \{"enum": (\[[^]]+\])\}', path.read_text(encoding="utf-8"))
    return json.loads(levels[1]) if levels else []


@pytest.mark.parametrize(
    ("place", "levels", "wanted"),
    [
        ("cfn/blocks/alarms.py, Severity", get_args(Severity), DECLARED),
        ("src/deliverywatch/operate/incidents/route.py, LEVELS", [level.value for level in ROUTES], LEVELS - {"ok"}),
        ("src/deliverywatch/cli/route.py, _LEVELS", ROUTE_OPTIONS, LEVELS - {"ok"}),
        (
            "src/deliverywatch/cli/test_fire.py, --level",
            next(option.type.choices for option in fire.params if option.name == "level"),  # type: ignore[attr-defined]
            DECLARED - {"ok"},
        ),
        ("src/deliverywatch/operate/incidents/status.schema.json, level", of_schema(STATUS), LEVELS),
        (
            "src/deliverywatch/local/demo/page.html.j2, the words that have a colour",
            [word for level in Level if (word := level.value) and f'"{word.upper()}"' in PAGE.read_text()],
            DECLARED - {"ok"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_list_of_levels_is_complete(place: str, levels: list[str], wanted: set[str]) -> None:
    assert set(levels) == wanted, f"{place}: add {sorted(wanted - set(levels))}, remove {sorted(set(levels) - wanted)}"


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("src/cwalarm/definitions/alarm.py, _STANDARD_STATISTICS", definition._STANDARD_STATISTICS),
        ("src/cwalarm/evaluation/message.py, _CAPITALS", set(message._CAPITALS)),
        ("src/deliverywatch/alerting/inputs/alarm.py, _STATISTICS", set(alarm_message._STATISTICS.values())),
    ],
)
def test_a_plain_statistic_is_known_where_alarms_are_read_and_written(place: str, names: set[str]) -> None:
    wanted = set(statistic._STANDARD)
    assert names == wanted, f"{place}: add {sorted(wanted - names)}, remove {sorted(names - wanted)}"


@pytest.mark.parametrize("system", stacks.SYSTEMS)
def test_the_template_of_a_system_was_reviewed(system: str) -> None:
    assert (ROOT / f"tests/templates/{system}.json").exists(), f"write a template test of {system} with a golden"

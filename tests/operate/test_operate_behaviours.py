"""The list of what is not proven: kept current, and every line of it leads to code, tests and a proof that exist.

DELIVERYWATCH_UPDATE_GOLDEN=1 .venv/bin/pytest tests/operate/test_operate_behaviours.py writes the page anew.
"""

import ast
import os
from pathlib import Path

import pytest

from deliverywatch.operate.proofs.behaviour import Behaviour, Evidence
from deliverywatch.operate.proofs.behaviours import BEHAVIOURS
from deliverywatch.operate.proofs.page import page
from deliverywatch.operate.proofs.prove import PROOFS

ROOT = Path(__file__).parents[2]
CLOUD = ROOT / "src/deliverywatch/local/cloud"
PAGE = ROOT / ".github/PROOFS.md"


def functions_in(path: Path) -> set[str]:
    return {
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=[one.name for one in BEHAVIOURS])
def test_every_behaviour_has_code_that_relies_on_it_and_tests_that_pin_it(behaviour: Behaviour) -> None:
    assert (ROOT / "src" / behaviour.code).is_file()
    assert (CLOUD / behaviour.local).exists()
    assert behaviour.tests
    for test in behaviour.tests:
        file, _, name = test.partition("::")
        assert name in functions_in(ROOT / "tests" / file), test


def test_whatever_the_local_cloud_puts_into_its_emulator_plays_a_behaviour_that_is_listed() -> None:
    bridges = {path for path in CLOUD.rglob("*.py") if "install" in functions_in(path)}
    assert {path.relative_to(CLOUD).as_posix() for path in bridges} <= {one.local for one in BEHAVIOURS}


def test_what_is_documented_or_recorded_names_where() -> None:
    assert all("aws.amazon.com/" in one.source for one in BEHAVIOURS if one.evidence is Evidence.DOCUMENTED)
    assert all("github.com/" in one.source for one in BEHAVIOURS if one.evidence is Evidence.RECORDED)


def test_every_proof_is_of_a_behaviour_that_is_listed_once() -> None:
    names = [one.name for one in BEHAVIOURS]
    assert len(names) == len(set(names))
    assert {name for proof in PROOFS for name in proof.behaviours} <= set(names)


def test_the_page_is_that_of_the_table() -> None:
    made = page(BEHAVIOURS, [(proof.name, proof.behaviours) for proof in PROOFS])
    if os.environ.get("DELIVERYWATCH_UPDATE_GOLDEN"):
        PAGE.write_text(made)
    assert PAGE.read_text() == made


def test_the_readme_leads_to_the_page() -> None:
    assert "(.github/PROOFS.md)" in (ROOT / "README.md").read_text()

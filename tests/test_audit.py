"""The audit of scripts/check: what it lets through, what it does not, and that every exception has its reason."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CONFIG = (ROOT / ".checkov.yaml").read_text()


@pytest.fixture(scope="module")
def audit() -> Any:
    import sys

    # As a program has it: what lies beside it can be imported.
    sys.path.append(str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("audit", ROOT / "scripts/audit.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


def report(*failures: tuple[str, str]) -> dict[str, Any]:
    failed = [{"check_id": check, "check_name": "Ensure it", "resource": resource} for check, resource in failures]
    return {"results": {"failed_checks": failed}}


def test_a_finding_that_nobody_excepted_is_a_problem(audit: Any) -> None:
    findings = audit.findings([report(("CKV_AWS_1", "A"), ("CKV_AWS_2", "B")), report(("CKV_AWS_1", "A"))])
    assert audit.problems_of(findings, {"CKV_AWS_2"}) == ["CKV_AWS_1 A: Ensure it"]


def test_an_exception_that_nothing_needs_is_a_problem(audit: Any) -> None:
    findings = audit.findings(report(("CKV_AWS_2", "B")))
    assert audit.problems_of(findings, {"CKV_AWS_2", "CKV_AWS_3"}) == [
        "CKV_AWS_3 is excepted in .checkov.yaml, and nothing needs it."
    ]


def test_every_exception_has_its_reason(audit: Any) -> None:
    assert len(audit.exceptions(CONFIG)) > 5
    skipped = CONFIG.partition("skip-check:")[2]
    explained = re.findall(r"# [^\n]{30,}\n(?: +#[^\n]*\n)* +- (CKV\w+)", skipped)
    assert set(explained) == audit.exceptions(CONFIG)


def test_a_known_vulnerability_names_the_version_that_fixes_it_and_unknown_packages_are_counted(audit: Any) -> None:
    packages = [
        {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]},
        {"name": "b", "version": "1", "vulns": []},
        {"name": "c", "skip_reason": "not found"},
    ]
    assert audit.vulnerable({"dependencies": packages}) == (["a 1: CVE-1, fixed in 2"], 1, 3)

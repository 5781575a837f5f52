"""The fixture `alarm`, in a run of pytest of its own, as a stranger's project would have it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from test_cwalarm_cli import TEMPLATE

import cwalarm

TESTS = """
import pytest


def test_passes(alarm):
    errors = alarm("errors", "template.yaml").given("0x6 4x3 0x3")
    errors.becomes("OK", at="7m").becomes("ALARM", at="8m").becomes("OK", at="12m")
    assert errors.changes() == [("0m", "OK"), ("8m", "ALARM"), ("12m", "OK")]


def test_passes_where_it_never_rises(alarm):
    alarm("errors", "template.yaml").given("3x9", interval="5m").never("ALARM")


def test_passes_for_a_composite(alarm):
    alarm("both", "template.yaml").given(Errors="4x9", Duration="0x4 1000x5").becomes("ALARM", at="6m")


def test_fails_with_the_periods(alarm):
    alarm("errors", "template.yaml").given("0x6 4x3").becomes("OK", at="8m")


def test_fails_with_what_puts_it_into_the_stack(alarm):
    alarm("quiet", "template.yaml")


def test_fails_where_it_rises(alarm):
    alarm("errors", "template.yaml").given("0 4").never("ALARM")
"""


def pytest_in(folder: Path) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "cwalarm.pytest_plugin", "-p", "no:cacheprovider"]
    run = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout


def test_it_passes_and_fails_a_test_with_what_the_alarm_saw(tmp_path: Path) -> None:
    quiet = TEMPLATE.partition("Errors:")[2].partition("  Slow:")[0].replace("errors", "quiet")
    conditional = f"  Quiet:\n    Condition: IsProd{quiet}Parameters: {{Stage: {{Type: String, Default: CODE}}}}\n"
    conditions = "Conditions: {IsProd: !Equals [!Ref Stage, PROD]}\n"
    (tmp_path / "template.yaml").write_text(TEMPLATE + conditional + conditions)
    (tmp_path / "test_alarms.py").write_text(TESTS)
    output = pytest_in(tmp_path)
    assert "3 failed, 3 passed" in output
    assert "errors at 8m: expected OK, was ALARM" in output
    assert "errors was ALARM at 2m." in output
    assert "quiet is not in the stack" in output
    assert "--set Stage=PROD puts it there." in output


def test_the_test_of_the_readme_passes_beside_the_examples(tmp_path: Path) -> None:
    package = Path(cwalarm.__file__).parent
    (example,) = re.findall(r"```python\n(.*?)```", (package / "README.md").read_text(), re.DOTALL)
    (tmp_path / "test_alarms.py").write_text(example)
    shutil.copy(package / "examples/sparse_errors.yaml", tmp_path)
    assert "1 passed" in pytest_in(tmp_path)

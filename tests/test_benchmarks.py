"""What `scripts/bench` prints says itself which limits it missed, and measures the memory of the right process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "scripts/benchmarks"
MEGABYTE = 2**20
# What a parent holds that a child must not be blamed for.
FAT_BYTES = 300 * MEGABYTE


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import measure

    return measure


def peak_of_a_child(code: str) -> int:
    parent = (
        f"import subprocess, sys; held = bytearray(b'x') * {FAT_BYTES}; "
        "print(subprocess.run([sys.executable, '-c', sys.argv[1]], capture_output=True, text=True, check=True).stdout)"
    )
    code = f"import sys; sys.path.append({str(BENCHMARKS)!r}); {code}; from peak import peak_bytes; print(peak_bytes())"
    return int(subprocess.run([sys.executable, "-c", parent, code], capture_output=True, text=True, check=True).stdout)


def test_the_peak_of_a_process_is_not_its_parents() -> None:
    assert peak_of_a_child("pass") < FAT_BYTES / 2


def test_what_a_process_held_for_a_moment_counts() -> None:
    peak = peak_of_a_child(f"held = bytearray(b'x') * {200 * MEGABYTE}; del held")
    assert 200 * MEGABYTE < peak < FAT_BYTES


@pytest.mark.parametrize("path", [*BENCHMARKS.glob("*.py")], ids=lambda path: path.stem)
def test_no_benchmark_measures_with_the_number_that_a_child_inherits(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert path.stem == "peak" or not [line for line in lines if "maxrss" in line]


def test_a_line_that_misses_its_limit_says_so(measure: Any) -> None:
    figures = [measure.Figure("memory", "300 MB", "200 MB, the limit", 1.5, is_met=met) for met in (True, False, None)]
    assert [figure.line().endswith("| MISSED") for figure in figures] == [False, True, False]


def test_the_last_line_has_the_number_of_misses(measure: Any) -> None:
    figures = [measure.Figure("memory", "", "", 1.0, is_met=met) for met in (True, False, None, False)]
    assert measure.summary(figures) == "2 MISSED of 3 figures with a limit; 4 figures in all"

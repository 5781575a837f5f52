"""What every benchmark is made of: a figure, two ways timed in turn, a process of its own, and what a zip ships."""

import gc
import importlib.metadata
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "cfn"))


class Figure(NamedTuple):
    """One line of the benchmark; ratio is ours to the reference, `is_met` whether its limit holds if it has one."""

    figure: str
    ours: str
    reference: str
    ratio: float
    is_met: bool | None = None

    def line(self) -> str:
        """Return it as it is printed."""
        line = f"{self.figure:50} | {self.ours:>12} | {self.ratio:6.2f} | {self.reference}"
        return f"{line} | MISSED" if self.is_met is False else line


def summary(figures: Sequence[Figure]) -> str:
    """Return the last line of a run: how many of the figures that have a limit missed it."""
    limited = [figure.is_met for figure in figures if figure.is_met is not None]
    return f"{limited.count(False)} MISSED of {len(limited)} figures with a limit; {len(figures)} figures in all"


def in_turns(
    *ways: Callable[[], Any], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """Return the seconds of each way in each round; they take turns, so that a busy machine slows all of them."""
    took: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, seconds in zip(ways, took, strict=True):
            gc.collect()
            began = clock()
            way()
            seconds.append(clock() - began)
    return took


def medians(*ways: Callable[[], Any], rounds: int, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Return the median of the seconds of each way."""
    return [statistics.median(seconds) for seconds in in_turns(*ways, rounds=rounds, clock=clock)]


def python(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run a fresh Python and return what it prints; its errors end the benchmark."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env=env, encoding="utf-8"
    )
    if done.returncode:
        raise SystemExit(f"The process of the benchmark failed:\n{done.stderr}")
    return done.stdout


def ship(folder: Path, names: Sequence[str], runtime: Sequence[str] = ()) -> None:
    """Put into a folder what a function's zip holds beside our own code, and what that needs.

    Args:
        folder: An empty one.
        names: Of the packages that the function imports.
        runtime: Of those that Lambda brings.
    """
    from bundling.packages import closure

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for name in {*closure(names, "x86_64", version), *runtime}:
        for top in {Path(file).parts[0] for file in importlib.metadata.files(name) or ()} - {".."}:
            installed = Path(str(importlib.metadata.distribution(name).locate_file(top)))
            if installed.exists() and not (folder / top).exists():
                (folder / top).symlink_to(installed)

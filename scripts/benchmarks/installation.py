"""What a checkout installs for a demo, beside what the tests need as well: megabytes and seconds from a warm cache."""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from measure import ROOT, Figure

sys.path.append(str(ROOT / "scripts"))
import environment

LIMIT_MB = 450
LIMIT_SECONDS = 30


def figures() -> Iterator[Figure]:
    """Install both environments twice, the second time from the cache, and name what weighs most in the smaller one."""
    demo, tests = [ROOT / environment.LOCK], [ROOT / environment.LOCK, ROOT / environment.TESTS_LOCK]
    _installed(tests)
    (demo_mb, demo_seconds, heaviest), (tests_mb, tests_seconds, _) = (_installed(locks) for locks in (demo, tests))
    yield Figure(
        "the demo's environment",
        f"{demo_mb:.0f} MB",
        f"{tests_mb:.0f} MB with the tests; at most {LIMIT_MB}",
        demo_mb / tests_mb,
        demo_mb <= LIMIT_MB,
    )
    yield Figure(
        "... installed from a warm cache",
        f"{demo_seconds:.1f} s",
        f"{tests_seconds:.1f} s with the tests; at most {LIMIT_SECONDS}",
        demo_seconds / tests_seconds,
        demo_seconds <= LIMIT_SECONDS,
    )
    named = ", ".join(f"{name} {size:.0f}" for name, size in heaviest)
    yield Figure("... what weighs most", f"{heaviest[0][1]:.0f} MB", f"MB: {named}", heaviest[0][1] / demo_mb)


def _installed(locks: Sequence[Path]) -> tuple[float, float, list[tuple[str, float]]]:
    """Install into a new folder; return its megabytes, the seconds, and the six heaviest parts."""
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        environment.make(Path(name) / "venv")
        environment.install(Path(name) / "venv", locks)
        seconds = time.perf_counter() - began
        [packages] = Path(name).glob("venv/lib/python*/site-packages")
        sizes = sorted(((part.name, _megabytes(part)) for part in packages.iterdir()), key=lambda part: -part[1])
        return _megabytes(Path(name)), seconds, [(part.partition(".")[0], size) for part, size in sizes[:6]]


def _megabytes(path: Path) -> float:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    return sum(file.stat().st_size for file in files) / 1e6

"""The packages that a function names -> those and all that they need, as locked, for Lambda's Python and processor.

Versions and hashes come from requirements.lock, what needs what from the installed packages' own metadata; pip fetches
wheels for the other platform and checks their hashes (pip.pypa.io/en/stable/topics/secure-installs/).
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from blocks.parts import RUNTIME
from deliverywatch.errors import ConfigurationError

PYTHON = RUNTIME.removeprefix("python")
# In the runtime already; ours would only make the zip larger.
IN_THE_RUNTIME = frozenset({"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six"})
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# Wheels say the oldest glibc that they run on; Lambda's Amazon Linux 2023 has 2.34.
_GLIBC_MINORS = range(17, 35)


def closure(names: Iterable[str], architecture: str, python: str = PYTHON) -> list[str]:
    """Return these packages and all that they need in Lambda, sorted, without what is in the runtime.

    Raises ConfigurationError if one is not installed, so that nobody can say what it needs.
    """
    waiting: list[str] = [canonicalize_name(name) for name in names]
    needed = set[str]()
    while waiting:
        name = waiting.pop()
        if name not in needed and name not in IN_THE_RUNTIME:
            needed.add(name)
            waiting += _needed(name, architecture, python)
    return sorted(needed)


def _needed(name: str, architecture: str, python: str) -> list[str]:
    # Markers are judged for Lambda, not for the Python that builds.
    markers = {
        "extra": "",
        "platform_machine": _MACHINES[architecture],
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    try:
        requirements = [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError as error:
        raise ConfigurationError(
            f"The package {name} is not installed here, so what it needs is not known.",
            next_step="Run scripts/setup and build with .venv/bin/python.",
        ) from error
    return [
        canonicalize_name(wheel.name) for wheel in requirements if not wheel.marker or wheel.marker.evaluate(markers)
    ]


def locked(lock: str, names: Sequence[str]) -> str:
    """Return the lines of a lock file that pin these packages, without markers: they are judged already.

    Raises ConfigurationError if it does not pin one of them.
    """
    blocks: dict[str, str] = {
        canonicalize_name(block.split("==")[0]): block for block in re.split(r"\n(?=\S)", lock.strip())
    }
    missing = [name for name in names if name not in blocks]
    if missing:
        raise ConfigurationError(
            f"requirements.lock does not pin {', '.join(missing)}.", next_step="Run scripts/lock and build again."
        )
    return "\n".join(re.sub(r" ; [^\\\n]*", " ", blocks[name]) for name in names) + "\n"


def install(requirements: Path, architecture: str, target: Path) -> None:
    """Download and unpack the wheels of a requirements file for Lambda, or raise ConfigurationError."""
    platforms = [f"manylinux_2_{minor}_{_MACHINES[architecture]}" for minor in reversed(_GLIBC_MINORS)]
    platforms.append(f"manylinux2014_{_MACHINES[architecture]}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", f"--python-version={PYTHON}"]
    command += [f"--platform={platform}" for platform in platforms]
    result = _run([*command, "--target", str(target), "--requirement", str(requirements)])
    if result.returncode:
        raise ConfigurationError(
            f"pip could not get the packages to ship: {_reason(result.stderr)}",
            next_step="Check that the package index can be reached, or build without packages: --bundle none.",
        )


def compile_bytecode(root: Path, python: str) -> None:
    """Compile everything in a folder, which will be `/var/task` in Lambda; only this version of Python can use it.

    Lambda cannot write bytecode beside the code, so without it each cold start compiles anew: 2.1 times as long.
    Raises ConfigurationError if a file cannot be compiled.
    """
    # Unchecked, because unzipping changes the files' times; the paths are those in Lambda.
    options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/var/task"]
    result = _run([python, "-m", "compileall", *options, str(root)])
    if result.returncode:
        raise ConfigurationError(
            f"Python cannot compile what is to be shipped: {' '.join(result.stdout.split())[:300]}",
            next_step="Correct the file, or lock another version of the package it is in.",
        )


def lambda_python() -> str | None:
    """Return an interpreter of Lambda's Python, or none if this machine has none."""
    is_this = f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON
    candidates = [sys.executable] if is_this else [shutil.which(f"python{PYTHON}"), *_managed()]
    # A shim of a version manager may be there without the version.
    return next((python for python in candidates if python and not _run([python, "-c", ""]).returncode), None)


def _managed() -> list[str]:
    """Return the Pythons of Lambda's version that pyenv and uv keep where no PATH leads."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local/share/uv/python")
    homes = [*pyenv.glob(f"versions/{PYTHON}*"), *uv.glob(f"cpython-{PYTHON}*")]
    return [str(home / f"bin/python{PYTHON}") for home in sorted(homes) if (home / "bin").exists()]


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # A fixed seed: sets in bytecode would otherwise stand in another order on each build.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(
        command, capture_output=True, check=False, env=environment, encoding="utf-8", errors="replace"
    )


def _reason(stderr: str) -> str:
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR: ")]
    return (errors or stderr.strip().splitlines() or ["it gave no reason."])[-1]

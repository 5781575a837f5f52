#!/usr/bin/env python3
"""Makes .venv with exactly the locked packages and this project; scripts/setup finds the Python that runs it.

    environment.py                    what the product, the build and the demo need
    environment.py tests              that, and what the tests and the checks need
    environment.py besides A B        prints what lock file B has and A has not; for scripts/lock

Uses uv where it is installed, and pip elsewhere. Bytecode is left to the first import: nothing reads most of it.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = "requirements.lock"
TESTS_LOCK = "tests/requirements.lock"
_PIP_OPTIONS = ("--quiet", "--disable-pip-version-check", "--no-compile")
# What somebody may have set for other environments: with it, packages go elsewhere, or are others, or seem to be there.
_NOT_FOR_US = ("PIP_CONSTRAINT", "PIP_DRY_RUN", "PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PYTHONPATH", "PYTHONWARNINGS")


class NotInstalled(Exception):
    """The packages are not there; the message says what to do."""


def prepare(root: Path, *, with_tests: bool) -> None:
    """Bring the .venv of a checkout up to date; the packages of the tests stay once they are installed.

    Raises:
        NotInstalled: A package or the environment itself cannot be had.
    """
    python, stamp = root / ".venv/bin/python", root / ".venv/installed"
    before = stamp.read_text(encoding="utf-8").splitlines() if stamp.exists() else []
    base = [sys.version, _line(root, LOCK)]
    is_kept = python.exists() and _is_at_home(root / ".venv") and all(line in before for line in base)
    locks = [LOCK]
    if with_tests or any(line.startswith(TESTS_LOCK) for line in before):
        locks.append(TESTS_LOCK)
    lines = [*base, *(_line(root, lock) for lock in locks[1:]), _line(root, "pyproject.toml")]
    if is_kept and set(lines) <= set(before):
        return
    stamp.unlink(missing_ok=True)
    if not is_kept:
        make(root / ".venv")
    if not is_kept or (len(locks) > 1 and lines[2] not in before):
        print(f"Installing the packages of {' and '.join(locks)} into .venv, once ...", file=sys.stderr)
        install(root / ".venv", [root / lock for lock in locks])
    _run([*_installer(root / ".venv"), "--no-deps", "--no-build-isolation", "--editable", str(root)])
    stamp.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _is_at_home(folder: Path) -> bool:
    """Return whether an environment lies where it was made: its commands name that place, and end when it is moved."""
    pip = folder / "bin/pip"
    return pip.exists() and str(folder.resolve()) in pip.read_text(encoding="utf-8")


def _line(root: Path, name: str) -> str:
    return f"{name} {hashlib.sha256((root / name).read_bytes()).hexdigest()}"


def make(folder: Path) -> None:
    """Make an empty environment of this Python, with pip, which `cfn/build.py` uses."""
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    if uv:
        _run([uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(folder)])
    else:
        _run([sys.executable, "-m", "venv", str(folder)], "On Debian and Ubuntu install python3-venv. ")


def install(folder: Path, locks: Sequence[Path]) -> None:
    """Install what lock files name into an environment, each package only with one of its hashes."""
    named = [part for lock in locks for part in ("-r", str(lock))]
    _run([*_installer(folder), "--require-hashes", *named])


def _installer(folder: Path) -> list[str]:
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python")]
    return [str(folder / "bin/python"), "-m", "pip", "install", *_PIP_OPTIONS]


def _run(command: Sequence[str], advice: str = "") -> None:
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_US}
    if subprocess.run(command, env={**kept, "PIP_USER": "0"}, check=False).returncode:
        raise NotInstalled(
            f"{' '.join(command[:4])} ... failed; the reason is above. {advice}The packages come from a package index: "
            "check that it can be reached (PIP_INDEX_URL or UV_INDEX_URL name another), and run the same again."
        )


def besides(first: str, second: str) -> str:
    """Return the requirements of the second lock file whose package the first does not have."""
    names = {_name(block) for block in _requirements(first)}
    return "".join(f"{block}\n" for block in _requirements(second) if _name(block) not in names)


def _requirements(lock: str) -> list[str]:
    """Return the requirements of a lock file, each with its continued lines."""
    return [block for block in re.split(r"\n(?=\S)", lock.strip()) if block]


def _name(block: str) -> str:
    return block.partition("==")[0]


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code."""
    if os.name == "nt":
        print("DeliveryWatch runs on Linux, macOS and in Windows' WSL: run `wsl --install` first.", file=sys.stderr)
        return 1
    match list(arguments):
        case [] | ["tests"]:
            try:
                prepare(ROOT, with_tests=bool(arguments))
            except NotInstalled as error:
                print(error, file=sys.stderr)
                return 1
            except OSError as error:
                print(
                    f"{error}. The checkout has to be yours, with 0.5 GB free: mend that, and run the same again.",
                    file=sys.stderr,
                )
                return 1
        case ["besides", first, second]:
            print(besides(Path(first).read_text("utf-8"), Path(second).read_text("utf-8")), end="")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("Interrupted. What is missing is installed next time.", file=sys.stderr)
        sys.exit(130)

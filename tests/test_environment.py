"""What scripts/setup installs on a fresh machine: found by what POSIX promises, with exactly the locked packages."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = [ROOT / "requirements.lock", ROOT / "tests/requirements.lock"]
# What the scripts themselves may call: the shell and POSIX's utilities, git, and a Python.
UTILITIES = ("cat", "dirname", "find", "grep", "mktemp", "rm", "git")
SCRIPTS = [path for path in [*ROOT.glob("scripts/*"), ROOT / ".ci/run"] if path.is_file() and path.suffix != ".py"]


def blocks(lock: Path) -> dict[str, str]:
    """Return the requirements of a lock file by package."""
    return {
        block.partition("==")[0]: block for block in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip())
    }


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A checkout with a lock of one package, on a machine of POSIX's utilities, git and a Python, set up for others."""
    checkout, tools = tmp_path / "a checkout", tmp_path / "bin"
    (checkout / "src/small").mkdir(parents=True)
    (checkout / "src/small/__init__.py").write_text('"""Small."""\n')
    (checkout / "tests").mkdir()
    shutil.copytree(ROOT / "scripts", checkout / "scripts", ignore=shutil.ignore_patterns("benchmarks"))
    system = 'requires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    project = 'name = "small"\nversion = "1"\n[tool.setuptools.packages.find]\nwhere = ["src"]\n'
    (checkout / "pyproject.toml").write_text(f"[build-system]\n{system}[project]\n{project}")
    (checkout / "requirements.lock").write_text(blocks(LOCKS[0])["setuptools"] + "\n")
    (checkout / "tests/requirements.lock").write_text(blocks(LOCKS[1])["iniconfig"] + "\n")
    tools.mkdir()
    for name in UTILITIES:
        (tools / name).symlink_to(shutil.which(name) or "")
    (tools / "python3").symlink_to(sys.executable)
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
    habits = {"CDPATH": ".", "PIP_USER": "1", "PIP_TARGET": str(tmp_path / "target"), "PYTHONPATH": str(tmp_path)}
    return checkout, {**kept, **habits, "HOME": str(tmp_path), "PATH": str(tools)}


def dash(arguments: list[str], checkout: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    shell = shutil.which("dash") or shutil.which("sh") or ""
    command = [shell, *arguments]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_fresh_machine_has_the_locked_packages_after_setup_and_a_second_one_does_nothing(
    machine: tuple[Path, dict[str, str]],
) -> None:
    checkout, environment = machine
    first = dash(["scripts/setup"], checkout, environment)
    assert (first.returncode, first.stderr.count("\n")) == (0, 1), first.stderr
    packages = checkout / ".venv/lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    assert (packages / "setuptools").is_dir()
    assert not (packages / "iniconfig").exists()
    tests = dash(["scripts/setup", "tests"], checkout, environment)
    assert (tests.returncode, (packages / "iniconfig").is_dir()) == (0, True), tests.stderr
    stamp = (checkout / ".venv/installed").stat().st_mtime_ns
    assert dash(["scripts/setup"], checkout, environment).stderr == ""
    assert (checkout / ".venv/installed").stat().st_mtime_ns == stamp


@pytest.mark.slow
def test_a_checkout_that_was_moved_gets_commands_that_start(machine: tuple[Path, dict[str, str]]) -> None:
    checkout, environment = machine
    assert dash(["scripts/setup"], checkout, environment).returncode == 0
    moved = checkout.rename(checkout.with_name("moved"))
    assert dash(["scripts/setup"], moved, environment).returncode == 0
    assert subprocess.run([moved / ".venv/bin/pip", "--version"], capture_output=True, check=False).returncode == 0


def test_a_clone_of_git_for_windows_has_scripts_that_wsl_can_read(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    git = ["git", "-C", tmp_path, "-c", "core.autocrlf=true"]
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "checkout-index", "--force", "--prefix=windows/", "--all"], check=True)
    assert b"\r" not in (tmp_path / "windows/scripts/setup").read_bytes()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_finds_its_checkout_whatever_cd_is_set_to(path: Path) -> None:
    before, found, _ = path.read_text(encoding="utf-8").partition('cd "$(dirname')
    assert not found or "\nunset CDPATH\n" in before


def test_an_index_that_does_not_answer_is_one_last_sentence_with_what_to_do(
    machine: tuple[Path, dict[str, str]],
) -> None:
    checkout, environment = machine
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    kept = {name: value for name, value in environment.items() if not name.startswith("PIP_")}
    done = dash(["scripts/setup"], checkout, {**kept, **nowhere})
    assert done.returncode == 1
    assert "check that it can be reached" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (checkout / ".venv/installed").exists()


def test_a_checkout_that_cannot_be_written_is_one_sentence(machine: tuple[Path, dict[str, str]]) -> None:
    checkout, environment = machine
    (checkout / ".venv").mkdir()
    # As another user's folder, also for root: what is no file can be neither read nor deleted.
    (checkout / ".venv/installed").mkdir()
    done = dash(["scripts/setup"], checkout, environment)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "The checkout has to be yours" in done.stderr


@pytest.mark.parametrize("version", ["2.7.18", "3.6.15", "3.8.20"])
def test_an_old_python_has_the_sentence(version: str, machine: tuple[Path, dict[str, str]]) -> None:
    checkout, environment = machine
    old = Path(environment["PATH"]) / "python3"
    old.unlink()
    # As an old Python does it: the comparison that setup has it make is false.
    old.write_text(f"#!/bin/sh\necho Python {version}\nexit 1\n")
    old.chmod(0o755)
    done = dash(["scripts/setup"], checkout, environment)
    assert done.returncode == 1
    assert done.stderr.startswith("DeliveryWatch needs Python 3.11 or newer")
    assert len(done.stderr.splitlines()) == 1


def test_a_python_that_is_named_is_the_only_one_tried(machine: tuple[Path, dict[str, str]]) -> None:
    checkout, environment = machine
    done = dash(["scripts/setup"], checkout, {**environment, "PYTHON": "/no such/python"})
    assert (done.returncode, "older or missing: /no such/python." in done.stderr) == (1, True)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_read_by_the_plainest_shell(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    assert not re.search(r"\[\[|pipefail|<<<|\bfunction\b|sha256sum|grep --", path.read_text(encoding="utf-8"))
    shell = shutil.which("dash") or "sh"
    assert subprocess.run([shell, "-n", path], check=False).returncode == 0


def test_the_build_is_readable_by_python_2_so_that_it_can_say_what_it_lacks() -> None:
    source = (ROOT / "cfn/build.py").read_text()
    assert not re.search(r"\bf['\"]|->(?! None$)|:=|\bmatch\b|from __future__", source, re.MULTILINE)


def test_the_two_locks_share_no_package_and_together_have_what_the_project_names() -> None:
    run, tests = (blocks(lock) for lock in LOCKS)
    assert not run.keys() & tests.keys()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[^a-z0-9-]", one.lower())[0] for one in named}
    # An extra may be made of others of ours.
    assert names - {project["name"]} <= run.keys() | tests.keys()


def test_the_demo_installs_nothing_that_only_the_tests_use() -> None:
    heavy = {"awscli", "moto", "sympy", "cfn-lint", "mypy", "hypothesis", "networkx", "pytest", "ruff", "coverage"}
    assert not heavy & blocks(LOCKS[0]).keys()

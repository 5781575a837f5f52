"""`python cfn/build.py`: what it writes, the same on every run, and what it refuses."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cfn_values import of_type

import build
import bundle
import stacks
from deliverywatch.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
SHARED = {"deliverywatch/__init__.py", "deliverywatch/emf.py", "deliverywatch/errors.py", "deliverywatch/thresholds.py"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "cfn/build.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def names(archive: Path) -> set[str]:
    return set(zipfile.ZipFile(archive).namelist())


def test_help_says_every_option() -> None:
    told = " ".join(run("--help").stdout.split())
    assert all(option in told for option in ("--systems", "--bundle", "arm64|x86_64|none", "--out", "[default: build]"))


def test_a_python_without_the_locked_packages_hands_over_to_the_one_that_has_them() -> None:
    bare = subprocess.run(
        [sys.executable, "-S", "cfn/build.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert bare.stdout == run("--help").stdout


def test_without_the_locked_packages_it_says_how_to_get_them(tmp_path: Path) -> None:
    alone = shutil.copytree(ROOT / "cfn", tmp_path / "cfn") / "build.py"
    bare = subprocess.run([sys.executable, "-S", alone], capture_output=True, text=True, check=False)
    assert bare.returncode == 1
    assert bare.stderr.endswith("Run scripts/setup, which makes .venv with the locked packages, and build again.\n")
    assert len(bare.stderr.splitlines()) == 1


def test_a_build_says_what_it_wrote_and_how_large_it_is(tmp_path: Path) -> None:
    result = run("--bundle", "none", "--out", str(tmp_path / "out"))
    assert result.returncode == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [Path(line[-1]).name for line in lines] == [
        "alerting-notify.zip",
        "sms-ingest.zip",
        "watches.json",
        "template.json",
    ]
    assert all(float(line[0]) >= 0 and line[1] == "MB" for line in lines)


def test_a_second_build_writes_the_same_bytes_and_leaves_nothing_old(tmp_path: Path) -> None:
    build.build(["sms"], "none", tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "old.zip").write_bytes(b"of a system that is no longer built")
    build.build(["sms"], "none", tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_a_folder_that_no_build_wrote_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigurationError, match="holds something that no build wrote"):
        build.build(["sms"], "none", tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_build_that_fails_leaves_the_last_one_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.build(["sms"], "none", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(bundle, "UNPACKED_LIMIT_BYTES", 100_000)
    with pytest.raises(ConfigurationError):
        build.build(["sms"], "none", tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_unknown_system_is_refused_in_one_sentence(tmp_path: Path) -> None:
    result = run("--systems", "sms,pigeon", "--out", str(tmp_path / "out"))
    assert result.returncode == 1
    assert result.stderr == "--systems names pigeon. There is: sms.\n"


@pytest.mark.parametrize(
    ("archive", "room", "generated"),
    [("sms-ingest.zip", "sms", set()), ("alerting-notify.zip", "alerting", {"deliverywatch/alerting/watches.json"})],
)
def test_a_zip_holds_its_room_and_what_all_rooms_share(
    built: Path, archive: str, room: str, generated: set[str]
) -> None:
    sources = (ROOT / "src/deliverywatch" / room).rglob("*")
    own = {
        str(path.relative_to(ROOT / "src"))
        for path in sources
        if path.is_file() and "__pycache__" not in path.parts and path.name != "py.typed"
    }
    assert names(built / archive) == SHARED | own | generated


@pytest.mark.parametrize("archive", ["sms-ingest.zip", "alerting-notify.zip"])
def test_all_times_and_rights_in_a_zip_are_fixed(built: Path, archive: str) -> None:
    entries = zipfile.ZipFile(built / archive).infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)


def test_every_function_of_the_template_has_its_zip_and_its_handler(built: Path, template: dict[str, Any]) -> None:
    functions = of_type(template, "AWS::Lambda::Function").values()
    assert {function["Code"] for function in functions} == {path.name for path in built.glob("*.zip")}
    for function in functions:
        module = function["Handler"].removesuffix(".handler").replace(".", "/")
        assert f"{module}.py" in names(built / function["Code"])


def test_the_notifier_ships_the_watches_that_the_build_shows(built: Path) -> None:
    shown = (built / "watches.json").read_bytes()
    assert zipfile.ZipFile(built / "alerting-notify.zip").read("deliverywatch/alerting/watches.json") == shown
    assert json.loads(shown) == stacks.watches(stacks.chosen(["sms"]))


def test_a_zip_that_lambda_would_refuse_is_refused_here() -> None:
    (function,) = stacks.SYSTEMS["sms"]().functions
    too_large = {"data": bytes(bundle.UNPACKED_LIMIT_BYTES + 2**20)}
    with pytest.raises(ConfigurationError, match=r"sms-ingest unpacks to 251\.0 MB; Lambda takes 250 MB"):
        bundle.zipped(function, too_large)

"""Third-party packages: exactly what a function imports, for Lambda's Python, and trimmed without harm."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

import stacks
from bundling import build, bundle, imports, packages, trim
from deliverywatch.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
FUNCTIONS = {spec.name: spec for stack in stacks.chosen(["sms"]) for spec in stack.functions}
MODULES = {"aws-embedded-metrics": "aws_embedded_metrics", "pyyaml": "yaml"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_names_the_packages_that_its_handler_imports(name: str) -> None:
    spec = FUNCTIONS[name]
    named = {MODULES.get(package, package) for package in spec.packages}
    # The time zones are read as data.
    assert imports.others(ROOT / "src", spec.module) - {"boto3", "botocore"} == named - {"tzdata"}


def test_what_a_package_needs_is_found_and_the_runtime_is_left_out() -> None:
    names = packages.closure(["aws-embedded-metrics", "boto3"], "arm64")
    assert {"aws-embedded-metrics", "aiohttp", "multidict", "yarl", "frozenlist"} <= set(names)
    assert not packages.IN_THE_RUNTIME & set(names)


def test_what_a_package_needs_is_judged_for_lambda_not_for_this_python() -> None:
    # aiohttp needs async-timeout on Python 3.10 and below only; typing_extensions comes with aiosignal below 3.13.
    names = packages.closure(["aiohttp"], "arm64")
    assert "async-timeout" not in names
    assert "typing-extensions" not in names


def test_a_package_that_is_not_installed_here_is_named() -> None:
    with pytest.raises(ConfigurationError, match="The package no-such-package is not installed here"):
        packages.closure(["no-such-package"], "arm64")


def test_the_lock_file_gives_version_and_hashes_and_no_marker() -> None:
    lines = ("a==1", "--hash=sha256:11"), ('b_c==2 ; python_full_version < "3.12"', "--hash=sha256:22")
    lock = "\n".join(" \\\n    ".join(block) for block in lines)
    assert packages.locked(lock, ["b-c"]).split() == ["b_c==2", "\\", "--hash=sha256:22"]


def test_a_package_that_is_not_locked_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"requirements\.lock does not pin no-such-package"):
        packages.locked("a==1 \\\n    --hash=sha256:11", ["no-such-package"])


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_everything_that_is_shipped_is_locked(name: str, architecture: str) -> None:
    needed = packages.closure(FUNCTIONS[name].packages, architecture)
    lines = packages.locked((ROOT / "requirements.lock").read_text(), needed).splitlines()
    assert sum("==" in line for line in lines) == len(needed)


def test_an_index_that_cannot_be_reached_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"NO_INDEX": "1", "CONFIG_FILE": "/dev/null", "FIND_LINKS": str(tmp_path)}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    (tmp_path / "requirements.txt").write_text(f"nowhere==1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ConfigurationError) as refused:
        packages.install(tmp_path / "requirements.txt", "arm64", tmp_path / "target")
    assert str(refused.value).startswith("pip could not get the packages to ship: No matching distribution")
    assert "--bundle none" in refused.value.next_step


def copy_installed(names: Iterable[str], target: Path) -> Path:
    """Copy packages as they are installed here."""
    for file in (file for name in names for file in files(name) or ()):
        if ".." not in file.parts and "__pycache__" not in file.parts:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target / file)
    return target


@pytest.fixture(scope="module")
def shipped(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each function's zip unpacked, with its packages as the build trims them."""
    here, folders = f"{sys.version_info.major}.{sys.version_info.minor}", {}
    for name, spec in FUNCTIONS.items():
        names = packages.closure(spec.packages, "x86_64", here)
        folders[name] = copy_installed(names, tmp_path_factory.mktemp(name))
        trim.trim(folders[name])
        zipfile.ZipFile(built / f"{name}.zip").extractall(folders[name])
    return folders


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda's runtime brings."""
    return copy_installed([*packages.IN_THE_RUNTIME, "urllib3"], tmp_path_factory.mktemp("runtime"))


def run_isolated(code: str, *folders: Path) -> str:
    """Run Python that sees the standard library and these folders, as a function does in Lambda."""
    start = f"import sys; sys.path += {[str(folder) for folder in folders]!r}; "
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start + code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


ARROW = """
import io, json, decimal, datetime
import pyarrow as pa, pyarrow.parquet as pq
types = {"at": pa.timestamp("ms", "UTC"), "price": pa.decimal128(12, 6), "parts": pa.int32(), "text": pa.string()}
schema = pa.schema(types.items())
at = datetime.datetime(2026, 11, 21, tzinfo=datetime.timezone.utc)
row = {"at": at, "price": decimal.Decimal("0.05"), "parts": 1, "text": "x"}
table = pa.Table.from_pylist([row] * 3, schema=schema).sort_by("at")
buffer = io.BytesIO()
with pq.ParquetWriter(buffer, schema, compression="zstd") as writer:
    writer.write_table(table)
read = pq.ParquetFile(io.BytesIO(buffer.getvalue()))
heavy = [name for name in ("numpy", "pandas") if name in sys.modules]
print(json.dumps({"rows": read.read().to_pylist() == [row] * 3, "heavy": heavy}))
"""


def test_trimmed_pyarrow_still_writes_and_reads_what_the_lake_holds(shipped: dict[str, Path]) -> None:
    assert json.loads(run_isolated(ARROW, shipped["sms-ingest"])) == {"rows": True, "heavy": []}


@pytest.mark.slow
def test_the_ingest_zip_is_at_most_068_of_plain_pyarrow(shipped: dict[str, Path]) -> None:
    # Of the packages for this machine; `scripts/bench zips` measures those for AWS. Packed faster than a build packs,
    # and what stands on both sides once: most of it does.
    packed: dict[bytes, int] = {}

    def size(content: bytes) -> int:
        key = hashlib.blake2b(content).digest()
        packed[key] = packed.get(key) or len(zlib.compress(content, 5))
        return packed[key]

    packages.compile_bytecode(shipped["sms-ingest"], sys.executable)
    ours = sum(map(size, bundle.folder(shipped["sms-ingest"]).values()))
    plain = sum(size(Path(str(file.locate())).read_bytes()) for file in files("pyarrow") or () if file.suffix != ".pyc")
    assert ours / plain <= 0.68


def test_trimming_takes_more_than_a_third_of_pyarrow(shipped: dict[str, Path]) -> None:
    left = sum(path.stat().st_size for path in (shipped["sms-ingest"] / "pyarrow").rglob("*") if path.is_file())
    assert left < 0.65 * sum(file.size or 0 for file in files("pyarrow") or ())


@pytest.mark.parametrize(
    ("name", "late"),
    [
        ("sms-ingest", "aws_embedded_metrics, deliverywatch.sms.lake.merge"),
        ("alerting-notify", "deliverywatch.alerting.mail.message"),
    ],
    ids=["sms-ingest", "alerting-notify"],
)
def test_a_handler_starts_with_its_zip_and_the_runtime_alone(
    shipped: dict[str, Path], runtime: Path, name: str, late: str
) -> None:
    room, _, verb = name.partition("-")
    code = f"import deliverywatch.{room}.handle_{verb} as handle, {late}; print(callable(handle.handler))"
    assert run_isolated(code, shipped[name], runtime) == "True\n"


def test_the_notifier_finds_every_time_zone_that_the_template_offers(
    template: dict[str, Any], shipped: dict[str, Path]
) -> None:
    offered = template["Parameters"]["TimeZone"]["AllowedValues"]
    code = f"import zoneinfo; zoneinfo.reset_tzpath([]); print(len([zoneinfo.ZoneInfo(name) for name in {offered!r}]))"
    assert run_isolated(code, shipped["alerting-notify"]) == f"{len(offered)}\n"
    # The list of names, by which `cwalarm.schedules.zones` judges them.
    listed = "from importlib.resources import files; print(len(files('tzdata').joinpath('zones').read_text().split()))"
    assert int(run_isolated(listed, shipped["alerting-notify"])) > len(offered)


def test_bytecode_is_compiled_so_that_nothing_is_checked_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("A = 1\n")
    packages.compile_bytecode(tmp_path, sys.executable)
    (compiled,) = tmp_path.rglob("*.pyc")
    # PEP 552: the flags after the magic number are 1 for a hash that nobody checks.
    assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00"
    assert b"/var/task/module.py" in compiled.read_bytes()


def test_code_that_does_not_compile_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (:\n")
    with pytest.raises(ConfigurationError, match=r"cannot compile .*broken\.py"):
        packages.compile_bytecode(tmp_path, sys.executable)


@pytest.mark.parametrize("manager", ["PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"])
def test_lambdas_python_is_found_where_version_managers_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manager: str
) -> None:
    folder = {"PYENV_ROOT": "versions/3.13.2", "UV_PYTHON_INSTALL_DIR": "cpython-3.13.2-linux"}[manager]
    python = tmp_path / folder / "bin/python3.13"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(tmp_path if name == manager else tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    here = f"{sys.version_info.major}.{sys.version_info.minor}" == packages.PYTHON
    assert packages.lambda_python() == (sys.executable if here else str(python))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_a_bundle_is_the_same_on_every_build_and_for_lambdas_processor(tmp_path: Path, architecture: str) -> None:
    spec = FUNCTIONS["alerting-notify"]
    first, second = (build.with_packages(spec, {"deliverywatch/a.py": b"A = 1\n"}, architecture) for _ in range(2))
    assert first == second
    machine = {"arm64": "aarch64", "x86_64": "x86_64"}[architecture]
    assert any(f"cpython-313-{machine}" in name for name in first), "markupsafe brings a library for the processor"

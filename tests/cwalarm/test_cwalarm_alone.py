"""`cwalarm` stands alone: its wheel holds what it needs, and it runs where nothing of the product is installed."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from cwalarm.cli.main import VERBS

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "src/cwalarm/examples"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What others of the project's extras install, by the names under which it is imported.
MISSING = {
    *(
        "aws_embedded_metrics",
        "awscli",
        "boto3",
        "botocore",
        "cfnlint",
        "deliverywatch",
        "duckdb",
        "jinja2",
        "ministack",
    ),
    *("moto", "orjson", "plotly", "pyarrow", "requests", "rich", "sqlglot", "troposphere", "urllib3"),
}

_RUN = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)

sys.meta_path.insert(0, Missing())
from cwalarm.cli.main import main
main(sys.argv[1:])
"""


def run_alone(package: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    script = _RUN.format(missing=MISSING)
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(package)!r})\n{script}",
        *map(str, arguments),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel of this repository, as `pip wheel --no-deps .` makes it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{ROOT}", source], check=True)
    build = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source]
    subprocess.run([sys.executable, "-m", *map(str, build)], check=True)
    [made] = folder.glob("*.whl")
    zipfile.ZipFile(made).extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_extra_brings_what_it_needs_and_nothing_of_the_product() -> None:
    needs = {text.split(">")[0] for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["cwalarm"]]}
    assert needs == {"click", "numpy", "pyyaml", "tzdata"}


def test_the_wheel_holds_the_data_the_examples_and_the_command(wheel: Path) -> None:
    package = wheel / "cwalarm"
    assert (package / "conformance/cases.json").exists()
    assert {path.name for path in (package / "examples").iterdir()} >= {path.name for path in EXAMPLES.iterdir()}
    entry_points = next(wheel.glob("*.dist-info")) / "entry_points.txt"
    assert "cwalarm = cwalarm.cli.main:main" in entry_points.read_text()
    assert "cwalarm = cwalarm.pytest_plugin" in entry_points.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "--template", EXAMPLES / "alb_ratio.yaml"),
        ("check", EXAMPLES / "alb_ratio.toml", "--template", EXAMPLES / "alb_ratio.yaml"),
        ("conformance",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_verb_runs_from_the_wheel_without_the_product(wheel: Path, arguments: tuple[object, ...]) -> None:
    run = run_alone(wheel, *arguments)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_backtest_runs_from_the_wheel_without_the_product(wheel: Path, tmp_path: Path) -> None:
    rows = [f"2026-11-21T12:{minute:02}:00Z,{minute > 5:d}" for minute in range(10)]
    (tmp_path / "history.csv").write_text("\n".join(["time,Errors", *rows]))
    template = EXAMPLES / "lambda_errors.yaml"
    run = run_alone(wheel, "backtest", "--template", template, "--history", tmp_path / "history.csv")
    assert "orders-errors: OK -> ALARM" in run.stdout


def test_every_verb_has_help_without_the_product(wheel: Path) -> None:
    assert all(run_alone(wheel, verb, "--help").returncode == 0 for verb in VERBS)

"""The wheel: `deliverywatch` runs from it without a checkout, and `cwalarm` without anything of the product."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from cwalarm.cli.main import VERBS

ROOT = Path(__file__).parents[1]
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

# A message of an alarm that is none of ours, as SNS hands it over.
MESSAGE = {
    "AlarmName": "orders-errors",
    "AWSAccountId": "111122223333",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: 1 datapoint [9.0 (21/11/26 12:01:00)] was greater than the threshold (5.0).",
    "StateChangeTime": "2026-11-21T12:02:00.000+0000",
    "Region": "US East (N. Virginia)",
    "AlarmArn": "arn:aws:cloudwatch:us-east-1:111122223333:alarm:orders-errors",
    "OldStateValue": "OK",
    "Trigger": {
        "MetricName": "Errors", "Namespace": "Shop", "StatisticType": "Statistic", "Statistic": "SUM", "Dimensions": [],
        "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5.0,
        "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "",
    },
}  # fmt: skip

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
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository, as `pip wheel --no-deps .` makes it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{ROOT}", source], check=True)
    build = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source]
    subprocess.run([sys.executable, "-m", *map(str, build)], check=True)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(made: Path) -> Path:
    """The unpacked wheel."""
    zipfile.ZipFile(made).extractall(made.parent / "unpacked")
    return made.parent / "unpacked"


@pytest.fixture(scope="module")
def installed(made: Path) -> Path:
    """`deliverywatch` in an environment of its own: the wheel, and what it says that it needs, without an extra."""
    environment = made.parent / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    [packages] = environment.glob("lib/python*/site-packages")
    for name in needed([Requirement(text).name for text in PROJECT["dependencies"]]):
        link(metadata.distribution(name), packages)
    python = environment / "bin/python"
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", made]
    subprocess.run(command, check=True)
    return environment / "bin/deliverywatch"


def needed(names: list[str]) -> set[str]:
    """Return these packages and what they need."""
    every: set[str] = set()
    while names:
        name = names.pop()
        if name not in every:
            every.add(name)
            requirements = [Requirement(line) for line in metadata.requires(name) or ()]
            names += [one.name for one in requirements if not one.marker or one.marker.evaluate({"extra": ""})]
    return every


def link(package: metadata.Distribution, folder: Path) -> None:
    """Let a package of this environment be in another folder of packages, too."""
    for top in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
        if not (folder / top).exists():
            (folder / top).symlink_to(Path(str(package.locate_file(top))))


def run_installed(command: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a verb in a folder, as somebody who has no account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "COVERAGE"))}
    nobody = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "HOME": str(folder), "COLUMNS": "200"}
    words = [command, *map(str, arguments)]
    return subprocess.run(words, cwd=folder, env=kept | nobody, capture_output=True, text=True, check=False)


def test_the_readme_names_the_packages_that_the_engine_needs_by_themselves() -> None:
    readme = (ROOT / "src/cwalarm/README.md").read_text()
    assert "pip install click numpy pyyaml tzdata" in readme
    assert {"click", "numpy", "pyyaml", "tzdata"} <= {text.split(">")[0] for text in PROJECT["dependencies"]}


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


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("alarms", "explain", "--template", EXAMPLES / "alb_ratio.yaml"), 0, "published"),
        (("alarms", "lint", EXAMPLES / "alb_ratio.yaml"), 0, "silent-without-data"),
        (
            ("backtest", "--template", EXAMPLES / "lambda_errors.yaml", "--history", "history.csv"),
            0,
            "Replayed 2026-11-21",
        ),
        (("render", "message.json", "--out", "mail"), 0, "mail"),
        (("cost", "--template", "template.json"), 0, "USD"),
        (("deploy", "--template", "template.json", "--yes"), 1, "No AWS region is set"),
        (("status",), 1, "No AWS region is set"),
        (("demo",), 1, "Run scripts/demo in a checkout of the repository."),
        (("query", "select 1", "--local", "."), 1, "whl[local]"),
    ],
    ids=lambda value: " ".join(map(str, value[:1])) if isinstance(value, tuple) else None,
)
def test_a_verb_of_the_installed_wheel_works_or_says_that_it_needs_a_checkout(
    installed: Path, tmp_path: Path, arguments: tuple[object, ...], code: int, words: str
) -> None:
    (tmp_path / "history.csv").write_text("time,Errors\n2026-11-21T12:00:00Z,1\n2026-11-21T12:01:00Z,9\n")
    (tmp_path / "template.json").write_bytes((ROOT / "tests/templates/sms.json").read_bytes())
    (tmp_path / "message.json").write_text(json.dumps(MESSAGE))
    before = {path.name for path in tmp_path.iterdir()}
    done = run_installed(installed, tmp_path, *arguments)
    assert "Traceback" not in done.stderr
    assert (done.returncode, words in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
    assert code == 0 or {path.name for path in tmp_path.iterdir()} == before


def test_a_message_names_only_extras_that_there_are_and_no_package_that_may_be_somebody_elses() -> None:
    sources = {path: path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")}
    extras = {name for text in sources.values() for name in re.findall(r"with_extra\([\"'](\w+)", text)}
    assert extras
    assert extras <= PROJECT["optional-dependencies"].keys()
    named = {name for text in sources.values() for name in re.findall(r"pip install '?([\w/-]+)", text)}
    assert named <= {"numpy", "PATH/deliverywatch-VERSION-py3-none-any"}

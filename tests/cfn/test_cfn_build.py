"""`python cfn/build.py`: what it writes, the same on every run, and what it refuses."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cfn_values import GIVEN, of_type

import stacks
from blocks.extras import Extra
from bundling import build, bundle, imports
from cwalarm.definitions.template import Resolver
from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.console import console

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "cfn/build.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def names(archive: Path) -> set[str]:
    return set(zipfile.ZipFile(archive).namelist())


def test_help_says_every_option() -> None:
    shown = " ".join(run("--help").stdout.split())
    assert all(
        option in shown for option in ("--systems", "--bundle", "arm64|x86_64|none", "--out", "[default: build]")
    )


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
    lines = result.stdout.splitlines()
    assert [Path(line.split()[-1]).name for line in lines] == [
        "alerting-notify.zip",
        "operate-digest.zip",
        "operate-examine.zip",
        "sms-ingest.zip",
        "sms-compact.zip",
        "watches.json",
        "template.json",
    ]
    assert all(re.search(r"[\d.]+ of 50 MB zipped, +[\d.]+ of 250 MB unpacked", line) for line in lines[:2])


def test_a_template_that_cloudformation_would_refuse_is_refused_here(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="has 501 resources"):
        build._check_size(1000, 501)
    with pytest.raises(ConfigurationError, match="in 1,000,001 bytes"):
        build._check_size(1_000_001, 1)


def test_a_zip_that_is_too_large_for_a_direct_upload_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "ZIPPED_LIMIT_BYTES", 50_000)
    build.main(["--bundle", "none", "--out", str(tmp_path / "out")], standalone_mode=False)
    assert "sms-ingest.zip is over Lambda's limit for a direct upload" in capsys.readouterr().err


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
    assert result.stderr == f"--systems names pigeon. Choose one of: {', '.join(stacks.SYSTEMS)}.\n"


def test_a_system_that_is_named_twice_is_built_once(tmp_path: Path) -> None:
    result = run("--systems", "files, files", "--bundle", "none", "--out", str(tmp_path / "out"))
    assert (result.returncode, result.stderr) == (0, "")


def test_two_ways_of_one_system_are_refused_together(tmp_path: Path) -> None:
    result = run("--systems", "files,files-pusher", "--out", str(tmp_path / "out"))
    assert result.returncode == 1
    assert result.stderr.startswith("--systems names files and files-pusher, which are two ways of the same system.")


def test_a_zip_holds_what_its_handler_imports_and_no_more(built: Path) -> None:
    sms, notifier = names(built / "sms-ingest.zip"), names(built / "alerting-notify.zip")
    assert {"deliverywatch/__init__.py", "deliverywatch/emf.py", "deliverywatch/sms/lake/parquet.py"} <= sms
    ground_floor = {"messages", "schedules", "storage"}
    assert {name.split("/")[1] for name in sms if name.count("/") > 1} - ground_floor == {"sms"}
    assert not {"deliverywatch/storage/folder.py", "deliverywatch/sms/overview.py"} & sms, "of the command line only"
    assert {"deliverywatch/alerting/mail/templates/mail.html.j2", "deliverywatch/alerting/watches.json"} <= notifier
    assert "deliverywatch/emf.py" not in notifier


def test_imports_inside_functions_are_shipped_and_those_for_type_checkers_are_not(tmp_path: Path) -> None:
    room = tmp_path / "deliverywatch/room"
    room.mkdir(parents=True)
    sources = {
        "../__init__": "",
        "__init__": "",
        "handle_do": "from deliverywatch.room import do\n",
        "do": "if TYPE_CHECKING:\n    from deliverywatch.room import types_only\nelse:\n    import orjson\n"
        "def late():\n    import json\n    from deliverywatch.room.later import thing\n",
        "later": "thing = 1",
        "types_only": "import numpy",
    }
    for name, text in sources.items():
        (room / f"{name}.py").write_text(text)
    handler = "deliverywatch.room.handle_do"
    assert {name.rpartition(".")[2] for name in imports.closure(tmp_path, handler)} == {
        "deliverywatch", "room", "handle_do", "do", "later",
    }  # fmt: skip
    assert imports.others(tmp_path, handler) == {"orjson"}


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
    function, *_ = stacks.SYSTEMS["sms"]().functions
    too_large = {"data": bytes(bundle.UNPACKED_LIMIT_BYTES + 2**20)}
    with pytest.raises(ConfigurationError, match=r"sms-ingest unpacks to 251\.0 MB; Lambda takes 250 MB"):
        bundle.zipped(function, too_large)


def test_pipelines_without_a_declaration_add_nothing_and_the_build_says_so(tmp_path: Path) -> None:
    result = run("--systems", "sms,pipeline", "--bundle", "none", "--out", str(tmp_path / "out"))
    assert result.returncode == 0
    assert "cfn/pipelines.toml declares no pipeline yet" in result.stderr
    assert "Pipeline" not in json.dumps(json.loads((tmp_path / "out/template.json").read_text())["Resources"])


def test_an_extra_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    result = run("--with", "wings", "--out", str(tmp_path / "out"))
    assert result.returncode == 2
    assert all(extra in result.stderr for extra in ("wings", "budget", "example-pipeline", "warm-up"))


@pytest.mark.parametrize("system", stacks.SYSTEMS)
def test_what_a_system_makes_stands_nowhere_where_it_is_not_built(system: str) -> None:
    """Names of functions, alarms and dashboards too: a link or a right to one that is not there misleads."""
    text = json.dumps(stacks.template(stacks.chosen([system], [*Extra]), "arm64", "0", [*Extra]).to_dict())
    for other in {name.removesuffix("-pusher") for name in stacks.SYSTEMS} - {system.removesuffix("-pusher")}:
        assert f"deliverywatch-${{Environment}}-{other}" not in text
        assert f'"{other.capitalize()}Dashboard"' not in text


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-eusc", "aws-cn"])
def test_every_link_of_a_template_leads_to_the_console_of_its_partition(partition: str) -> None:
    systems = [name for name in stacks.SYSTEMS if name != "files-pusher"]
    made = stacks.template(stacks.chosen(systems, [*Extra]), "arm64", "0", [*Extra]).to_dict()
    region = {"aws": "eu-west-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1", "aws-cn": "cn-north-1"}
    resolver = Resolver(made, GIVEN | {"AWS::Partition": partition, "AWS::Region": region[partition]})
    outputs = [output["Value"] for output in made["Outputs"].values()]
    bodies = [one["Properties"]["DashboardBody"] for one in made["Resources"].values() if "Dashboard" in one["Type"]]
    links = re.findall(
        r"https://[^/\"]*console[^/\"]*", " ".join(str(resolver.resolve(one)) for one in outputs + bodies)
    )
    assert len(links) > 5
    assert set(links) == {console(region[partition])}

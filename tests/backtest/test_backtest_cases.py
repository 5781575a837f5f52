"""Our own alarms and mails do what tests/backtests says, and what `alarms check` and `explain` print."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from bundling import build
from cwalarm.definitions import alarm, documents
from cwalarm.unit_tests import cases
from cwalarm.unit_tests.check import Result, junit
from deliverywatch.backtest.cases import check
from deliverywatch.cli import main
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from click.testing import Result as Printed

FILES = sorted((Path(__file__).parents[1] / "backtests").glob("*.toml"))

WRONG = """
[[case]]
name = "right"
series = { Runs = "1" }
states = [{ at = "1m", alarm = "sms-blind", state = "OK" }]

[[case]]
name = "wrong"
series = { Runs = "1" }
states = [{ at = "1m", alarm = "sms-blind", state = "ALARM" }]
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cases") / "build"
    build.build(["sms"], "none", out)
    return out / "template.json"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_our_own_alarms_and_mails_are_as_written_down(path: Path, template: Path) -> None:
    assert [result for result in check(path, template) if result.difference] == []


def test_a_check_with_a_value_that_cannot_be_deployed_is_refused(template: Path) -> None:
    with pytest.raises(InputError, match=r"CloudFormation refuses WarningThresholdPercent=3\.21, which must be one of"):
        check(FILES[0], template, {"WarningThresholdPercent": "3.21"})


def test_every_alarm_that_is_deployed_has_a_case_in_which_it_calls_and_one_in_which_it_does_not(template: Path) -> None:
    expected = {
        (expected.alarm, expected.state.value)
        for path in FILES
        for case in cases.parse(path.read_text())
        for expected in case.states
    }
    for definition in alarm.from_template(documents.read(template)):
        short = definition.name.removeprefix("deliverywatch-prod-")
        assert {(short, "OK"), (short, "ALARM")} <= expected


def checked(tmp_path: Path, text: str, template: Path) -> list[Result]:
    path = tmp_path / "cases.toml"
    path.write_text(text)
    return check(path, template)


OUTAGE = """
[[case]]
name = "outage"
interval = "10m"
series = { Total = "100x8", Failed = "0 90 90 0x5" }
until = "2h"
mails = [MAILS]
"""


@pytest.mark.parametrize(
    ("mails", "words"),
    [
        ("", "Mail 1: expected none, was OPENED critical of sms-failures at 11m. All mails: OPENED critical"),
        ('{ event = "OPENED", level = "warning" }', "Mail 1: expected OPENED warning, was OPENED critical of"),
        ('{ at = "12m" }', "Mail 1: expected a mail at 12m, was OPENED critical of sms-failures at 11m."),
        ('{ watch = "sms-blind" }', "Mail 1: expected a mail of sms-blind, was OPENED critical of sms-failures"),
        (
            '{ at = "11m" }, { level = "ok" }, { at = "2h" }',
            "Mail 3: expected a mail",
        ),
    ],
)
def test_the_first_mail_that_is_not_as_expected_is_reported(
    mails: str, words: str, tmp_path: Path, template: Path
) -> None:
    (result,) = checked(tmp_path, OUTAGE.replace("MAILS", mails), template)
    assert (result.difference or "").startswith(words)


@pytest.mark.parametrize("volume", ["1 0 0", "1 1 0", "1 1 1", "2 2 1", "3 3 3", "4 3 3", "4 4 4"])
def test_an_outage_is_critical_with_the_third_failed_message_whatever_the_volume(
    volume: str, tmp_path: Path, template: Path
) -> None:
    healthy, failing = [*volume.split()] * 12, [*volume.split()] * 4
    # A mail comes the minute after the datapoint of the slot with the third failed message.
    third = next(slot for slot in range(12) if sum(map(int, failing[: slot + 1])) >= 3)
    (result,) = checked(
        tmp_path,
        f"""
        [[case]]
        name = "all fail after six hours"
        interval = "10m"
        series = {{ Total = "{" ".join(healthy + failing)}", Failed = "0x35 {" ".join(failing)}" }}
        mails = [{{ at = "{6 * 60 + 10 * third + 1}m", event = "OPENED", level = "critical" }}]
        """,
        template,
    )
    assert result.difference is None


def test_a_parameter_on_the_command_line_goes_over_that_of_the_case(tmp_path: Path, template: Path) -> None:
    path = tmp_path / "cases.toml"
    series = '{ Total = "100x8", Failed = "9x8" }'
    states = '[{ at = "1h", alarm = "sms-warning", state = "OK" }]'
    path.write_text(
        f'[[case]]\nname = "x"\nparameters = {{ WarningThresholdPercent = 10 }}\nseries = {series}\nstates = {states}'
    )
    assert check(path, template)[0].difference is None
    assert check(path, template, {"WarningThresholdPercent": "8"})[0].difference is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WRONG.replace("sms-blind", "sms-blond"), 'Case "right": sms-blond is not an alarm'),
        (WRONG.replace("Runs", "Run"), 'Case "right": Series Run is watched by no alarm.'),
        ('parameters = { Nothing = "1" }\n' + WRONG, "The template has no parameter Nothing."),
    ],
)
def test_a_case_that_fits_no_alarm_is_bad_input(text: str, words: str, tmp_path: Path, template: Path) -> None:
    with pytest.raises(InputError) as raised:
        checked(tmp_path, text, template)
    assert str(raised.value).startswith(words)


def test_junit_counts_the_cases_and_carries_the_difference() -> None:
    top = ET.fromstring(junit([Result("a", None, 0.5), Result("<b>", 'was "x"', 0.25)], "cases.toml"))
    assert top.attrib == {"tests": "2", "failures": "1", "time": "0.750"}
    assert [element.attrib["name"] for element in top.iter("testcase")] == ["a", "<b>"]
    assert [element.text for element in top.iter("failure")] == ['was "x"']


def run(*arguments: str | Path, width: int = 80) -> Printed:
    return CliRunner(env={"COLUMNS": str(width)}).invoke(main, ["alarms", *map(str, arguments)])


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.toml"
    path.write_text(WRONG)
    return path


def test_check_prints_a_line_per_case_and_ends_with_3(wrong: Path, template: Path) -> None:
    printed = run("check", wrong, "--template", template)
    assert printed.exit_code == 3
    lines = printed.stdout.splitlines()
    assert lines[:3] == [
        "ok    right",
        "FAIL  wrong",
        "      sms-blind at 1m: expected ALARM, was OK. It calls below 1, and its",
    ]
    assert lines[-1] == "2 cases: 1 as expected, 1 not."
    assert max(map(len, lines)) <= 80


def test_junit_is_xml_whatever_a_case_is_called() -> None:
    top = ET.fromstring(junit([Result("bell \a and \x00", "was \x1b[31m")], "cases.toml"))
    assert top.find(".//testcase").get("name") == "bell ? and ?"  # type: ignore[union-attr]


def test_check_of_cases_that_are_as_expected_ends_with_0_and_writes_junit(tmp_path: Path, template: Path) -> None:
    printed = run("check", FILES[0], "--template", template, "--junit", tmp_path / "junit.xml", "--json")
    assert printed.exit_code == 0
    document = json.loads(printed.stdout)
    assert (document["failed"], document["passed"]) == (0, len(document["cases"]))
    assert f'tests="{document["passed"]}" failures="0"' in (tmp_path / "junit.xml").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["check", FILES[0], "--set", "WarningThresholdPercent"], "'WarningThresholdPercent' is not NAME=VALUE."),
        (["check", FILES[0], "--junit", "/nowhere/junit.xml"], "/nowhere/junit.xml cannot be written"),
        (
            ["explain", "nothing"],
            "nothing is not an alarm of template.json. Choose one of: deliverywatch-prod-mail-failed, ",
        ),
    ],
)
def test_bad_input_is_reported_in_a_sentence_and_ends_with_2(arguments: list[Any], words: str, template: Path) -> None:
    printed = run(*arguments, "--template", template)
    assert printed.exit_code == 2
    assert f"Error: {words}" in printed.stderr


def test_explain_tells_one_alarm_with_the_parameters_given(template: Path) -> None:
    printed = run("explain", "sms-warning", "--template", template, "--set", "WarningThresholdPercent=5", width=60)
    assert printed.exit_code == 0
    text = " ".join(printed.stdout.split())
    assert text.startswith("deliverywatch-prod-sms-warning: Watches IF(total >= 10, IF(failed >= 3")
    assert "when the value is above 5," in text
    assert max(map(len, printed.stdout.splitlines())) <= 60


def alarm_count(template: Path) -> int:
    resources = json.loads(template.read_text(encoding="utf-8"))["Resources"].values()
    return sum(resource["Type"] == "AWS::CloudWatch::Alarm" for resource in resources)


def test_explain_without_a_name_tells_all_alarms(template: Path) -> None:
    rows = json.loads(run("explain", "--template", template, "--json").stdout)
    assert len(rows) == alarm_count(template)
    assert [row for row in rows if not row["text"].startswith(f"{row['alarm']}: Watches ")] == []


def test_an_alarm_that_is_refused_is_in_the_way_of_no_other(tmp_path: Path, wrong: Path, template: Path) -> None:
    document = json.loads(template.read_text(encoding="utf-8"))
    document["Resources"]["Band"] = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"ThresholdMetricId": "band"}}
    path = tmp_path / "template.json"
    path.write_text(json.dumps(document))
    assert run("check", wrong, "--template", path).exit_code == 3
    refused = run("explain", "--template", path)
    assert refused.exit_code == 2
    assert "Alarm Band is not evaluated: it compares with an anomaly detection band" in refused.stderr
    assert len(json.loads(run("explain", "--template", path, "--without", "B*", "--json").stdout)) == alarm_count(
        template
    )


def test_the_examples_in_help_and_docstring_are_as_they_say(tmp_path: Path, template: Path) -> None:
    for text in (cases.__doc__ or "", run("check", "--help", width=100).stdout):
        (example,) = re.findall(r"\[\[case\]\].+?\n +\]\n", text, re.DOTALL)
        assert [result.difference for result in checked(tmp_path, example, template)] == [None]


def test_the_example_in_the_readme_is_as_it_says(tmp_path: Path, template: Path) -> None:
    readme = (Path(__file__).parents[2] / "src/deliverywatch/backtest/README.md").read_text()
    (example,) = re.findall(r"```toml\n(\[\[case\]\].+?)```", readme, re.DOTALL)
    assert [result.difference for result in checked(tmp_path, example, template)] == [None]

"""The alarms of files do what tests/backtests/files says, each with a case in which it calls and one in which not."""

from pathlib import Path

import pytest

from cwalarm.definitions import alarm, documents
from cwalarm.unit_tests import cases
from deliverywatch.backtest.cases import check

FILES = sorted((Path(__file__).parents[1] / "backtests/files").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_alarms_and_mails_are_as_written_down(path: Path, files_build: Path) -> None:
    assert [each for each in check(path, files_build / "template.json") if each.difference] == []


def test_every_alarm_has_a_case_in_which_it_calls_and_one_in_which_it_does_not(files_build: Path) -> None:
    expected = {
        (each.alarm, each.state.value)
        for path in FILES
        for case in cases.parse(path.read_text())
        for each in case.states
    }
    names = [each.name for each in alarm.from_template(documents.read(files_build / "template.json"))]
    own = [name.removeprefix("deliverywatch-prod-") for name in names if "-files-" in name]
    assert len(own) == 5
    for name in own:
        assert {(name, "OK"), (name, "ALARM")} <= expected

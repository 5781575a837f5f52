"""The alarms of e-mail and their mails do what tests/backtests/email says, judged by our own engine."""

import json
from pathlib import Path

import pytest

from cwalarm.definitions import alarm, documents
from cwalarm.unit_tests import cases
from deliverywatch.backtest.cases import check

FILES = sorted((Path(__file__).parents[1] / "backtests/email").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_our_own_alarms_and_mails_are_as_written_down(path: Path, built: Path) -> None:
    assert [each for each in check(path, built / "template.json") if each.difference] == []


def test_every_alarm_has_a_case_in_which_it_calls_and_one_in_which_it_does_not(built: Path) -> None:
    expected = {
        (each.alarm, each.state.value)
        for path in FILES
        for case in cases.parse(path.read_text())
        for each in case.states
    }
    for found in alarm.from_template(documents.read(built / "template.json")):
        short = found.name.removeprefix("deliverywatch-prod-")
        if short.startswith("email-"):
            assert {(short, "OK"), (short, "ALARM")} <= expected


def test_every_alarm_that_tells_somebody_is_a_rung_of_a_watch_and_every_rung_is_an_alarm(built: Path) -> None:
    watches = json.loads((built / "watches.json").read_text())["watches"]
    rungs = {rung[key] for watch in watches for rung in watch["rungs"] for key in ("alarm", "recovery") if key in rung}
    alarms = {
        each.name.removeprefix("deliverywatch-prod-")
        for each in alarm.from_template(documents.read(built / "template.json"))
    }
    assert {name for name in alarms if name.startswith("email-")} == rungs

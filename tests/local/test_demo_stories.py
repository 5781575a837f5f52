"""The stories of `deliverywatch demo --play`: each through the whole deployed stack, with its mails."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from deployed import Silent

from deliverywatch.cli import main
from deliverywatch.cli.demo import _STORIES as NAMES
from deliverywatch.local.demo import sms_stories

MAILS = {
    "silence": [("WARNING", "11:33", "SMS silence"), ("RESOLVED", "13:13", "SMS silence")],
    "small": [("CRITICAL", "11:10", "SMS failures"), ("RESOLVED", "", "SMS failures")],
    "slow": [("WARNING", "11:31", "SMS without an outcome"), ("RESOLVED", "13:21", "SMS without an outcome")],
    "credit": [("WARNING", "", "SMS credit"), ("CRITICAL", "12:00", "SMS credit"), ("RESOLVED", "13:00", "SMS credit")],
}


def test_every_story_can_be_typed_and_says_what_is_seen() -> None:
    assert tuple(sms_stories.STORIES) == NAMES
    for story in sms_stories.STORIES.values():
        assert story.lead.endswith(".") and len(story.lead) > 80


@pytest.mark.parametrize("arguments", [["--system", "files"], ["--fast"]])
def test_a_story_is_one_of_sms_and_has_its_own_hours(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["demo", "--play", "small", *arguments])
    assert (result.exit_code, "leave --system and --fast out" in result.output) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_story_has_the_mails_that_it_is_about_and_its_page_tells_it(name: str, tmp_path: Path) -> None:
    outcome = sms_stories.perform(name, tmp_path / "out", Silent(), datetime.now(UTC))
    mails = [entry for entry in json.loads((tmp_path / "out" / "timeline.json").read_text()) if entry["kind"] == "mail"]
    assert [mail["mark"] for mail in mails] == [mark for mark, _, _ in MAILS[name]]
    for mail, (_, at, words) in zip(mails, MAILS[name], strict=True):
        # The minute differs by one with the delays that are drawn by the date.
        assert not at or abs(_minutes(mail["at"][11:16]) - _minutes(at)) <= 2
        assert words in mail["text"]
    html = outcome.page.read_text()
    assert sms_stories.STORIES[name].title in html
    assert all(f"mails/{path.name}" in html for path in (tmp_path / "out" / "mails").glob("*.html"))


def _minutes(clock: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    return 60 * hours + minutes

"""The pages of a back-test in a real browser, on a phone and on a screen.

Where no browser is installed the test says so; what a page must have to fit is held by the other one in any case.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from backtest.backtest_world import csv, template
from backtest.recommend_world import WITHOUT, during, traffic, write_sms
from deliverywatch.cli import main

PHONE = 390
PADDING = 32
# The notes of a test's back-test, a chart's title and a mail are from strangers: none may become mark-up.
SCRIPT = re.compile("<script", re.IGNORECASE)


@pytest.fixture(scope="module")
def pages(deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The report of a back-test, and that of a recommendation."""
    folder = tmp_path_factory.mktemp("pages")
    report, recommended = folder / "report.html", folder / "recommended.html"
    history = csv(folder, dict.fromkeys(range(0, 1100, 100), 9), slots=1100)
    plain = ["--template", template(folder), "--history", history, "--set", "Limit=5,9", "--report", report]
    history = write_sms(folder, traffic(9, during({range(700, 715): 0.3})))
    other = ["--template", deployed, "--history", history, *WITHOUT, "--recommend", "--report", recommended]
    for arguments in (plain, other):
        result = CliRunner().invoke(main, ["backtest", *map(str, arguments)])
        assert result.exit_code == 0, result.output
    return [report, recommended]


def test_a_page_is_small_runs_nothing_and_asks_for_nothing_wider_than_a_phone(pages: list[Path]) -> None:
    for page in (path.read_text() for path in pages):
        assert len(page.encode()) < 200_000
        assert not SCRIPT.search(page)
        assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
        # Mails stand in frames, in which nothing may run; what they are made of is their own.
        assert page.count("<iframe") == page.count("<iframe sandbox srcdoc=")
        own = re.sub('srcdoc="[^"]*"', "", page)
        fixed = [int(pixels) for pixels in re.findall(r"(?<!max-)\bwidth: (\d+)px", own)]
        assert max(fixed, default=0) <= PHONE - PADDING


def test_a_page_is_whole_and_legible_on_a_phone_and_on_a_screen(
    pages: list[Path], look: Callable[[Path | str, str], list[str]]
) -> None:
    assert [fault for page in pages for fault in look(page, f"backtest-{page.stem}")] == []

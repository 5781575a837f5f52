"""The report: one page, charts included, that asks no network."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from backtest.backtest_world import csv, template
from deliverywatch.backtest.curve import knee
from deliverywatch.cli import main


@pytest.fixture(scope="module")
def page(deployed: Path, lake: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    arguments = ["--template", deployed, "--history", lake, "--set", "WarningThresholdPercent=3,5", "--report", path]
    result = CliRunner().invoke(main, ["backtest", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return path.read_text()


def test_the_page_is_small_and_brings_all_along(page: str) -> None:
    assert len(page.encode()) < 100_000
    assert not re.search(r"<(script|link|img)|url\(|https?://", page)


def test_the_page_fits_a_phone(page: str) -> None:
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page


def test_the_page_lists_mails_and_compares(page: str) -> None:
    assert "[CRITICAL] SMS failures 29% - prod - INC-1120-1123" in page
    assert re.search(r'<td data-name="template">WarningThresholdPercent=5</td>', page)


def test_the_page_shows_the_thresholds(page: str) -> None:
    assert "sms-critical: 25 %" in page


def test_the_page_of_a_day_has_no_figure_of_a_month_and_no_knee(page: str) -> None:
    assert "mails in 1.0 days" in page
    assert "Above the knee" not in page
    assert re.search(r'data-name="mails / month">-<', page)


def test_the_page_of_a_week_has_both(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    history = csv(tmp_path, {slot: slot % 17 for slot in range(0, 1100, 5)}, slots=1100)
    arguments = ["--template", template(tmp_path), "--history", history, "--report", path]
    assert CliRunner().invoke(main, ["backtest", *map(str, arguments)]).exit_code == 0
    assert "Above the knee" in path.read_text()
    assert re.search(r'data-name="mails / month">[\d.]+<', path.read_text())


def test_the_knee_is_where_the_curve_bends_most() -> None:
    assert knee([1, 2, 3, 4, 5], [100, 10, 8, 6, 4]) == 2


@pytest.mark.parametrize("raised", [[4, 4, 4], [9, 6, 3]])
def test_a_curve_that_does_not_bend_has_no_knee(raised: list[float]) -> None:
    assert knee([1, 2, 3], raised) is None


def test_the_curve_has_at_the_templates_threshold_the_mails_of_the_template(deployed: Path, lake: Path) -> None:
    arguments = ["--template", deployed, "--history", lake, "--sweep", "--json"]
    result = json.loads(CliRunner().invoke(main, ["backtest", *map(str, arguments)]).stdout)
    mails = {point["threshold"]: point["mails_count"] for point in result["sweep"]["points"]}
    assert mails[3.0] == result["variants"][0]["figures"]["mails_count"]
    assert mails[0.5] > mails[12.0] > 0


def test_the_curve_in_the_terminal_names_the_threshold_of_today(deployed: Path, lake: Path) -> None:
    arguments = ["--template", deployed, "--history", lake, "--sweep"]
    output = CliRunner().invoke(main, ["backtest", *map(str, arguments)]).stdout
    assert re.search(r"^ +3 +[\d.]+ #+ today", output, re.MULTILINE)

"""The pages of a back-test in a real browser, on a phone and on a screen: nothing runs over its edge.

Where no browser is installed the test says so; what a page must have to fit is held by the other one in any case.
"""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from backtest.backtest_world import csv, template
from backtest.recommend_world import WITHOUT, during, traffic, write_sms
from deliverywatch.cli import main

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = (390, 1280)
PADDING = 32
# The notes of a test's back-test, a chart's title and a mail are from strangers: none may become mark-up.
SCRIPT = re.compile("<script", re.IGNORECASE)

# Asks frames as wide as a phone and a screen what runs over their edge; a window itself is never as narrow as a phone.
PROBE = """<!doctype html><body>{frames}<script>
addEventListener("load", () => {{
  const sizes = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument;
    const outside = [...page.querySelectorAll("body *")].filter(
      element => !element.closest("svg, .wide") && element.getBoundingClientRect().right > frame.clientWidth + 1);
    return {{width: frame.clientWidth, content: page.documentElement.scrollWidth,
      rows: page.querySelectorAll("tr").length,
      outside: outside.map(element => element.outerHTML.slice(0, 80))}};
  }});
  document.body.textContent = "SIZES" + JSON.stringify(sizes) + "END";
}});
</script></body>"""


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
        assert max(fixed, default=0) <= min(WIDTHS) - PADDING


def test_a_page_fits_a_phone_and_a_screen(pages: list[Path], tmp_path: Path) -> None:
    if BROWSER is None:
        pytest.skip("No Chromium is installed: how the pages look is tested only where one is.")
    for size in sizes(pages, tmp_path):
        assert size["content"] <= size["width"], size
        assert size["outside"] == []
        assert size["rows"] > 2


def sizes(pages: list[Path], folder: Path) -> list[dict[str, int | list[str]]]:
    """What a browser measures of each page at each width; an error of a script would leave nothing to read."""
    frames = "".join(
        f'<iframe srcdoc="{html.escape(page.read_text())}" style="width:{width}px;height:3000px;border:0"></iframe>'
        for page in pages
        for width in WIDTHS
    )
    probe = folder / "probe.html"
    probe.write_text(PROBE.format(frames=frames))
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile", "--dump-dom"]
    command = [str(BROWSER), *options, f"file://{probe}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    measured = re.search(r"SIZES(.*)END", shown)
    assert measured, shown[:500]
    return list(json.loads(html.unescape(measured[1])))

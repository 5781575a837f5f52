"""The pages of a back-test in a real browser, on a phone and on a screen: nothing runs over its edge."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backtest.backtest_world import csv, template
from deliverywatch.cli import main

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = (390, 1280)

# Asks each of two frames, as wide as a phone and a screen, what runs over its edge.
PROBE = """<!doctype html><body>{frames}<script>
addEventListener("load", () => {{
  const sizes = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument;
    const outside = [...page.querySelectorAll("body *")].filter(
      element => !element.closest("svg, .wide") && element.getBoundingClientRect().right > frame.clientWidth + 1);
    return {{width: frame.clientWidth, content: page.documentElement.scrollWidth, scripts: page.scripts.length,
      outside: outside.map(element => element.outerHTML.slice(0, 80))}};
  }});
  document.body.textContent = "SIZES" + JSON.stringify(sizes) + "END";
}});
</script></body>"""


def sizes(page: Path, folder: Path) -> list[dict[str, Any]]:
    """What a browser measures of a page at each width; headless windows themselves are never as narrow as a phone."""
    if BROWSER is None:
        pytest.skip("No Chromium is installed: the layout of the page is tested only where one is.")
    escaped = html.escape(page.read_text())
    frames = "".join(f'<iframe srcdoc="{escaped}" style="width:{w}px;height:3000px;border:0"></iframe>' for w in WIDTHS)
    probe = folder / "probe.html"
    probe.write_text(PROBE.format(frames=frames))
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--dump-dom",
        f"--user-data-dir={folder}/profile",
    ]
    shown = subprocess.run([*command, f"file://{probe}"], capture_output=True, text=True, check=True, timeout=60).stdout
    measured = re.search(r"SIZES(.*)END", shown)
    assert measured, shown[:500]
    return list(json.loads(html.unescape(measured[1])))


def test_the_report_fits_a_phone_and_a_screen(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    history = csv(tmp_path, {slot: slot % 17 for slot in range(0, 1100, 5)}, slots=1100)
    arguments = ["--template", template(tmp_path), "--history", history, "--set", "Limit=5,9", "--report", path]
    assert CliRunner().invoke(main, ["backtest", *map(str, arguments)]).exit_code == 0
    for size in sizes(path, tmp_path):
        assert size["content"] <= size["width"], size
        assert not size["outside"]
        assert not size["scripts"]

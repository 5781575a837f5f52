"""What is said of a page that is wrong: each fault in a page of its own, and none in one that is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "deliverywatch"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>:root{{color-scheme:light dark}}</style><body>{}</body></html>"""
RIGHT = (
    '<p>Words</p><a href="#a">one</a><p style="overflow:auto;height:40px;width:90px">scrolls down and on and on and on'
    '</p><label>Name <input name="by"></label><svg viewBox="0 0 300 40"><rect width="300" height="40" fill="#000"/>'
    '<text x="9" y="20" fill="#fff">drawn</text></svg><details><summary>more</summary>hidden at first</details>'
)
WRONG = {
    '<p style="width:800px">wide</p>': "wider than the window",
    '<p style="width:60px;overflow:hidden;white-space:nowrap">a sentence that is too long</p>': "cut off",
    '<svg viewBox="0 0 90 20" width="90"><text x="80" y="15">outside</text></svg>': "cut off",
    '<p>one</p><p style="margin-top:-35px">two</p>': "overlap",
    '<p style="color:#999;background:#fff">pale</p>': "contrast",
    '<details><summary>more</summary><p style="color:#444;background:#000">pale</p></details>': "contrast",
    '<svg viewBox="0 0 90 20"><rect width="90" height="20" fill="#333"/><text x="9" y="15">x</text></svg>': "contrast",
    '<body style="background:#fff;color:#000">words</body>': "light, where the reader wants it dark",
    '<input name="by" style="border:1px solid #777;background:#777;color:#777">': "in the field by",
    '<img src="gone.png" alt="gone">': "lost picture",
    '<p style="overflow:auto;width:90px;white-space:nowrap">a sentence that is too long</p>': "scrolls sideways",
    '<div style="width:9px;height:9px;background:#ccc"></div>': "of a mark",
    "<script>console.error('odd')</script>": "the console",
    "<script>throw new Error('odd')</script>": "the console",
    '<img src="https://example.com/dot.png" alt="dot">': "asks for https://example.com/dot.png",
    '<iframe sandbox srcdoc="<img src=https://example.com/dot.png>" title="mail"></iframe>': "asks for https://example",
    '<a href="#a">one</a><a href="#b" tabindex="1">two</a>': "in the order",
    '<div style="display:flex;flex-direction:column-reverse"><a href="#a">a</a>-<a href="#b">b</a></div>': "back",
    '<a href="#a" style="outline:none">one</a>': "one does not see",
}

# Every page that we write, and the tests that open it.
PAGES = {
    "alerting/mail/templates/mail.html.j2": "alerting/test_alerting_pages.py",
    "backtest/report/templates/recommended.html.j2": "backtest/test_backtest_browser.py",
    "backtest/report/templates/report.html.j2": "backtest/test_backtest_browser.py",
    "email/report/templates/report.html.j2": "email/test_email_report.py",
    "local/demo/page.html.j2": "local/test_demo_page.py",
    "operate/incident_page/templates/page.html.j2": "operate/test_operate_acknowledge.py",
}

Look = Callable[[Path | str, str], list[str]]


@pytest.fixture
def seen(look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    def opened(body: str) -> list[str]:
        monkeypatch.setattr("page_checks.SCREENSHOTS", tmp_path / "screenshots")
        page = tmp_path / "page.html"
        page.write_text(PAGE.format(body), encoding="utf-8")
        return look(page, "page")

    return opened


def test_a_page_that_is_right_has_no_faults_and_four_pictures(seen: Callable[[str], list[str]], tmp_path: Path) -> None:
    assert seen(RIGHT) == []
    names = {f"page-{width}-{scheme}.png" for width in (390, 1280) for scheme in ("light", "dark")}
    assert {path.name for path in (tmp_path / "screenshots").iterdir()} == names


@pytest.mark.parametrize(("body", "fault"), WRONG.items(), ids=WRONG.values())
def test_every_fault_is_seen(seen: Callable[[str], list[str]], body: str, fault: str) -> None:
    assert fault in json.dumps(seen(body))


def test_every_page_is_opened_by_a_test() -> None:
    templates = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in SOURCE.rglob("*.j2")}
    assert {name for name, text in templates.items() if "<!doctype html" in text.lower()} == set(PAGES)
    for test in PAGES.values():
        assert " look(" in (ROOT / "tests" / test).read_text()

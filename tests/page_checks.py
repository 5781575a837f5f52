"""What a reader of a page meets, on a phone and on a screen, in light and in dark; pictures of it are kept.

They lie in build/screenshots: what a machine does not see is for somebody to look at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from browser import Browser

WIDTHS = (390, 1280)
SCHEMES = ("light", "dark")
SCREENSHOTS = Path(__file__).parents[1] / "build" / "screenshots"
_PROBE = Path(__file__).with_name("page_probe.js").read_text(encoding="utf-8")
_LOCAL = re.compile(r"(data|blob|about):")
_HEIGHT_LIMIT = 12_000
_TAB_LIMIT = 300

# What can be reached by keyboard, in the order of the page; and which of them is reached, whether one sees it.
_STOPS = """[...document.querySelectorAll("a[href], button, input, select, textarea, summary, iframe")]
  .filter(one => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({visibilityProperty: true}))"""
_REACHED = """(() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const isOutlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return {at: STOPS.indexOf(one), isBody: one === document.body, isMarked: isOutlined || one.tagName === "IFRAME",
    html: one.outerHTML.slice(0, 80), top: box.top + scrollY, bottom: box.bottom + scrollY};
})()""".replace("STOPS", _STOPS)


def faults(browser: Browser, url: str, name: str) -> list[str]:
    """Return what is wrong with a page, one sentence each with where."""
    return [f"{name}, {place}: {fault}" for width in WIDTHS for place, fault in _faults(browser, url, name, width)]


def _faults(browser: Browser, url: str, name: str, width: int) -> Iterator[tuple[str, str]]:
    browser.allow_scripts(are_allowed=True)
    browser.resize(width)
    browser.colour("light")
    browser.open(url)
    yield from ((f"{width} px by keyboard", fault) for fault in _keyboard(browser))
    # The whole page is in the window, so that all of it is drawn and measured.
    browser.resize(width, min(browser.content_size()[1], _HEIGHT_LIMIT))
    for scheme in SCHEMES:
        browser.colour(scheme)
        browser.settle()
        found = browser.evaluate(f"({_PROBE})({width}, {json.dumps(scheme == 'dark')})")
        yield from ((f"{width} px, {scheme}", fault) for fault in found)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        (SCREENSHOTS / f"{name}-{width}-{scheme}.png").write_bytes(browser.screenshot())
    yield from ((f"{width} px", f"the console: {text}") for text in browser.complaints())
    yield from ((f"{width} px", f"asks for {sent}") for sent in _requests(browser, url))


def _requests(browser: Browser, page: str) -> list[str]:
    """Return what else a page asks for; a browser asks for a site's icon by itself."""
    urls = [str(one["url"]) for one in browser.requests()]
    return [url for url in urls if url != page and not _LOCAL.match(url) and not url.endswith("/favicon.ico")]


def _keyboard(browser: Browser) -> Iterator[str]:
    """Go through a page with the Tab key alone: everything is reached, seen and passed from top to bottom."""
    passed = _stops(browser)
    yield from (f"one does not see that {one['html']} is reached" for one in passed if not one["isMarked"])
    yield from (f"back up to {one['html']}" for before, one in pairwise(passed) if one["bottom"] <= before["top"])
    # What scrolls is a stop, too, for the arrow keys.
    order, count = [one["at"] for one in passed if one["at"] != -1], int(browser.evaluate(f"{_STOPS}.length"))
    if order != list(range(count)):
        yield f"{count} stops are passed in the order {order}"


def _stops(browser: Browser) -> list[dict[str, Any]]:
    """Return what the Tab key reaches, until it leaves the page or begins anew."""
    passed: list[dict[str, Any]] = []
    for _ in range(_TAB_LIMIT):
        browser.press_tab()
        reached = browser.evaluate(_REACHED)
        if reached["isBody"] or reached in passed[:-1]:
            break
        # Inside a frame it goes on, and the page does not see it.
        if reached not in passed[-1:]:
            passed.append(reached)
    return passed

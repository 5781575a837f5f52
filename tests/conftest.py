"""Settings of every test: hypothesis is deterministic and never fails for being slow; no test leaves an account behind.

boto3 keeps the credentials that it found first in its default session. A test that left a key in the environment,
or a session with one, would let another fail that happens to run after it in the same process.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from browser import CHROMIUM, Browser
from page_checks import faults

settings.register_profile(
    "house", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def account_left_as_it_was() -> Iterator[None]:
    """Fail a test that leaves another environment of AWS than it had, and forget boto3's default session."""
    before = _of_aws()
    yield
    after = _of_aws()
    for name in after.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None
    changed = sorted(name for name, _ in before.items() ^ after.items())
    assert not changed, f"The test left {', '.join(changed)} in the environment otherwise than it had it."


def _of_aws() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all pages, where one is installed."""
    if CHROMIUM is None:
        pytest.skip("No Chromium is installed: how pages look and work is tested only where one is.")
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def look(browser: Browser) -> Callable[[Path | str, str], list[str]]:
    """Open a page as its readers do, and return what is wrong with it; the name is that of its pictures."""

    def opened(page: Path | str, name: str) -> list[str]:
        return faults(browser, page.as_uri() if isinstance(page, Path) else page, name)

    return opened

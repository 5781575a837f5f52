"""One build without third-party packages for all tests of this room."""

import json
from pathlib import Path
from typing import Any

import pytest

from blocks.extras import Extra
from bundling import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cfn") / "build"
    build.build(["sms"], "none", out)
    return out


@pytest.fixture(scope="session")
def template(built: Path) -> dict[str, Any]:
    return json.loads((built / "template.json").read_text())


@pytest.fixture(scope="session")
def with_page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The template with the page of links in mails, which is built only if asked for."""
    out = tmp_path_factory.mktemp("cfn") / "with-page"
    build.build(["sms"], "none", out, [Extra.INCIDENT_PAGE])
    return json.loads((out / "template.json").read_text())

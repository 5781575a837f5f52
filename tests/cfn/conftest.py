"""One build without third-party packages for all tests of this room."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundling import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cfn") / "build"
    build.build(["sms"], "none", out)
    return out


@pytest.fixture(scope="session")
def template(built: Path) -> dict[str, Any]:
    return json.loads((built / "template.json").read_text())

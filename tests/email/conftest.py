"""One build of the e-mail system alone for all tests of this room."""

import json
from pathlib import Path
from typing import Any

import pytest

import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("email") / "build"
    build.build(["email"], "none", out)
    return out


@pytest.fixture(scope="session")
def template(built: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((built / "template.json").read_text())
    return content

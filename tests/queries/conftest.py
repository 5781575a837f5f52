"""A build of scheduled queries alone, for tests of its template and of what it does when deployed."""

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def queries_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the build, without third-party packages."""
    from bundling import build

    out = tmp_path_factory.mktemp("queries") / "build"
    build.build(["queries"], "none", out)
    return out


@pytest.fixture(scope="session")
def queries_template(queries_build: Path) -> dict[str, Any]:
    """The built template."""
    return dict(json.loads((queries_build / "template.json").read_text()))

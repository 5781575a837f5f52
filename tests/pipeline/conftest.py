"""One build of the pipeline system for all tests of this room."""

import json
from pathlib import Path
from typing import Any

import pytest

from blocks.extras import Extra
from bundling import build


@pytest.fixture(scope="session")
def pipeline_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a build without third-party packages."""
    out = tmp_path_factory.mktemp("pipeline") / "build"
    build.build(["pipeline"], "none", out, [Extra.EXAMPLE_PIPELINE])
    return out


@pytest.fixture(scope="session")
def pipeline_template(pipeline_build: Path) -> dict[str, Any]:
    """The template of that build."""
    template: dict[str, Any] = json.loads((pipeline_build / "template.json").read_text())
    return template

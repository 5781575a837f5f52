"""The template as it is deployed, and the lake of the demo's day."""

from pathlib import Path

import pytest

from backtest.backtest_world import rows_of_the_demo, write_lake
from bundling import build


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    build.build(["sms"], "none", folder)
    return folder / "template.json"


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lake(tmp_path_factory.mktemp("lake"), rows_of_the_demo())

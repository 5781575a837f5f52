"""One local cloud for a module of tests, with the file intake as it is built, deployed as `deliverywatch-prod`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from files_stack import Intake, deployed

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud


@pytest.fixture(scope="session")
def files_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a build of files alone."""
    from bundling import build

    out = tmp_path_factory.mktemp("files") / "build"
    build.build(["files"], "none", out)
    return out


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A running cloud at noon of yesterday."""
    from deliverywatch.local.cloud.cloud import LocalCloud

    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    with LocalCloud(noon) as running:
        yield running


@pytest.fixture(scope="module")
def intake(cloud: LocalCloud, files_build: Path) -> Intake:
    """The deployed intake with a bucket of its own."""
    return deployed(cloud, files_build)

"""One build of the e-mail system alone, and one lake per layout, for all tests of this room."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from email_population import by_arrival
from email_world import line

from blocks.extras import Extra
from bundling import build
from deliverywatch.email import land
from deliverywatch.email.events.streams import Stream
from deliverywatch.storage.folder import Folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("email") / "build"
    build.build(["email"], "none", out, [Extra.BUDGET])
    return out


@pytest.fixture(scope="session")
def template(built: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((built / "template.json").read_text())
    return content


@pytest.fixture(scope="session")
def lake_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Three months of events, landed in a layout of folders; some objects come twice, as Firehose may deliver them."""

    @cache
    def landed(partitions: str) -> Path:
        root = tmp_path_factory.mktemp("lake")
        for number, ((stream, hour), events) in enumerate(by_arrival().items()):
            lines = [line(each) for each in events]
            for copy in range(1 + (number % 40 == 0)):
                settings = land.Settings(Stream(stream), hour, f"object-{number}-{copy}", partitions=partitions)
                done = land.land(lambda lines=lines: lines, settings, Folder(root))  # type: ignore[misc]
                assert (done.results["Ok"], done.fields.lost) == (len(lines), 0)
        return root

    return landed

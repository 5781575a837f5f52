"""Writers that lose a race at the store try again at once: the tests of this room lose thousands on purpose."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from deliverywatch.storage import store


@pytest.fixture(scope="module", autouse=True)
def without_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "time", SimpleNamespace(sleep=lambda _: None))
        yield

"""The saved queries while a lake is compacted: after every single step they answer what they answered before it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_cfn_queries import NOW, _database, all_messages, lake, run, saved, view_of

from deliverywatch.sms import compact
from deliverywatch.storage.folder import Folder

pytestmark = pytest.mark.slow

__all__ = ["all_messages", "lake"]  # fixtures, in a lake of this module's own

LATER = NOW + timedelta(days=5)  # all days are due, that of what is scheduled for tomorrow too


class Watched(Folder):
    """A folder whose every change is looked at."""

    def __init__(self, root: Path, looked_at: Any) -> None:
        super().__init__(root)
        self._look = looked_at

    def write(self, key: str, body: bytes) -> None:
        super().write(key, body)
        self._look()

    def delete(self, key: str) -> None:
        super().delete(key)
        self._look()


@pytest.fixture(scope="module")
def answers(template: dict[str, Any], lake: Path) -> Iterator[list[dict[str, list[dict[str, Any]]]]]:
    """What the queries answer before the first step and after each."""
    answers: list[dict[str, list[dict[str, Any]]]] = []
    queries = {name: sql for name, sql in saved(template).items() if name.startswith("sms-")}
    names, view = sorted(queries), view_of(template)

    def look() -> None:
        database = _database(lake, view)
        # All of them before the first step, in turn after each other one: each sees each kind of step many times.
        chosen = [names[len(answers) % len(names)]] if answers else names
        answers.append({name: run(database, queries[name]) for name in chosen})
        database.close()

    look()
    store = Watched(lake, look)
    done = compact.compact(compact.due(store.sizes("sms/"), LATER), store, token="t")
    assert done.failures == {}
    assert done.day_count >= 3
    yield answers


def test_a_saved_query_answers_the_same_after_every_step_of_a_compaction(
    answers: list[dict[str, list[dict[str, Any]]]],
) -> None:
    before, *after = answers
    assert len(after) > 100
    assert all(before.values())
    for each in after:
        for name, rows in each.items():
            assert sorted(map(repr, rows)) == sorted(map(repr, before[name])), name


def test_the_days_are_one_object_each_in_the_end(answers: list[dict[str, list[dict[str, Any]]]], lake: Path) -> None:
    assert {path.name for path in lake.glob("sms/*/*.parquet")} == {"day.parquet"}


def test_without_the_view_a_row_would_be_seen_twice(
    template: dict[str, Any], answers: list[dict[str, list[dict[str, Any]]]], lake: Path
) -> None:
    (day, *_) = sorted(lake.glob("sms/*/day.parquet"))
    day.with_name("07.parquet").write_bytes(day.read_bytes())
    database = _database(lake, view_of(template))
    count = "SELECT count(*) FROM {} WHERE dt = '{}'"
    dt = day.parent.name.removeprefix("dt=")
    (objects,), (messages,) = (
        database.execute(count.format(table, dt)).fetchall()[0] for table in ("sms_objects", "sms_messages")
    )
    assert objects == 2 * messages > 0

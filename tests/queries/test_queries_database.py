"""In which database a query's bare tables are: its own, that of the file, or the lake's."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deliverywatch import athena
from deliverywatch.queries.config import file, source, statement
from deliverywatch.queries.config.notices import of_databases

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ENTRY = {"schedule": "rate(1 hour)", "query": "SELECT 1"}


def read(queries: dict[str, Any], **top: Any) -> file.Config:
    return file.read(json.dumps({"queries": queries, **top}).encode(), "pn")


@pytest.mark.parametrize(
    ("own", "settings", "database"),
    [
        ({}, None, ""),
        ({}, {"athena_database": "shop"}, "shop"),
        ({}, {"athena_database": " "}, ""),
        ({}, {"athena_database": 3}, ""),
        ({}, {"athena_workgroup": "shop"}, ""),
        ({"database": "other"}, {"athena_database": "shop"}, "other"),
        ({"database": "other"}, None, "other"),
        ({"database": ""}, {"athena_database": "shop"}, ""),
    ],
)
def test_a_query_runs_in_its_database_or_in_that_of_the_file(own: Any, settings: Any, database: str) -> None:
    query = read({"a": ENTRY | own}, global_config=settings).queries["a"]
    assert statement.filled(query, NOW).database == database


def test_what_else_the_former_settings_say_is_named() -> None:
    only = read({}, global_config={"athena_database": "shop"}, version="1.0")
    assert [notice.path for notice in only.notices] == ["$.version"]
    (notice,) = read({}, global_config={"athena_database": "shop", "max_retries": 2}).notices
    assert (notice.path, "only `athena_database`" in notice.sentence) == ("$.global_config", True)


def test_a_database_that_the_executor_may_not_read_is_named_once() -> None:
    config = read({"a": ENTRY, "b": ENTRY | {"database": "ours"}}, global_config={"athena_database": "Shop"})
    assert [notice.path for notice in of_databases(config, ["lake", "ours"])] == ["$.queries.a.database"]
    assert of_databases(config, ["lake", "ours", "shop"]) == of_databases(config, []) == []


def test_a_query_that_left_the_file_keeps_the_database_of_the_file() -> None:
    body = json.dumps({"queries": {"a": ENTRY, "b": ENTRY}, "global_config": {"athena_database": "shop"}})
    before = source.Copy(body, "1", "", "x", "pn", "")
    after = source.Copy('{"queries": {}}', "2", "", "x", "pn", "", source.removed_from(before, read({"b": ENTRY})))
    left = after.query("a")
    assert left is not None
    assert (left.database, after.query("b")) == ("shop", None)


class Recorder:
    """boto3's client of Athena, as far as it starts statements."""

    def __init__(self) -> None:
        self.databases: list[str | None] = []

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.databases.append(request.get("QueryExecutionContext", {}).get("Database"))
        return {"QueryExecutionId": "e"}


def test_athena_gets_the_database_with_the_statement() -> None:
    from deliverywatch.queries.aws import translated

    client = Recorder()
    workgroup = athena.Workgroup(client, "work", "lake", translated)
    for database in ("", "shop"):
        workgroup.start(athena.Statement("SELECT 1", database=database))
    assert client.databases == ["lake", "shop"]
    tokens = {athena.token_of("run", athena.Statement("SELECT 1", database=name)) for name in ("", "shop", "other")}
    assert len(tokens) == 3

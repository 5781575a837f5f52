"""Queries whose schedules AWS takes, or may take -> what to know of them: those that never run, and doubts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from cwalarm.schedules import eventbridge
from deliverywatch.errors import InputError
from deliverywatch.queries.config.fields import Findings, Section
from deliverywatch.queries.config.query import Problem

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Config


def notices(config: Config, now: datetime) -> list[Problem]:
    """Return every notice of a file, with those of its schedules as they are from a time on."""

    # Thousands of queries run at a few dozen times.
    @cache
    def of_schedule(expression: str, zone: str) -> list[str]:
        try:
            return eventbridge.notices(eventbridge.parse(expression), zone, now)
        except InputError:
            return []  # refused, which the file's problems say

    queries = Section("$.queries", {}, Findings())
    schedules = [
        Problem(f"{queries.path_of(query.id)}.schedule", sentence)
        for query in config.queries.values()
        for sentence in of_schedule(query.expression, query.timezone)
    ]
    return [*config.notices, *schedules]


def of_databases(config: Config, readable: Collection[str]) -> list[Problem]:
    """Return a notice for each database of the queries that the executor may not read."""
    known = {"", *(name.casefold() for name in readable)}
    first = {query.database.casefold(): query for query in reversed(list(config.queries.values()))}
    queries = Section("$.queries", {}, Findings())
    return [
        Problem(
            f"{queries.path_of(query.id)}.database",
            f"The executor may not read the database '{query.database}': set QueriesDatabase.",
        )
        for name, query in first.items()
        if readable and name not in known
    ]

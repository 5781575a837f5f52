"""A time on the command line: ISO 8601, UTC unless it says otherwise."""

from datetime import UTC, datetime
from typing import Any

import click


class Time(click.ParamType[datetime]):
    """A date or a time in ISO 8601; without a zone it is UTC."""

    name = "time"
    examples = "2026-11-21T11:00Z, 2026-11-21T11:00+10:00 or 2026-11-21"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time in UTC, aware."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is no time such as {self.examples}.", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

"""`deliverywatch recipients`: who was affected by an incident and not reached since, as CSV."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cwalarm.cli.terminal import echo, wrapped
from deliverywatch.cli.terminal.lake_options import FOLDER, open_lake
from deliverywatch.cli.terminal.results import FORMATS, able_to_write, write
from deliverywatch.cli.terminal.target import Target, target
from deliverywatch.cli.terminal.time_options import TimeOrAge

if TYPE_CHECKING:
    from deliverywatch.operate.incidents.recipients import Period, Person

_TYPES = {"failed_messages": "bigint"}


@click.command()
@click.argument("incident", metavar="[INC]", required=False)
@click.option("--since", type=TimeOrAge(), help="Messages sent from then on, such as 3h, instead of an incident.")
@click.option("--until", type=TimeOrAge(), help="End of that time, not included.  [default: now]")
@click.option("--lookup", is_flag=True, help="Ask ClickSend for the numbers; they are stored nowhere.")
@click.option("--lake", type=FOLDER, help="Folder of the history.  [default: the stack's bucket]")
@click.option("--format", "kind", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write into this file.")
@target
def recipients(
    *,
    incident: str | None,
    since: datetime | None,
    until: datetime | None,
    lookup: bool,
    lake: Path | None,
    kind: str,
    out: Path | None,
    target: Target,
) -> None:
    """List who was not reached in an incident, and not since.

    Lists everybody whose newest message of that time failed and who has got none since. Numbers are masked as in the
    mails; with --lookup they are read from ClickSend now, and go to the output only.

    \b
    deliverywatch recipients INC-1121-1204 > affected.csv
    deliverywatch recipients INC-1121-1204 --lookup --out affected.csv
    deliverywatch recipients --since 2026-11-21T12:00Z --until 2026-11-21T14:00Z
    """  # noqa: D301 - click wants the control character
    if bool(incident) == bool(since) or (until and not since):
        raise click.UsageError("Name an incident such as INC-1121-1204, or a time with --since and --until.")
    if since and until and since >= until:
        raise click.UsageError("--until is not after --since, so that there is no time between them.")
    able_to_write(kind, out)
    from deliverywatch.operate.incidents import recipients as flow

    opened, now = open_lake(lake, target), datetime.now(UTC)
    period = (
        flow.period_of(opened.store, incident.upper(), now) if incident else flow.Period(since or now, until or now)
    )
    people = flow.unreached(opened.store, period, now)
    if lookup:
        source = opened.source(lambda _start, _count: None)
        looked_up = flow.looked_up(people, source.history)
        people = sorted(looked_up, key=lambda person: (-person.sent_at, person.message_id))
    columns = [(name, _TYPES.get(name, "varchar")) for name in flow.COLUMNS]
    rows = [person.values() for person in people]
    if lookup:
        columns.insert(3, ("number", "varchar"))
        rows = [(*row[:3], person.number, *row[3:]) for row, person in zip(rows, people, strict=True)]
    write(columns, rows, kind, out)
    echo(wrapped(_sentence(people, period, out, lookup=lookup)), err=True)


def _sentence(people: list[Person], period: Period, out: Path | None, *, lookup: bool) -> str:
    count = f"{len(people):,} {'person was' if len(people) == 1 else 'people were'}"
    end = f"{period.end:%H:%M}" if period.end.date() == period.start.date() else f"{period.end:%Y-%m-%d %H:%M}"
    sentence = f"{count} not reached between {period.start:%Y-%m-%d %H:%M} and {end} UTC, and not since"
    unknown = sum(person.number is None for person in people) if lookup else 0
    more = f"; ClickSend does not give {unknown:,} of the numbers" if unknown else ""
    return f"{sentence}{more}{f'. Written to {out}' if out else ''}."

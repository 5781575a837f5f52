"""A lake and a period -> the report: as JSON, as CSV files, and as one self-contained HTML page with charts."""

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from deliverywatch import spreadsheet
from deliverywatch.email.events.links import LinkRules
from deliverywatch.email.events.streams import Stream, day_of, table_folders
from deliverywatch.email.report.engagement import Engagement
from deliverywatch.email.report.mails import NAMES, percent
from deliverywatch.storage.store import Store, read_listed

SECTIONS = ("campaigns", "days", "weeks", "domains", "providers", "links")


def engagement(
    store: Store,
    since: datetime,
    until: datetime,
    streams: Sequence[Stream] = tuple(Stream),
    links: LinkRules = LinkRules(),  # noqa: B008 - frozen
) -> Engagement:
    """Return the mails that were sent from `since` to before `until`, both aware, with all that became of them."""
    # Imported here: it brings pyarrow, which `--help` does not need.
    from deliverywatch.email.events import parquet

    result = Engagement(since, until, links)
    for stream in streams:
        for key in _keys(store, stream, since):
            result.add(stream, parquet.rows(io.BytesIO(read_listed(store, key)), NAMES))
    return result


def csv_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV with a header."""
    names = list(rows[0]) if rows else []
    return spreadsheet.csv_of(names, ([row[name] for name in names] for row in rows))


def html_of(document: Mapping[str, Any]) -> str:
    """Return the report as one page."""
    # Imported here: only the page needs templates.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("deliverywatch.email.report", "templates"), autoescape=True, undefined=StrictUndefined
    )
    environment.globals.update(bounds=bounds, share=percent)
    streams = [stream.value for stream in Stream if _of(document["days"], stream)]
    return environment.get_template("report.html.j2").render(
        document=document,
        streams=streams,
        totals={stream: _totals(document, stream) for stream in streams},
        weeks={stream: _of(document["weeks"], stream) for stream in streams},
        days={stream: list(_every_day(_of(document["days"], stream))) for stream in streams},
    )


def _keys(store: Store, stream: Stream, since: datetime) -> Iterator[str]:
    """Yield the objects from the day before on: its day is that of its oldest event, others came after midnight."""
    first = since.astimezone(UTC).date() - timedelta(days=1)
    for key in (key for table in table_folders(stream) for key in store.keys(table)):
        day = day_of(key)
        if day and key.endswith(".parquet") and day >= first:
            yield key


def _of(rows: Sequence[dict[str, Any]], stream: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["stream"] == stream]


def _totals(document: Mapping[str, Any], stream: str) -> dict[str, int]:
    """Return the sums of a stream's campaigns: of what has no number for all of them, the bounds have one."""
    return {name: sum(row[name] for row in _of(document["campaigns"], stream)) for name in _SUMMED}


_BOUNDS = ("_by_people_at_least", "_by_people_at_most", "_without_verdict")
_SUMMED = (
    *("sent", "delivered", "not_attempted", "bounced", "complained", "unsubscribed"),
    *(f"{name}{whom}" for name in ("opened", "clicked") for whom in ("", *_BOUNDS)),
)


def bounds(least: float | None, most: float | None) -> str:
    """Return two bounds of a share: one number where they meet."""
    if least is None or most is None:
        return "-"
    if f"{least:.1f}" == f"{most:.1f}":
        return f"{least:.1f} %"
    return f"{least:.1f} to {most:.1f} %"


def _every_day(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a row for every day, also for one without an event, so that the chart's axis is linear in time."""
    if not rows:
        return
    by_day = {row["day"]: row for row in rows}
    first, last = date.fromisoformat(rows[0]["day"]), date.fromisoformat(rows[-1]["day"])
    for number in range((last - first).days + 1):
        day = str(first + timedelta(days=number))
        yield by_day.get(day, {"day": day, "delivered": 0, "opened": 0, "clicked": 0})

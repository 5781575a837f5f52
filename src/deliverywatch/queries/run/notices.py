"""What became of a query -> the notices that the notifier turns into mails, one per change.

Alerts on one measure of one query are one watch: `queries.<id>.rows` is critical while any critical one of them holds.
`queries.<id>.failed` says that the query itself failed, `queries.<id>.stale` that it no longer succeeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from deliverywatch.messages.console import console
from deliverywatch.messages.context import Context, key_of, to_json
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice, to_document

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Query
    from deliverywatch.queries.run.result import Result
    from deliverywatch.storage.store import Store

FAILED = "failed"
STALE = "stale"

Link = tuple[str, str]

# Athena repeats the statement below its reason.
_LONGEST_REASON = 300
_FAILED_STEPS = (
    "Open the query in Athena and run it there: the reason above is Athena's own.",
    "Correct it in the file of queries, and check the file with 'deliverywatch queries validate'.",
    "Run it again for the time it was due: 'deliverywatch queries run {id} --date {due} --again'.",
)
_SILENT_STEPS = (
    "See what it did lately: 'deliverywatch queries history {id}'.",
    "See whether its schedule is as it should be: 'deliverywatch queries plan --config FILE'.",
    "If the schedule is right, look for its starts in the queue of dead letters.",
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One condition as it is now.

    Attributes:
        topic: What it is about: a measure, `failed` or `stale`.
        table: Columns, then rows, all short; empty for none.
        links: Titles and URLs of pages that ask the reader to sign in, so that they outlive any session.
        recipients: Who gets the mail instead of the stack's recipients; empty for these.
    """

    query_id: str
    topic: str
    level: Level
    title: str
    sentence: str
    facts: tuple[tuple[str, str], ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    steps: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    recipients: tuple[str, ...] = ()

    @property
    def watch(self) -> str:
        """The name of its watch."""
        return f"queries.{self.query_id}.{self.topic}"

    def message(self, now: datetime) -> dict[str, Any]:
        """Return what is published."""
        notice = SystemNotice(
            watch=self.watch, level=self.level, time=now, title=self.title, sentence=self.sentence, facts=self.facts
        )
        return to_document(notice)

    def context(self, now: datetime) -> bytes:
        """Return the document that its mails take the rest from."""
        context = Context(
            system="queries",
            updated_at=now,
            table=self.table,
            steps=self.steps,
            links=self.links,
            recipients=self.recipients,
        )
        return to_json(context)


def publish(notices: Iterable[Notice], lake: Store, send: Callable[[Mapping[str, Any]], None], now: datetime) -> None:
    """Leave what the mails need in the lake, and hand the messages to the notifier."""
    for notice in notices:
        lake.write(key_of(notice.watch), notice.context(now))
        send(notice.message(now))


def of_alerts(query: Query, result: Result, facts: Mapping[str, str], links: Sequence[Link]) -> list[Notice]:
    """Return a notice for each measure of a query's alerts, whether its alerts hold or not."""
    topics = dict.fromkeys(alert.watch for alert in query.alerts)
    return [_of_measure(query, topic, result, facts, links) for topic in topics]


def of_failure(query: Query, reason: str, due: datetime, facts: Mapping[str, str], links: Sequence[Link]) -> Notice:
    """Return the notice that a query itself failed; an empty reason says that it succeeds again."""
    why = " ".join(reason.split())[:_LONGEST_REASON]
    sentence = f"The query {query.id} failed: {why}" if reason else f"The query {query.id} succeeds again."
    steps = [step.format(id=query.id, due=f"{due:%Y-%m-%dT%H:%M:%SZ}") for step in _FAILED_STEPS]
    level, title = Level.WARNING if reason else Level.OK, f"Query {query.id} failed"
    return _notice(
        query, FAILED, level, title, sentence, facts, steps=tuple(steps if reason else ()), links=tuple(links)
    )


def of_silence(query: Query, since: datetime | None, missed: int) -> Notice:
    """Return the notice that a query missed a number of runs since its last success; 0 says that it succeeds again."""
    last = f"since {since:%Y-%m-%d %H:%M} UTC" if since else "since it was added"
    sentence = f"The query {query.id} has not succeeded {last}: {missed} of its runs were due."
    return _notice(
        query,
        STALE,
        Level.WARNING if missed else Level.OK,
        f"Query {query.id} is not succeeding",
        sentence if missed else f"The query {query.id} succeeds again.",
        {"Schedule": f"{query.expression}, {query.timezone}"},
        steps=tuple(step.format(id=query.id) for step in _SILENT_STEPS) if missed else (),
    )


def links_of(region: str, execution_id: str, exported: str) -> list[Link]:
    """Return the pages of the AWS console about a run; `exported` is `s3://bucket/key`, or empty if nothing was.

    A presigned URL would end with the credentials of the role that signed it, after hours at most.
    """
    # Athena keeps its history for 45 days.
    home = console(region)
    athena = f"{home}/athena/home?region={region}#/query-editor/history/{execution_id}"
    bucket, _, key = exported.removeprefix("s3://").partition("/")
    file = f"{home}/s3/object/{bucket}?region={region}&prefix={quote(key)}"
    return [*([("Result file", file)] if exported else []), *([("Query in Athena", athena)] if execution_id else [])]


def of_removal(query_id: str, topics: Iterable[str]) -> list[Notice]:
    """Return the notices that end whatever a removed query left open."""
    sentence = f"The query {query_id} was removed from the file."
    return [Notice(query_id, topic, Level.OK, f"Query {query_id}", sentence) for topic in topics]


def _of_measure(query: Query, topic: str, result: Result, facts: Mapping[str, str], links: Sequence[Link]) -> Notice:
    readings = [reading for reading in result.readings if reading.alert.watch == topic]
    holding = sorted((one for one in readings if one.holds), key=lambda one: one.alert.severity.rank, reverse=True)
    measured = next((reading.measured for reading in [*holding, *readings] if reading.measured is not None), None)
    value = "no value" if measured is None else f"{measured:.12g}"
    if holding:
        first, *others = [reading.alert.name for reading in holding]
        also = " and ".join(f"'{name}'" for name in others)
        too = f" So does {also}." if others else ""
        sentence = f"The query {query.id} is at {value}: '{first}' calls at {holding[0].alert.rule}.{too}"
    else:
        sentence = f"The query {query.id} is back to normal, now at {value}."
    alerts = [reading.alert for reading in readings]
    rules = {f"Alert {alert.name}": f"{alert.rule} ({alert.severity})" for alert in alerts}
    return _notice(
        query,
        topic,
        holding[0].alert.severity if holding else Level.OK,
        query.description or f"Query {query.id}",
        sentence,
        {"Measured": value, **rules, **facts},
        table=(result.columns, *result.rows) if holding and result.rows else (),
        links=tuple(links),
    )


def _notice(
    query: Query, topic: str, level: Level, title: str, sentence: str, facts: Mapping[str, str], **more: Any
) -> Notice:
    named = {"Query": query.id, "Owner": query.owner, **facts}
    shown = tuple((name, value) for name, value in named.items() if value)
    return Notice(query.id, topic, level, title, sentence, shown, recipients=query.channel, **more)

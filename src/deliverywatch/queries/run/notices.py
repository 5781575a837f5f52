"""What became of a query -> the notices that the notifier turns into mails, one per change.

Alerts on one measure of one query are one watch: `queries.<id>.rows` is critical while any critical one of them holds.
What cannot be measured keeps its level. `queries.<id>.failed` says that the query itself failed, `queries.<id>.stale`
that it no longer succeeds, `queries.<id>.unmeasured` that its alerts could not be measured in several runs in a row.
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
    from deliverywatch.queries.run.result import Reading, Result
    from deliverywatch.storage.store import Store

FAILED = "failed"
STALE = "stale"
UNMEASURED = "unmeasured"

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
_UNMEASURED_STEPS = (
    "Run the query and look at its result: 'deliverywatch queries history {id}' names its executions.",
    'If no row is good news, as of a query that lists only what is wrong, say so in its alerts: "no_row": "ok".',
    "If NULL is right at times, let the query return a number then: coalesce(x, 0).",
    'If rows are what matters, count them: "on": "rows" is always measured.',
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One condition as it is now.

    Attributes:
        topic: What it is about: a measure, `failed` or `stale`.
        table: Columns, then rows, all short; empty for none.
        links: Titles and URLs of pages that ask the reader to sign in, so that they outlive any session.
        recipients: Who gets the mail instead of the stack's recipients; empty for these.
        unmeasured: Why it cannot be said whether its condition holds, so that its level is held; empty if it can.
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
    unmeasured: str = ""

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
            facts=(("Cannot measure", self.unmeasured),) if self.unmeasured else (),
            table=self.table,
            steps=self.steps,
            links=self.links,
            recipients=self.recipients,
        )
        return to_json(context)


def publish(notices: Iterable[Notice], lake: Store, send: Callable[[Mapping[str, Any]], None], now: datetime) -> None:
    """Leave what the mails need in the lake, and hand the messages to the notifier."""
    for notice in notices:
        annotate([notice], lake, now)
        send(notice.message(now))


def annotate(notices: Iterable[Notice], lake: Store, now: datetime) -> None:
    """Leave in the lake what later mails of open incidents need."""
    for notice in notices:
        lake.write(key_of(notice.watch), notice.context(now))


def of_alerts(
    query: Query,
    result: Result,
    level_of: Callable[[str], Level],
    facts: Mapping[str, str],
    links: Sequence[Link],
) -> list[Notice]:
    """Return a notice for each measure of a query's alerts, whether its alerts hold or not.

    `level_of` says which level a topic has: one that cannot be measured keeps at least that.
    """
    topics = dict.fromkeys(alert.watch for alert in query.alerts)
    return [_of_measure(query, topic, level_of(topic), result, facts, links) for topic in topics]


def of_unmeasured(
    query: Query, alerts: Iterable[Notice], runs: int, facts: Mapping[str, str], links: Sequence[Link]
) -> Notice:
    """Return the notice that these alerts could not be measured in so many runs in a row or more; none ends it."""
    reasons = {notice.topic: notice.unmeasured for notice in alerts}
    if not reasons:
        sentence = f"The query {query.id} can be measured again."
        return _notice(query, UNMEASURED, Level.OK, f"Query {query.id} can be measured", sentence, facts)
    why = "; ".join(dict.fromkeys(reasons.values()))
    times = f"in its last {runs} runs" if runs > 1 else "in its last run"
    return _notice(
        query,
        UNMEASURED,
        Level.BLIND,
        f"Query {query.id} cannot be measured",
        f"The alerts of the query {query.id} could not be measured {times}: {why}. Their states are kept.",
        {**facts, **{f"Cannot measure {topic}": reason for topic, reason in reasons.items()}},
        steps=tuple(step.format(id=query.id) for step in _UNMEASURED_STEPS),
        links=tuple(links),
    )


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


def _of_measure(
    query: Query, topic: str, before: Level, result: Result, facts: Mapping[str, str], links: Sequence[Link]
) -> Notice:
    readings = [reading for reading in result.readings if reading.alert.watch == topic]
    holding = sorted((one for one in readings if one.holds), key=lambda one: one.alert.severity.rank, reverse=True)
    problem = next((reading.problem for reading in readings if reading.problem), "")
    proven = holding[0].alert.severity if holding else Level.OK
    rules = {f"Alert {reading.alert.name}": f"{reading.alert.rule} ({reading.alert.severity})" for reading in readings}
    first = [*holding, *readings][0]
    return _notice(
        query,
        topic,
        max(proven, before, key=lambda level: level.rank) if problem else proven,
        query.description or f"Query {query.id}",
        _sentence(query, holding, first, problem),
        {"Measured": _value(first), **rules, **facts},
        table=_table(result, first) if holding or problem else (),
        links=tuple(links),
        unmeasured=problem,
    )


def _sentence(query: Query, holding: Sequence[Reading], first: Reading, problem: str) -> str:
    if holding:
        name, *others = [reading.alert.name for reading in holding]
        also = " and ".join(f"'{other}'" for other in others)
        too = f" So does {also}." if others else ""
        return f"The query {query.id} is at {_value(first)}: '{name}' calls at {first.alert.rule}.{too}"
    if problem:
        return f"The query {query.id} cannot be measured: {problem}."
    return f"The query {query.id} is back to normal, now at {_value(first)}."


def _value(reading: Reading) -> str:
    if reading.measured is None:
        return "no value" if reading.problem else "no row"
    return f"{reading.measured:.12g}"


def _table(result: Result, first: Reading) -> tuple[tuple[str, ...], ...]:
    """Return the columns and the first rows, with the worst one before all others."""
    if not result.rows:
        return ()
    worst = (first.row,) if first.row else ()
    return (result.columns, *worst, *(row for row in result.rows if row != first.row))[: len(result.rows) + 1]


def _notice(
    query: Query, topic: str, level: Level, title: str, sentence: str, facts: Mapping[str, str], **more: Any
) -> Notice:
    named = {"Query": query.id, "Owner": query.owner, **facts}
    shown = tuple((name, value) for name, value in named.items() if value)
    return Notice(query.id, topic, level, title, sentence, shown, recipients=query.channel, **more)

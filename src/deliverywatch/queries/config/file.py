"""The bytes of the configuration -> its queries, or every reason why not, each with its JSON path.

The file is taken or refused as a whole: nothing is changed because of a file that is half right. Only what AWS judges
for each query by itself, its schedule, stands alone: it is named, and the others go on. The fields of the
pagopa/pn-infra scheduler (`reporting-alerts-config.json`) are accepted as they are; what it no longer needs, with a
notice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import InputError
from deliverywatch.queries.config import entry, statement
from deliverywatch.queries.config.entry import query_of
from deliverywatch.queries.config.fields import Findings, Section
from deliverywatch.queries.config.query import Config, Origin, Problem

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Query

FIELDS = ("$schema", "queries", "imported_from")
ORIGIN_FIELDS = ("group", "prefix")
LEGACY_FIELDS = {
    "global_config": "Of it only `athena_database` is used: workgroup and limits are the stack's.",
    "version": "It is not needed.",
    "description": "It is not needed.",
}
# The longest name of a schedule, `{project}-{id}`, in characters.
LONGEST_NAME = 64
# A file of 10,000 queries has about 6 MB.
LONGEST_BYTES = 32 * 1024 * 1024
_ID = re.compile(r"[0-9A-Za-z_.-]+")


class Refused(InputError):
    """The configuration is refused as a whole; `problems` says why, each with its path."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
        super().__init__(
            f"The configuration is refused: {first.path}: {first.sentence}{more}",
            kind="configuration",
            next_step="Run 'deliverywatch queries validate FILE' to see all of them; until then nothing is changed.",
        )
        self.problems = problems


def read(body: bytes, project: str, *, was_parsed: Callable[[Mapping[str, Any]], bool] = lambda _: False) -> Config:
    """Return the queries of a file, or raise Refused if anything in it is wrong.

    Schedules' names begin with `project`. `was_parsed` says of which entries the statement parsed before: parsing takes
    longest.
    """
    findings = Findings()
    document = _decoded(body, findings)
    queries = _queries(document, project, findings, was_parsed) if document is not None else {}
    origins = _origins(document) if document is not None else ()
    if findings.problems:
        raise Refused(findings.problems)
    return Config(queries, tuple(findings.notices), tuple(findings.refused), origins)


def one(entries: Mapping[str, Any], query_id: str, database: str = "") -> Query | None:
    """Return one query of a file that was checked as a whole, by its id; None if there is none."""
    section = Section("$.queries", entries, Findings()).inside(query_id) if query_id in entries else None
    return query_of(query_id, section, lambda _: True, database) if section else None


def database_of(document: Mapping[str, Any]) -> str:
    """Return the database in which a file's queries run: that of `global_config`; empty for the lake's own."""
    settings = document.get("global_config")
    name = settings.get("athena_database") if isinstance(settings, dict) else None
    return name.strip() if isinstance(name, str) else ""


def is_former(document: Mapping[str, Any]) -> bool:
    """Whether a file is one of the scheduler of pagopa/pn-infra: fields that only theirs has are in it."""
    settings, entries = document.get("global_config"), document.get("queries")
    known = [query for query in entries.values() if isinstance(query, dict)] if isinstance(entries, dict) else []
    has_settings = isinstance(settings, dict) and bool(settings.keys() - {"athena_database"})
    return has_settings or any(entry.LEGACY_FIELDS.keys() & query.keys() for query in known)


def _decoded(body: bytes, findings: Findings) -> Section | None:
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            names = [name for name, _ in pairs]
            repeated.extend(sorted({name for name in names if names.count(name) > 1}))
        return content

    content: Any = None
    problem = Problem("$", f"It is larger than {LONGEST_BYTES // 2**20} MB.") if len(body) > LONGEST_BYTES else None
    try:
        content = {} if problem else json.loads(body.decode("utf-8-sig"), object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        problem = Problem("$", f"It is not JSON: {error.msg}, line {error.lineno}, column {error.colno}.")
    except (UnicodeDecodeError, RecursionError, ValueError):
        problem = Problem("$", "It is not JSON in UTF-8.")
    # Only an escape can hold half a character; most files have none, and to look takes a while.
    if problem is None and b"\\u" in body and not _is_text(content):
        problem = Problem("$", "A text in it holds half a character: \\ud800 to \\udfff stand in pairs.")
    if problem is None and not isinstance(content, dict):
        problem = Problem("$", 'It is not an object: {"queries": { }}.')
    findings.problems += [problem] if problem else []
    findings.problems += [Problem("$", f"The name '{name}' stands twice in one object.") for name in repeated]
    return None if problem else Section("$", content, findings)


def _is_text(content: Any) -> bool:
    """Whether every name and text in it can be encoded."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _queries(
    document: Section, project: str, findings: Findings, was_parsed: Callable[[Mapping[str, Any]], bool]
) -> dict[str, Query]:
    settings = document.content.get("global_config")
    is_all_used = isinstance(settings, dict) and settings.keys() == {"athena_database"}
    used = ("global_config",) if is_all_used else ()
    unused = {name: sentence for name, sentence in LEGACY_FIELDS.items() if name not in used}
    document.check_names((*FIELDS, *used), unused)
    if "queries" not in document.content:
        document.refuse("queries", "It is missing; a file without queries says so: {}.")
    entries = document.inside("queries")
    if entries is None:
        return {}
    _check_ids(entries, project)
    sections = {query_id: entries.inside(query_id) for query_id in entries.content}
    database = database_of(document.content)
    queries = {
        name: query_of(name, section, was_parsed, database) for name, section in sections.items() if section is not None
    }
    if is_former(document.content):
        _notice_days(sections.values())
    for problems in (findings.problems, findings.refused):
        problems.sort(key=lambda problem: problem.path)
    return queries


def _notice_days(sections: Iterable[Section | None]) -> None:
    sentence = "Its {DATE} is the day of the run; their scheduler filled in the day before, as `days_back: 1` does."
    for section in sections:
        if section and "days_back" not in section.content and statement.uses_date(str(section.content.get("query"))):
            section.findings.notices.append(Problem(section.path_of("query"), sentence))


def _origins(document: Section) -> tuple[Origin, ...]:
    path, given = document.path_of("imported_from"), document.items("imported_from")
    sections = [
        Section(f"{path}[{index}]", one if isinstance(one, dict) else {}, document.findings)
        for index, one in enumerate(given)
    ]
    return tuple(map(_origin, sections))


def _origin(section: Section) -> Origin:
    section.check_names(ORIGIN_FIELDS, {})
    group, prefix = section.text("group", longest=LONGEST_NAME), section.text("prefix", longest=LONGEST_NAME)
    for name, value in (("group", group), ("prefix", prefix or "-")):
        if not _ID.fullmatch(value):
            section.refuse(name, "It has letters, digits, '-', '_' and '.' only, as names of schedules and groups do.")
    return Origin(group, prefix)


def _check_ids(queries: Section, project: str) -> None:
    longest = LONGEST_NAME - len(project) - 1
    folded: dict[str, str] = {}
    for query_id in queries.content:
        if not _ID.fullmatch(query_id):
            queries.refuse(query_id, "An id has letters, digits, '-', '_' and '.' only.")
        elif len(query_id) > longest:
            sentence = f"The schedule '{project}-{query_id}' would be longer than {LONGEST_NAME} characters."
            queries.refuse(query_id, sentence)
        twin = folded.setdefault(query_id.casefold(), query_id)
        if twin != query_id:
            queries.refuse(query_id, f"It differs from '{twin}' in capitals only: their exports would be mistaken.")

"""The source of the file -> its newest body, or the last good copy where the source cannot be had.

The copy lies in the lake with its revision: the executor reads it, and it spares parsing what parsed before. The
revision is the name that Git gives a file's content (`git rev-parse HEAD:path`), wherever the file comes from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.untrusted import other_members
from deliverywatch.queries.config import file as config
from deliverywatch.queries.config.entry import parsed_part
from deliverywatch.storage.records import document_of, read_record, update_record
from deliverywatch.storage.store import Change

if TYPE_CHECKING:
    from deliverywatch.queries.config.query import Config, Query
    from deliverywatch.storage.store import Store

COPY = "queries/config/current.json"

_MEMBERS = ("body", "revision", "etag", "source", "project", "taken_at")


@dataclass(frozen=True, slots=True)
class Fetched:
    """The file as the source gave it."""

    body: bytes
    revision: str
    etag: str = ""


class Source(Protocol):
    """Where the file comes from."""

    @property
    def url(self) -> str:
        """Its name in the log and in mails."""

    def fetch(self, etag: str) -> Fetched | None:
        """Return the file, or None if it is the one with this etag; raises a DeliveryWatchError if it cannot."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The last good file: it was checked as a whole, for the names of `project`; `taken_at` is ISO 8601.

    Attributes:
        removed: Entries that the file does not have any more by their ids, as they were: until their schedules are
            deleted they run, so that a deletion that is withheld stops nothing.
        others: What a later version stored.
    """

    body: str
    revision: str
    etag: str
    source: str
    project: str
    taken_at: str
    removed: Mapping[str, Any] = field(default_factory=dict, hash=False)
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def query(self, query_id: str) -> Query | None:
        """Return a query of the file, or one that left it and whose schedule was not deleted; None for no such."""
        document = json.loads(self.body)
        database = config.database_of(document)
        return config.one(document["queries"], query_id, database) or config.one(self.removed, query_id)


@dataclass(frozen=True, slots=True)
class Current:
    """The queries that count now, the copy that holds them, and why it is not the newest file, if so."""

    config: Config
    copy: Copy
    problem: DeliveryWatchError | None = None


@dataclass(frozen=True, slots=True)
class Packaged:
    """The file that was built into the function."""

    path: Path
    url: str = "cfn/schedules.json as deployed"

    def fetch(self, etag: str) -> Fetched | None:
        """Return the file, unless it is the one with this etag."""
        body = self.path.read_bytes()
        revision = revision_of(body)
        return None if revision == etag else Fetched(body, revision, revision)


def revision_of(body: bytes) -> str:
    """Return the name that Git gives to this content."""
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


def current(source: Source, store: Store, project: str, now: datetime) -> Current:
    """Return the queries of the newest file, and keep it in the store as the last good copy if it is new.

    Raises Refused if that file is wrong, and what the source raises if there is no copy: then nothing shall be changed.
    """
    copy = last_copy(store)
    same = copy if copy and (copy.source, copy.project) == (source.url, project) else None
    try:
        fetched = source.fetch(same.etag if same else "")
    except DeliveryWatchError as error:
        if copy is None or copy.project != project:
            raise
        return _of_copy(copy, error)
    if fetched is None and same is not None:
        return _of_copy(same)
    return _taken(fetched or Fetched(b"", ""), source, store, project, now, copy)


def last_copy(store: Store) -> Copy | None:
    """Return the last good copy, or None; one that cannot be read is made anew."""
    return read_record(store, COPY, _copy)


def _copy(body: bytes) -> Copy:
    document = document_of(body)
    known = {name: str(document.get(name) or "") for name in _MEMBERS}
    # The body is checked too: whoever has a copy runs its queries.
    json.loads(known["body"])["queries"]
    removed = {name: entry for name, entry in dict(document.get("removed") or {}).items() if isinstance(entry, dict)}
    return Copy(**known, removed=removed, others=other_members(document, (*_MEMBERS, "removed")))


def _of_copy(copy: Copy, problem: DeliveryWatchError | None = None) -> Current:
    queries = config.read(copy.body.encode(), copy.project, was_parsed=_parsed_in(copy))
    return Current(queries, copy, problem)


def _taken(fetched: Fetched, source: Source, store: Store, project: str, now: datetime, before: Copy | None) -> Current:
    queries = config.read(fetched.body, project, was_parsed=_parsed_in(before))
    copy = Copy(
        body=fetched.body.decode("utf-8-sig"),
        revision=fetched.revision,
        etag=fetched.etag,
        source=source.url,
        project=project,
        taken_at=now.isoformat(),
        removed=removed_from(before, queries) if before else {},
        others=before.others if before else {},
    )
    update_record(store, COPY, _copy, lambda _: Change(body_of(copy), None))
    return Current(queries, copy)


def removed_from(before: Copy, queries: Config) -> dict[str, Any]:
    """Return the entries of a copy that are not in the file any more, to be kept with the next one."""
    document = json.loads(before.body)
    database = config.database_of(document)
    # The database of a file leaves with it.
    left = {name: ({"database": database} if database else {}) | entry for name, entry in document["queries"].items()}
    return {name: entry for name, entry in {**before.removed, **left}.items() if name not in queries.queries}


def forget(store: Store, copy: Copy, waiting: Collection[str]) -> Copy:
    """Return the copy with those removed entries only whose schedules are still there, and keep it so."""

    def with_waiting(present: Copy) -> Copy:
        return replace(present, removed={name: present.removed[name] for name in present.removed if name in waiting})

    if with_waiting(copy) != copy:
        update_record(store, COPY, _copy, lambda present: Change(body_of(with_waiting(present or copy)), None))
    return with_waiting(copy)


def body_of(copy: Copy) -> bytes:
    """Return the object that holds a copy."""
    known = {name: getattr(copy, name) for name in (*_MEMBERS, "removed")}
    return json.dumps({**copy.others, **known}).encode()


def _parsed_in(copy: Copy | None) -> Callable[[Mapping[str, Any]], bool]:
    """Return what says of an entry whether its statement is in the copy, where it was checked."""
    entries = json.loads(copy.body)["queries"].values() if copy else ()
    known = {parsed_part(entry) for entry in entries}
    return lambda entry: parsed_part(entry) in known

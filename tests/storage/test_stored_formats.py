"""What a release stored is read by every later one, and what a later one stores survives this one.

`stored/<version>` holds what the flows of that release left in their buckets, under its keys: a lake with open and past
incidents, mails, ledgers, query state and contexts; `files/item.json` is an item of the table of files. The content is
made up. The samples of a release are never changed; those of the next one are added beside them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deliverywatch.alerting.incidents import incident, incident_store, outbox
from deliverywatch.alerting.incidents.ack import acknowledge
from deliverywatch.alerting.incidents.incident import Ack, Event
from deliverywatch.email.events import mail_context as email_context
from deliverywatch.email.events.streams import Stream
from deliverywatch.email.judge import Judge
from deliverywatch.email.rates.rules import Limits
from deliverywatch.files.records import items
from deliverywatch.files.records import mail_context as files_context
from deliverywatch.messages import context
from deliverywatch.messages.level import Level
from deliverywatch.operate.lake import reconcile
from deliverywatch.pipeline.outputs import counted_runs, notified_causes
from deliverywatch.queries.config import source
from deliverywatch.queries.run import record, state
from deliverywatch.sms import backfill
from deliverywatch.sms.lake.watermark import WATERMARK, Watermark, advance_watermark, read_watermark
from deliverywatch.storage.memory import Memory
from deliverywatch.storage.records import damaged_key

STORED = Path(__file__).parent / "stored"
RELEASES = sorted(path.name for path in STORED.iterdir())
NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
INCIDENT, MAIL = "incidents/sms-failures/current.json", "mails/dt=2026-11-21/INC-1121-1204-sms-failures-2.json"
PAST = "incidents/sms-failures/past/2026-11-21-INC-1121-1204.json"
TOLD, EXECUTION = "state/pipeline/sf_user/told.json", "state/pipeline/sf_user/executions/2026-11-21T06-00.json"
QUERY, RUN = "queries/state/daily.json", "queries/runs/dt=2026-11-21/daily/083000.json"
LATER = {"of_a_later_version": {"deep": [1, None]}}
DAMAGED = [b"", b"\xff\xfe", b"[]", b'"text"', b"{", b"null", b"[" * 100_000]


@pytest.fixture(params=RELEASES)
def store(request: pytest.FixtureRequest) -> Memory:
    root = STORED / str(request.param)
    return Memory({path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()})


def document(store: Memory, key: str) -> dict[str, Any]:
    return json.loads(store.objects[key])  # type: ignore[no-any-return]


def test_the_incidents_of_a_release_are_read(store: Memory) -> None:
    present = incident_store.read(store, "sms-failures")
    assert present is not None
    assert (present.id, present.level, present.acks[0].by) == ("INC-1121-1204", Level.CRITICAL, "Kim")
    assert [change.event for change in present.timeline] == [Event.OPENED, Event.ESCALATED]
    (past,) = incident_store.earlier_keys(store, "sms-failures")
    assert incident.parsed(store.objects[past]).timeline[-1].event is Event.RESOLVED


def test_the_mails_of_a_release_are_read(store: Memory) -> None:
    mails = [outbox.from_json(store.objects[key]) for key in store.keys("mails/")]
    assert [mail.seq for mail in mails if mail and mail.sent_at and mail.channel == "ses"] == [1, 2, 3, 4]


def test_the_ledgers_of_a_release_are_read(store: Memory) -> None:
    assert len(notified_causes.memory_of(store.objects[TOLD]).executions) == 1
    assert counted_runs.entry_of(store.objects[EXECUTION]).redrive_count == 0
    assert state.read(store, "daily").open == {"rows": "critical"}
    assert record.read(store.objects[RUN]).rows == 3
    copy = source.last_copy(store)
    assert copy is not None
    assert copy.project == "pn"
    watermark = read_watermark(store)
    assert watermark == Watermark(datetime(2026, 11, 21, 12, 10, tzinfo=UTC), datetime(2026, 11, 21, 9, 10, tzinfo=UTC))
    assert len(reconcile.emitted_slots(store, NOW)) == 1
    assert json.loads(store.objects[backfill.KEY])["since"]


def test_the_contexts_of_a_release_are_read(store: Memory) -> None:
    keys = [key for key in store.keys("state/") if "/" not in key[6:]]
    contexts = {key: context.from_json(store.objects[key]) for key in keys}
    systems = {one.system for one in contexts.values()}
    assert systems == {"", "email", "files", "pipeline", "queries", "sms"}
    assert {key for key, one in contexts.items() if not one.system} == {WATERMARK, backfill.KEY, reconcile.EMITTED}
    assert sum(slot.total for slot in contexts["state/sms.json"].slots) == 13


def test_an_item_of_a_release_is_the_current_version(store: Memory) -> None:
    item = json.loads(store.objects["files/item.json"])
    assert items.current([item]) == item
    bare = {name: item[name] for name in ("object", "version")}
    assert items.as_read(bare)["key"] == "a.csv"
    assert items.current([bare | LATER]) == items.as_read(bare | LATER)


def acknowledged(store: Memory) -> None:
    acknowledge(store, "sms-failures", "INC-1121-1204", Ack("Bo", NOW))


def marked_sent(store: Memory) -> None:
    mail = outbox.from_json(store.objects[MAIL])
    assert mail is not None
    outbox.mark_sent(store, mail, NOW)


def claimed(store: Memory) -> None:
    mail = outbox.from_json(store.objects[MAIL])
    assert mail is not None
    store.objects[MAIL] = store.objects[MAIL].replace(b'"sent_at"', b'"sent_then"')
    assert outbox.claim(store, replace(mail, claimed_at=NOW, claimed_by="b", sent_at=None)) is outbox.Claim.OURS


def remembered(store: Memory) -> None:
    memory = notified_causes.memory_of(store.objects[TOLD])
    more = memory.with_failure("b", "watch", "title", notified_causes.Opened(NOW))
    store.objects[TOLD] = notified_causes.body_of(more)


def counted(store: Memory) -> None:
    store.objects[EXECUTION] = counted_runs.body_of(replace(counted_runs.entry_of(store.objects[EXECUTION]), sums={}))


def judged(store: Memory) -> None:
    state.change(store, "daily", lambda present: replace(present, judged=NOW))


def advanced(store: Memory) -> None:
    advance_watermark(store, Watermark(NOW))


def claimed_slots(store: Memory) -> None:
    class Metrics:
        def sums(self, *_: Any) -> Any:
            return {}

        def put(self, *_: Any) -> None:
            pass

    slot = NOW - timedelta(hours=1)
    reconcile.emit(store, Metrics(), [reconcile.Difference(slot, slot, 1, 0)], NOW)


def filled(store: Memory) -> None:
    backfill._mark(store, NOW, NOW)


def taken(store: Memory) -> None:
    fetched = source.Fetched(b'{"queries": {}}', "r2")
    file = type("File", (), {"url": "x", "fetch": lambda *_: fetched})()
    source.current(file, store, "pn", NOW)


def bounced(store: Memory) -> None:
    key = email_context.key_of("newsletter")
    Judge(store, Limits(), "prod").judge(Stream.NEWSLETTER, NOW)
    assert key in store.objects


def died(store: Memory) -> None:
    store.objects[files_context.KEY] = files_context.document(store.objects[files_context.KEY], [], NOW)


REWRITTEN: dict[Callable[[Memory], None], str] = {
    acknowledged: INCIDENT,
    marked_sent: MAIL,
    claimed: MAIL,
    remembered: TOLD,
    counted: EXECUTION,
    judged: QUERY,
    advanced: WATERMARK,
    claimed_slots: reconcile.EMITTED,
    filled: backfill.KEY,
    taken: source.COPY,
    bounced: email_context.key_of("newsletter"),
    died: files_context.KEY,
}


@pytest.mark.parametrize("rewrite", REWRITTEN, ids=lambda rewrite: rewrite.__name__)
def test_what_a_later_version_stored_survives_a_change_by_this_one(
    rewrite: Callable[[Memory], None], store: Memory
) -> None:
    key = REWRITTEN[rewrite]
    before = store.objects[key] = json.dumps(document(store, key) | LATER).encode()
    rewrite(store)
    assert store.objects[key] != before
    assert document(store, key) | LATER == document(store, key)
    assert set(document(store, key)) >= set(json.loads(before)) - {"sent_at", "facts", "table"}


# Those who may meet a damaged record: it is set aside, and they do what they are there for.
OVERWRITTEN: dict[Callable[[Memory], None], str] = {
    lambda store: state.change(store, "daily", lambda present: replace(present, judged=NOW)) and None: QUERY,
    advanced: WATERMARK,
    claimed_slots: reconcile.EMITTED,
    filled: backfill.KEY,
    taken: source.COPY,
}


@pytest.mark.parametrize("body", DAMAGED, ids=range(len(DAMAGED)))
@pytest.mark.parametrize("overwrite", OVERWRITTEN, ids=list(OVERWRITTEN.values()))
def test_a_record_that_cannot_be_read_is_set_aside_and_stops_nothing(
    overwrite: Callable[[Memory], None], body: bytes, store: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    key = OVERWRITTEN[overwrite]
    store.objects[key] = body
    overwrite(store)
    assert store.objects[damaged_key(key)] == body
    assert isinstance(document(store, key), dict)
    assert "record_damaged" in caplog.text


@pytest.mark.parametrize("body", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_incident_is_begun_anew(body: bytes, store: Memory) -> None:
    kept = incident_store.read(store, "sms-failures")
    store.objects[INCIDENT] = body
    assert incident_store.read(store, "sms-failures") is None
    assert incident_store.change(store, "sms-failures", lambda present: present or kept) == kept
    assert store.objects[damaged_key(INCIDENT)] == body


@pytest.mark.parametrize("body", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_mail_record_proves_no_mail(body: bytes, store: Memory) -> None:
    mail = outbox.from_json(store.objects[MAIL])
    store.objects[MAIL] = body
    assert mail is not None
    assert outbox.from_json(body) is None
    assert outbox.claim(store, mail) is outbox.Claim.OURS
    assert store.objects[damaged_key(MAIL)] == body


def test_words_that_only_a_later_version_knows_are_written_again_as_they_were(store: Memory) -> None:
    later = document(store, INCIDENT)
    later["timeline"][0] |= {"event": "SNOOZED", "level": "emergency", "before": "calm", **LATER}
    later["acks"][0] |= LATER
    store.objects[INCIDENT] = json.dumps(later).encode()
    acknowledged(store)
    after = document(store, INCIDENT)
    # Members that this version adds may stand beside them.
    kept = [{name: now[name] for name in was} for now, was in zip(after["timeline"], later["timeline"], strict=True)]
    assert (kept, after["acks"][0]) == (later["timeline"], later["acks"][0])
    assert len(after["acks"]) == 2


LEAST = {
    INCIDENT: {"watch": "sms-failures", "id": "INC-1", "level": "warning", "opened_at": "2026-11-21T12:04:00+00:00"},
    MAIL: {"incident": "INC-1", "time": "2026-11-21T12:04:00+00:00"},
    TOLD: {},
    EXECUTION: {"redrive_count": 0},
    QUERY: {},
    RUN: {"query_id": "daily", "status": "succeeded"},
    WATERMARK: {"covered_until": "2026-11-21T12:10:00Z"},
    reconcile.EMITTED: {},
    source.COPY: {"body": '{"queries": {}}'},
}
PARSERS: dict[str, Callable[[bytes], Any]] = {
    INCIDENT: incident.parsed,
    MAIL: outbox.from_json,
    TOLD: notified_causes.memory_of,
    EXECUTION: counted_runs.entry_of,
    QUERY: state._state,
    RUN: record.read,
    WATERMARK: lambda body: read_watermark(Memory({WATERMARK: body})),
    reconcile.EMITTED: reconcile.emitted_of,
    source.COPY: source._copy,
}


@pytest.mark.parametrize("key", LEAST, ids=str)
def test_a_record_without_what_is_no_part_of_its_name_is_read_with_defaults(key: str) -> None:
    assert PARSERS[key](json.dumps(LEAST[key]).encode()) is not None

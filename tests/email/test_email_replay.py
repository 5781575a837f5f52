"""What lies under the error prefix says why, is sent again when it can be read, and is never lost."""

import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from email_world import ARRIVED, DOCUMENTED, event, line

from deliverywatch.cli import main
from deliverywatch.email import land
from deliverywatch.email.events.streams import Stream
from deliverywatch.email.firehose import delivery
from deliverywatch.email.replay import record_in, replay
from deliverywatch.storage.folder import Folder
from deliverywatch.storage.store import read_listed

KEY = "errors/newsletter/processing-failed/dt=2026-11-21/object"
TABLE = {"databaseName": "email_events_db_prod", "tableName": "newsletter_events"}


class Firehose:
    """Takes records, all but those in some places."""

    def __init__(self, *refused: int) -> None:
        self.taken: list[bytes] = []
        self.sizes: list[int] = []
        self._refused = refused

    def put(self, records: Sequence[bytes]) -> list[int]:
        self.sizes.append(len(records))
        self.taken += [record for place, record in enumerate(records) if place not in self._refused]
        return [place for place in self._refused if place < len(records)]


def failed(*records: bytes) -> bytes:
    return b"".join(delivery.processing_error(b64encode(each).decode(), ARRIVED, "arn") for each in records)


@pytest.fixture
def lake(tmp_path: Path) -> Folder:
    # Two that a newer transform can read, and one that nobody can.
    Folder(tmp_path).write(KEY, failed(line(event("Send")), b"nope\n", line(event("Open"))))
    return Folder(tmp_path)


def test_what_can_be_read_is_sent_and_the_rest_stays_with_its_reason(lake: Folder) -> None:
    firehose = Firehose()
    done = replay(lake, Stream.NEWSLETTER, firehose.put)
    assert (done.objects, done.records, done.sent) == (1, 3, 2)
    assert dict(done.refused) == {"not_json": 1}
    assert firehose.taken == [line(event("Send")), line(event("Open"))]
    assert read_listed(lake, KEY) == failed(b"nope\n")


def test_a_dry_run_sends_nothing_and_changes_nothing(lake: Folder) -> None:
    firehose, before = Firehose(), read_listed(lake, KEY)
    assert replay(lake, Stream.NEWSLETTER, firehose.put, dry_run=True).sent == 2
    assert (firehose.taken, read_listed(lake, KEY)) == ([], before)


def test_what_firehose_does_not_take_stays(lake: Folder) -> None:
    done = replay(lake, Stream.NEWSLETTER, Firehose(1).put)
    assert done.sent == 1
    assert read_listed(lake, KEY) == failed(b"nope\n", line(event("Open")))


def test_an_object_of_which_nothing_stays_is_deleted(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    store.write(KEY, failed(*(line(each) for each in DOCUMENTED)))
    assert replay(store, Stream.NEWSLETTER, Firehose().put).sent == len(DOCUMENTED)
    assert store.keys("errors/") == []


def test_many_records_are_sent_in_batches_that_firehose_takes(tmp_path: Path) -> None:
    store, firehose = Folder(tmp_path), Firehose()
    store.write(KEY, failed(*[line(event("Send"))] * 250))
    replay(store, Stream.NEWSLETTER, firehose.put)
    assert firehose.sizes == [100, 100, 50]


def test_large_records_are_sent_in_requests_of_at_most_four_megabytes(tmp_path: Path) -> None:
    store, firehose = Folder(tmp_path), Firehose()
    large = line({**event("Send"), "padding": "x" * 200_000})
    store.write(KEY, failed(*[large] * 40))
    assert replay(store, Stream.NEWSLETTER, firehose.put).sent == 40
    assert max(firehose.sizes) * len(large) <= 4 * 2**20


def test_a_row_that_did_not_fit_the_table_goes_back_to_the_event_it_was() -> None:
    row = orjson.dumps({"event_type": "Send", "raw": line(event("Send")).decode()})
    error = delivery.conversion_error(b64encode(row).decode(), ARRIVED, "misfit", TABLE)
    assert record_in(error) == line(event("Send"))


def test_a_line_that_is_no_error_record_is_told_and_left(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    store.write(KEY, b"{}\nnot json\n")
    done = replay(store, Stream.NEWSLETTER, Firehose().put)
    assert dict(done.refused) == {"not_an_error_record": 2}
    assert read_listed(store, KEY) == b"{}\nnot json\n"


def test_by_hand_a_folder_shows_its_reasons_and_lands_what_can_be_read(lake: Folder, tmp_path: Path) -> None:
    command = ["email", "replay", "--lake", str(tmp_path)]
    told = CliRunner().invoke(main, [*command, "--dry-run"]).stdout
    assert "newsletter: 3 records in 1 objects, 2 can be sent again" in told
    assert "not_json: The record is not JSON" in told
    assert not lake.keys("events/")
    document = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)
    assert document["streams"][0]["sent"] == 2
    assert len(lake.keys("events/newsletter/")) == 1


def test_what_land_put_under_the_error_prefix_replay_reads(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    lines = [b"nope\n", line({"eventType": "Teleport"})]
    land.land(lambda: lines, land.Settings(Stream.NEWSLETTER, ARRIVED, "t"), store)
    done = replay(store, Stream.NEWSLETTER, Firehose().put)
    assert dict(done.refused) == {"not_json": 1, "missing_field": 1}


REFUSED_BY_0_4 = [
    line(event("Open", ipAddress=["192.0.2.1"])),
    line(event("Delivery", processingTimeMillis=812.0)),
    line({**event("Send"), "eventType": "Teleport"}),
    line({"Type": "Notification", "Message": line(event("Send")).decode()}),
    line({"detail-type": "Email Bounced", "detail": event("Bounce")}),
]


def test_what_earlier_releases_refused_for_an_odd_value_or_an_envelope_is_recovered(tmp_path: Path) -> None:
    store, firehose = Folder(tmp_path), Firehose()
    store.write(KEY, failed(*REFUSED_BY_0_4))
    assert replay(store, Stream.NEWSLETTER, firehose.put).sent == len(REFUSED_BY_0_4)
    assert firehose.taken[3:] == [line(event("Send")), line(event("Bounce"))]
    assert store.keys("errors/") == []


def test_a_record_of_several_events_stays_until_all_of_them_were_taken(tmp_path: Path) -> None:
    store, firehose = Folder(tmp_path), Firehose(1)
    two = failed(line(event("Send")) + line(event("Open")))
    store.write(KEY, two)
    assert replay(store, Stream.NEWSLETTER, firehose.put).sent == 0
    assert read_listed(store, KEY) == two
    assert replay(store, Stream.NEWSLETTER, Firehose().put).sent == 1

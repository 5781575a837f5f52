"""The whole way of a file of raw events: what lies in the folder afterwards, and that nothing is missing."""

import gzip
import io
import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from email_world import DOCUMENTED, ODD, TYPES, answered, event, line, reasons_in
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.cli import main
from deliverywatch.email.events.columns import COLUMNS
from deliverywatch.email.events.envelopes import is_event
from deliverywatch.email.events.files import numbered
from deliverywatch.email.firehose import delivery

DAY = "2026-11-21"
GOOD = [line(each) for each in (*DOCUMENTED, *ODD.values())]
HOSTILE = [
    b"nope\n",
    b"\n",
    line({"eventType": "Teleport", "mail": {}}),
    line({**event("Send"), "pad": "x" * 1_100_000}),
]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"".join([*GOOD[:5], *HOSTILE, *GOOD[5:]]))
    return path


def land(path: Path, out: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["email", "land", str(path), "--out", str(out), "--at", f"{DAY}T09:30Z", *options])


def objects(out: Path) -> Iterator[tuple[str, bytes]]:
    return ((path.relative_to(out).as_posix(), path.read_bytes()) for path in out.rglob("*") if path.is_file())


def found(out: Path, prefix: str) -> bytes:
    (body,) = [body for key, body in objects(out) if key.startswith(prefix)]
    return body


def rows(out: Path, stream: str = "newsletter") -> list[dict[str, Any]]:
    table = pq.read_table(io.BytesIO(found(out, f"events/{stream}/dt={DAY}/")))
    return list(table.to_pylist(maps_as_pydicts="strict"))


def test_records_and_fields_are_counted_in_and_out(events: Path, tmp_path: Path) -> None:
    told = json.loads(land(events, tmp_path / "lake", "--json").stdout)
    assert told["records"] == {"in": len(GOOD) + 4, "rows": len(GOOD), "dropped": 1, "failed": 3}
    assert told["fields"]["in"] == told["fields"]["kept"] + told["fields"]["redacted"] == told["fields"]["out"]
    assert told["fields"]["lost"] == 0
    assert sum(told["types"].values()) == len(GOOD)
    assert [each["line"] for each in told["errors"]] == [6, 8, 9]
    assert [each["reason"] for each in told["errors"]] == ["not_json", "missing_field", "too_large"]
    assert {tmp_path / "lake" / key for key in told["objects"]} == {
        tmp_path / "lake" / key for key, _ in objects(tmp_path / "lake")
    }


def test_every_type_and_every_odd_shape_is_a_row_in_order(events: Path, tmp_path: Path) -> None:
    land(events, tmp_path / "lake")
    landed = rows(tmp_path / "lake")
    assert [row["event_type"] for row in landed[:10]] == TYPES
    assert len(landed) == len(GOOD)
    assert list(landed[0]) == [column.name for column in COLUMNS]
    assert landed[1]["event_time"] == datetime(2016, 10, 19, 23, 21, 4, 133000, UTC)
    assert landed[1]["tags"]["myCustomTag1"] == ["myCustomTagValue1"]


def test_broken_records_lie_under_the_error_prefix_byte_for_byte_with_the_reason(events: Path, tmp_path: Path) -> None:
    land(events, tmp_path / "lake")
    errors = [
        json.loads(each) for each in found(tmp_path / "lake", "errors/newsletter/processing-failed/").splitlines()
    ]
    assert [b64decode(each["rawData"]) for each in errors] == [HOSTILE[0], HOSTILE[2], HOSTILE[3]]
    assert {each["errorCode"] for each in errors} == {"Lambda.ProcessingFailedStatus"}
    reasons = [body for key, body in objects(tmp_path / "lake") if key.startswith("errors/newsletter/reasons/")]
    assert len(reasons_in(b"".join(reasons))) == 3


def test_landing_the_same_file_again_writes_the_same_objects(events: Path, tmp_path: Path) -> None:
    land(events, tmp_path / "lake")
    before = dict(objects(tmp_path / "lake"))
    land(events, tmp_path / "lake")
    assert dict(objects(tmp_path / "lake")) == before


def test_the_other_stream_has_its_own_folder(events: Path, tmp_path: Path) -> None:
    land(events, tmp_path / "lake", "--stream", "transactional")
    assert {key.split("/")[1] for key, _ in objects(tmp_path / "lake")} == {"transactional"}
    assert len(rows(tmp_path / "lake", "transactional")) == len(GOOD)


def test_a_person_reads_what_happened_and_data_stays_on_stdout(events: Path, tmp_path: Path) -> None:
    result = land(events, tmp_path / "lake")
    assert result.exit_code == 0
    assert f"{len(GOOD) + 4} records: {len(GOOD)} rows, 3 failed, 1 empty and dropped" in result.stdout
    assert "line 6: not_json: The record is not JSON" in result.stderr


def pretty(content: object) -> bytes:
    return json.dumps(content, indent=2).encode() + b"\n"


SEND, BOUNCE = event("Send"), event("Bounce")
SNS = {"Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": json.dumps(SEND)}
EVENTBRIDGE = {"version": "0", "detail-type": "Email Bounced", "source": "aws.ses", "detail": BOUNCE}
NAMELESS = {"detail-type": "Email Bounced", "detail": {key: BOUNCE[key] for key in ("bounce", "mail")}}
FILES: dict[str, tuple[bytes, list[str], dict[str, int]]] = {
    "events over lines": (pretty(SEND) + pretty(BOUNCE), ["Send", "Bounce"], {}),
    "a byte order mark and line ends of Windows": (
        b"\xef\xbb\xbf" + (line(SEND) + pretty(BOUNCE)).replace(b"\n", b"\r\n"),
        ["Send", "Bounce"],
        {},
    ),
    "an array": (pretty([SEND, BOUNCE]), ["Send", "Bounce"], {}),
    "an array on one line": (line([SEND, BOUNCE]), ["Send", "Bounce"], {}),
    "an array with an element a line": (
        b"[" + line(SEND).strip() + b",\n" + line(BOUNCE).strip() + b"\n]\n",
        ["Send", "Bounce"],
        {},
    ),
    "one behind the other": (line(SEND).strip() + line(BOUNCE).strip(), ["Send", "Bounce"], {}),
    "SNS": (line(SNS), ["Send"], {"SNS": 1}),
    "EventBridge": (pretty(EVENTBRIDGE), ["Bounce"], {"EventBridge": 1}),
    "EventBridge that alone names the type": (line(NAMELESS), ["Bounce"], {"EventBridge": 1}),
    "EventBridge in SNS in SQS": (
        pretty({"Messages": [{"MessageId": "1", "Body": json.dumps({**SNS, "Message": json.dumps(EVENTBRIDGE)})}]}),
        ["Bounce"],
        {"EventBridge in SNS in SQS in SQS": 1},
    ),
    "what Lambda gets of SNS": (
        line({"Records": [{"Sns": SNS}, {"Sns": SNS}]}),
        ["Send", "Send"],
        {"SNS in SNS in Lambda": 2},
    ),
    "gzip": (gzip.compress(pretty(SEND) + line(SNS)), ["Send", "Send"], {"SNS": 1}),
    "UTF-16": (line(SEND).decode().encode("utf-16"), ["Send"], {}),
}


@pytest.mark.parametrize("name", FILES)
def test_events_land_however_they_are_wrapped_and_strung_together(name: str, tmp_path: Path) -> None:
    content, types, envelopes = FILES[name]
    (tmp_path / "events").write_bytes(content)
    result = land(tmp_path / "events", tmp_path / "lake", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["records"]["failed"], told["fields"]["lost"]) == (0, 0, 0)
    assert [row["event_type"] for row in rows(tmp_path / "lake")] == types
    assert told["envelopes"] == envelopes


@given(st.lists(st.tuples(st.sampled_from([SEND, BOUNCE]), st.sampled_from([line, pretty]))), st.data())
def test_a_document_that_is_cut_off_takes_none_of_its_neighbours_along(
    written: list[tuple[dict[str, Any], Callable[[object], bytes]]], data: st.DataObject
) -> None:
    cut = data.draw(st.sampled_from([line, pretty]))(SEND)
    cut = cut[: data.draw(st.integers(1, len(cut) - 2))].rpartition(b"\n")[0] + b"\n" or b"{\n"
    before = [write(content) for content, write in written]
    lines = b"".join([*before, cut, line(BOUNCE)]).splitlines(keepends=True)
    whole = [document for document in numbered(lines) if is_event(readable(document.data))]
    assert len(whole) == len(written) + 1


PIECES = [
    line(SEND),
    pretty(BOUNCE),
    line(SNS),
    b"[",
    b"]\n",
    b"{",
    b"}\n",
    b'"',
    b",\n",
    b"\xef\xbb\xbf",
    line([5, SEND]),
]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=8))
def test_whatever_a_file_holds_each_of_its_documents_is_read_or_refused(pieces: list[bytes]) -> None:
    lines = b"".join(pieces).splitlines(keepends=True)
    documents = list(numbered(lines))
    assert all(document.line <= len(lines) for document in documents)
    batch = answered(*(document.data for document in documents))
    assert len(batch.answers) == len(documents)


def readable(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def test_values_that_do_not_fit_are_counted_by_field_for_a_person_and_a_script(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(line(event("Open", ipAddress=["a"])) * 2 + line({**SEND, "eventType": "Teleport"}))
    assert json.loads(land(path, tmp_path / "lake", "--json").stdout)["misfits"] == {
        "eventType": 1,
        "open.ipAddress": 2,
    }
    assert "2  with a value of open.ipAddress that does not fit its column" in land(path, tmp_path / "lake").stdout
    assert [row["misfits"] for row in rows(tmp_path / "lake")] == [["open.ipAddress"]] * 2 + [["eventType"]]


@pytest.mark.parametrize("content", [b"nope\n", line({"Type": "Notification", "Message": "Hello"}), b"PK\x03\x04"])
def test_a_landing_in_which_everything_failed_has_failed(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(content)
    result = land(path, tmp_path / "lake")
    assert result.exit_code == 1
    assert "Nothing of " in result.stderr


def test_a_damaged_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(gzip.compress(line(SEND))[:-9])
    result = land(tmp_path / "events", tmp_path / "lake")
    assert result.exit_code == 2
    assert "is damaged" in result.stderr


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_file_without_events_lands_nothing_and_has_failed(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "empty.ndjson"
    path.write_bytes(content)
    result = land(path, tmp_path / "lake", "--json")
    landed = json.loads(result.stdout)
    assert (result.exit_code, landed["records"]["rows"], landed["objects"]) == (1, 0, [])
    assert "there is no event in it" in result.stderr


def test_a_small_file_that_holds_an_endless_line_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(gzip.compress(b" " * (65 * 2**20)))
    result = land(tmp_path / "events", tmp_path / "lake")
    assert result.exit_code == 2
    assert "has a line of more than 64 MiB" in result.stderr


def test_a_file_that_is_not_there_is_a_wrong_call(tmp_path: Path) -> None:
    result = land(tmp_path / "none.ndjson", tmp_path / "lake")
    assert result.exit_code == 2
    assert "There is no file" in result.stderr


MOMENT = datetime(2026, 1, 5, 7, 8, 9, tzinfo=UTC)
PREFIXES = [
    ("a/dt=!{timestamp:yyyy-MM-dd}/", "a/dt=2026-01-05/"),
    ("a/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/", "a/year=2026/month=01/day=05/"),
    ("e/!{firehose:error-output-type}/!{timestamp:'dt='yyyy}/", "e/processing-failed/dt=2026/"),
    ("plain", "plain2026/01/05/07/"),
]


@pytest.mark.parametrize(("prefix", "key"), PREFIXES)
def test_a_prefix_is_evaluated_as_firehose_does(prefix: str, key: str) -> None:
    assert delivery.evaluated(prefix, MOMENT, delivery.PROCESSING_FAILED) == key


@pytest.mark.parametrize(
    "prefix", ["!{timestamp:YYYY}/", "!{firehose:error-output-type}/", "!{partitionKeyFromQuery:a}/"]
)
def test_an_expression_that_is_not_simulated_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="cannot be evaluated"):
        delivery.evaluated(prefix, MOMENT)

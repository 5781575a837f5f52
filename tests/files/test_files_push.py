"""The pusher: what it adds, what it leaves out, and that it raises whatever it cannot do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from files_stack import Intake, deployed, exhaust
from files_world import BUCKET, recorded, s3_record

from deliverywatch.cli import main
from deliverywatch.errors import MessageMalformed, QueueUnavailable, StoreUnavailable
from deliverywatch.files.admission import Filters
from deliverywatch.files.aws_push import Queue
from deliverywatch.files.push import push
from deliverywatch.files.records import messages
from deliverywatch.files.records.events import Details, State

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud

CSV = Details("text/csv; charset=utf-8", {"by": "jo"}, {"CRC32": "x"})


class Objects:
    """A bucket in which every object is the same."""

    def __init__(self, found: Details | Exception | None = CSV) -> None:
        self.found = found
        self.asked: list[tuple[str, str, str]] = []

    def details(self, bucket: str, key: str, version: str) -> Details | None:
        self.asked.append((bucket, key, version))
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def state(self, bucket: str, key: str, version: str) -> tuple[State, str]:
        self.asked.append((bucket, key, version))
        return (State.PRESENT if self.found else State.REMOVED), ""


class Sent:
    """A queue that keeps what it was sent."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send(self, bodies: Sequence[str]) -> None:
        self.bodies.extend(bodies)


def pushed(event: Any, filters: Filters | None = None, objects: Objects | None = None) -> list[str]:
    queue = Sent()
    push(event, filters or Filters(), objects or Objects(), queue)
    return [each.key for body in queue.bodies for each in messages.read(body).events]


def test_the_processor_reads_what_the_pusher_sends() -> None:
    queue = Sent()
    record = s3_record("a+b ü.csv", version="v1")
    push({"Records": [record]}, Filters(), Objects(), queue)
    (event,) = messages.read(queue.bodies[0]).events
    assert (event.key, event.version, event.details) == ("a+b ü.csv", "v1", CSV)


def test_an_event_of_eventbridge_is_pushed_too() -> None:
    assert pushed(recorded("eventbridge_created")) == ["IMG_m7fzo3.jpg"]


def test_the_details_of_a_removed_object_are_not_requested() -> None:
    objects = Objects()
    assert pushed({"Records": [s3_record("a", name="ObjectRemoved:Delete")]}, objects=objects) == ["a"]
    assert not objects.asked


def test_an_object_that_is_gone_already_is_pushed_without_details() -> None:
    assert pushed({"Records": [s3_record("a", version="v1")]}, Filters(), Objects(None)) == ["a"]


def test_an_object_that_is_gone_already_is_left_out_where_its_type_would_decide() -> None:
    only_csv = Filters(content_types=("text/csv",))
    assert pushed({"Records": [s3_record("a", version="v1")]}, only_csv, Objects(None)) == []


@pytest.mark.parametrize(
    ("filters", "is_sent"),
    [
        (Filters(prefix="in/"), True),
        (Filters(prefix="out/"), False),
        (Filters(suffix=".csv"), True),
        (Filters(suffix=".json"), False),
        (Filters(maximum_megabytes=1), True),
        (Filters(content_types=("text/csv",)), True),
        (Filters(content_types=("image/png", "text/*")), True),
        (Filters(content_types=("image/*",)), False),
    ],
)
def test_only_what_passes_the_filters_is_pushed(filters: Filters, is_sent: bool) -> None:
    assert pushed({"Records": [s3_record("in/a b.csv", version="v1")]}, filters) == (["in/a b.csv"] if is_sent else [])


def test_an_object_over_the_limit_is_left_out() -> None:
    record = s3_record("a", version="v1")
    record["s3"]["object"]["size"] = 1_000_001
    assert pushed({"Records": [record]}, Filters(maximum_megabytes=1)) == []


def test_what_may_have_taken_the_place_of_an_object_without_versions_is_pushed_for_the_processor_to_leave_out() -> None:
    record = s3_record("in/a")
    assert pushed({"Records": [record]}, Filters("in/", "", ("image/*",))) == ["in/a"]
    assert pushed({"Records": [record]}, Filters("out/", "", ("image/*",))) == []


def test_records_are_judged_one_by_one() -> None:
    event = {"Records": [s3_record("a.csv"), s3_record("b.txt"), s3_record("c.csv"), s3_record(name="ObjectAcl:Put")]}
    assert pushed(event, Filters(suffix=".csv")) == ["a.csv", "c.csv"]


def test_details_that_cannot_be_read_are_raised_and_nothing_is_sent() -> None:
    queue = Sent()
    with pytest.raises(StoreUnavailable):
        push({"Records": [s3_record("a")]}, Filters(), Objects(StoreUnavailable("S3 is down.")), queue)
    assert queue.bodies == []


@pytest.mark.parametrize(("bad", "error"), [(s3_record(""), MessageMalformed), ("text", AttributeError)])
def test_the_neighbours_of_a_record_that_is_wrong_are_sent_before_it_is_raised(
    bad: Any, error: type[Exception]
) -> None:
    queue = Sent()
    with pytest.raises(error):
        push({"Records": [s3_record("a"), bad, s3_record("c")]}, Filters(), Objects(), queue)
    assert [event.key for body in queue.bodies for event in messages.read(body).events] == ["a", "c"]


def test_what_is_no_event_of_s3_is_raised() -> None:
    with pytest.raises(MessageMalformed):
        push({"Records": [{"eventSource": "aws:ses"}]}, Filters(), Objects(), Sent())


class PickySqs:
    """SQS that refuses one message of a batch."""

    def __init__(self) -> None:
        self.calls: list[list[dict[str, Any]]] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "url"
        self.calls.append(Entries)
        return {
            "Failed": [
                {"Id": each["Id"], "Code": "ServiceUnavailable"} for each in Entries if "no" in each["MessageBody"]
            ]
        }


def test_a_message_that_sqs_refuses_is_raised() -> None:
    with pytest.raises(QueueUnavailable, match="SQS refused 1 of 2 messages: ServiceUnavailable"):
        Queue(PickySqs(), "url").send(["yes", "no"])


def test_a_call_takes_ten_messages_and_256_kilobytes_at_most() -> None:
    sqs = PickySqs()
    Queue(sqs, "url").send(["x"] * 11 + ["y" * 200_000] * 3)
    assert [len(call) for call in sqs.calls] == [10, 2, 1, 1]


def test_the_trace_goes_with_the_message() -> None:
    sqs = PickySqs()
    Queue(sqs, "url", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1").send(["x"])
    header = sqs.calls[0][0]["MessageSystemAttributes"]["AWSTraceHeader"]
    assert header["StringValue"].startswith("Root=1-5759e988")


@pytest.fixture(scope="module")
def pusher(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Intake:
    from bundling import build

    out = tmp_path_factory.mktemp("pusher") / "build"
    build.build(["files-pusher"], "none", out)
    return deployed(cloud, out, FilesContentTypes="text/csv", FilesSuffix=".csv", FilesMaximumMegabytes="1")


def test_an_upload_passes_through_the_deployed_pusher_with_its_details(pusher: Intake) -> None:
    pusher.put("a b.csv", ContentType="text/csv")
    pusher.put("b.csv", ContentType="image/png")
    pusher.put("c.txt", ContentType="text/csv")
    pusher.settle()
    pusher.settle()
    (item,) = pusher.versions("a b.csv")
    assert (item["content_type"], item["state"]) == ("text/csv", "present")
    assert not pusher.versions("b.csv") + pusher.versions("c.txt")


def test_what_the_pusher_cannot_do_is_put_aside_and_can_be_processed_from_there(pusher: Intake) -> None:
    assert pusher.cloud is not None
    event = {"Records": [s3_record("lost.csv")]}
    # An object of a bucket that the pusher may not read.
    pusher.client("s3").create_bucket(Bucket=BUCKET)
    pusher.client("s3").put_object(Bucket=BUCKET, Key="lost.csv", Body=b"")
    pusher.client("lambda").invoke(
        FunctionName="deliverywatch-prod-files-push", InvocationType="Event", Payload=json.dumps(event).encode()
    )
    for _ in range(3):
        exhaust(pusher)
    assert pusher.waiting("FilesDeadLettersUrl") == 1
    (letter,) = pusher.client("sqs").receive_message(QueueUrl=pusher.outputs["FilesDeadLettersUrl"])["Messages"]
    (read,) = messages.read(letter["Body"]).events
    assert read.key == "lost.csv"


def dropped(key: str, bucket: str, version: str, size: int = 4) -> str:
    """A dead letter of an event that the pusher gave up: the processor is the first that can filter it."""
    record = s3_record(key, version=version)
    record["s3"]["bucket"]["name"], record["s3"]["object"]["size"] = bucket, size
    return json.dumps({"requestPayload": {"Records": [record]}, "responsePayload": {"errorMessage": "x"}})


def test_what_is_redriven_passes_the_same_filters_and_gets_its_details(pusher: Intake) -> None:
    version = {
        key: str(pusher.put(key, ContentType=kind)["VersionId"])
        for key, kind in (("again.csv", "text/csv"), ("again-image.csv", "image/png"), ("again.txt", "text/csv"))
    }
    pusher.settle()
    (item,) = pusher.versions("again.csv")
    pusher.client("dynamodb").delete_item(
        TableName=pusher.outputs["FilesTable"],
        Key={name: {"S": item[name]} for name in ("object", "version")},
    )
    bodies = [dropped(key, pusher.bucket, version[key]) for key in version]
    bodies.append(dropped("again.csv", pusher.bucket, "big", size=10**12))
    for body in bodies:
        pusher.client("sqs").send_message(QueueUrl=pusher.outputs["FilesDeadLettersUrl"], MessageBody=body)
    assert CliRunner().invoke(main, ["files", "dlq", "redrive"]).exit_code == 0
    pusher.settle()
    (item,) = pusher.versions("again.csv")
    assert (item["version"], item["content_type"]) == (version["again.csv"], "text/csv")
    assert not pusher.versions("again-image.csv") + pusher.versions("again.txt")


def test_verify_and_reprocess_leave_out_what_the_pusher_leaves_out(pusher: Intake) -> None:
    for key, kind in (("v.csv", "text/csv"), ("v-image.csv", "image/png"), ("v.txt", "text/csv")):
        pusher.put(key, ContentType=kind)
    pusher.client("sqs").purge_queue(QueueUrl=pusher.outputs["FilesQueueUrl"])
    pusher.settle()
    assert CliRunner().invoke(main, ["files", "reprocess", "--prefix", "v"]).exit_code == 0
    pusher.settle()
    assert [len(pusher.versions(key)) for key in ("v.csv", "v-image.csv", "v.txt")] == [1, 0, 0]
    result = CliRunner().invoke(main, ["files", "verify", "--prefix", "v"])
    assert (result.exit_code, result.stderr.split(", ")[0]) == (0, "1 as they should be")
    assert "2 left out by the filters" in result.stderr

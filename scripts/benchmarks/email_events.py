"""60,000 events through transform, conversion and query, and a day of 2,000 merged into one object.

The transform is measured by processor time of one core, on the batches that Firehose hands it. Memory is that of a
fresh process that lands all events, from raw JSON to Parquet, and then asks the report of them. This file is not called
`email`, because it lies on the path before the standard library.
"""

import json
import random
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from measure import Figure, medians, python
from peak import peak_bytes

from deliverywatch.email import land
from deliverywatch.email.compact import compact
from deliverywatch.email.events.streams import Stream
from deliverywatch.email.report.pages import engagement
from deliverywatch.email.transform import transformed
from deliverywatch.local.cloud.mail.ses_events import Sent
from deliverywatch.storage.folder import Folder

DAY = datetime(2026, 11, 20, tzinfo=UTC)
MANY, FEW = 60_000, 2_000
WANTED_EVENTS_A_SECOND = 20_000
WANTED_PEAK_BYTES = 256 * 1024 * 1024
OBJECTS = 96  # what Firehose writes of a day with a buffer of 900 seconds
ARN = "arn:aws:firehose:us-east-1:111122223333:deliverystream/email-events-newsletter-prod"


def events(count: int) -> Iterator[bytes]:
    """So many events of newsletters: of 100 mails 98 arrive, 60 are opened, 8 clicked, 2 bounce, 1 is complained of."""
    draw = random.Random(1)
    made = 0
    while made < count:
        for event in _of_a_mail(draw, made):
            if made < count:
                made += 1
                yield json.dumps(event, separators=(",", ":")).encode() + b"\n"


def transform_speed(rounds: int = 5) -> Figure:
    """Events a second through the transform, on one core."""
    events_of = [{"deliveryStreamArn": ARN, "records": batch} for batch in _batches([*events(10_000)])]
    (seconds,) = medians(
        lambda: [transformed(event, "campaign") for event in events_of], rounds=rounds, clock=time.process_time
    )
    rate = 10_000 / seconds
    wanted, share = f"{WANTED_EVENTS_A_SECOND:,}, wanted", rate / WANTED_EVENTS_A_SECOND
    return Figure("transform, events a second on one core", f"{rate:,.0f}", wanted, share, share >= 1)


def whole_way() -> Iterator[Figure]:
    """All events landed and asked about, in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.ndjson"
        with path.open("wb") as file:
            file.writelines(events(MANY))
        took: dict[str, Any] = json.loads(python(__file__, str(path), str(Path(folder) / "lake")))
        raw_bytes = path.stat().st_size
    wanted = f"{WANTED_PEAK_BYTES / 2**20:.0f} MB, wanted"
    peak = took["peak_bytes"] / WANTED_PEAK_BYTES
    name, megabytes = f"{MANY:,} events landed and asked, peak memory", f"{took['peak_bytes'] / 2**20:.0f} MB"
    yield Figure(name, megabytes, wanted, peak, peak <= 1)
    rate = f"{MANY / took['land_seconds']:,.0f}"
    yield Figure(
        "... landed a second, checked field by field",
        rate,
        f"{took['fields']:,} fields, {took['lost']} lost",
        1,
        not took["lost"],
    )
    share = took["parquet_bytes"] / raw_bytes
    yield Figure("... Parquet", f"{took['parquet_bytes'] / 1e6:.1f} MB", f"{raw_bytes / 1e6:.1f} MB of raw JSON", share)
    rows = f"{took['counted']:,} sent in {took['report_seconds']:.1f} s"
    yield Figure("... report over them", rows, f"{MANY:,} rows", took["counted"] / MANY)


def compaction() -> Iterator[Figure]:
    """A day of 2,000 events, as Firehose writes it, merged."""
    lines = [*events(FEW)]
    with tempfile.TemporaryDirectory() as folder:
        store = Folder(Path(folder))
        for number in range(OBJECTS):
            part = lines[number * FEW // OBJECTS : (number + 1) * FEW // OBJECTS]
            time_sent = DAY + timedelta(minutes=15 * number)
            land.land(lambda part=part: part, land.Settings(Stream.NEWSLETTER, time_sent, f"{number:03}"), store)
        (done,) = compact(store, [DAY.date()])
    raw_bytes = sum(map(len, lines))
    sizes = f"{done.bytes_before / 1000:,.0f} kB in {done.objects} objects"
    yield Figure(
        f"a day of {FEW:,} events, merged",
        f"{done.bytes_after / 1000:,.0f} kB",
        sizes,
        done.bytes_after / done.bytes_before,
    )
    sixth = f"{raw_bytes / 6000:,.0f} kB, a sixth of the raw JSON"
    against = 6 * done.bytes_after / raw_bytes
    yield Figure("... against the raw JSON", f"{done.bytes_after / 1000:,.0f} kB", sixth, against, against <= 1)


def figures() -> Iterator[Figure]:
    """All figures of this module."""
    yield transform_speed()
    yield from whole_way()
    yield from compaction()


def _of_a_mail(draw: random.Random, number: int) -> Iterator[dict[str, Any]]:
    time_sent = DAY + timedelta(seconds=number % 80_000)
    message_id = f"0100{draw.getrandbits(96):024x}-{draw.getrandbits(48):012x}-000000"
    person = f"person{draw.randrange(10**6)}@{draw.choice(['gmail.com', 'example.net', 'example.org'])}"
    sent = Sent(message_id, time_sent, "news", (person,), "Issue 12: what is new", tags={"campaign": "issue-12"})
    yield sent.event("Send", time_sent)
    if draw.random() < 0.02:
        yield sent.bounce(time_sent + timedelta(seconds=3))
        return
    yield sent.delivery(time_sent + timedelta(seconds=2))
    if draw.random() < 0.01:
        yield sent.complaint(time_sent + timedelta(hours=1))
    if draw.random() < 0.6:
        opened = time_sent + timedelta(minutes=draw.randrange(1, 300))
        yield sent.visit("Open", opened, draw.choice(["Likely", "Unlikely"]))
        if draw.random() < 0.13:
            yield sent.visit("Click", opened, "Unlikely", link=f"https://example.com/story/{draw.randrange(9)}")


def _batches(lines: list[bytes]) -> list[list[dict[str, Any]]]:
    arrival = int(DAY.timestamp() * 1000)
    records = [
        {"recordId": str(number), "approximateArrivalTimestamp": arrival, "data": b64encode(line).decode()}
        for number, line in enumerate(lines)
    ]
    return [records[first : first + 500] for first in range(0, len(records), 500)]


def _measured(path: Path, lake: Path) -> dict[str, Any]:
    store = Folder(lake)

    def lines() -> Iterator[bytes]:
        with path.open("rb") as file:
            yield from file

    began = time.perf_counter()
    landed = land.land(lines, land.Settings(Stream.NEWSLETTER, DAY, "all"), store)
    land_seconds = time.perf_counter() - began
    began = time.perf_counter()
    document = engagement(store, DAY - timedelta(days=1), DAY + timedelta(days=2)).document()
    return {
        "land_seconds": land_seconds,
        "report_seconds": time.perf_counter() - began,
        "fields": landed.fields.came,
        "lost": landed.fields.lost,
        "counted": sum(row["sent"] for row in document["campaigns"]),
        "parquet_bytes": sum(size for _, size in store.sizes("events/")),
        "peak_bytes": peak_bytes(),
    }


if __name__ == "__main__":
    print(json.dumps(_measured(Path(sys.argv[1]), Path(sys.argv[2]))))

"""The pusher: an event of S3, and the object's own details -> messages in the queue.

S3 or EventBridge starts it. Whatever goes wrong is raised, so that Lambda retries and finally puts the event among the
dead letters: nothing is lost. An event that is sent twice is harmless, as the table keeps the newest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.files import admission
from deliverywatch.files.records import messages
from deliverywatch.files.records.layout import Layout

if TYPE_CHECKING:
    from deliverywatch.files.admission import Filters, Objects


class Queue(Protocol):
    """The queue that the processor reads."""

    def send(self, bodies: Sequence[str]) -> None:
        """Send messages, or raise QueueUnavailable if the queue does not take all of them."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of an event's records."""

    sent_count: int
    left_out_count: int


def push(
    event: Mapping[str, Any], filters: Filters, objects: Objects, queue: Queue, layout: Layout = Layout.VERSIONS
) -> Summary:
    """Send on those records of an event that pass the filters, or may have taken the place of an object that did.

    Raises, once the other records are sent:
        MessageMalformed: The event is neither one of S3 nor one of EventBridge.
        StoreUnavailable: S3 did not give the details.
        QueueUnavailable: The queue did not take everything.
    """
    records = event.get("Records", [event])
    results = [_result(record, filters, objects, layout) for record in records]
    bodies = [result for result in results if isinstance(result, str)]
    if bodies:
        queue.send(bodies)
    # Last, so that one record does not keep its neighbours back; what Lambda sends twice harms nobody.
    for result in results:
        if isinstance(result, Exception):
            raise result
    return Summary(len(bodies), len(records) - len(bodies))


def _result(record: Mapping[str, Any], filters: Filters, objects: Objects, layout: Layout) -> str | Exception | None:
    """Return the message for a record, None if it is left out, or why neither can be said."""
    try:
        return _body(record, filters, objects, layout)
    except Exception as error:
        return error


def _body(record: Mapping[str, Any], filters: Filters, objects: Objects, layout: Layout) -> str | None:
    reading = messages.read(record if record.get("source") == "aws.s3" else {"Records": [record]})
    if not reading.events:
        return None
    (event,) = reading.events
    admitted = admission.admitted(event, filters, objects)
    if admitted is None and not (filters.takes_key(event.key) and admission.may_replace(event, layout)):
        return None
    head = {"head": asdict(admitted.details)} if admitted and admitted.details else {}
    return json.dumps({"deliverywatch": 1, "objects": [{"record": record, **head}]}, ensure_ascii=False)

"""Queues in simulated time: what S3 sends to them, what starts functions from them, and what SQS measures of them.

MiniStack delivers by the machine's clock, in threads of its own, and has no StartMessageMoveTask. Here a message is
visible again in simulated time, a function gets its batch when `deliver` is called, and a redrive is done at once.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from deliverywatch.local.cloud.cloudwatch.metrics import Point
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Clock, SimulatedTime, iso

_SQS, _S3, _LAMBDA = "services.sqs", "services.s3", "services.lambda_svc"
_QUEUE = "AWS::SQS::Queue"

# SQS keeps the name of a deleted queue for so long; here by the machine's clock, as CloudFormation's events are.
NAME_KEPT_SECONDS = 60.0

# A batch that is delivered again and again at one time is a fault of ours; better to stop than to hang.
_MOST_BATCHES = 10_000
# SQS leaves a message out of the age of the oldest once it was received more often.
_RECEIVES_THAT_COUNT = 3


class Queues:
    """The queues, their subscribers and their metrics."""

    def __init__(self, clock: Clock, store: Callable[[Point], None]) -> None:
        self._clock = clock
        self._store = store
        self._counts: dict[str, Counter[str]] = {}
        self._moves: dict[str, list[dict[str, Any]]] = {}
        self._deleted_at: dict[str, float] = {}

    def install(self, placed: hooks.Hooks) -> None:
        """Put the bridges into MiniStack."""
        simulated = SimulatedTime(self._clock)
        for name in (_SQS, _S3, "services.eventbridge"):
            placed.replace(name, "time", lambda _: simulated)
        placed.replace(_S3, "now_iso", lambda _: lambda: iso(self._clock.now))
        placed.replace(_S3, "_fire_s3_event_async", lambda _: _fire_at_once)
        placed.replace(_S3, "_key_matches_filter", _comparing_as_s3_does)
        placed.replace(_LAMBDA, "_ensure_poller", lambda _: lambda: None)
        placed.replace(_LAMBDA, "_dispatch_esm_batch", lambda _: lambda _mapping, run, *rest: run(*rest))
        placed.replace(_SQS, "_delete_messages_for_esm", self._around_batch_delete)
        handlers = hooks.inside(_SQS, "_HANDLERS")
        receive = handlers["ReceiveMessage"]
        # An empty queue answers at once: simulated time does not pass while somebody waits.
        placed.register(handlers, "ReceiveMessage", lambda data, url: receive({**data, "WaitTimeSeconds": 0}, url))
        placed.register(handlers, "DeleteMessage", self._counting(handlers["DeleteMessage"]))
        placed.register(handlers, "StartMessageMoveTask", self._start_move)
        placed.register(handlers, "ListMessageMoveTasks", self._list_moves)
        placed.register(handlers, "CreateQueue", self._creating(handlers["CreateQueue"]))
        placed.register(handlers, "DeleteQueue", self._deleting(handlers["DeleteQueue"]))
        provisioners = hooks.inside("services.cloudformation.provisioners", "_RESOURCE_HANDLERS")
        placed.register(provisioners, _QUEUE, self._provisioning(provisioners[_QUEUE]))

    def deliver(self) -> None:
        """Hand every visible message to the function that is mapped to its queue, until none is left."""
        self._take_in()
        for _ in range(_MOST_BATCHES):
            # It paces a function that fails in real time; here the visibility timeout alone does.
            hooks.inside(_LAMBDA, "_esm_backoff_until").clear()
            if not hooks.inside(_LAMBDA, "_poll_sqs")():
                return
        raise RuntimeError("A queue was not empty after 10,000 batches at one time.")

    def observe(self, minute: datetime) -> None:
        """Store what SQS reports of each queue every minute."""
        for queue in hooks.inside(_SQS, "_queues").values():
            for name, (value, unit) in self._measures(queue).items():
                self._store(Point("AWS/SQS", name, (("QueueName", queue["name"]),), minute, value, unit))

    def _take_in(self) -> None:
        """Give what other parts of MiniStack put into a queue by the machine's clock the present time."""
        now = self._clock.now.timestamp()
        for queue in hooks.inside(_SQS, "_queues").values():
            for message in queue["messages"]:
                if message["sent_at"] > now:
                    message.update(sent_at=now, visible_at=now)

    def _measures(self, queue: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
        now = self._clock.now.timestamp()
        waiting = [message for message in queue["messages"] if message["visible_at"] <= now]
        ages = [
            now - message["sent_at"]
            for message in queue["messages"]
            if message["receive_count"] <= _RECEIVES_THAT_COUNT
        ]
        counts = self._counts.pop(queue["name"], Counter())
        return {
            "ApproximateNumberOfMessagesVisible": (float(len(waiting)), "Count"),
            "ApproximateNumberOfMessagesNotVisible": (float(len(queue["messages"]) - len(waiting)), "Count"),
            "ApproximateAgeOfOldestMessage": (max(ages, default=0.0), "Seconds"),
            "NumberOfMessagesDeleted": (float(counts["deleted"]), "Count"),
        }

    def _count(self, url: str, count: int) -> None:
        self._counts.setdefault(url.rsplit("/", 1)[-1], Counter())["deleted"] += count

    def _around_batch_delete(self, original: Callable[..., None]) -> Callable[..., None]:
        def delete(url: str, receipts: set[str]) -> None:
            self._count(url, len(receipts))
            original(url, receipts)

        return delete

    def _counting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def delete(data: dict[str, Any], url: str) -> Any:
            self._count(data.get("QueueUrl", url), 1)
            return original(data, url)

        return delete

    def _creating(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def create(data: dict[str, Any], url: str) -> Any:
            self._check_free(data.get("QueueName", ""))
            return original(data, url)

        return create

    def _deleting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def delete(data: dict[str, Any], url: str) -> Any:
            answer = original(data, url)
            self._note_deleted(data.get("QueueUrl", url))
            return answer

        return delete

    def _provisioning(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        def create(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
            self._check_free(properties.get("QueueName", ""))
            return entry["create"](logical_id, properties, stack_name)

        def delete(physical_id: str, properties: Mapping[str, Any]) -> Any:
            self._note_deleted(physical_id)
            return entry["delete"](physical_id, properties)

        return {**entry, "create": create, "delete": delete}

    def _check_free(self, name: str) -> None:
        if time.time() < self._deleted_at.get(name, 0.0) + NAME_KEPT_SECONDS:
            raise hooks.inside(_SQS, "_Err")(
                "QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
            )

    def _note_deleted(self, url: str) -> None:
        self._deleted_at[url.rsplit("/", 1)[-1]] = time.time()

    def _start_move(self, data: dict[str, Any], _url: str) -> dict[str, str]:
        """Move all messages of a dead-letter queue, as new ones, to the destination or to where they came from."""
        source_arn = data["SourceArn"]
        source = hooks.inside(_SQS, "_queue_by_arn")(source_arn)
        messages, source["messages"] = source["messages"], []
        for message in messages:
            arn = data.get("DestinationArn") or message["sys"].get("DeadLetterQueueSourceArn")
            target = hooks.inside(_SQS, "_queue_by_arn")(arn)
            hooks.inside(_SQS, "_act_send_message")(
                {"MessageBody": message["body"], "MessageAttributes": message["message_attributes"]},
                hooks.inside(_SQS, "_queue_url")(target["name"]),
            )
        handle = f"move-{len(self._moves.get(source_arn, []))}"
        done = {
            "TaskHandle": handle,
            "Status": "COMPLETED",
            "SourceArn": source_arn,
            "ApproximateNumberOfMessagesMoved": len(messages),
            "ApproximateNumberOfMessagesToMove": len(messages),
            "StartedTimestamp": int(self._clock.now.timestamp() * 1000),
        }
        self._moves.setdefault(source_arn, []).insert(0, done)
        return {"TaskHandle": handle}

    def _list_moves(self, data: dict[str, Any], _url: str) -> dict[str, Any]:
        return {"Results": self._moves.get(data["SourceArn"], [])[: int(data.get("MaxResults", 1))]}


def _fire_at_once(bucket: str, key: str, event_name: str, *rest: Any, **more: Any) -> None:
    """Send a notification before the request that caused it is answered, so that order is kept."""
    if bucket in hooks.inside(_S3, "_bucket_notifications"):
        sequencer = hooks.inside(_S3, "_next_event_sequencer")(event_name)
        hooks.inside(_S3, "_fire_s3_event")(bucket, key, event_name, *rest, sequencer=sequencer, **more)


def _comparing_as_s3_does(original: Callable[..., bool]) -> Callable[..., bool]:
    """Compare the filter of a notification with the URL-encoded key, where MiniStack takes the plain one.

    Recorded: github.com/aws/aws-cdk/pull/28012 (`schemaVersion=1/` matched nothing, `schemaVersion%3D1/` did).
    """

    def matches(key: str, prefix: str | None, suffix: str | None) -> bool:
        return original(hooks.inside(_S3, "_event_object_key")(key), prefix, suffix)

    return matches

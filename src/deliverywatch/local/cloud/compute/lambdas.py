"""Invocations of deployed functions in simulated time: their log, their metrics, asynchronous events with retries.

MiniStack runs the code. It loses log lines that arrive late, never retries what SNS delivers, and waits in real time
between retries; here they happen one and two simulated minutes later, as Lambda's do, and end in the dead letter queue.
"""

import fnmatch
import json
import queue
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.cloudwatch import metrics
from deliverywatch.local.cloud.compute.worker_clock import WorkerClock
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Agenda, Clock, SimulatedTime
from deliverywatch.local.cloud.emulator.emulator import HOST

_LAMBDA, _LOGS = "services.lambda_svc", "services.cloudwatch_logs"

RETRIES = 2
RETRY_DELAYS = (timedelta(minutes=1), timedelta(minutes=2))
LOG_SECONDS = 5

_END_OF_LOG = "--- end of invocation ---"
_ANCHOR = "        _real_stdout.flush()\n\nrun()"
_MARKED = f"        sys.stderr.write({_END_OF_LOG!r} + chr(10)); sys.stderr.flush()\n{_ANCHOR}"


@dataclass(frozen=True, slots=True)
class Failure:
    """One asynchronous invocation that raised."""

    at: datetime
    function: str
    sentence: str


class Functions:
    """Everything that invokes a deployed function, or follows from an invocation."""

    def __init__(self, clock: Clock, publisher: metrics.Publisher) -> None:
        self._clock = clock
        self._publisher = publisher
        self._worker_clock = WorkerClock()
        # A queue starts its function without any of our doing: it sees when something else ran last.
        self._worker_clock.set(clock.now)
        # A function (MiniStack's record of it), the event, and how often it was tried.
        self._waiting: Agenda[tuple[Any, Any, int]] = Agenda()
        self.failures: list[Failure] = []

    def install(self, placed: hooks.Hooks) -> None:
        """Put the bridges into MiniStack."""
        placed.replace(_LOGS, "time", lambda _: SimulatedTime(self._clock))
        placed.replace("core.lambda_runtime", "_PYTHON_WORKER_SCRIPT", self._script)
        placed.replace(_LAMBDA, "_execute_function_with_config_scope", self._at_present)
        placed.replace("core.lambda_runtime:Worker", "_drain_stderr_bounded", lambda _: _drain)
        placed.replace(_LAMBDA, "_emit_lambda_logs", lambda _: self._log)
        placed.replace(_LAMBDA, "_emit_lambda_metrics", lambda _: lambda *_, **__: None)
        placed.replace(_LAMBDA, "invoke_async_with_retry", lambda _: self.enqueue)
        # What EventBridge sends to a function is an asynchronous event as well, with the same retries.
        placed.replace("services.eventbridge", "_dispatch_to_lambda", lambda _: self._take_text)
        placed.replace("services.sns", "_deliver_to_lambda", lambda _: self._deliver)
        placed.replace("services.sns", "_threading", lambda _: _AtOnce(self._deliver))

    def close(self) -> None:
        """Remove what lies outside of the process."""
        self._worker_clock.close()

    def enqueue(self, function: Any, event: Any) -> None:
        """Take an asynchronous event for a function (MiniStack's record of it), to be run by `run_due`."""
        self._waiting.add(self._clock.now, (function, event, 0))

    def enqueue_for(self, arn: str, event: Any) -> None:
        """Take an asynchronous event for the function with this ARN."""
        function, config, _name = hooks.inside(_LAMBDA, "_get_func_record_for_ref")(arn)
        if function:
            self.enqueue(hooks.inside(_LAMBDA, "_execution_record_for_config")(function, config), event)

    def run_due(self, until: datetime) -> None:
        """Run every asynchronous event that is due by then, each at its time, in this thread."""
        while due := self._waiting.next_due(until):
            self._clock.advance_to(due[0])
            self._publisher.release()
            self._attempt(*due[1])

    def _script(self, script: str) -> str:
        return self._worker_clock.added_to(_marked_script(script))

    def _at_present(self, execute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Let a function run at the simulated time."""

        def executed(function: Any, event: Any) -> Any:
            self._worker_clock.set(self._clock.now)
            return execute(function, event)

        return executed

    def _attempt(self, function: Any, event: Any, tried: int) -> None:
        result = hooks.inside(_LAMBDA, "_execute_function_with_config_scope")(function, event)
        is_good, settings, name = (
            not result.get("error"),
            _invoke_settings(function),
            function["config"]["FunctionName"],
        )
        if not is_good:
            self.failures.append(Failure(self._clock.now, name, str(result["body"].get("errorMessage", ""))))
        if not is_good and tried < settings.get("MaximumRetryAttempts", RETRIES):
            self._waiting.add(self._clock.now + RETRY_DELAYS[min(tried, 1)], (function, event, tried + 1))
        elif target := _destination(settings, "OnSuccess" if is_good else "OnFailure"):
            send(target, _record(function, event, result, tried + 1, self._clock.now))
        elif not is_good and (dead := (function["config"].get("DeadLetterConfig") or {}).get("TargetArn")):
            send(dead, event)

    def _take_text(self, arn: str, payload: str) -> None:
        self.enqueue_for(arn, json.loads(payload))

    def _deliver(self, endpoint: str, envelope: str, topic: str, subscription: str, *_: Any) -> None:
        """Turn what SNS delivers to a function into its event, if it lets the topic in (lambda/with-sns.html)."""
        function, _config, _name = hooks.inside(_LAMBDA, "_get_func_record_for_ref")(endpoint)
        if not (function and _lets_in(function, "sns.amazonaws.com", topic)):
            return
        record = {
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription,
            "EventSource": "aws:sns",
            "Sns": {"MessageAttributes": {}, **json.loads(envelope), "TopicArn": topic},
        }
        self.enqueue_for(endpoint, {"Records": [record]})

    def _log(self, function: Any, request_id: str, text: str, error: bool, duration: int, **_: Any) -> None:  # noqa: FBT001
        """Store what an invocation printed, and publish the metrics that follow from it."""
        config = function.get("config") or function
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        lines = text.splitlines()
        self._store_log(group, config, request_id, lines, duration)
        points = [point for line in lines for point in self._points(group, line)]
        self._publisher.submit(group, [*points, *self._health(config["FunctionName"], error, duration)])

    def _store_log(self, group: str, config: Any, request_id: str, lines: list[str], duration: int) -> None:
        now = self._clock.now
        stamp = int(now.timestamp() * 1000)
        stream = f"{now:%Y/%m/%d}/[{config.get('Version', '$LATEST')}]{request_id.replace('-', '')}"
        report = (
            f"REPORT RequestId: {request_id}\tDuration: {duration} ms\tMemory Size: {config.get('MemorySize', 128)} MB"
        )
        whole = [f"START RequestId: {request_id}", *lines, f"END RequestId: {request_id}", report]
        events = [{"timestamp": stamp, "ingestionTime": stamp, "message": line} for line in whole]
        # Each is refused if it exists.
        hooks.inside(_LOGS, "_create_log_group")({"logGroupName": group})
        hooks.inside(_LOGS, "_create_log_stream")({"logGroupName": group, "logStreamName": stream})
        hooks.inside(_LOGS, "_append_log_events")(hooks.inside(_LOGS, "_log_groups")[group]["streams"][stream], events)
        hooks.inside(_LOGS, "_fanout_to_subscription_filters")(group, stream, events)

    def _points(self, group: str, line: str) -> list[metrics.Point]:
        points = metrics.embedded(line, self._clock.now)
        for metric_filter in list(hooks.inside(_LOGS, "_metric_filters").values()):
            if metric_filter["logGroupName"] == group:
                points.extend(metrics.filtered(line, metric_filter, self._clock.now))
        return points

    def _health(self, name: str, error: bool, duration: int) -> list[metrics.Point]:  # noqa: FBT001
        dimensions = (("FunctionName", name),)
        values = {"Invocations": (1, "Count"), "Errors": (int(error), "Count"), "Duration": (duration, "Milliseconds")}
        return [
            metrics.Point("AWS/Lambda", metric, dimensions, self._clock.now, value, unit)
            for metric, (value, unit) in values.items()
        ]


class _AtOnce:
    """Stands for `threading` in MiniStack's SNS: a function is handed its event at once, so that order is kept."""

    def __init__(self, deliver: Callable[..., None]) -> None:
        self._deliver = deliver

    def Thread(self, target: Callable[..., None], args: tuple[Any, ...], **options: Any) -> Any:  # noqa: N802
        thread = threading.Thread(target=target, args=args, **options)
        if args and args[0] == self._deliver:
            thread.start = thread.run  # type: ignore[method-assign]
        return thread

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)


def _marked_script(script: str) -> str:
    """Let the worker print a last line after each invocation: without it, what arrives late belongs to the next one."""
    if _ANCHOR not in script:
        raise ConfigurationError(
            f"MiniStack {hooks.VERSION} starts functions in a way that the local cloud does not know."
        )
    return script.replace(_ANCHOR, _MARKED)


def _drain(worker: Any, *_: Any) -> str:
    """Collect what a worker printed, up to the line that ends the invocation."""
    lines: list[str] = []
    deadline = time.monotonic() + LOG_SECONDS
    while time.monotonic() < deadline:
        try:
            line = worker._stderr_queue.get(timeout=0.05)  # noqa: SLF001 - this is one of its methods
        except queue.Empty:
            if worker._stderr_thread.is_alive():  # noqa: SLF001
                continue
            break
        if line == _END_OF_LOG:
            break
        lines.append(line)
    return "\n".join(lines)


def _lets_in(function: Any, service: str, source: str) -> bool:
    """Return whether a function's own policy lets a service invoke it for a source; without one AWS drops the event."""
    for statement in (function.get("policy") or {}).get("Statement", []):
        principal = statement["Principal"]
        pattern = (statement.get("Condition") or {}).get("ArnLike", {}).get("AWS:SourceArn", "*")
        if principal in ("*", {"Service": service}) and fnmatch.fnmatchcase(source, pattern):
            return True
    return False


def _invoke_settings(function: Any) -> dict[str, Any]:
    per_version = function.get("event_invoke_configs") or {}
    return function.get("event_invoke_config") or per_version.get("$LATEST") or {}


def _destination(settings: dict[str, Any], end: str) -> str:
    return ((settings.get("DestinationConfig") or {}).get(end) or {}).get("Destination") or ""


def _record(function: Any, event: Any, result: dict[str, Any], count: int, now: datetime) -> dict[str, Any]:
    """Return the record of a run (docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html)."""
    failed = {"functionError": result.get("function_error") or "Unhandled"} if result.get("error") else {}
    return {
        "version": "1.0",
        "timestamp": f"{now:%Y-%m-%dT%H:%M:%S}.000Z",
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": f"{function['config']['FunctionArn']}:$LATEST",
            "condition": "RetriesExhausted" if failed else "Success",
            "approximateInvokeCount": count,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", **failed},
        "responsePayload": result.get("body"),
    }


def send(target: str, content: Any) -> None:
    """Send what could not be handled, or became of it, to a topic or a queue; one that does not exist gets nothing."""
    body = json.dumps(content)
    if ":sns:" in target:
        hooks.inside("services.sns", "_fanout")(target, str(uuid.uuid4()), body, "", "", {})
    elif hooks.inside("services.sqs", "_queue_by_arn")(target) is not None:
        url = hooks.inside("services.sqs", "_queue_url")(target.rpartition(":")[2])
        # Services come over TLS, on which the queues' policies insist.
        hooks.inside("core.iam_evaluator", "pin_request_origin")(HOST, True)  # noqa: FBT003
        hooks.inside("services.sqs", "_act_send_message")({"MessageBody": body}, url)

"""The local cloud: MiniStack with what it lacks, in simulated time.

The bridges live beside this module (`formation`: missing resource types, `stack`: package and deploy) and in the
sub-rooms, one concern each; each has an `install` that puts it into MiniStack.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from deliverywatch.local.cloud import change_sets, conditions, formation, stack
from deliverywatch.local.cloud.athena import answers
from deliverywatch.local.cloud.athena.dialect import Dialect
from deliverywatch.local.cloud.cloudwatch.alarms import Alarms, Transition
from deliverywatch.local.cloud.cloudwatch.metrics import Publisher
from deliverywatch.local.cloud.cloudwatch.monitoring import Monitoring
from deliverywatch.local.cloud.compute import schedules
from deliverywatch.local.cloud.compute.function_urls import FunctionUrls
from deliverywatch.local.cloud.compute.lambdas import Failure, Functions, send
from deliverywatch.local.cloud.compute.queues import Queues
from deliverywatch.local.cloud.compute.states import States
from deliverywatch.local.cloud.emulator import access, hooks
from deliverywatch.local.cloud.emulator.clock import Clock, SimulatedTime
from deliverywatch.local.cloud.emulator.emulator import ACCOUNT, REGION, SECRET, Emulator
from deliverywatch.local.cloud.lake_formation import LakeFormation
from deliverywatch.local.cloud.mail.firehose import Firehose
from deliverywatch.local.cloud.mail.outbox import Mail, Outbox
from deliverywatch.local.cloud.mail.ses import SesEvents
from deliverywatch.storage.s3 import Bucket

LAST_SECOND = timedelta(seconds=59)

# EventBridge Scheduler calls its target somewhat after the full minute.
SCHEDULE_DELAY = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an invocation returned: the payload, or the error as Lambda describes it."""

    payload: Any
    error: str | None = None


class LocalCloud:
    """One cloud per process, as a context manager; it stands still unless `tick` and `run_schedules` move it.

    `uses` is every right that a role has needed so far.
    """

    def __init__(self, now: datetime) -> None:
        self.clock = Clock(now)
        self._emulator = Emulator()
        self._hooks = hooks.Hooks()
        self._clients: dict[str, Any] = {}
        self._alarms = Alarms(self.clock)
        self._monitoring = Monitoring(self.clock, self._alarms.series)
        self._publisher = Publisher(self.clock, self._alarms.store)
        self._functions = Functions(self.clock, self._publisher)
        self._urls = FunctionUrls(self.clock, self._publisher)
        self._queues = Queues(self.clock, self._alarms.store)
        self.ses = SesEvents(self.clock, self._publisher, self.client)
        self._outbox = Outbox(self.clock, self.ses.accept)
        self.firehose = Firehose(self.clock, self._publisher, self.client)
        self.states = States(self.clock, self._publisher)
        self.uses: set[access.Use] = set()

    def __enter__(self) -> Self:
        try:
            self._emulator.start(self._install)
        except BaseException:
            self._close()
            raise
        self.client("s3").create_bucket(Bucket=stack.CODE_BUCKET)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @property
    def endpoint(self) -> str:
        """The address that every AWS client is pointed at."""
        return self._emulator.endpoint

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service, such as `s3`."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name=REGION,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key=SECRET,
                config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
            )
        return self._clients[service]

    def bucket(self, name: str) -> Bucket:
        """Return a bucket as a store."""
        return Bucket(name, self.client("s3"))

    def deploy(
        self, template: Mapping[str, Any], parameters: Mapping[str, str], folder: Path, name: str = "deliverywatch"
    ) -> dict[str, str]:
        """Package and deploy a template, unmodified, from the folder that it lies in; returns the stack's outputs.

        Raises:
            ConfigurationError: CloudFormation refuses the template or a parameter, or a resource fails.
        """
        return stack.deploy(self.client, name, stack.package(template, folder), parameters)

    def invoke(self, function: str, event: Any) -> Answer:
        """Invoke a function by name, now, and wait for its answer."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read() or b"null")
        return Answer(payload, payload.get("errorMessage", "unknown") if "FunctionError" in answer else None)

    def run_schedules(self, minute: datetime) -> list[schedules.Firing]:
        """Start what the deployed schedules start at a full minute; returns it."""
        firings = schedules.due(minute)
        self.clock.advance_to(minute + SCHEDULE_DELAY if firings else minute)
        for firing in firings:
            self._start(firing)
        self.settle()
        return firings

    def _start(self, firing: schedules.Firing) -> None:
        if firing.may_start and ":sqs:" not in firing.target:
            self._functions.enqueue_for(firing.target, firing.event)
        else:
            send(firing.target if firing.may_start else firing.dead_letters, firing.event)

    def settle(self) -> None:
        """Run everything asynchronous that is due now, and show every point whose time has come."""
        self._publisher.release()
        self._functions.run_due(self.clock.now)
        self._queues.deliver()
        self._carry_events()

    def tick(self, minute: datetime) -> list[Transition]:
        """Live through one minute: points become visible, alarms are evaluated, what they cause is delivered.

        Each alarm has its own second of the minute, as in CloudWatch, so that two alarms never change at once. Then
        the clock stands at the minute's last second. Returns the changes of alarm states in order of time.
        """
        before = len(self._alarms.transitions)
        self._queues.deliver()
        self._queues.observe(minute)
        self._carry_events()
        for second, name in self._alarms.timetable():
            at = minute + timedelta(seconds=second)
            self._functions.run_due(at)
            self.clock.advance_to(at)
            self._publisher.release()
            self._alarms.evaluate(name)
            self._functions.run_due(at)
        self._functions.run_due(minute + LAST_SECOND)
        self.clock.advance_to(minute + LAST_SECOND)
        self._queues.deliver()
        self._publisher.release()
        return self._alarms.transitions[before:]

    def _carry_events(self) -> None:
        self.ses.run_due()
        self.firehose.run_due()

    @property
    def transitions(self) -> list[Transition]:
        """Every change of an alarm's state so far."""
        return list(self._alarms.transitions)

    @property
    def failures(self) -> list[Failure]:
        """Every asynchronous invocation that raised so far."""
        return list(self._functions.failures)

    def outbox(self) -> list[Mail]:
        """Return every mail that has left so far, in order."""
        return list(self._outbox.mails)

    def refuse_mail(self, code: str = "", sentence: str = "") -> None:
        """Make SES refuse every mail with this error; without arguments it accepts mails again."""
        self._outbox.refuse(code, sentence)

    def _install(self) -> None:
        simulated = SimulatedTime(self.clock)
        for name in ("services.cloudwatch", "services.sns"):
            self._hooks.replace(name, "time", lambda _: simulated)
        access.install(self._hooks, self.uses)
        formation.install(self._hooks, self.clock)
        for bridge in (
            *(self._functions, self._urls, self._queues, self._alarms, self._monitoring, self._outbox, self.firehose),
            *(Dialect(self.clock), self.states, answers, schedules, change_sets, LakeFormation(), conditions),
        ):
            bridge.install(self._hooks)

    def _close(self) -> None:
        self._emulator.stop()
        self._hooks.undo()
        self._functions.close()

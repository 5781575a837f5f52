"""One fault of a pipeline is one mail: whatever alarms, functions and executions say of it, and in whichever order."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from types import SimpleNamespace
from typing import Any

import pytest
from alerting_fakes import FakeCloudWatch, FakeStore, World

import stacks
from blocks.extras import Extra
from cwalarm.definitions import alarm as alarms
from cwalarm.evaluation.message import alarm_arn, trigger
from deliverywatch.alerting.incidents.severity import Watch, watches
from deliverywatch.alerting.inputs import alarm as cloudwatch
from deliverywatch.alerting.inputs.alarm import Alarm, State
from deliverywatch.errors import CloudRefused, DeliveryWatchError, StoreUnavailable
from deliverywatch.pipeline.declaration.pipelines import pipelines_of
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.pipeline.outputs.unhandled import handling_of, written_down
from deliverywatch.pipeline.publish import Ports as PublishPorts
from deliverywatch.pipeline.publish import publish
from deliverywatch.pipeline.report import Ports, report
from pipeline.pipeline_world import DECLARED, dbt, failed, good_history, states_event, step

ACCOUNT, REGION = "111122223333", "us-east-1"
PREFIX = f"arn:aws:states:{REGION}:{ACCOUNT}:execution"
OUTER, INNER = f"{PREFIX}:sf_user_pipeline:a", f"{PREFIX}:orders_pipeline:b"
PIPELINES = pipelines_of(
    {"pipeline": [*DECLARED["pipeline"], {"name": "orders", "state_machine": "orders_pipeline", "database": "orders"}]}
)
RESULTS = "s3://artifacts/sf_user/a/run_results.json"
VALUES = {
    "SenderAddress": "a@example.com",
    "AlertRecipients": "b@example.com",
    "FallbackAddress": "c@example.com",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
}


@cache
def declared() -> tuple[tuple[Watch, ...], dict[str, Alarm]]:
    """The watches and alarms of the example, as they are deployed."""
    chosen = stacks.chosen(["pipeline"], [Extra.EXAMPLE_PIPELINE])
    template = stacks.template(chosen, "arm64", "0").to_dict()
    defined = [
        cloudwatch.from_trigger(trigger(one), name=one.name, arn=alarm_arn(one.name, ACCOUNT, REGION))
        for one in alarms.from_template(template, VALUES)
    ]
    # The mail of a pipeline's health is off unless somebody wants it.
    mailing = tuple(one for one in watches(stacks.watches(chosen), "deliverywatch-prod") if "unwell" not in one.name)
    known = {one.name: one for one in defined}
    return mailing, {name: known.get(name, Alarm(name)) for watch in mailing for name in watch.alarms}


@dataclass(frozen=True, slots=True)
class Told:
    """What AWS says of one fault: ends of executions, calls of the failure path, alarms that go off."""

    ends: tuple[Any, ...]
    alarms: tuple[str, ...] = ()
    calls: tuple[Any, ...] = ()
    histories: Mapping[str, list[Any]] = field(default_factory=dict)
    refused: Exception | None = None


class Play:
    """The functions of pipelines, and the real notifier behind their topic."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.descriptions = {one["detail"]["executionArn"]: one["detail"] for one in told.ends}
        fake = FakeCloudWatch()
        fake.alarms = dict(declared()[1])
        self.world = World(cloudwatch=fake, store=FakeStore(), watches=declared()[0])
        self.time = datetime(2026, 11, 21, 6, 22, tzinfo=UTC)
        store = self.world.store.memory
        self.ports = Ports(executions=self, artifacts=self, store=store, topic=self)
        self.counting = PublishPorts(executions=self, artifacts=self, store=store, emit=str)

    def describe(self, arn: str) -> Any:
        if arn not in self.descriptions:
            raise CloudRefused("ExecutionDoesNotExist.")
        return self.descriptions[arn]

    def history(self, arn: str) -> Iterable[Any]:
        return self.told.histories.get(arn, [])

    def map_run(self, arn: str) -> Any:
        raise CloudRefused(f"{arn} does not exist.")

    def definition(self, arn: str) -> str:
        raise CloudRefused(f"{arn} may not be read.")

    def fetch(self, address: str) -> bytes | None:
        if self.told.refused:
            raise self.told.refused
        return dbt("v5") if address.endswith("good_run_results.json") else None

    def publish(self, notice: Mapping[str, Any]) -> None:
        self.world.tell(notice)

    def handle(self, body: Any) -> bool:
        """Let both functions handle an event; whether one of them failed."""
        errors = 0
        for function in (self._count, self._report):
            try:
                function(body)
            except DeliveryWatchError:
                errors += 1
        return errors > 0

    def _count(self, body: Any) -> None:
        if "detail" in body:
            publish(body, PIPELINES, self.counting, "prod")

    def _report(self, body: Any) -> None:
        report(body, PIPELINES, self.ports, self.time, shipped())

    def alarm(self, name: str) -> None:
        known = self.world.cloudwatch.alarms[f"deliverywatch-prod-pipeline-{name}"]
        self.world.cloudwatch.alarms[known.name] = replace(known, state=State.ALARM, updated_at=self.time)
        self.world.tell(
            {
                "AlarmName": known.name,
                "AlarmArn": known.arn,
                "NewStateValue": "ALARM",
                "OldStateValue": "OK",
                "StateChangeTime": self.time.isoformat(),
            }
        )

    def all(self, *, alarms_first: bool) -> list[str]:
        """Let everything be said, twice each; returns the events of the mails."""
        said = [self._alarms, self._events]
        for part in said if alarms_first else said[::-1]:
            part()
        self.world.sweep(self.time + timedelta(minutes=10))
        return self.world.ses.events

    def _alarms(self) -> None:
        for name in self.told.alarms:
            self.alarm(name)

    def _events(self) -> None:
        is_failed = [self.handle(body) for _ in range(2) for body in (*self.told.calls, *self.told.ends)]
        if any(is_failed):
            self.alarm("errors")


def end(status: str, arn: str = OUTER, **detail: Any) -> Any:
    *_, machine, name = arn.split(":")
    body = states_event(status, executionArn=arn, name=name, error="", cause="", output=None, input="{}")
    body["detail"] |= {"stateMachineArn": arn.replace(":execution:", ":stateMachine:").rpartition(":")[0], **detail}
    assert machine in body["detail"]["stateMachineArn"]
    return body


CHILD_CAUSE = json.dumps({"ExecutionArn": INNER, "Status": "FAILED", "Error": "E", "Cause": "AccessDeniedException"})
ABORTED_CAUSE = json.dumps({"ExecutionArn": INNER, "Status": "ABORTED"})
NESTED = [step("Ingest"), failed("States.TaskFailed", CHILD_CAUSE)]
JOB = {"JobName": "j", "Id": "jr_1", "JobRunState": "TIMEOUT", "ExecutionTime": 9}
LAMBDA = json.dumps({"errorType": "ServiceBusy", "errorMessage": "Athena could not do a check."})
CALL = {"error_type": "dbt_run_failure", "execution": OUTER, "error": {"Error": "DbtError", "Cause": f"see {RESULTS}"}}
STARTED_BY = json.dumps({"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": OUTER})
NO_RESULTS = [step("DbtRun"), failed("DbtError", f"dbt ended with 2, see {RESULTS}")]
SITUATIONS = {
    "dbt ends before it writes results": Told((end("FAILED"),), ("sf_user-failed",), (), {OUTER: NO_RESULTS}),
    "its failure path calls for help, too": Told((end("FAILED"),), ("sf_user-failed",), (CALL,), {OUTER: NO_RESULTS}),
    "its results may not be read": Told(
        (end("FAILED"),), ("sf_user-failed",), (), {OUTER: NO_RESULTS}, StoreUnavailable("AccessDenied.")
    ),
    "only its results may not be read": Told(
        (end("SUCCEEDED", output=json.dumps({"x": RESULTS})),), (), (), {OUTER: good_history()},
        StoreUnavailable("AccessDenied."),
    ),
    "a validator fails": Told(
        (end("FAILED"),), ("sf_user-failed", "validate-errors"), (),
        {OUTER: [step("Validate"), failed("ServiceBusy", LAMBDA)]},
    ),
    "a job fails": Told(
        (end("FAILED"),), ("sf_user-failed", "sf_user-job-failures"), (),
        {OUTER: [step("Ingest"), failed("States.TaskFailed", JOB)]},
    ),
    "a job fails, is caught, and the run succeeds": Told(
        (end("SUCCEEDED"),), ("sf_user-job-failures",), (), {OUTER: [step("Ingest"), failed("States.TaskFailed", JOB)]}
    ),
    "a run takes too long": Told((end("TIMED_OUT"),), ("sf_user-timed-out", "sf_user-job-failures")),
    "somebody aborts a run": Told((end("ABORTED"),), ("sf_user-aborted",)),
    "the history may not be read": Told((end("FAILED", error="E", cause="AccessDenied"),), ("sf_user-failed",)),
    "an execution that it started fails": Told(
        (end("FAILED", INNER, error="E", cause="AccessDeniedException"), end("FAILED")), ("sf_user-failed",), (),
        {OUTER: NESTED},
    ),
    "the same, and the outer is heard of first": Told(
        (end("FAILED"), end("FAILED", INNER, error="E", cause="AccessDeniedException")), ("sf_user-failed",), (CALL,),
        {OUTER: NESTED},
    ),
    "an execution that it started fails, is caught, and the run succeeds": Told(
        (end("FAILED", INNER, error="E", cause="AccessDeniedException"), end("SUCCEEDED")), (), (), {OUTER: NESTED}
    ),
    "a run takes too long, and takes the one that it started along": Told(
        (end("TIMED_OUT"), end("ABORTED", INNER, input=STARTED_BY)), ("sf_user-timed-out",)
    ),
    "the same, and the inner is heard of first": Told(
        (end("ABORTED", INNER, input=STARTED_BY), end("TIMED_OUT")), ("sf_user-timed-out",)
    ),
    "a branch fails, and takes the execution that another waits for along": Told(
        (end("FAILED"), end("ABORTED", INNER, input=STARTED_BY)), ("sf_user-failed",), (),
        {OUTER: [step("Ingest"), failed("States.TaskFailed", JOB)]},
    ),
    "somebody aborts the execution that another waits for": Told(
        (end("ABORTED", INNER, input=STARTED_BY), end("FAILED")), ("sf_user-failed",), (),
        {OUTER: [step("Ingest"), failed("States.TaskFailed", ABORTED_CAUSE)]},
    ),
    "a run is redriven, and fails again as before": Told(
        (end("FAILED"), end("FAILED", redriveCount=1), end("FAILED", redriveCount=2)), ("sf_user-failed",), (),
        {OUTER: [step("Ingest"), failed("States.TaskFailed", JOB)]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("alarms_first", [True, False], ids=["alarms first", "events first"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_one_fault_is_one_mail(situation: str, alarms_first: bool) -> None:
    assert Play(SITUATIONS[situation]).all(alarms_first=alarms_first) == ["OPENED"]


def test_every_quiet_alarm_of_a_pipeline_is_in_a_situation() -> None:
    quiet = {one.alarm for watch in declared()[0] for one in watch.severities if one.level == "ok"}
    played = {f"deliverywatch-prod-pipeline-{name}" for told in SITUATIONS.values() for name in told.alarms}
    missing = {name.rpartition("-pipeline-")[2] for name in quiet - played}
    assert missing <= {"sf_user-health", "sf_user-function-errors"}


def test_a_fault_beside_that_of_the_execution_that_it_started_is_a_second_mail() -> None:
    ends = (end("FAILED", INNER, error="E", cause="AccessDeniedException"), end("SUCCEEDED"))
    history = [*NESTED, step("Validate"), failed("States.TaskFailed", JOB)]
    assert Play(Told(ends, histories={OUTER: history})).all(alarms_first=False) == ["OPENED", "OPENED"]


def test_two_faults_are_two_mails() -> None:
    both = [SITUATIONS["somebody aborts a run"], SITUATIONS["a job fails"]]
    ends = [replaced for told, name in zip(both, "xy", strict=True) for replaced in _renamed(told.ends, name)]
    histories = {OUTER.replace(":a", ":y"): both[1].histories[OUTER]}
    assert Play(Told(tuple(ends), histories=histories)).all(alarms_first=False) == ["OPENED", "OPENED"]


def _renamed(ends: Iterable[Any], name: str) -> Iterator[Any]:
    yield from (end(one["detail"]["status"], OUTER[:-1] + name) for one in chain(ends))


def test_the_mail_about_a_function_that_fails_names_the_run_and_its_log() -> None:
    play, body = Play(Told(())), end("FAILED")
    lambda_ = SimpleNamespace(
        function_name="deliverywatch-prod-pipeline-report",
        aws_request_id="8f5a",
        log_group_name="/aws/lambda/deliverywatch-prod-pipeline-report",
        log_stream_name="2026/11/21/[1]ab",
    )
    handling = handling_of(body, lambda_, PIPELINES, play.time)
    with suppress(StoreUnavailable), written_down(play.world.store.memory, handling):
        raise StoreUnavailable("S3 could not be used for state/pipeline/sf_user/told.json: AccessDenied.")
    play.alarm("errors")
    (mail,) = play.world.ses.mails
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for part in (
        "The end of the run a of sf_user could not be handled: S3 could not be used",
        "Log: /aws/lambda/deliverywatch-prod-pipeline-report, request 8f5a",
        "deliverywatch-prod-pipeline-report/log-events/2026$252F11",
    ):
        assert part in text or part in " ".join(text.split())

"""Step Functions in simulated time: steps that take as long as the play says, ends of runs, and their metrics.

MiniStack walks a state machine in real time and has no Glue behind it. Here the play says what each step of a service
that is not run locally gives back, and how long it takes; functions are run as they are. A run that is over its limit
ends as TIMED_OUT, which MiniStack never sets.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.cloudwatch import metrics
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Clock, iso

_STATES = "services.stepfunctions"
_OVER_ITS_LIMIT = "the run is over the limit of its state machine"
_LONGEST_SECONDS = 120
# AWS/States, of an execution's own status (docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html).
_METRICS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one state does in place of the service it calls; `error` is a name and a cause, if it fails.

    Meanwhile somebody may stop the execution, or the limit of the state machine may come before the end of the step.
    """

    seconds: float
    output: Any = None
    error: tuple[str, str] | None = None
    is_stopped: bool = False
    is_too_long: bool = False


class States:
    """The state machines of the local cloud."""

    def __init__(self, clock: Clock, publisher: metrics.Publisher) -> None:
        self._clock = clock
        self._publisher = publisher
        self._running: str = ""
        self.steps: Mapping[str, Step] = {}

    def install(self, placed: hooks.Hooks) -> None:
        """Put the bridges into MiniStack."""
        placed.replace(_STATES, "_sfn_mock_config", lambda _: {"steps": "of the play"})
        placed.replace(_STATES, "_get_mock_response", lambda _: self._answer)
        placed.replace(_STATES, "_emit_execution_status_event", self._around_event)
        placed.replace(_STATES, "_fail_execution", self._around_failure)
        placed.replace(_STATES, "now_iso", lambda _: lambda: iso(self._clock.now))

    def run(self, client: Any, machine: str, name: str, steps: Mapping[str, Step]) -> str:
        """Run an execution and return the status that it ended with; simulated time passes as its steps say.

        Each step stands under the name of its state; the other states are run as they are.

        Raises:
            ConfigurationError: It does not end.
        """
        self.steps = steps
        arn = machine.replace(":stateMachine:", ":execution:") + f":{name}"
        self._running = arn
        client.start_execution(stateMachineArn=machine, name=name, input="{}")
        deadline = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < deadline:
            status = str(client.describe_execution(executionArn=arn)["status"])
            if status != "RUNNING":
                return status
            time.sleep(0.02)
        raise ConfigurationError(f"The local execution {name} did not end within {_LONGEST_SECONDS} seconds.")

    def _answer(self, _machine: str, _case: str, state: str, _attempt: int) -> dict[str, Any] | None:
        step = self.steps.get(state)
        if step is None:
            return None
        self._clock.advance_to(self._clock.now + timedelta(seconds=step.seconds))
        if step.is_too_long:
            raise TimeoutError(_OVER_ITS_LIMIT)
        if step.is_stopped:
            hooks.inside(_STATES, "_stop_execution")({"executionArn": self._running})
        if step.error:
            return {"Throw": {"Error": step.error[0], "Cause": step.error[1]}}
        return {"Return": step.output}

    def _around_event(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def emit(execution: Any) -> None:
            dimensions = (("StateMachineArn", execution["stateMachineArn"]),)
            point = metrics.Point("AWS/States", _METRICS[execution["status"]], dimensions, self._clock.now, 1, "Count")
            self._publisher.submit(_STATES, [point])
            original(execution)

        return emit

    def _around_failure(self, original: Callable[..., None]) -> Callable[..., None]:
        def fail(execution: Any, error: str, cause: str) -> None:
            if cause != _OVER_ITS_LIMIT:
                original(execution, error, cause)
                return
            execution.update(status="TIMED_OUT", stopDate=iso(self._clock.now))
            hooks.inside(_STATES, "_add_event")(execution, "ExecutionTimedOut", {})
            hooks.inside(_STATES, "_emit_execution_status_event")(execution)

        return fail

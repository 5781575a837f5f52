"""The notice of a failure leaves, whatever of the world around it fails: with what is known, and a line on the rest."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import CloudRefused, CloudUnavailable, Retryable, StoreConflict, StoreUnavailable
from deliverywatch.pipeline.declaration.values import moment
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.pipeline.publish import Ports as PublishPorts
from deliverywatch.pipeline.publish import publish
from deliverywatch.pipeline.report import Ports, report
from pipeline.pipeline_world import PIPELINES, Artifacts, Executions, Memory, dbt, failed, states_event, step

NOW = moment("2026-11-21T06:30:00Z")
RESULTS = "s3://artifacts/sf_user/2026-11-21T06-00/run_results.json"
MAP_RUN = {"mapRunArn": "arn:aws:states:us-east-1:111122223333:mapRun:sf_user_pipeline/files:1"}
HISTORY = [
    {"type": "MapRunStarted", "mapRunStartedEventDetails": MAP_RUN},
    step("DbtRun"),
    failed("States.TaskFailed", f"dbt exited 1, see {RESULTS}"),
]
EVENT = states_event("FAILED", error="", cause="")
CALL = {
    "error_type": "dbt_run_failure",
    "execution": EVENT["detail"]["executionArn"],
    "error": {"Error": "E", "Cause": "x"},
}
# How each port fails: as its adapter says, and as no adapter should.
BROKEN = (TypeError("not bytes"), RecursionError("too deep"))
OF_STEP_FUNCTIONS = (CloudRefused("AccessDeniedException."), CloudUnavailable("ThrottlingException."), *BROKEN)
OF_S3 = (StoreUnavailable("AccessDenied."), StoreUnavailable("PermanentRedirect."), StoreConflict("changed."))
READ = ("executions.describe", "executions.history", "executions.map_run", "artifacts.fetch")
CASES = [
    *((call, error) for call in READ[:3] for error in OF_STEP_FUNCTIONS),
    *((READ[3], error) for error in (*OF_S3, *BROKEN)),
    *((f"store.{call}", error) for call in ("read", "metadata", "write", "write_if_unchanged") for error in OF_S3),
]


class World:
    def __init__(self) -> None:
        self.notices: list[Mapping[str, Any]] = []
        self.lines: list[str] = []
        self.ports = Ports(
            executions=Executions(states_event("FAILED")["detail"], HISTORY),
            artifacts=Artifacts({RESULTS: dbt("v5")}),
            store=Memory(),
            topic=self,
        )

    def publish(self, notice: Mapping[str, Any]) -> None:
        self.notices.append(notice)

    def break_(self, call: str, error: Exception) -> None:
        port, _, method = call.partition(".")

        def broken(*_: object, **__: object) -> Any:
            raise error

        setattr(getattr(self.ports, port), method, broken)

    def handle(self, body: Any) -> None:
        """Report as Lambda does: what may pass is tried three times."""
        assert NOW is not None
        for _ in range(3):
            try:
                report(body, PIPELINES, self.ports, NOW, shipped())
            except Retryable:
                continue
            return

    def count(self) -> None:
        ports = PublishPorts(
            executions=self.ports.executions,
            artifacts=self.ports.artifacts,
            store=self.ports.store,
            emit=self.lines.append,
        )
        publish(EVENT, PIPELINES, ports, "prod")


@pytest.mark.parametrize("body", [EVENT, CALL], ids=["event", "call"])
@pytest.mark.parametrize(("call", "error"), CASES, ids=lambda value: value if isinstance(value, str) else repr(value))
def test_whichever_call_fails_the_notice_leaves(
    call: str, error: Exception, body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0)  # the pauses between tries
    world = World()
    world.break_(call, error)
    world.handle(body)
    assert {notice["level"] for notice in world.notices} <= {"critical", "warning"}
    assert len({notice["watch"] for notice in world.notices}) == 1
    if call in READ and error not in BROKEN:
        assert str(error) in world.notices[0]["facts"]["Not read"]


@pytest.mark.parametrize("error", OF_STEP_FUNCTIONS, ids=repr)
def test_a_run_whose_definition_cannot_be_read_is_not_proven_well(error: Exception) -> None:
    body = states_event("SUCCEEDED")
    world = World()
    world.ports.executions.description = body["detail"]  # type: ignore[attr-defined]
    world.ports.executions.events = [step("Ingest")]  # type: ignore[attr-defined]
    world.break_("executions.definition", error)
    world.handle(body)
    (notice,) = world.notices
    assert notice["level"] == "blind"
    assert error in BROKEN or str(error) in notice["facts"]["Not read"]


@pytest.mark.parametrize(("call", "error"), [case for case in CASES if case[0] in READ])
def test_a_run_of_which_something_cannot_be_read_is_counted(call: str, error: Exception) -> None:
    world = World()
    world.break_(call, error)
    world.count()
    assert any('"JobSuccess": 0' in line for line in world.lines)


@pytest.mark.parametrize(
    "body", [None, b"", b"{", b"[]", b"\xff\xfe", b'{"results": 7}', b"[" * 100_000, b"<Error>AccessDenied</Error>"]
)
def test_results_that_are_none_are_a_line_of_the_notice(body: bytes | None) -> None:
    world = World()
    world.ports.artifacts.fetch = lambda _address: body  # type: ignore[method-assign]
    world.handle(EVENT)
    (notice,) = world.notices
    assert RESULTS in notice["facts"]["Not read"]


def test_a_history_that_breaks_off_leaves_what_was_read_of_it() -> None:
    def history(_arn: str) -> Iterator[Mapping[str, Any]]:
        yield from HISTORY
        raise CloudUnavailable("ThrottlingException.")

    world = World()
    world.ports.executions.history = history  # type: ignore[method-assign]
    world.handle(EVENT)
    (notice,) = world.notices
    assert "DbtRun" in notice["sentence"]
    assert notice["facts"]["Not read"] == "ThrottlingException."


def test_a_notice_that_does_not_leave_is_tried_again() -> None:
    world = World()
    send, world.publish = world.publish, _refusing(world, CloudUnavailable("SNS is down."))  # type: ignore[method-assign]
    assert NOW is not None
    with pytest.raises(Retryable):
        report(EVENT, PIPELINES, world.ports, NOW, shipped())
    world.publish = send  # type: ignore[method-assign]
    world.handle(EVENT)
    assert len(world.notices) == 1


def _refusing(_world: World, error: Exception) -> Callable[[Mapping[str, Any]], None]:
    def publish(_notice: Mapping[str, Any]) -> None:
        raise error

    return publish


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["type", "timestamp", "id", "previousEventId", "taskFailedEventDetails", "error", "cause", "name"]
)


@given(st.lists(st.dictionaries(NAMES, JSON | st.sampled_from(["TaskFailed", "TaskStateEntered"])), max_size=4), JSON)
def test_whatever_a_history_and_a_cause_hold_the_notice_leaves(events: list[dict[str, Any]], cause: Any) -> None:
    world = World()
    world.ports.executions.events = [*events, *HISTORY]  # type: ignore[attr-defined]
    words = cause if isinstance(cause, str) else json.dumps(cause)
    world.handle(states_event("FAILED", error="E", cause=words))
    assert len(world.notices) == 1
    world.count()
    assert any('"JobSuccess": 0' in line for line in world.lines)

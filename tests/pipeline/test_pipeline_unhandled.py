"""A function that fails or is killed leaves pipeline, run and log for the mail that says so."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import CloudRefused, StoreUnavailable
from deliverywatch.messages.context import from_json
from deliverywatch.pipeline.outputs.unhandled import KEY, Handling, handling_of, write_down_failure, written_down
from deliverywatch.storage.memory import Memory
from pipeline.pipeline_world import PIPELINES, event

AT = datetime(2026, 11, 21, 6, tzinfo=UTC)
LAMBDA = SimpleNamespace(
    function_name="deliverywatch-prod-pipeline-report",
    aws_request_id="8f5a",
    log_group_name="/aws/lambda/deliverywatch-prod-pipeline-report",
    log_stream_name="2026/11/21/[$LATEST]ab",
)
HANDLING = handling_of(event("states_failed"), LAMBDA, PIPELINES, AT)


class KilledError(BaseException):
    """No code of the function runs after it."""


ENDS = {"handled": None, "failed": ValueError("AccessDenied."), "killed": KilledError()}


def handle(store: Memory, handling: Handling, outcome: str) -> None:
    with suppress(KilledError, ValueError), written_down(store, handling):
        _end(ENDS[outcome])


def _end(error: BaseException | None) -> None:
    if error:
        raise error


@pytest.mark.parametrize(("outcome", "why"), [("failed", "AccessDenied."), ("killed", "the function was killed")])
def test_the_context_names_pipeline_run_and_log(outcome: str, why: str) -> None:
    store = Memory()
    handle(store, HANDLING, outcome)
    context = from_json(store.objects[KEY])
    assert context.problem is not None
    for part in ("2026-11-21T06-00 of sf_user", why):
        assert part in context.problem.sentence
    assert ("Log", "/aws/lambda/deliverywatch-prod-pipeline-report, request 8f5a") in context.facts
    ((_, url),) = context.links
    assert url.endswith("deliverywatch-prod-pipeline-report/log-events/2026$252F11$252F21$252F$255B$2524LATEST$255Dab")


def test_a_run_that_is_handled_at_once_is_no_news_and_one_at_the_second_try_is_named_for_an_hour() -> None:
    store = Memory()
    handle(store, HANDLING, "handled")
    assert json.loads(store.objects[KEY])["unhandled"] == []
    for outcome in ("failed", "handled"):
        handle(store, HANDLING, outcome)
    assert "was handled at the next try after AccessDenied" in str(from_json(store.objects[KEY]).problem)
    handle(store, replace(HANDLING, request="other", at=AT + timedelta(hours=2)), "handled")
    assert json.loads(store.objects[KEY])["unhandled"] == []


def test_a_lake_that_does_not_answer_stops_no_function() -> None:
    store = Memory()
    store.read = _down  # type: ignore[method-assign]
    handle(store, HANDLING, "handled")
    assert not store.objects


def _down(_key: str) -> Any:
    raise StoreUnavailable("down")


@pytest.mark.parametrize("body", [b"{", b'{"unhandled": [7, {"at": 3}, {"run": "x"}]}'])
def test_a_record_that_cannot_be_read_is_begun_anew(body: bytes) -> None:
    store = Memory({KEY: body})
    handle(store, HANDLING, "failed")
    assert len(json.loads(store.objects[KEY])["unhandled"]) == 1


def test_an_event_that_is_none_and_no_context_are_nothing() -> None:
    assert handling_of("?", None, PIPELINES, AT) == replace(
        HANDLING, function="", pipeline="", run="", region="", request="", log_group="", log_stream=""
    )


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["handled", "failed", "killed"])), max_size=8))
def test_what_was_not_handled_in_the_end_is_always_named(story: list[tuple[str, str]]) -> None:
    store, last = Memory(), dict[str, str]()
    for request, outcome in story:
        handle(store, replace(HANDLING, request=request), outcome)
        last[request] = outcome
    entries = json.loads(store.objects[KEY])["unhandled"] if store.objects else []
    open_requests = {entry["request"] for entry in entries if not entry["is_handled"]}
    assert open_requests == {request for request, outcome in last.items() if outcome != "handled"}


def test_what_is_about_no_run_is_named_with_its_log_for_an_hour() -> None:
    store, context = (
        Memory(),
        SimpleNamespace(**vars(LAMBDA), invoked_function_arn="arn:aws:lambda:eu-west-1:1:function:f"),
    )
    handling = handling_of({}, context, PIPELINES, AT)
    write_down_failure(store, handling, CloudRefused("orders: Step Functions could not be asked."))
    problem, links = from_json(store.objects[KEY]).problem, from_json(store.objects[KEY]).links
    assert problem is not None
    assert problem.sentence == f"{LAMBDA.function_name} failed: orders: Step Functions could not be asked."
    assert links[0][1].startswith("https://eu-west-1.console.aws.amazon.com/cloudwatch")
    handle(store, replace(HANDLING, request="later", at=AT + timedelta(hours=2)), "handled")
    assert json.loads(store.objects[KEY])["unhandled"] == []

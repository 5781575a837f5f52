"""A schedule's placeholder that nobody filled in: every function refuses it, before it does anything."""

import importlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deliverywatch.errors import InputError
from deliverywatch.messages.scheduled import filled_in, scheduled_at

ROOT = Path(__file__).parents[2]
# Anybody's requests reach it, which must never end in an error: it answers whatever it is given.
ANSWERS_ANYBODY = {"deliverywatch.operate.handle_acknowledge"}
HANDLERS = sorted(
    {
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for path in (ROOT / "src/deliverywatch").rglob("handle_*.py")
    }
    - ANSWERS_ANYBODY
)
PLACEHOLDERS = ("scheduled-time", "execution-id", "schedule-arn", "attempt-number")
# What schedules fill in anywhere in the templates.
INPUTS = sorted(
    {
        made["Properties"]["Target"]["Input"]
        for path in (ROOT / "tests/templates").glob("*.json")
        for made in json.loads(path.read_text()).get("Resources", {}).values()
        if made["Type"] == "AWS::Scheduler::Schedule" and isinstance(made["Properties"]["Target"].get("Input"), str)
    }
)


@pytest.mark.parametrize("module", HANDLERS)
@pytest.mark.parametrize("text", INPUTS)
def test_every_function_refuses_every_input_of_a_schedule_that_nobody_filled_in(module: str, text: str) -> None:
    handler: Callable[..., Any] = importlib.import_module(module).handler
    with pytest.raises(
        InputError, match=r"<aws\.scheduler\.\S+> as it is, which only EventBridge Scheduler fills in\."
    ):
        handler(json.loads(text), None)


def test_the_templates_have_such_inputs() -> None:
    assert {name for text in INPUTS for name in json.loads(text)} >= {"scheduled_time", "sweep"}


@pytest.mark.parametrize("name", PLACEHOLDERS)
@pytest.mark.parametrize("write", ["<aws.scheduler.{}>", "run-<aws.scheduler.{}>", "< aws.scheduler.{} >"])
def test_any_placeholder_is_refused_wherever_a_field_holds_it(name: str, write: str) -> None:
    for event in ({"query_id": "daily", "id": write.format(name)}, write.format(name)):
        with pytest.raises(InputError):
            filled_in(lambda event, context: (event, context))(event, None)


@pytest.mark.parametrize(
    "event",
    [
        {"scheduled_time": "2026-11-21T12:10:00Z"},
        {"Records": [{"Sns": {"Message": "<aws.scheduler.scheduled-time>"}}]},
        {"detail": {"input": "<aws.scheduler.scheduled-time>"}},
        {"scheduled_time": "<aws.something-else>"},
        {"sweep": None},
        [],
        None,
    ],
)
def test_what_others_wrote_stops_nothing(event: object) -> None:
    assert filled_in(lambda event, _: event)(event, None) == event


NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)


@pytest.mark.parametrize("event", [{}, {"key1": "value1"}, [], "x", None, {"scheduled_time": ""}])
def test_an_event_without_a_time_is_due_now(event: object) -> None:
    assert scheduled_at(event, NOW) == NOW


def test_the_time_in_an_event_counts_and_what_is_none_is_refused() -> None:
    assert scheduled_at({"scheduled_time": "2026-11-20T13:00:00+01:00"}, NOW) == datetime(2026, 11, 20, 12, tzinfo=UTC)
    for wrong in ("yesterday", 12, ["2026-11-20"]):
        with pytest.raises(InputError, match="is not a time such as"):
            scheduled_at({"scheduled_time": wrong}, NOW)

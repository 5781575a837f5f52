"""Reconciling: from any state, over faults and crashes, to what the file says; and nothing else is ever touched."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queries_world import GROUP, Crash, FakeService, error, ports, query, wanted

from deliverywatch.errors import DeliveryWatchError, ServiceRefused
from deliverywatch.queries.aws import Scheduler
from deliverywatch.queries.schedule.apply import observe, reconcile
from deliverywatch.queries.schedule.plan import Rules, plan

FREE = Rules(allow_deletes=True)
PREFIX = "pn-"

IDS = st.sampled_from(["a", "b", "c", "d-1", "e.f", "G"])
QUERIES = st.builds(
    query,
    IDS,
    expression=st.sampled_from(["rate(1 hour)", "cron(0 2 * * ? *)", "at(2020-01-01T00:00:00)"]),
    timezone=st.sampled_from(["UTC", "Europe/Rome"]),
    description=st.sampled_from(["", "daily"]),
    enabled=st.booleans(),
)
FILES = st.lists(QUERIES, unique_by=lambda each: each.id, max_size=6)
# What may be there: ours as it was written once, changed by hand in the console, or made by somebody with fewer fields.
HANDS = st.fixed_dictionaries(
    {},
    optional={
        "ScheduleExpression": st.just("rate(9 days)"),
        "State": st.sampled_from(["ENABLED", "DISABLED"]),
        "Description": st.just("by hand"),
        "ScheduleExpressionTimezone": st.just("Asia/Tokyo"),
        "FlexibleTimeWindow": st.just({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 3}),
        "Target": st.just({"Arn": "arn:x", "RoleArn": "arn:y"}),
        "KmsKeyArn": st.just("arn:key"),
    },
)
STATES = st.lists(st.tuples(QUERIES, HANDS), unique_by=lambda each: each[0].id, max_size=6)
CODES = {"throttle": "ThrottlingException", "conflict": "ConflictException", "server": "InternalServerException"}
FAULTS = st.lists(st.sampled_from(["", "", "throttle", "conflict", "server", "lost", "crash"]), max_size=25)


def service_of(state: list[tuple[Any, dict[str, Any]]]) -> FakeService:
    service = FakeService()
    for one, hand in state:
        (schedule,) = wanted(one).values()
        service.put(GROUP, schedule.request() | hand)
    for group, name in (("default", "pn-a"), (GROUP, "somebody-elses"), (GROUP, "pn"), ("other", "pn-b")):
        service.put(group, wanted(query("x"))["pn-x"].request() | {"Name": name})
    return service


def foreign(service: FakeService) -> dict[tuple[str, str], Any]:
    return {key: value for key, value in service.stored.items() if key[0] != GROUP or not key[1].startswith(PREFIX)}


def faults(words: list[str]) -> Callable[[str, str], Exception | None]:
    """The faults in turn, then none: `lost` and `crash` come after a call had its effect, the others before."""
    left = iter(words)

    def fault(operation: str, when: str) -> Exception | None:
        word = next(left, "")
        if when == "after":
            return {"lost": error("InternalServerException", operation), "crash": Crash()}.get(word)
        codes = {
            "throttle": "ThrottlingException",
            "conflict": "ConflictException",
            "server": "InternalServerException",
        }
        return Crash() if word == "crash" else error(codes[word], operation) if word in codes else None

    return fault


@settings(max_examples=150)
@given(STATES, FILES, FAULTS)
def test_any_state_comes_to_any_file_over_any_faults(state: list[Any], file: list[Any], words: list[str]) -> None:
    service, desired = service_of(state), wanted(*file)
    others = foreign(service)
    service.fault = faults(words)
    for _ in range(40):
        with suppress(Crash, DeliveryWatchError):
            reconcile(desired, PREFIX, FREE, ports(service))
    observed = observe(Scheduler(service, GROUP), PREFIX)
    assert plan(desired, observed, FREE).is_empty
    assert set(observed) == set(desired)
    assert all(replace(observed[name], is_enabled=desired[name].is_enabled) == desired[name] for name in observed)
    assert foreign(service) == others


@given(STATES, FILES)
def test_a_second_reconciliation_writes_nothing(state: list[Any], file: list[Any]) -> None:
    service, desired = service_of(state), wanted(*file)
    reconcile(desired, PREFIX, FREE, ports(service))
    service.calls.clear()
    result = reconcile(desired, PREFIX, FREE, ports(service))
    assert {operation for operation, _ in service.calls} <= {"get_schedule"}
    assert result.counts() == {
        "created": 0, "updated": 0, "deleted": 0, "unchanged": len(desired), "failed": 0,
        "by_hand": len(result.by_hand), "withheld": 0,
    }  # fmt: skip


@given(STATES, FILES)
def test_two_runs_at_once_end_where_one_does(state: list[Any], file: list[Any]) -> None:
    service, desired = service_of(state), wanted(*file)
    others, turns = foreign(service), itertools.count()

    def interfere(operation: str, when: str) -> None:
        # Between two calls of the first run, the whole of a second one.
        if when == "before" and next(turns) == 2:
            service.fault = lambda *_: None
            reconcile(desired, PREFIX, FREE, ports(service))

    service.fault = interfere
    assert reconcile(desired, PREFIX, FREE, ports(service)).failed == {}
    assert plan(desired, observe(Scheduler(service, GROUP), PREFIX), FREE).is_empty
    assert foreign(service) == others


def test_one_schedule_that_is_refused_does_not_stop_the_others() -> None:
    service = FakeService()

    def refuse(operation: str, when: str) -> Exception | None:
        is_bad = operation == "create_schedule" and service.calls[-1][1] == "pn-b"
        return error("ValidationException", "CreateSchedule", "Invalid Schedule Expression.") if is_bad else None

    service.fault = refuse
    lines: list[str] = []
    result = reconcile(wanted(query("a"), query("b"), query("c")), PREFIX, FREE, ports(service, lines))
    assert result.created == ["pn-a", "pn-c"]
    assert "Invalid Schedule Expression." in result.failed["pn-b"]
    assert lines[0] == "Found 0 existing schedules"
    assert any(line.startswith("ERROR Failed to create schedule pn-b: ") for line in lines)
    assert lines[-1].startswith("Reconciliation complete: {'created': 2, 'updated': 0, 'deleted': 0, 'unchanged': 0")


def test_a_state_that_cannot_be_read_changes_nothing() -> None:
    service = service_of([(query("old"), {})])
    before = dict(service.stored)
    service.fault = lambda *_: error("AccessDeniedException", "GetSchedule")
    with pytest.raises(ServiceRefused, match="AccessDenied"):
        reconcile({}, PREFIX, FREE, ports(service))
    assert service.stored == before


def test_what_there_is_no_time_for_is_left_to_the_next_run() -> None:
    service = FakeService()
    result = reconcile(wanted(query("a")), PREFIX, FREE, ports(service, seconds_left=5))
    assert (list(result.failed), service.stored) == (["pn-a"], {})


def test_a_throttle_that_lasts_is_a_failure_of_that_schedule() -> None:
    service = FakeService(
        lambda operation, _: error("ThrottlingException", operation) if operation == "create_schedule" else None
    )
    result = reconcile(wanted(query("a")), PREFIX, FREE, ports(service))
    assert "ThrottlingException" in result.failed["pn-a"]
    assert len([call for call in service.calls if call[0] == "create_schedule"]) == 8


def test_the_guard_is_logged_with_what_to_do() -> None:
    service, lines = service_of([(query(name), {}) for name in "abcd"]), []
    result = reconcile({}, PREFIX, Rules(), ports(service, lines))
    assert (result.deleted, len(result.withheld)) == ([], 4)
    assert any(line.startswith("WITHHELD The file holds no query") for line in lines)

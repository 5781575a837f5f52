"""What a plan says: field by field, nothing that is not ours, and never a wipe."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from queries_world import WIRING, FakeService, query, wanted

from deliverywatch.queries.schedule.plan import Action, ByHand, Rules, plan
from deliverywatch.queries.schedule.specification import Schedule, from_service

RULES = Rules()


def stored(schedule: Schedule) -> Schedule:
    """What the service answers after this schedule was written."""
    return from_service(FakeService.with_defaults(schedule.request()))


@pytest.mark.parametrize("described", ["", "Every night"])
@pytest.mark.parametrize("enabled", [True, False])
def test_what_was_written_is_as_it_should_be(described: str, *, enabled: bool) -> None:
    desired = wanted(query("daily", description=described, enabled=enabled))
    actual = {name: stored(each) for name, each in desired.items()}
    assert plan(desired, actual, RULES).unchanged == ("pn-daily",)


def test_a_bare_schedule_gets_every_field() -> None:
    bare = {
        "Name": "pn-daily",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        "Target": {"Arn": "arn:other", "RoleArn": "arn:role", "Input": '{"query_id": "daily"}'},
        "EndDate": datetime(2030, 1, 1, tzinfo=UTC),
    }
    ((change),) = plan(wanted(query("daily")), {"pn-daily": from_service(bare)}, RULES).changes
    assert change.action is Action.UPDATE
    differences = {each.field: (each.old, each.new) for each in change.differences}
    assert set(differences) == {
        "expression", "target_arn", "role_arn", "input", "dead_letter_arn", "maximum_age_seconds", "retries",
        "window_minutes", "end",
    }  # fmt: skip
    assert differences["expression"] == ("rate(1 day)", "cron(0 2 * * ? *)")
    assert differences["retries"] == (185, WIRING.retries)


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": "Europe/Rome"}, {"description": "new"}, {"enabled": False}, {"expression": "rate(1 hour)"},
    ],
)  # fmt: skip
def test_each_change_of_an_entry_is_an_update(change: dict[str, str]) -> None:
    actual = {name: stored(each) for name, each in wanted(query("daily")).items()}
    (change_made,) = plan(wanted(query("daily", **change)), actual, RULES).changes
    assert change_made.action is Action.UPDATE
    assert change_made.line().startswith("UPDATE: pn-daily (")
    assert " → " in change_made.line()


def test_the_log_lines_are_those_that_users_know() -> None:
    planned = plan(wanted(query("new")), {"pn-old": stored(wanted(query("old"))["pn-old"])}, RULES)
    assert [each.line() for each in planned.changes] == [
        "CREATE: pn-new (cron: cron(0 2 * * ? *))",
        "DELETE: pn-old (removed from config)",
    ]


def test_a_schedule_switched_off_by_hand_stays_off_and_is_reported() -> None:
    desired = wanted(query("daily"))
    by_hand = {"pn-daily": replace(desired["pn-daily"], is_enabled=False)}
    planned = plan(desired, by_hand, RULES)
    assert (planned.changes, planned.by_hand, planned.unchanged) == ((), ("pn-daily",), ("pn-daily",))


def test_a_schedule_switched_off_by_hand_stays_off_while_other_fields_follow_the_file() -> None:
    by_hand = {"pn-daily": replace(wanted(query("daily"))["pn-daily"], is_enabled=False)}
    (change,) = plan(wanted(query("daily", description="new")), by_hand, RULES).changes
    assert [each.field for each in change.differences] == ["description"]


def test_by_choice_it_is_switched_on_again() -> None:
    desired = wanted(query("daily"))
    by_hand = {"pn-daily": replace(desired["pn-daily"], is_enabled=False)}
    (change,) = plan(desired, by_hand, Rules(by_hand=ByHand.ENABLE)).changes
    assert [(each.field, each.new) for each in change.differences] == [("is_enabled", True)]


def test_what_the_file_had_switched_off_the_file_switches_on() -> None:
    off = wanted(query("daily", enabled=False))
    (change,) = plan(wanted(query("daily")), {name: stored(each) for name, each in off.items()}, RULES).changes
    assert change.after is not None
    assert change.after.is_enabled


def many(count: int) -> dict[str, Schedule]:
    return {f"pn-{number}": stored(wanted(query(f"{number}"))[f"pn-{number}"]) for number in range(count)}


@pytest.mark.parametrize(
    ("there", "kept", "deleted", "withheld"),
    [
        (10, 9, 1, 0),
        (2, 1, 1, 0),  # one alone is an edit
        (10, 7, 3, 0),
        (10, 6, 0, 4),  # more than 30 %
        (100, 80, 20, 0),
        (100, 79, 0, 21),  # more than 20
        (1, 0, 0, 1),  # an empty file never wipes
        (10, 0, 0, 10),
    ],
)
def test_the_guard_withholds_deletions(there: int, kept: int, deleted: int, withheld: int) -> None:
    actual = many(there)
    planned = plan(wanted(*(query(str(number)) for number in range(kept))), actual, RULES)
    assert (len(planned.changes), len(planned.withheld), bool(planned.guard)) == (deleted, withheld, bool(withheld))
    assert planned.is_empty == (not deleted and not withheld)


def test_creations_and_updates_go_on_while_deletions_are_withheld() -> None:
    planned = plan(wanted(query("new"), query("0", description="x")), many(10), RULES)
    assert [each.action for each in planned.changes] == [Action.CREATE, Action.UPDATE]
    assert len(planned.withheld) == 9


def test_whoever_looked_lifts_the_guard() -> None:
    assert len(plan({}, many(10), Rules(allow_deletes=True)).changes) == 10

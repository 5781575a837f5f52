"""Mute rules: schedules as the user guide writes them, and what is made up for at the end of a window."""

from datetime import UTC, datetime, timedelta

import pytest
from engine_alarms import NOON, minutes
from hypothesis import given
from hypothesis import strategies as st

from cwalarm.definitions.alarm import State
from cwalarm.errors import InputError
from cwalarm.evaluation import mute
from cwalarm.evaluation.mute import Action, Window, joined, muted, windows

OK, ALARM = State.OK, State.ALARM


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rule(expression: str = "0 23 * * *", duration: str = "PT2H", **more: str) -> mute.MuteRule:
    schedule = {"Expression": expression, "Duration": duration, "Timezone": more.pop("zone", "UTC")}
    targets = {"AlarmNames": ["errors"]}
    return mute.from_description({"Name": "backup", "Rule": {"Schedule": schedule}, "MuteTargets": targets, **more})


def test_a_window_starts_by_the_clock_of_its_zone() -> None:
    spans = windows(rule(zone="Europe/Rome"), moment("2026-07-01T12:00"), moment("2026-07-02T12:00"))
    assert spans[0].start == moment("2026-07-01T21:00")


def test_a_window_that_began_before_the_span_counts() -> None:
    spans = windows(rule(), moment("2026-07-02T00:30"), moment("2026-07-02T01:00"))
    assert spans == [Window(moment("2026-07-01T23:00"), moment("2026-07-02T01:00"))]


def test_a_window_that_ends_as_the_span_begins_does_not_count() -> None:
    assert windows(rule(), moment("2026-07-02T01:00"), moment("2026-07-02T02:00")) == []


def test_the_rules_own_bounds_cut_its_windows() -> None:
    bounded = rule(StartDate="2026-07-02T00:00", ExpireDate="2026-07-03T00:00")
    spans = windows(bounded, moment("2026-07-01T00:00"), moment("2026-07-05T00:00"))
    assert [(span.start.hour, span.end.hour) for span in spans] == [(0, 1), (23, 0)]


@pytest.mark.parametrize(("text", "hours"), [("PT1M", 1 / 60), ("PT4H", 4), ("P2DT12H", 60), ("P15D", 360)])
def test_a_duration_is_iso_8601(text: str, hours: float) -> None:
    assert mute.duration_of(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "P", "PT", "PT0M", "P16D", "4H", "P1M", "P99999999999D"])
def test_a_duration_beyond_the_limits_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a duration"):
        mute.duration_of(text)


SPAN = Window(NOON, NOON + minutes(60))


@pytest.mark.parametrize(
    ("changes", "actions"),
    [
        ([(-5, ALARM)], [(-5, ALARM, False)]),
        ([(5, ALARM)], [(60, ALARM, True)]),
        ([(-5, ALARM), (5, OK)], [(-5, ALARM, False), (60, OK, True)]),
        ([(5, ALARM), (70, OK)], [(60, ALARM, True), (70, OK, False)]),
        ([(5, ALARM), (9, OK), (12, ALARM)], [(60, ALARM, True)]),
        ([(60, ALARM)], [(60, ALARM, False)]),
    ],
)
def test_muted_actions_run_once_at_the_end_of_the_window(
    changes: list[tuple[int, State]], actions: list[tuple[int, State, bool]]
) -> None:
    run = muted([Action(NOON + minutes(minute), state) for minute, state in changes], [SPAN])
    assert run == [Action(NOON + minutes(minute), state, replay) for minute, state, replay in actions]


def test_windows_that_touch_are_one() -> None:
    assert joined([Window(NOON + minutes(60), NOON + minutes(90)), SPAN]) == [Window(NOON, NOON + minutes(90))]


@given(st.lists(st.integers(-60, 180), max_size=10, unique=True), st.lists(st.integers(-30, 120), max_size=4))
def test_nothing_runs_inside_a_window_and_the_last_state_is_never_lost(times: list[int], begins: list[int]) -> None:
    spans = [Window(NOON + minutes(begin), NOON + minutes(begin + 30)) for begin in begins]
    changes = [Action(NOON + minutes(minute), (OK, ALARM)[index % 2]) for index, minute in enumerate(sorted(times))]
    run = muted(changes, spans)
    assert not any(span.start <= action.time < span.end for action in run for span in spans)
    assert not changes or run[-1].state == changes[-1].state


def test_mute_rules_are_read_from_a_template() -> None:
    schedule = {"Expression": {"Fn::Sub": "0 ${Hour} * * *"}, "Duration": "PT1H"}
    resource = {"Type": "AWS::CloudWatch::AlarmMuteRule", "Properties": {"Rule": {"Schedule": schedule}}}
    template = {"Parameters": {"Hour": {"Type": "Number", "Default": 3}}, "Resources": {"Nightly": resource}}
    nightly = mute.from_template(template)[0]
    assert (nightly.name, nightly.schedule.hours, nightly.duration) == ("Nightly", (3,), timedelta(hours=1))


def test_a_mute_rule_without_a_schedule_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="Mute rule nightly"):
        mute.from_description({"Name": "nightly", "Rule": {}})

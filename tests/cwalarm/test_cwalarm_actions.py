"""From changes of alarms to the actions that run: composites, suppression and mute rules together."""

import pytest
from engine_alarms import NOON, TOPIC, minutes, plain

from cwalarm.definitions import composites
from cwalarm.definitions.alarm import State
from cwalarm.errors import InputError
from cwalarm.evaluation import mute
from cwalarm.replay.actions import Executed, combine, executed, require_children
from cwalarm.replay.backtest import Change

OK, ALARM, UNKNOWN = State.OK, State.ALARM, State.INSUFFICIENT_DATA
END = NOON + minutes(600)


def change(minute: int, alarm: str, state: State) -> Change:
    return Change(NOON + minutes(minute), alarm, state, OK)


def composite(name: str = "both", rule: str = "ALARM(a) AND ALARM(b)", **more: object) -> composites.Composite:
    acting = {"AlarmActions": [TOPIC], "OKActions": [TOPIC]}
    return composites.from_description({"AlarmName": name, "AlarmRule": rule, **acting, **more})


def seen(changes: list[Change]) -> list[tuple[int, str, State]]:
    return [(int((change.time - NOON).total_seconds() // 60), change.alarm, change.state) for change in changes]


def test_a_composite_changes_with_its_children() -> None:
    changes = [change(1, "a", ALARM), change(5, "b", ALARM), change(9, "a", OK)]
    assert seen(combine(changes, [composite()], NOON)) == [(0, "both", OK), (5, "both", ALARM), (9, "both", OK)]


def test_composites_on_composites_change_in_the_same_minute() -> None:
    top = composite("top", "ALARM(both)")
    changes = [change(1, "a", ALARM), change(1, "b", ALARM)]
    assert seen(combine(changes, [top, composite()], NOON))[2:] == [(1, "both", ALARM), (1, "top", ALARM)]


def test_a_child_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="both depends on b, which is not there"):
        require_children([composite()], ["a"])


def run(changes: list[Change], alarm: object, *mutes: mute.MuteRule) -> list[tuple[int, State, bool]]:
    actions: list[Executed] = executed(changes, [alarm], list(mutes), NOON, END)  # type: ignore[list-item]
    return [(int((action.time - NOON).total_seconds() // 60), action.state, action.is_replay) for action in actions]


def test_only_states_with_actions_act() -> None:
    changes = [change(1, "errors", ALARM), change(2, "errors", OK), change(3, "other", ALARM)]
    assert run(changes, plain(AlarmActions=[TOPIC])) == [(1, ALARM, False)]


def test_an_alarm_whose_actions_are_off_does_nothing() -> None:
    assert run([change(1, "errors", ALARM)], plain(AlarmActions=[TOPIC], ActionsEnabled=False)) == []


WAITING = {"ActionsSuppressor": "deploy", "ActionsSuppressorWaitPeriod": 120, "ActionsSuppressorExtensionPeriod": 180}


@pytest.mark.parametrize(
    ("changes", "actions"),
    [
        ([change(2, "both", ALARM)], [(4, ALARM, False)]),
        ([change(2, "both", ALARM), change(3, "deploy", ALARM)], []),
        ([change(2, "both", ALARM), change(3, "deploy", ALARM), change(6, "deploy", OK)], [(9, ALARM, False)]),
    ],
)
def test_a_suppressor_holds_actions_back(changes: list[Change], actions: list[tuple[int, State, bool]]) -> None:
    assert run(changes, composite(**WAITING)) == actions


def test_a_mute_rule_silences_and_makes_up_for_it_at_its_end() -> None:
    schedule = {"Expression": "0 12 * * *", "Duration": "PT1H"}
    targets = {"AlarmNames": ["errors"]}
    rule = mute.from_description({"Name": "lunch", "Rule": {"Schedule": schedule}, "MuteTargets": targets})
    changes = [change(5, "errors", ALARM), change(70, "errors", OK)]
    acting = plain(AlarmActions=[TOPIC], OKActions=[TOPIC])
    assert run(changes, acting, rule) == [(60, ALARM, True), (70, OK, False)]
    assert run(changes, plain(AlarmName="other", AlarmActions=[TOPIC]), rule) == []

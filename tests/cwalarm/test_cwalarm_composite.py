"""Composite alarms: the whole rule grammar, and the six published examples of suppression."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cwalarm.definitions import rule as rules
from cwalarm.definitions.alarm import State
from cwalarm.definitions.composites import Composite, from_description, from_template, order, state_of
from cwalarm.errors import InputError
from cwalarm.evaluation.suppression import Suppression, advance

STATES = {
    "a": State.ALARM,
    "b": State.OK,
    "c": State.INSUFFICIENT_DATA,
    "with space": State.ALARM,
    'say "hi"': State.OK,
}


def holds(text: str) -> bool:
    return rules.holds(rules.parse(text), STATES.__getitem__)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("ALARM(a)", True),
        ('ALARM("a")', True),
        ("ALARM(b)", False),
        ("OK(b) AND INSUFFICIENT_DATA(c)", True),
        ("ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:a)", True),
        ('ALARM("with space")', True),
        (r'OK("say \"hi\"")', True),
        ("TRUE", True),
        ("NOT TRUE", False),
        ("FALSE OR TRUE", True),
        ("TRUE OR TRUE AND FALSE", True),
        ("(TRUE OR TRUE) AND FALSE", False),
        ("NOT FALSE AND FALSE", False),
        ("NOT (FALSE AND FALSE)", True),
        ("NOT NOT ALARM(a)", True),
        ("AT_LEAST(1, ALARM, (a, b, c))", True),
        ("AT_LEAST(2, ALARM, (a, b, c))", False),
        ("AT_LEAST(2, NOT ALARM, (a, b, c))", True),
        ("AT_LEAST(50%, NOT OK, (a, b, c))", True),
        ("AT_LEAST(100%, NOT OK, (a, b, c))", False),
        ('AT_LEAST(34%, OK, ("a", "b", "c"))', False),
    ],
)
def test_a_rule_is_true_as_its_text_says(text: str, truth: bool) -> None:
    assert holds(text) is truth


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ends too early"),
        ("ALARM(a", "expected ')'"),
        ("ALARM(a) OK(b)", "unexpected 'OK'"),
        ("BROKEN(a)", "unexpected 'BROKEN' at character 1"),
        ('ALARM("a)', "quote that is never closed"),
        ("AT_LEAST(x, ALARM, (a))", "'x' where a number"),
        ("AT_LEAST(3, ALARM, (a, b))", "asks for 3 of 2"),
        ("AT_LEAST(1, GOOD, (a))", "'GOOD' where a state"),
        ("ALARM()", "an alarm's name belongs there"),
        (" OR ".join(f"ALARM(a{number})" for number in range(101)), "more than 100 alarms"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(text: str, words: str) -> None:
    with pytest.raises(InputError, match="The alarm rule") as raised:
        rules.parse(text)
    assert words in str(raised.value)


PIECES = ["ALARM(a)", "OK(b)", "AT_LEAST(", "1,", "NOT ", " AND ", " OR ", "(", ")", ",", '"', "TRUE", "x", "%"]


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)))
@example("(" * 5000)
@example("NOT " * 2000)
@example(" AND ".join(["TRUE"] * 900))
def test_no_text_makes_the_rule_parser_crash(text: str) -> None:
    try:
        assert holds(text) in (True, False)
    except (InputError, KeyError) as error:
        assert str(error)


def test_a_composite_knows_its_children_in_order() -> None:
    assert rules.children(rules.parse("ALARM(b) OR AT_LEAST(1, OK, (a, b)) AND NOT OK(c)")) == ["b", "a", "c"]


def composite(name: str = "all", text: str = "ALARM(a)", **changes: object) -> Composite:
    return from_description({"AlarmName": name, "AlarmRule": text, **changes})


def test_a_composite_is_in_alarm_while_its_rule_is_true() -> None:
    assert state_of(composite(), STATES.__getitem__) == State.ALARM
    assert state_of(composite(text="ALARM(b)"), STATES.__getitem__) == State.OK


def test_nested_composites_are_worked_out_from_the_leaves() -> None:
    named = {"top": composite("top", "ALARM(mid)"), "mid": composite("mid", "ALARM(a)")}
    assert order(named) == ["mid", "top"]


def test_composites_in_a_circle_are_refused() -> None:
    with pytest.raises(InputError, match="depends on itself"):
        order({"x": composite("x", "ALARM(y)"), "y": composite("y", "ALARM(x)")})


def test_a_composite_is_read_from_a_template() -> None:
    properties = {
        "AlarmRule": {"Fn::Sub": "ALARM(${Name})"},
        "ActionsSuppressor": "quiet",
        "ActionsSuppressorWaitPeriod": "60",
    }
    template = {
        "Parameters": {"Name": {"Type": "String", "Default": "a"}},
        "Resources": {"Both": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": properties}},
    }
    both = from_template(template)[0]
    assert (both.name, both.rule_text, both.suppressor, both.wait_seconds) == ("Both", "ALARM(a)", "quiet", 60)


# The user guide's examples: wait 2, extension 3. Events are (time, composite, suppressor).
OK, ALARM = State.OK, State.ALARM
EXAMPLES: list[tuple[list[tuple[int, State, State]], list[tuple[float, State]]]] = [
    ([(2, ALARM, OK)], [(4, ALARM)]),
    ([(2, ALARM, OK), (3, ALARM, ALARM)], []),
    ([(2, ALARM, OK), (3, OK, OK)], [(5, OK)]),
    ([(1, OK, ALARM), (2, ALARM, ALARM)], []),
    ([(2, ALARM, OK), (3, ALARM, ALARM), (6, ALARM, OK)], [(9, ALARM)]),
    ([(2, ALARM, OK), (3, ALARM, ALARM), (6, ALARM, OK), (7, OK, OK)], [(9, OK)]),
]


def played(alarm: Composite, events: list[tuple[int, State, State]]) -> list[tuple[float, State]]:
    held, actions = Suppression(OK), []
    for now, state, suppressor in [*events, (20, events[-1][1], events[-1][2])]:
        step = advance(alarm, held, now, state, suppressor)
        held = step.suppression
        actions.extend(step.actions)
    return actions


@pytest.mark.parametrize(("events", "actions"), EXAMPLES)
def test_suppression_follows_the_published_examples(
    events: list[tuple[int, State, State]], actions: list[tuple[float, State]]
) -> None:
    waiting = composite(ActionsSuppressor="quiet", ActionsSuppressorWaitPeriod=2, ActionsSuppressorExtensionPeriod=3)
    assert played(waiting, events) == actions


def test_without_a_wait_period_a_change_during_the_extension_acts_at_once() -> None:
    hasty = composite(ActionsSuppressor="quiet", ActionsSuppressorExtensionPeriod=3)
    events = [(1, OK, ALARM), (2, ALARM, ALARM), (6, ALARM, OK), (7, OK, OK)]
    assert played(hasty, events) == [(7, OK)]


def test_without_a_suppressor_actions_run_at_once() -> None:
    assert played(composite(), [(2, ALARM, OK), (3, OK, OK)]) == [(2, ALARM), (3, OK)]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([OK, ALARM]), st.sampled_from([OK, ALARM])), max_size=12))
def test_actions_only_run_for_the_state_that_holds_and_never_while_suppressed(
    steps: list[tuple[int, State, State]],
) -> None:
    alarm = composite(ActionsSuppressor="quiet", ActionsSuppressorWaitPeriod=2, ActionsSuppressorExtensionPeriod=3)
    held, now = Suppression(OK), 0
    for gap, state, suppressor in steps:
        before, now = held, now + gap
        step = advance(alarm, held, now, state, suppressor)
        held = step.suppression
        assert all(
            before.state == acted if moment < now else acted in (before.state, state) for moment, acted in step.actions
        )
        assert not (step.actions and before.suppressor_alarm and suppressor == ALARM)
        assert held.state == state

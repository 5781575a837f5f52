"""Files of cases: what they say, how they are replayed, and how the first difference is explained."""

from datetime import UTC, datetime, timedelta

import pytest
from engine_alarms import plain, ratio
from hypothesis import given
from hypothesis import strategies as st

from cwalarm.definitions.alarm import Metric, State
from cwalarm.definitions.composites import from_description
from cwalarm.errors import InputError
from cwalarm.replay import metric_names
from cwalarm.unit_tests.case_run import clock, difference, named, replay_case
from cwalarm.unit_tests.cases import ExpectedMail, ExpectedState, duration, parse

OUTAGE = """
[[case]]
name = "outage"
series = { Errors = "0x9 5x4 0x20" }
states = [{ at = "12m", alarm = "errors", state = "ALARM" }]
"""


def case(**lines: str) -> str:
    """Return a file of one case with these lines in the place of its own."""
    own = {"name": '"one"', "series": '{ Errors = "1x9" }'}
    return "[[case]]\n" + "\n".join(f"{key} = {value}" for key, value in {**own, **lines}.items())


def test_a_case_says_its_series_states_and_mails() -> None:
    mails = '[{ at = "2h", event = "OPENED", level = "critical", watch = "sms" }, { event = "RESOLVED" }]'
    text = case(start="2026-11-21T12:00:30Z", interval='"10m"', created='"0m"', until='"1d"', mails=mails)
    (loaded,) = parse(text)
    assert (loaded.start, loaded.interval) == (datetime(2026, 11, 21, 12, tzinfo=UTC), timedelta(minutes=10))
    assert (loaded.created, loaded.until) == (timedelta(), timedelta(days=1))
    assert loaded.mails == (
        ExpectedMail(timedelta(hours=2), "sms", "OPENED", "critical"),
        ExpectedMail(event="RESOLVED"),
    )


def test_the_file_says_what_its_cases_leave_out() -> None:
    head = 'interval = "5m"\nparameters = { A = 1, B = 2 }\n'
    first, second = parse(head + case() + "\n" + case(interval='"1m"', parameters="{ B = 3 }"))
    assert (first.interval, second.interval) == (timedelta(minutes=5), timedelta(minutes=1))
    assert (first.parameters, second.parameters) == ((("A", "1"), ("B", "2")), (("A", "1"), ("B", "3")))
    assert first.mails is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[case", "cases.toml is not TOML"),
        ("interval = '1m'", "cases.toml cannot be used: it holds no [[case]]."),
        ("cases = 1\n" + case(), "'cases' means nothing here"),
        (case(stats="[]"), "'stats' means nothing here; known are created, delay, interval, mails"),
        ("[[case]]\nname = 'x'", "case \"x\": it lacks 'series'."),
        ("[[case]]\nseries = {}", "case 1: it lacks 'name'."),
        (case(start="9999-12-31T23:59:00Z"), "is not between 1971 and 9000."),
        (case(interval='"0m"'), "an interval is at least 1s."),
        (case(interval='"10"'), "'10' is not a time such as 35m, 1h30m, 2d or 10s."),
        (case(start="2026-11-21T12:00:00"), "is not a time with its zone, such as 2026-11-21T12:00:00Z."),
        (case(series='{ Errors = "1 2 x" }'), "series Errors: 'x' is not a value of a series."),
        (case(states="[{ at = '1m', alarm = 'errors', state = 'BAD' }]"), "'BAD' is not a state; use OK, ALARM"),
        (case(states="[{ alarm = 'errors', state = 'OK' }]"), "it lacks 'at'."),
        (case(mails="[{}]"), "a mail says at least one of at, watch, event and level."),
        (case(mails="[{ subject = 'x' }]"), "'subject' means nothing here"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_case_and_word(text: str, words: str) -> None:
    with pytest.raises(InputError) as raised:
        parse(text, "cases.toml")
    assert words in str(raised.value)
    assert ".." not in str(raised.value)


@given(st.text(max_size=60))
def test_no_text_makes_the_reader_crash(text: str) -> None:
    for broken in (text, f"[[case]]\n{text}", case(name=text)):
        try:
            parse(broken)
        except InputError as error:
            assert str(error)


@given(st.integers(0, 100_000))
def test_a_time_is_read_as_it_is_written(minutes: int) -> None:
    assert duration(clock(timedelta(minutes=minutes))) == timedelta(minutes=minutes)


def test_a_case_without_a_difference_has_none() -> None:
    (one,) = parse(OUTAGE)
    run = replay_case(one, [plain()])
    assert difference(run) is None
    assert run.state("errors", one.start + timedelta(minutes=10)) is State.OK
    assert run.state("errors", one.start + timedelta(minutes=11)) is State.ALARM


def test_the_first_difference_is_explained_with_the_values_of_the_window() -> None:
    (one,) = parse(OUTAGE.replace("ALARM", "OK"))
    assert difference(replay_case(one, [plain()])) == (
        "errors at 12m: expected OK, was ALARM. It calls above 3, and its periods were "
        "-3m to 2m: 0; 2m to 7m: 0; 7m to 12m: 10."
    )


QUICK = """
[[case]]
name = "quick"
interval = "10s"
series = { Errors = "0x11 5x2 0x20" }
states = [
    { at = "2m10s", alarm = "errors", state = "ALARM" },
    { at = "2m30s", alarm = "errors", state = "ALARM" },
    { at = "2m40s", alarm = "errors", state = "OK" },
]
"""


def test_an_alarm_of_ten_seconds_is_tried_every_ten_seconds() -> None:
    (loaded,) = parse(QUICK)
    run = replay_case(loaded, [plain(Period=10)])
    assert difference(run) is None
    assert [clock(change.time - loaded.start) for change in run.changes] == ["10s", "2m10s", "2m40s"]


def test_a_difference_between_seconds_is_written_in_seconds() -> None:
    (loaded,) = parse(QUICK.replace("2m30s", "2m50s"))
    words = difference(replay_case(loaded, [plain(Period=10, EvaluationPeriods=2)]))
    assert words is not None
    assert "errors at 2m10s: expected ALARM, was OK" in words
    assert "1m50s to 2m: 0; 2m to 2m10s: 5" in words


def test_a_series_beyond_the_calendar_is_refused() -> None:
    (loaded,) = parse(case(interval='"9999d"', series='{ Errors = "_x999999" }'))
    with pytest.raises(InputError, match="beyond the calendar"):
        replay_case(loaded, [plain()])


def test_a_ratio_is_explained_with_its_counts() -> None:
    lines = '{ Failed = "5", Total = "100" }'
    (one,) = parse(case(series=lines, states="[{ at = '5m', alarm = 'ratio', state = 'ALARM' }]"))
    assert (difference(replay_case(one, [ratio()])) or "").endswith("-25m to 5m: 5 (failed 5, total 100).")


def test_of_several_differences_the_earliest_is_reported() -> None:
    states = "[{ at = '9m', alarm = 'errors', state = 'OK' }, { at = '0m', alarm = 'errors', state = 'ALARM' }]"
    (one,) = parse(case(states=states))
    assert (difference(replay_case(one, [plain()])) or "").startswith(
        "errors at 0m: expected ALARM, was INSUFFICIENT_DATA."
    )


def test_an_alarm_takes_part_only_if_all_its_metrics_are_given() -> None:
    (one,) = parse(case(series='{ Failed = "1", Errors = "_x9" }'))
    run = replay_case(one, [plain(TreatMissingData="breaching"), ratio()])
    assert [alarm.name for alarm in run.alarms] == ["errors"]
    assert run.state("errors", one.start) is State.ALARM


def test_a_state_of_an_alarm_that_takes_no_part_is_refused_with_the_way_out() -> None:
    (one,) = parse(case(states="[{ at = '1m', alarm = 'ratio', state = 'OK' }]"))
    with pytest.raises(InputError, match=r"ratio is not an alarm that the case's series feed.*_x60 for none"):
        difference(replay_case(one, [plain(), ratio()]))


@pytest.mark.parametrize(
    ("name", "is_raised"),
    [
        ("Errors", [True, False, False, False]),
        ("Errors{a}", [False, True, False, False]),
        ("App/Errors{a,b}", [False, False, True, False]),
        ("Errors{b,a}", [False, False, True, False]),
        ("Errors{c,d}", [False, False, False, True]),
    ],
)
def test_a_series_is_of_the_metric_whose_dimensions_have_its_values_and_no_other(
    name: str, is_raised: list[bool]
) -> None:
    values = [], ["a"], ["a", "b"], ["c,d"]
    alarms = [
        plain(
            AlarmName=f"alarm-{index}",
            Dimensions=[{"Name": f"D{place}", "Value": value} for place, value in enumerate(some)],
        )
        for index, some in enumerate(values)
    ]
    (one,) = parse(case(series=f'{{ "{name}" = "4x5" }}', states="[]"))
    taking_part = {alarm.name for alarm in replay_case(one, alarms).alarms}
    assert [alarm.name in taking_part for alarm in alarms] == is_raised


def test_a_series_that_several_metrics_share_is_refused_with_what_to_write_for_each_once() -> None:
    metrics = [Metric("App", "Errors", dimensions) for dimensions in ((), (("F", "a"),), (("F", "a"), ("R", "b")))]
    metrics.append(Metric("Other", "Errors"))
    alarms = [
        plain(
            AlarmName=f"{name}-{number}",
            Namespace=metric.namespace,
            Dimensions=[{"Name": key, "Value": value} for key, value in metric.dimensions],
        )
        for name in ("warning", "critical")
        for number, metric in enumerate(metrics)
    ]
    (one,) = parse(case(series='{ Errors = "1" }'))
    with pytest.raises(InputError, match="Series Errors may mean 4 metrics") as refused:
        replay_case(one, alarms)
    choice = ["App/Errors", "App/Errors{a,b}", "App/Errors{a}", "Other/Errors"]
    assert refused.value.next_step == f"Write one of: {'; '.join(choice)}."
    assert [metric_names.meant(name, metrics) for name in choice] == [[metrics[index]] for index in (0, 2, 1, 3)]


def test_a_series_that_no_alarm_watches_is_refused() -> None:
    (one,) = parse(case(series='{ Eror = "1" }'))
    with pytest.raises(InputError, match="Series Eror is watched by no alarm") as raised:
        replay_case(one, [plain()])
    assert raised.value.next_step == "The alarms watch: App/Errors."


def test_a_composite_has_its_state_once_all_its_alarms_take_part() -> None:
    one, other = parse(OUTAGE.replace('"errors"', '"any"') + case())
    both = [
        from_description({"AlarmName": "any", "AlarmRule": "ALARM(errors)"}),
        from_description({"AlarmName": "top", "AlarmRule": "ALARM(any)"}),
        from_description({"AlarmName": "none", "AlarmRule": "ALARM(elsewhere)"}),
    ]
    run = replay_case(one, [plain()], both)
    assert difference(run) is None
    assert [composite.name for composite in run.composites] == ["any", "top"]
    assert replay_case(other, [plain()], both).state("top", other.start + timedelta(minutes=9)) is State.ALARM


def test_an_alarm_that_was_just_created_warms_up() -> None:
    warm_up = {"WarmUpPeriodDurationInMinutes": 20, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": True}
    alarm = plain(WarmUpConfiguration=warm_up, TreatMissingData="breaching")
    (one,) = parse(case(series='{ Errors = "_x30" }', created='"0m"'))
    run = replay_case(one, [alarm])
    assert [(change.time - one.start, change.state) for change in run.changes] == [(timedelta(minutes=20), State.ALARM)]


@pytest.mark.parametrize(("name", "full"), [("a-warning", "a-warning"), ("warning", "a-warning"), ("x", "a-b-x")])
def test_an_alarm_may_be_named_by_the_end_of_its_name(name: str, full: str) -> None:
    assert named(name, ["a-warning", "a-b-x", "b-a-critical", "c-critical"]) == full


@pytest.mark.parametrize(
    ("name", "words"),
    [("critical", "may mean b-critical, c-critical"), ("ning", "ning is not an alarm"), ("", " is not an alarm")],
)
def test_a_name_that_means_none_or_several_is_refused(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as raised:
        named(name, ["a-warning", "b-critical", "c-critical"])
    assert raised.value.next_step == "Choose one of: a-warning, b-critical, c-critical."


def test_expected_states_are_of_their_kind() -> None:
    (one,) = parse(OUTAGE)
    assert one.states == (ExpectedState(timedelta(minutes=12), "errors", State.ALARM),)


def test_a_flag_among_the_parameters_is_the_text_that_a_template_compares_with() -> None:
    (loaded,) = parse(case(parameters='{ On = true, Limit = 1.0, Stage = "PROD" }'))
    assert dict(loaded.parameters) == {"On": "true", "Limit": "1.0", "Stage": "PROD"}

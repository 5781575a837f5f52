"""The level of a watch, computed from its alarms."""

import pytest
from alerting_fakes import ASSESSED, DAY, PREFIX, WATCHES, WATCHES_DOCUMENT

from deliverywatch.alerting.incidents.severity import Open, Reading, Severity, Watch, level_of, watch_of, watches
from deliverywatch.alerting.inputs.alarm import Alarm, State
from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict

FAILURES, TRICKLE, OVERDUE, BLIND = WATCHES
OK, WARNING, CRITICAL, IS_BLIND = Level.OK, Level.WARNING, Level.CRITICAL, Level.BLIND
LETTERS = {"-": State.OK, "A": State.ALARM, "?": State.INSUFFICIENT_DATA, "0": None}
RUNGS = ("sms-critical", "sms-critical-recovery", "sms-warning", "sms-warning-recovery")


def readings(letters: str, over: str = "") -> dict[str, Reading]:
    """Return the readings of critical, its recovery, warning, its recovery; those named in `over` exceed by value."""
    return {
        f"{PREFIX}-{name}": Reading(LETTERS[letter], exceeds=name in over.split())
        for name, letter in zip(RUNGS, letters, strict=True)
        if letter != " "
    }


@pytest.mark.parametrize(
    ("letters", "over", "open_level", "raised", "expected", "because"),
    [
        ("----", "", OK, "", OK, "nothing calls"),
        ("--A-", "", OK, "", WARNING, "the warning calls"),
        ("A-A-", "", OK, "", CRITICAL, "the worst level counts"),
        ("A---", "", OK, "", CRITICAL, "critical alone is critical"),
        ("--A-", "sms-critical", OK, "", CRITICAL, "40 % is critical though only the warning came so far"),
        ("----", "sms-warning", OK, "", WARNING, "a value over the threshold is as good as the state"),
        ("-A-A", "", OK, "", OK, "recovery alarms open nothing"),
        ("-AAA", "", CRITICAL, "", CRITICAL, "still bad enough to stay critical"),
        ("--AA", "", CRITICAL, "", WARNING, "no longer, but still a warning"),
        ("---A", "", CRITICAL, "", WARNING, "still bad enough to stay open"),
        ("---A", "", WARNING, "", WARNING, "still bad enough to stay open"),
        ("-A-A", "", WARNING, "", WARNING, "the critical recovery lifts nobody up to critical"),
        ("----", "", WARNING, "", OK, "it is over"),
        ("----", "", CRITICAL, "sms-critical sms-warning", OK, "it is over, whatever called"),
        ("????", "", OK, "", OK, "losing sight opens nothing"),
        ("????", "", CRITICAL, "sms-critical sms-warning", CRITICAL, "losing sight resolves nothing"),
        ("--??", "", CRITICAL, "sms-critical sms-warning", WARNING, "critical is known to be over, warning is not"),
        ("--?-", "", WARNING, "sms-warning", WARNING, "it called, and is not known to have ended"),
        ("---?", "", WARNING, "sms-warning", WARNING, "its recovery is not known"),
        ("????", "", WARNING, "", OK, "no alarm that called is among the unknown"),
        ("0000", "", CRITICAL, "sms-critical", CRITICAL, "CloudWatch cannot be asked"),
        ("    ", "", WARNING, "sms-warning", WARNING, "deleted alarms hold what there is"),
        ("--- ", "", CRITICAL, "sms-warning", CRITICAL, "one that is deleted is enough"),
        ("    ", "", OK, "", OK, "deleted alarms open nothing by their level"),
        ("? A?", "", WARNING, "sms-warning", WARNING, "an unknown critical does not lift a warning"),
    ],
)
def test_the_level_of_a_watch(
    letters: str, over: str, open_level: Level, raised: str, expected: Level, because: str
) -> None:
    called = frozenset(f"{PREFIX}-{name}" for name in raised.split())
    present = readings(letters, over)
    missing = frozenset(FAILURES.alarms) - present.keys()
    assert level_of(FAILURES, present, Open(open_level, called), missing=missing) is expected, because


def test_without_recovery_alarms_the_own_state_of_a_level_decides() -> None:
    watch = Watch("x", "X", (Severity("warning", WARNING),))
    incident = Open(WARNING, frozenset(["warning"]))
    assert level_of(watch, {"warning": Reading(State.OK)}, incident) is OK
    assert level_of(watch, {"warning": Reading(State.OK, is_without_data=True)}, incident) is WARNING


@pytest.mark.parametrize(
    ("letters", "open_level", "expected", "because"),
    [
        ("A-A-", OK, WARNING, "one client alone opens no critical incident"),
        ("A-A-", WARNING, WARNING, "nor does it make one of a warning"),
        ("A-A-", CRITICAL, CRITICAL, "what is critical becomes a warning by getting better, not by a limit"),
        ("----", OK, OK, "a limit opens nothing"),
        ("--A-", OK, WARNING, "up to the limit alarms count"),
    ],
)
def test_the_systems_data_may_keep_a_level_from_rising(
    letters: str, open_level: Level, expected: Level, because: str
) -> None:
    limited = Assessment(verdict=Verdict.FAILING, as_of=DAY, holds=CRITICAL, at_most=WARNING)
    raised = frozenset([f"{PREFIX}-sms-warning"])
    level = level_of(ASSESSED[0], readings(letters), Open(open_level, raised), assessment=limited)
    assert level is expected, because


def test_one_of_two_equal_rungs_is_enough() -> None:
    states = {f"{PREFIX}-sms-blind": Reading(State.OK), f"{PREFIX}-sms-ingest-errors": Reading(State.ALARM)}
    assert level_of(BLIND, states) is IS_BLIND


def test_an_alarm_that_never_called_does_not_keep_an_incident_open() -> None:
    blind, errors = f"{PREFIX}-sms-blind", f"{PREFIX}-sms-ingest-errors"
    states = {blind: Reading(State.OK), errors: Reading(State.INSUFFICIENT_DATA)}
    assert level_of(BLIND, states, Open(IS_BLIND, frozenset([blind]))) is OK
    assert level_of(BLIND, states, Open(IS_BLIND, frozenset([errors]))) is IS_BLIND


@pytest.mark.parametrize(
    ("comparison", "value", "exceeds"),
    [
        ("GreaterThanThreshold", 25.0, False),
        ("GreaterThanThreshold", 25.1, True),
        ("GreaterThanOrEqualToThreshold", 25.0, True),
        ("LessThanThreshold", 24.9, True),
        ("LessThanOrEqualToThreshold", 25.1, False),
        ("GreaterThanUpperThreshold", 99.0, False),
        ("GreaterThanThreshold", None, False),
    ],
)
def test_a_value_exceeds_as_its_alarm_compares(comparison: str, value: float | None, exceeds: bool) -> None:
    assert Alarm("x", threshold=25, comparison=comparison, datapoints_to_alarm=1).exceeds(value) is exceeds


def test_one_value_says_nothing_where_two_must_agree() -> None:
    assert not Alarm("x", threshold=25, comparison="GreaterThanThreshold", datapoints_to_alarm=2).exceeds(99)


def test_an_undeclared_alarm_is_a_watch_of_its_own_with_one_level() -> None:
    watch = watch_of("somebody's alarm / with spaces", WATCHES)
    assert [(one.alarm, one.level) for one in watch.severities] == [("somebody's alarm / with spaces", Level.ALARM)]
    assert "/" not in watch.name
    assert watch.name != watch_of("somebody's alarm   with spaces", WATCHES).name


def test_every_alarm_of_a_watch_leads_to_it() -> None:
    assert {watch_of(f"{PREFIX}-{name}", WATCHES).name for name in RUNGS} == {"sms-failures"}


def test_an_undeclared_alarm_cannot_pose_as_a_declared_watch() -> None:
    assert watch_of("sms-failures", WATCHES).name != FAILURES.name


def test_blind_and_warning_weigh_the_same_and_critical_most() -> None:
    assert [one.rank for one in (OK, IS_BLIND, WARNING, Level.ALARM, CRITICAL)] == [0, 1, 1, 2, 3]


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"watches": 3},
        {"watches": [{"name": "x"}]},
        {"watches": [{"name": "x", "title": "y", "levels": [{"alarm": "a", "level": "red"}]}]},
    ],
)
def test_a_broken_watches_file_is_refused(document: object) -> None:
    with pytest.raises(InputError, match=r"[Ww]atch"):
        watches(document, PREFIX)


def test_alarms_are_named_in_full() -> None:
    assert watches(WATCHES_DOCUMENT, "deliverywatch-test")[3].alarms == (
        "deliverywatch-test-sms-blind",
        "deliverywatch-test-sms-ingest-errors",
    )

"""What the pipeline would have said of a history: at any run, and without judging a year of healthy slots."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from cwalarm.definitions.alarm import Metric
from cwalarm.evaluation.series import Series
from deliverywatch.alerting.incidents.severity import Watch
from deliverywatch.backtest.inputs.assessed import Assessed, assessed
from deliverywatch.backtest.inputs.definitions import Definitions
from deliverywatch.backtest.inputs.past_runs import past_runs
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Verdict
from deliverywatch.sms.counts import NAMESPACE

START = datetime(2026, 11, 21, tzinfo=UTC)
SLOT = timedelta(minutes=10)
TOTAL, FAILED = (Metric(NAMESPACE, name, (("Environment", "prod"),)) for name in ("Total", "Failed"))
WATCHES = (Watch("sms-failures", "SMS failures", is_assessed=True), Watch("sms-blind", "Blind"))


def stamp(slot: int) -> datetime:
    return START + (slot + 1) * SLOT + timedelta(minutes=2)


def series(counts: Sequence[tuple[int, int]], late: timedelta | None = None) -> Series:
    """Total and failed of slots from START on; with `late`, failures become visible so much after their slot's run."""
    made = Series()
    for slot, (total, failed) in enumerate(counts):
        made.add(TOTAL, stamp(slot), total)
        made.add(FAILED, stamp(slot), 0 if late else failed)
        if late:
            made.add(FAILED, stamp(slot), failed, published=stamp(slot) + timedelta(minutes=1) + late)
    return made


def judged(made: Series, **parameters: str) -> Assessed:
    return assessed(Definitions({}, parameters, (), (), (), WATCHES), made)


def test_a_run_is_at_the_minute_in_which_alarms_see_its_slot_and_knows_no_later_one() -> None:
    runs = past_runs(series([(10, 1), (20, 2)]), TOTAL, FAILED, 10)
    assert [runs.time(run) - START for run in (0, 1)] == [timedelta(minutes=13), timedelta(minutes=23)]
    assert [[(slot.total, slot.failed) for slot in runs.slots(run)] for run in (0, 1)] == [
        [(10, 1)],
        [(20, 2), (10, 1)],
    ]


def test_a_failure_that_came_out_late_is_known_from_then_on() -> None:
    runs = past_runs(series([(10, 4)] * 4, late=2 * SLOT), TOTAL, FAILED, 10)
    assert [[slot.failed for slot in runs.slots(run)] for run in range(4)] == [[0], [0, 0], [0, 0, 4], [0, 0, 4, 4]]


def test_slots_that_were_published_at_once_are_one_run() -> None:
    made = Series()
    for slot in range(3):
        made.add(TOTAL, stamp(slot), 5, published=stamp(5))
        made.add(FAILED, stamp(slot), 0, published=stamp(5))
    runs = past_runs(made, TOTAL, FAILED, 10)
    assert (len(runs.times), len(list(runs.slots(0)))) == (1, 3)


def test_parameters_of_the_template_decide() -> None:
    failing = series([(1, 1)] * 3)
    moment = stamp(2) + timedelta(minutes=1)
    assert judged(failing).at(moment)["sms-failures"].opens is Level.CRITICAL
    assert judged(failing, OutageMinimumFailed="4").at(moment)["sms-failures"].verdict is Verdict.TOO_LITTLE


def test_only_watches_that_the_template_declares_as_assessed_are_judged() -> None:
    assert [*judged(series([(1, 1)])).judges] == ["sms-failures"]
    assert not assessed(Definitions({}, {}, (), (), (), WATCHES[1:]), series([(1, 1)])).judges


def test_a_history_without_the_counts_is_not_judged() -> None:
    made = Series()
    made.add(TOTAL, stamp(0), 1)
    assert judged(made).next_run(START, is_open=True) is None


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=80), st.booleans())
def test_no_run_that_opens_an_incident_is_passed_over(counts: list[tuple[int, int]], is_late: bool) -> None:
    possible = [(total, min(total, failed)) for total, failed in counts]
    made = judged(series(possible, late=SLOT if is_late else None))
    visited, moment = list[datetime](), START
    while (run := made.next_run(moment, is_open=False)) is not None:
        visited.append(run)
        moment = run
    every = [made.runs.time(run) for run in range(len(made.runs.times))]
    assert {time for time in every if made.at(time)["sms-failures"].opens is not Level.OK} <= set(visited)


def test_a_healthy_year_is_not_judged_slot_by_slot() -> None:
    made = judged(series([(20, 0), (1, 0), (0, 0), (3, 1), (9, 0)] * 2000))
    assert made.next_run(START, is_open=False) is None
    assert made.next_run(START, is_open=True) == stamp(0) + timedelta(minutes=1)

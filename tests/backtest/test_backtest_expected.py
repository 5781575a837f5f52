"""What was to be expected, for a history without it: by its own weeks, or as in a case's first hour."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cwalarm.definitions.alarm import Metric
from cwalarm.evaluation.series import Series
from cwalarm.replay.minutes import Minutes
from cwalarm.unit_tests.cases import Case
from deliverywatch.backtest.inputs.definitions import Definitions, TemplateFile
from deliverywatch.backtest.inputs.expected import METRIC, with_expected, with_expected_of_case
from deliverywatch.backtest.inputs.history import History
from deliverywatch.backtest.results.result import Span
from deliverywatch.backtest.simulate import deliver, replay
from deliverywatch.sms.counts import NAMESPACE
from deliverywatch.sms.lake.slots import stamp_of

START = datetime(2026, 11, 2, tzinfo=UTC)
SLOT = timedelta(minutes=10)
DAYS, STOP_HOURS = 16, 4


@pytest.fixture(scope="module")
def definitions(deployed: Path) -> Definitions:
    loaded = TemplateFile(deployed, ()).load({})
    silence = tuple(alarm for alarm in loaded.alarms if alarm.name.endswith("sms-silence"))
    return replace(loaded, alarms=silence)


def history(days: int, stop: int = 0) -> History:
    """Twenty SMS in every slot, and in the last hours but one none at all."""
    series, slots = Series(), days * 144
    for name in ("Total", "Failed"):
        for number in range(slots):
            sent = 0 if slots - 6 - stop * 6 <= number < slots - 6 or name == "Failed" else 20
            series.add(Metric(NAMESPACE, name, (("Environment", "prod"),)), stamp_of(START + number * SLOT, 10), sent)
    return History(series)


def held(one: History) -> int:
    return sum(len(list(one.series.samples(metric))) for metric in one.series.metrics() if metric.name == METRIC)


def test_two_weeks_say_what_is_usual_from_then_on(definitions: Definitions) -> None:
    known = with_expected(history(DAYS), definitions)
    assert held(known) == 2 * 144
    assert held(with_expected(known, definitions)) == 2 * 144


def test_less_than_two_weeks_say_nothing(definitions: Definitions) -> None:
    known = with_expected(history(13), definitions)
    assert (held(known), (NAMESPACE, METRIC) in known.unknowable) == (0, True)


def test_a_stop_in_a_history_is_mailed_once_and_its_end_once(definitions: Definitions) -> None:
    known = with_expected(history(DAYS, STOP_HOURS), definitions)
    span = Span(START, START + timedelta(days=DAYS))
    minutes = Minutes(known.series)
    mails = deliver(definitions, minutes, replay(definitions, minutes, span), span, "UTC")
    assert [(mail.watch, mail.event) for mail in mails] == [("sms-silence", "OPENED"), ("sms-silence", "RESOLVED")]
    stopped = span.end - timedelta(hours=STOP_HOURS + 1)
    assert timedelta(minutes=30) <= mails[0].time - stopped <= timedelta(minutes=45)


def test_a_case_has_its_gaps_in_both_metrics_and_keeps_its_own_values(definitions: Definitions) -> None:
    case = Case(name="x", start=START, interval=SLOT, series={"Total": "30x6 _ 0 0", "Failed": "0x8"})
    line = with_expected_of_case(case, definitions).series[METRIC]
    assert line.split() == ["30.00"] * 7 + ["_"] + ["30.00"] * 2
    own = replace(case, series={**case.series, METRIC: "5x8"})
    assert with_expected_of_case(own, definitions) is own

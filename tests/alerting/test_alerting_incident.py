"""What a level, again and again, does to an incident."""

from dataclasses import replace
from datetime import timedelta

import pytest
from alerting_fakes import at
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.alerting.incidents.advance import advance
from deliverywatch.alerting.incidents.incident import (
    TIMELINE_LIMIT,
    Event,
    Finding,
    Incident,
    from_json,
    to_json,
)
from deliverywatch.messages.level import Level

OK, WARNING, CRITICAL = Level.OK, Level.WARNING, Level.CRITICAL


def told(*steps: tuple[Level, str], **more: object) -> Incident | None:
    """Return the incident after these levels at these times."""
    incident = None
    for level, clock in steps:
        incident = advance(incident, "sms-failures", Finding(level, at(clock), **more))  # type: ignore[arg-type]
    return incident


def events(incident: Incident | None) -> list[tuple[str, str]]:
    return [(change.event.value, change.level.value) for change in incident.timeline] if incident else []


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([OK], []),
        ([WARNING], ["OPENED"]),
        ([WARNING, WARNING], ["OPENED"]),
        ([WARNING, CRITICAL], ["OPENED", "ESCALATED"]),
        ([CRITICAL, WARNING], ["OPENED", "DOWNGRADED"]),
        ([CRITICAL, OK], ["OPENED", "RESOLVED"]),
        ([CRITICAL, OK, OK], ["OPENED", "RESOLVED"]),
        ([WARNING, CRITICAL, WARNING, OK], ["OPENED", "ESCALATED", "DOWNGRADED", "RESOLVED"]),
        ([WARNING, OK, CRITICAL], ["OPENED"]),
        ([Level.BLIND, WARNING], ["OPENED", "ESCALATED"]),
        ([WARNING, Level.BLIND], ["OPENED"]),
    ],
)
def test_a_change_of_level_is_an_event_and_nothing_else_is(levels: list[Level], expected: list[str]) -> None:
    incident = told(*[(level, f"12:{minute:02}") for minute, level in enumerate(levels)])
    assert [event for event, _ in events(incident)] == expected


def test_the_id_is_the_minute_of_the_opening_in_utc() -> None:
    incident = told((WARNING, "12:04"), (CRITICAL, "12:14"))
    assert incident is not None
    assert incident.id == "INC-1121-1204"


def test_two_incidents_of_one_minute_are_distinct() -> None:
    names = []
    incident = None
    for level in (WARNING, OK, WARNING, OK, WARNING):
        incident = advance(incident, "sms-failures", Finding(level, at("12:04")))
        assert incident is not None
        names.append(incident.id)
    assert names[::2] == ["INC-1121-1204", "INC-1121-1204-2", "INC-1121-1204-3"]


def test_the_peak_rises_without_a_change() -> None:
    incident = told((CRITICAL, "12:04"), value=30.0)
    after = advance(incident, "sms-failures", Finding(CRITICAL, at("12:14"), value=41.0))
    assert after is not None
    assert (after.peak, after.seq) == (41.0, 1)
    assert advance(after, "sms-failures", Finding(CRITICAL, at("12:24"), value=33.0)) == after


def test_the_peak_of_an_alarm_that_calls_below_its_threshold_is_its_lowest_value() -> None:
    incident = told((WARNING, "12:04"), value=5.0, is_low_bad=True)
    after = advance(incident, "x", Finding(WARNING, at("12:05"), value=2.0, is_low_bad=True))
    assert after is not None
    assert after.peak == 2.0


def test_an_old_message_changes_nothing_when_cloudwatch_cannot_be_read() -> None:
    resolved = told((CRITICAL, "12:04"), (OK, "12:44"))
    late = Finding(CRITICAL, at("12:14"), is_live=False)
    assert advance(resolved, "sms-failures", late) == resolved
    assert events(advance(resolved, "sms-failures", replace(late, time=at("12:50")))) == [("OPENED", "critical")]


def test_a_change_is_never_dated_before_the_last_one() -> None:
    incident = told((WARNING, "12:14"), (CRITICAL, "12:04"))
    assert incident is not None
    assert [change.time for change in incident.timeline] == [at("12:14"), at("12:14")]


def test_a_mail_that_is_due_survives_the_next_incident() -> None:
    incident = told((WARNING, "12:04"), (OK, "12:14"), (WARNING, "12:24"))
    assert incident is not None
    assert [(one.id, change.event) for one, change in incident.due] == [
        ("INC-1121-1204", Event.OPENED),
        ("INC-1121-1204", Event.RESOLVED),
        ("INC-1121-1224", Event.OPENED),
    ]
    first_sent = incident.sent(frozenset([("INC-1121-1204", 1), ("INC-1121-1224", 1)]))
    assert [(one.id, change.seq) for one, change in first_sent.due] == [("INC-1121-1204", 2)]
    assert first_sent.sent(frozenset([("INC-1121-1204", 2)])).earlier is None


def test_a_restless_incident_keeps_its_beginning_and_its_latest_changes() -> None:
    incident: Incident | None = None
    for minute in range(3 * TIMELINE_LIMIT):
        finding = Finding((WARNING, CRITICAL)[minute % 2], at("00:00") + timedelta(minutes=minute))
        incident = advance(incident, "sms-failures", finding)
        assert incident is not None
        incident = incident.sent(frozenset([(incident.id, incident.seq)]))
    assert incident is not None
    assert len(incident.timeline) == TIMELINE_LIMIT
    assert (incident.timeline[0].seq, incident.timeline[-1].seq) == (1, 3 * TIMELINE_LIMIT)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 3}', b"\xff\xfe"])
def test_a_damaged_record_is_begun_anew(body: bytes) -> None:
    assert from_json(body) is None


findings = st.builds(
    Finding,
    level=st.sampled_from(list(Level)),
    time=st.integers(0, 600).map(lambda minutes: at("00:00") + timedelta(minutes=minutes)),
    value=st.none() | st.floats(0, 100),
    failed=st.none() | st.floats(0, 1000),
    total=st.none() | st.floats(0, 1000),
    raised=st.frozensets(st.text(max_size=3), max_size=2),
    alarm=st.text(alphabet="abc -<", max_size=5).map(str.strip),
    reason=st.text(alphabet="abc -<", max_size=5).map(str.strip),
    facts=st.lists(st.tuples(st.just("a"), st.just("b")), max_size=2).map(tuple),
)


@given(st.lists(findings, max_size=12))
def test_an_incident_survives_its_record(steps: list[Finding]) -> None:
    incident: Incident | None = None
    for finding in steps:
        incident = advance(incident, "sms-failures", finding)
        if incident is not None:
            assert from_json(to_json(incident)) == incident


@given(st.lists(findings, min_size=1, max_size=20))
def test_every_change_has_a_number_a_mail_and_another_level(steps: list[Finding]) -> None:
    incident: Incident | None = None
    for finding in steps:
        before = incident
        incident = advance(incident, "sms-failures", finding)
        if incident is None or incident.timeline == (before.timeline if before else ()):
            continue
        change = incident.timeline[-1]
        assert change.level is finding.level
        assert change.level.rank != change.before.rank or (change.before, change.level) == (Level.BLIND, WARNING)
        assert incident.due[-1] == (incident, change)
        assert [one.seq for one in incident.timeline] == list(range(1, incident.seq + 1))

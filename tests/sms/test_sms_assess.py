"""What a run leaves of its watches, and which notices it publishes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sms_world import NOW, World, at, row

from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.sms import assess

HEALTHY = Assessment(verdict=Verdict.HEALTHY, as_of=NOW)
FAILING = Assessment(verdict=Verdict.FAILING, as_of=NOW, opens=Level.CRITICAL, holds=Level.CRITICAL)
SLOT = timedelta(minutes=10)


def outage(world: World, count: int = 3) -> None:
    world.history.rows = [row(f"M{number}", at("12:05"), "failed") for number in range(count)]


def of_failures(world: World) -> list[SystemNotice]:
    return [notice for notice in world.notices if notice.watch == "sms-failures"]


def test_a_run_leaves_what_it_proves_in_the_context_and_publishes_it() -> None:
    world = World()
    outage(world)
    world.run()
    left = world.context()["assessments"]["sms-failures"]
    assert (left["verdict"], left["opens"], left["sentence"]) == (
        "failing",
        "critical",
        "All of the last 3 SMS failed.",
    )
    (notice,) = of_failures(world)
    assert (notice.level, notice.assessment and notice.assessment.opens) == (Level.CRITICAL, Level.CRITICAL)


def test_what_is_unchanged_is_published_again_after_an_hour_only_while_it_opens() -> None:
    world = World()
    outage(world)
    times = []
    for number in range(9):
        world.history.rows.append(row(f"N{number}", at("12:05") + number * SLOT, "failed"))
        world.run(NOW + number * SLOT)
        times += [number] * (len(of_failures(world)) - len(times))
    assert times == [0, 6]


def test_a_notice_that_could_not_be_published_is_published_by_the_next_run() -> None:
    world = World(notify_error=RuntimeError("SNS is away"))
    outage(world)
    assert world.run().new_count == 3
    assert (world.run_count(), world.notices) == (1, [])
    world.notify_error = None
    world.run(NOW + SLOT)
    assert [notice.level for notice in of_failures(world)] == [Level.CRITICAL]


def test_the_document_is_written_before_its_notice_is_published() -> None:
    steps: list[str] = []
    world = World()
    world.step_by(lambda port, key: steps.append(f"{port} {key}"))
    outage(world)
    world.run()
    assert steps.index("put state/sms.json") < steps.index("notify sms-failures")


@pytest.mark.parametrize(
    ("assessment", "before", "minutes", "is_due"),
    [
        (HEALTHY, None, 0, True),
        (HEALTHY, HEALTHY, 600, False),
        (FAILING, HEALTHY, 0, True),
        (FAILING, FAILING, 59, False),
        (FAILING, FAILING, 60, True),
        (replace(FAILING, holds=Level.WARNING), FAILING, 0, True),
        (replace(HEALTHY, sentence="another"), HEALTHY, 0, False),
    ],
)
def test_a_change_is_news_and_an_open_failure_is_repeated(
    assessment: Assessment, before: Assessment | None, minutes: int, is_due: bool
) -> None:
    published = {"sms-failures": before} if before else {}
    now = NOW + timedelta(minutes=minutes)
    assert bool(assess.due({"sms-failures": assessment}, published, now)) == is_due


def broken(_evidence: Any) -> Assessment:
    raise ValueError("+61400000123 is odd")


def judged(judges: Mapping[str, Callable[[Any], Assessment]], **previous: Assessment) -> dict[str, Assessment]:
    evidence: Any = SimpleNamespace(now=NOW, previous=previous)
    return assess.assess(evidence, judges)


def test_a_watch_that_cannot_be_judged_is_blind_and_stops_no_other() -> None:
    assessments = judged({"broken": broken, "good": lambda _evidence: HEALTHY})
    assert assessments["good"] is HEALTHY
    assert assessments["broken"].verdict is Verdict.BLIND
    assert assessments["broken"].sentence == "The newest data could not be judged: ValueError."


def test_a_watch_that_two_runs_could_not_judge_is_mailed_as_blind() -> None:
    first = judged({"broken": broken})["broken"]
    second = judged({"broken": broken}, broken=first)["broken"]
    assert (first.opens, second.opens) == (Level.OK, Level.BLIND)

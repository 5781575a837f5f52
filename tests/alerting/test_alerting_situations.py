"""What proves nothing changes nothing: every watch of every system in every situation without evidence.

The watches and their alarms are those of the template with all systems. An incident is opened by evidence of failure,
then a situation lasts for ten hours of sweeps; at the end evidence of health resolves it, so that no test passes
because nothing could ever happen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from alerting_fakes import DAY, SETTINGS, FakeCloudWatch, World, at

import stacks
from blocks.extras import Extra
from cwalarm.definitions import alarm as alarms
from cwalarm.evaluation.message import alarm_arn, trigger
from deliverywatch.alerting.incidents.severity import Watch, watches
from deliverywatch.alerting.inputs import alarm as cloudwatch
from deliverywatch.alerting.inputs.alarm import Alarm, State
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict, to_document

ACCOUNT = {
    "SenderAddress": "alerts@example.com",
    "AlertRecipients": "support@example.com",
    "FallbackAddress": "oncall@example.com",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
}
OPENED = at("12:00")
WITHOUT_DATA = (
    "Unchecked: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching]."
)


@cache
def declared() -> tuple[dict[str, Watch], dict[str, Alarm]]:
    """Return the watches of all systems by name, and the definitions of their alarms by theirs."""
    chosen = stacks.chosen([name for name in stacks.SYSTEMS if name != "files-pusher"], [*Extra])
    template = stacks.template(chosen, "arm64", "0").to_dict()
    defined = [
        cloudwatch.from_trigger(trigger(alarm), name=alarm.name, arn=alarm_arn(alarm.name, "111122223333", "eu-west-1"))
        for alarm in alarms.from_template(template, ACCOUNT)
    ]
    found = watches(stacks.watches(chosen), SETTINGS.prefix)
    opening = [watch for watch in found if watch.is_assessed or worst(watch) is not Level.OK]
    return {watch.name: watch for watch in opening}, {alarm.name: alarm for alarm in defined}


def worst(watch: Watch) -> Level:
    return max((severity.level for severity in watch.severities), key=lambda level: level.rank, default=Level.OK)


class Story:
    """One watch in its world."""

    def __init__(self, name: str) -> None:
        self.watch, self.time = declared()[0][name], OPENED
        known = declared()[1]
        self.cloudwatch = FakeCloudWatch()
        self.cloudwatch.alarms = {alarm: known.get(alarm, Alarm(alarm)) for alarm in self.watch.alarms}
        self.world = World(cloudwatch=self.cloudwatch, watches=(self.watch,))

    def states(self, state: State, reason: str = "") -> None:
        """Put all alarms of the watch into a state, now."""
        self.cloudwatch.alarms = {
            name: replace(alarm, state=state, updated_at=self.time, reason=reason)
            for name, alarm in self.cloudwatch.alarms.items()
        }

    def assess(self, verdict: Verdict, *, age: timedelta = timedelta()) -> None:
        """Let the system say what its data prove, as of now or earlier."""
        level = Level.CRITICAL if verdict is Verdict.FAILING else Level.OK
        judged = Assessment(verdict=verdict, as_of=self.time - age, opens=level, holds=level, sentence="Seen.")
        self.write(json.dumps({"assessments": {self.watch.name: to_document(judged)}}).encode())

    def write(self, body: bytes) -> None:
        if self.watch.context:
            self.world.store.memory.write(self.watch.context, body)

    def sweep(self, minutes: int = 10) -> None:
        self.time += timedelta(minutes=minutes)
        self.world.sweep(self.time)

    def live_through(self, situation: Callable[[Story], None]) -> None:
        """Let ten hours pass, with a sweep now and then."""
        for _ in range(5):
            self.time += timedelta(minutes=110)
            situation(self)
            self.sweep()

    def fail(self) -> None:
        self.states(State.ALARM)
        self.assess(Verdict.FAILING)
        self.sweep(1)

    def recover(self) -> None:
        self.cloudwatch.is_down = self.world.store.is_down = False
        self.cloudwatch.alarms = {name: declared()[1].get(name, Alarm(name)) for name in self.watch.alarms}
        self.time += timedelta(minutes=10)
        self.states(State.OK)
        self.assess(Verdict.HEALTHY)
        self.sweep(1)

    @property
    def events(self) -> list[str]:
        return self.world.ses.events


def no_data(story: Story) -> None:
    """Alarms ignore missing data and keep their state; the system has too little to judge by."""
    story.assess(Verdict.TOO_LITTLE)


def unknown_states(story: Story) -> None:
    story.states(State.INSUFFICIENT_DATA)
    story.assess(Verdict.TOO_LITTLE)


def good_without_data(story: Story) -> None:
    """Somebody made an alarm that takes missing data for good news."""
    story.states(State.OK, WITHOUT_DATA)
    story.assess(Verdict.TOO_LITTLE)


def deleted(story: Story) -> None:
    story.cloudwatch.alarms = {}
    story.assess(Verdict.TOO_LITTLE)


def partly_deleted(story: Story) -> None:
    story.states(State.OK)
    story.cloudwatch.alarms.pop(next(iter(story.watch.alarms), ""), None)
    story.assess(Verdict.TOO_LITTLE)


def unreachable(story: Story) -> None:
    story.cloudwatch.is_down = True
    story.assess(Verdict.TOO_LITTLE)


def blind(story: Story) -> None:
    unknown_states(story)
    story.assess(Verdict.BLIND)


def stale(story: Story) -> None:
    """What was well two hours ago says nothing of now."""
    unknown_states(story)
    story.assess(Verdict.HEALTHY, age=timedelta(hours=2))


def ahead_of_time(story: Story) -> None:
    unknown_states(story)
    story.assess(Verdict.HEALTHY, age=-timedelta(days=2))


def null(story: Story) -> None:
    unknown_states(story)
    story.write(json.dumps({"assessments": {story.watch.name: None}}).encode())


def partial(story: Story) -> None:
    unknown_states(story)
    story.write(json.dumps({"assessments": {story.watch.name: {"verdict": "healthy"}}}).encode())


def damaged(story: Story) -> None:
    unknown_states(story)
    story.write(b'{"assessments": {')


SITUATIONS: list[Callable[[Story], None]] = [
    *(no_data, unknown_states, good_without_data, deleted, partly_deleted, unreachable),
    *(blind, stale, ahead_of_time, null, partial, damaged),
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
@pytest.mark.parametrize("name", sorted(declared()[0]))
def test_an_incident_ends_by_nothing_but_evidence_of_health(name: str, situation: Callable[[Story], None]) -> None:
    story = Story(name)
    story.fail()
    assert story.events == ["OPENED"]
    story.live_through(situation)
    assert story.world.incident(name).is_open
    assert not {"RESOLVED", "DOWNGRADED", "CLOSED"} & {*story.events}
    assert len(story.events) <= 3
    story.recover()
    assert story.events[-1] == "RESOLVED"


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
@pytest.mark.parametrize("name", sorted(declared()[0]))
def test_an_incident_is_opened_by_nothing_but_evidence_of_failure(
    name: str, situation: Callable[[Story], None]
) -> None:
    story = Story(name)
    story.states(State.OK)
    story.assess(Verdict.HEALTHY)
    story.sweep()
    story.live_through(situation)
    is_unseen = situation in (deleted, partly_deleted) and bool(story.watch.severities)
    assert story.events == (["UNSEEN"] if is_unseen else [])


@pytest.mark.parametrize("name", sorted(declared()[0]))
def test_a_message_that_comes_late_ends_nothing(name: str) -> None:
    story = Story(name)
    story.fail()
    for alarm in story.watch.alarms:
        before = {
            "NewStateValue": "OK",
            "OldStateValue": "ALARM",
            "StateChangeTime": f"{DAY:%Y-%m-%dT%H:%M:%S}.000+0000",
        }
        story.world.tell({"AlarmName": alarm, **before})
    assert story.events == ["OPENED"]

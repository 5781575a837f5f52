"""Random alarms, deliveries, deaths and races between CloudWatch and the inbox, and what must hold in the end."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from alerting_fakes import DAY, PREFIX, WATCHES, KilledError, Steps, World, at, message
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deliverywatch.alerting.incidents.ack import ACK_LIMIT, acknowledge
from deliverywatch.alerting.incidents.incident import Ack, Incident, from_json
from deliverywatch.alerting.incidents.severity import Open, Reading, level_of
from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.messages.level import Level

NAMES = ("sms-critical", "sms-critical-recovery", "sms-warning", "sms-warning-recovery")
SPOKEN = {"sms-critical": ("ALARM", "OK"), "sms-warning": ("ALARM", "OK")}
SPOKEN_RECOVERY = ("OK",)


class Notifications(RuleBasedStateMachine):
    """Alarms change; their messages come late, twice and out of order to a notifier that may be killed at any step."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.now = at("10:00")
        self.waiting: list[tuple[int, dict[str, Any]]] = []
        self.delivered: list[tuple[int, dict[str, Any]]] = []
        self.number = 0
        self.deaths_after_sending = 0
        self.acknowledged: set[tuple[str, str]] = set()

    @rule(name=st.sampled_from(NAMES), state=st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]))
    def an_alarm_changes(self, name: str, state: str) -> None:
        old = self.world.cloudwatch.alarms[f"{PREFIX}-{name}"].state
        if old is None or old == state:
            return
        self._tick()
        self.world.cloudwatch.set(name, state, self.now)
        if state in SPOKEN.get(name, SPOKEN_RECOVERY):
            self.number += 1
            clock = f"{self.now:%H:%M}"
            self.waiting.append((self.number, message(name, state, clock, old.value)))

    @precondition(lambda self: self.waiting)
    @rule(position=st.integers(0, 9), dies_after=st.integers(0, 9))
    def a_message_is_delivered(self, position: int, dies_after: int) -> None:
        """Lambda starts a killed invocation again, with the same request id, before it gives up on it."""
        number, told = self.waiting.pop(position % len(self.waiting))
        self.delivered.append((number, told))
        for attempt in range(2):
            if self._run(told, f"request-{number}", dies_after if attempt == 0 else 0):
                return

    @precondition(lambda self: self.delivered)
    @rule(position=st.integers(0, 9))
    def a_message_comes_again(self, position: int) -> None:
        number, told = self.delivered[position % len(self.delivered)]
        self._run(told, f"request-{number}-again-{self.number}", 0)

    @precondition(lambda self: self.waiting)
    @rule(position=st.integers(0, 9), write=st.integers(0, 3))
    def two_messages_are_handled_at_once(self, position: int, write: int) -> None:
        number, told = self.waiting.pop(position % len(self.waiting))
        self.delivered.append((number, told))
        other = self.world.notifier(f"request-{number}-twin")
        self.world.store.before_write = [lambda: None] * write + [lambda: other.run(told, self.now)]
        self._run(told, f"request-{number}", 0)
        self.world.store.before_write = []

    @precondition(lambda self: self._is_open())
    @rule(write=st.integers(0, 3), is_inside=st.booleans())
    def somebody_acknowledges_while_the_notifier_is_at_it(self, write: int, *, is_inside: bool) -> None:
        """One of the two writes in the middle of the other."""
        self._tick()
        self.world.store.steps = self.world.ses.steps = None
        first, second = (self._sweep, self._acknowledge) if is_inside else (self._acknowledge, self._sweep)
        self.world.store.before_write = [lambda: None] * write + [second]
        first()
        self.world.store.before_write = []

    @rule()
    def ten_minutes_pass(self) -> None:
        self.now += timedelta(minutes=10)
        self.world.sweep(self.now)

    @invariant()
    def no_mail_goes_out_twice_but_for_a_death_between_sending_and_noting_it(self) -> None:
        mails = Counter((mail["X-DeliveryWatch-Incident"], mail["Message-ID"]) for mail in self.world.ses.mails)
        assert sum(mails.values()) - len(mails) <= self.deaths_after_sending

    @invariant()
    def no_acknowledgement_that_was_taken_is_lost(self) -> None:
        kept = {(one.id, ack.by) for one in self._incidents() for ack in one.acks}
        assert self.acknowledged == kept

    @invariant()
    def every_mail_is_a_change_of_level(self) -> None:
        incident = self._incident()
        if incident is not None:
            assert all(change.level.rank != change.before.rank for change in incident.timeline)

    def teardown(self) -> None:
        while self.waiting:
            self.a_message_is_delivered(0, 0)
        self.ten_minutes_pass()
        self.ten_minutes_pass()
        incident = self._incident()
        if incident is None:
            assert not self._calling()
            return
        assert incident.due == []
        assert incident.level is self._level(incident)
        sent = {str(mail["Message-ID"]) for mail in self.world.ses.mails}
        assert len([one for one in sent if one.startswith(f"<{incident.id.lower()}.")]) == incident.seq

    def _run(self, told: dict[str, Any], request: str, dies_after: int) -> bool:
        steps = Steps(dies_after) if dies_after else None
        self.world.store.steps = self.world.ses.steps = steps
        before = len(self.world.ses.messages)
        with suppress(KilledError):
            self.world.tell(told, request)
            return True
        was_noted = self._noted() == len({str(mail["Message-ID"]) for mail in self.world.ses.mails})
        self.deaths_after_sending += len(self.world.ses.messages) > before and not was_noted
        self.world.store.steps = self.world.ses.steps = None
        return False

    def _sweep(self) -> None:
        self.world.sweep(self.now)

    def _acknowledge(self) -> None:
        incident = self._incident()
        assert incident is not None
        by = f"person {len(self.acknowledged)}"
        with suppress(InputError):  # it ended while we wrote
            acknowledge(self.world.store, incident.watch, incident.id, Ack(by, self.now))
            self.acknowledged.add((incident.id, by))

    def _is_open(self) -> bool:
        incident = self._incident()
        return incident is not None and incident.is_open and len(incident.acks) < ACK_LIMIT

    def _incidents(self) -> list[Incident]:
        """The last incident and those that were kept."""
        memory = self.world.store.memory
        read = [from_json(memory.objects[key]) for key in memory.keys("incidents/sms-failures/")]
        return [one for one in read if one is not None]

    def _noted(self) -> int:
        """How many mails the outbox knows to be sent."""
        memory = self.world.store.memory
        records = [memory.objects[key] for key in memory.keys("mails/")]
        return sum(json.loads(record)["sent_at"] is not None for record in records)

    def _incident(self) -> Incident | None:
        stored = self.world.store.memory.read("incidents/sms-failures/current.json")
        return from_json(stored.body) if stored else None

    def _readings(self) -> dict[str, Reading]:
        return {name: Reading(alarm.state) for name, alarm in self.world.cloudwatch.alarms.items()}

    def _level(self, incident: Incident) -> Level:
        return level_of(WATCHES[0], self._readings(), Open(incident.level, incident.raised))

    def _calling(self) -> bool:
        states = [self.world.cloudwatch.alarms[f"{PREFIX}-{name}"].state for name in SPOKEN]
        return State.ALARM in states

    def _tick(self) -> None:
        self.now = min(self.now + timedelta(minutes=1), datetime(2026, 11, 21, 23, 59, tzinfo=DAY.tzinfo))


Notifications.TestCase.settings = settings(max_examples=120, stateful_step_count=25)
TestNotifications = Notifications.TestCase

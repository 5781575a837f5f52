"""Random lives of channels: services fail in every way, S3 goes away, the function is killed, and messages come again.

Whatever happened, once everything works again each channel has every change of every incident, in its order; the
receiver of the webhook has none twice, and the mailbox has them all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from alerting_fakes import KilledError, Steps, at, message
from channel_fakes import ChannelWorld
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.alerting.channels.protocol.http import Answer, NotConfirmed, NotSent
from deliverywatch.alerting.inputs.channel_settings import Kind
from deliverywatch.errors import DeliveryWatchError

if TYPE_CHECKING:
    from deliverywatch.alerting.notify import Notifier

KEY = "whsec_" + "a" * 32
ANSWERS = {
    "taken": Answer(204),
    "busy": Answer(503),
    "throttled": Answer(429, b"", {"retry-after": "900"}),
    "lost answer": NotConfirmed("no answer within 10 s"),
    "lost request": NotConfirmed("the connection broke"),
    "no way": NotSent("no connection"),
}


@dataclass
class Wire:
    """Both services behind one Http: what each took, and how the next requests end."""

    plan: list[str] = field(default_factory=list)
    taken: dict[str, list[bytes]] = field(default_factory=lambda: {"webhook": [], "teams": []})

    def post(self, _: str, body: bytes, headers: Mapping[str, str], _seconds: float = 10.0) -> Answer:
        ending = self.plan.pop(0) if self.plan else "taken"
        if ending in ("taken", "lost answer"):
            self.taken["webhook" if "webhook-id" in headers else "teams"].append(body)
        answer = ANSWERS[ending]
        if isinstance(answer, Exception):
            raise answer
        return answer


class WiredWorld(ChannelWorld):
    """A world whose channels are behind one wire."""

    def __init__(self) -> None:
        super().__init__()
        self.wire = Wire()
        self.add(Kind.TEAMS, "https://teams.example.com/hook").add(Kind.WEBHOOK, f"https://oncall.example.com {KEY}")

    def notifier(self, invocation: str = "") -> Notifier:
        notifier = super().notifier(invocation)
        assert notifier.ports.channels
        channels = replace(notifier.ports.channels, http=self.wire, clock=lambda: 0.0)
        return replace(notifier, ports=replace(notifier.ports, channels=channels))


ENDINGS = st.lists(st.sampled_from(sorted(ANSWERS)), max_size=6)
STEP = st.tuples(
    st.sampled_from(["warning", "critical", "calm", "again", "sweep"]),
    ENDINGS,
    st.sampled_from(["", "", "", "s3", "killed", "ses"]),
    st.integers(1, 8),
)


def play(world: WiredWorld, number: int, step: tuple[str, list[str], str, int]) -> None:
    """One event of a life, some minutes after the one before; the invocation may fail or be killed."""
    what, endings, trouble, kill = step
    clock = f"{12 + number // 4}:{15 * (number % 4):02}"
    world.wire.plan = list(endings)
    world.store.is_down = trouble == "s3"
    world.ses.refusal = world.ses.topic_refusal = "SES is down." if trouble == "ses" else ""
    world.store.steps = Steps(kill) if trouble == "killed" else None
    with suppress(DeliveryWatchError, KilledError):
        happen(world, what, clock)
    world.store.is_down, world.store.steps, world.ses.refusal, world.ses.topic_refusal = False, None, "", ""


def happen(world: WiredWorld, what: str, clock: str) -> None:
    if what == "sweep":
        world.sweep(at(clock))
        return
    if what == "again":
        world.tell(message("sms-critical", "ALARM", "12:00"))
        return
    states = {"warning": ("ALARM", "OK"), "critical": ("ALARM", "ALARM"), "calm": ("OK", "OK")}[what]
    for name, state in zip(("sms-warning", "sms-critical"), states, strict=True):
        world.cloudwatch.set(name, state, at(clock))
    world.tell(message("sms-critical", states[1], clock))


def changes_of(world: WiredWorld) -> list[tuple[str, int]]:
    """The changes of all incidents of the watch, oldest first."""
    keys = sorted(key for key in world.store.memory.objects if key.startswith("incidents/sms-failures/past/"))
    records = [json.loads(world.store.memory.objects[key]) for key in [*keys, "incidents/sms-failures/current.json"]]
    return [(record["id"], change["seq"]) for record in records for change in record["timeline"]]


def got(bodies: list[bytes]) -> list[tuple[str, int]]:
    """What the receiver of the webhook made of it: it takes an id once."""
    events: dict[str, Any] = {}
    for body in bodies:
        data = json.loads(body)["data"]
        events.setdefault(data["id"], (data["incident"], data["number"]))
    return list(events.values())


@given(st.lists(STEP, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_every_channel_has_every_change_in_its_order_once_all_works_again(
    steps: list[tuple[str, list[str], str, int]],
) -> None:
    world = WiredWorld()
    happen(world, "critical", "12:00")
    for number, step in enumerate(steps, 1):
        play(world, number, step)
    world.wire.plan = []
    for minutes in (0, 10, 20, 30):
        world.sweep(at("15:00") + timedelta(minutes=minutes))
    changes, webhook = changes_of(world), got(world.wire.taken["webhook"])
    # Without S3 a message is sent under an incident that only that process knows, as its mail is.
    assert [event for event in webhook if event in changes] == changes
    assert webhook == changes or any(trouble == "s3" for _, _, trouble, _ in steps)
    assert not world.incident("sms-failures").undelivered
    # A chat that did not confirm is tried twice, and an attempt that was killed is one: both may have been lost.
    lost = sum(endings.count("lost request") + (trouble == "killed") for _, endings, trouble, _ in steps)
    assert len(world.wire.taken["teams"]) >= len(changes) - lost // 2

"""The road of a message: from what Lambda hands over to the mail, each module is passed once and in one direction.

What counts: every call of a Python function of `deliverywatch.alerting`, in the order of the calls, reduced to the
modules' names without repetition. A call from a module into one that was left before is a return.

What does not count:

- the trunk, which calls the stations one after the other and so is between any two of them: `notify`, `collect`,
  `single_notice`, `deliver`, and `mail.view` for the parts of a mail;
- values: modules that hold types with pure functions on them and touch nothing, used wherever such a value is;
- what is outside `alerting`: the ports (here fakes), `messages` and `storage`.

Once the mail is out, two notes of it are taken where the road came from: the outbox marks it as sent, and the incident
loses it from what is due. They are on the list, after `mail.send`.
"""

import json
import sys
from pathlib import Path
from types import FrameType

import pytest
from alerting_fakes import World, at, message, sns
from alerting_stories import EVENTS, context, put

import deliverywatch.alerting
import deliverywatch.alerting.mail.message
import deliverywatch.alerting.mail.recipients
import deliverywatch.alerting.mail.send
import deliverywatch.alerting.mail.view
from deliverywatch.errors import MailUnavailable

ROOM = Path(deliverywatch.alerting.__file__).parent
TRUNK = {"notify", "collect", "deliver", "mail.view", "single_notice"}
VALUES = {
    "inputs.alarm",
    "inputs.other_messages",
    "incidents.severity",
    "incidents.watch_state",
    "incidents.incident",
    "incidents.advance",
    "mail.story",
    "mail.window",
    "mail.formatting",
    "mail.links",
    "mail.size",
    "mail.headers",
    "mail.held",
}
TO_THE_MAIL = [
    "inputs.notice",
    "incidents.incident_store",
    "incidents.observe",
    "incidents.assessed",
    "incidents.finding",
    "incidents.outbox",
    "mail.recipients",
    "mail.comparison",
    "mail.sentences",
    "mail.headline_numbers",
    "mail.chart",
    "mail.footer",
    "mail.message",
    "mail.send",
]
NOTES = ["incidents.outbox", "incidents.incident_store"]


def module_of(frame: FrameType) -> str:
    """The module under `alerting`, without its first names; empty for any other, and for the templates."""
    path = Path(frame.f_code.co_filename)
    is_ours = path.suffix == ".py" and path.is_relative_to(ROOM)
    return ".".join(path.relative_to(ROOM).with_suffix("").parts) if is_ours else ""


def stays(world: World, event: object) -> list[str]:
    """The modules that an event passes, without the trunk and values."""
    modules: list[str] = []

    def note(frame: FrameType, kind: str, _: object) -> None:
        name = module_of(frame) if kind == "call" else ""
        if name and name not in TRUNK | VALUES and name not in modules[-1:]:
            modules.append(name)

    notifier = world.notifier()
    sys.setprofile(note)
    try:
        notifier.run(event, at("12:45"))
    finally:
        sys.setprofile(None)
    return modules


def test_a_message_passes_each_module_once_on_its_way_to_the_mail() -> None:
    world = World()
    put(world, context("12:00", [(388, 3), (402, 25), (395, 154), (407, 170)]))
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    road = stays(world, sns(message("sms-critical", "ALARM", "12:04")))
    assert len(world.ses.messages) == 1
    assert road == TO_THE_MAIL + NOTES
    assert len(set(TO_THE_MAIL)) == len(TO_THE_MAIL)


NOTICE = {"deliverywatch": 1, "watch": "queries.sales", "title": "Sales", "sentence": "No rows.", "level": "warning"}
MESSAGES = {
    "an alarm without a context": sns(message("sms-critical", "ALARM", "12:04")),
    "a composite alarm": json.loads((EVENTS / "sns_composite.json").read_text()),
    "a system notice": sns(NOTICE | {"time": at("12:04").isoformat()}),
}


@pytest.mark.parametrize("event", MESSAGES.values(), ids=MESSAGES)
def test_other_messages_leave_out_what_they_lack_and_return_nowhere(event: object) -> None:
    world = World()
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    road = stays(world, event)
    assert len(world.ses.messages) == 1
    assert road == [module for module in TO_THE_MAIL + NOTES if module != "mail.comparison"]


def test_a_single_message_passes_no_incident() -> None:
    world = World()
    road = stays(world, sns("not JSON"))
    assert len(world.ses.messages) == 1
    on_its_way = ["incidents.outbox", "mail.recipients", "mail.message", "mail.send"]
    assert road == ["inputs.notice", *on_its_way, "incidents.outbox"]


def test_a_sweep_first_reads_which_incidents_are_open() -> None:
    world = World()
    world.cloudwatch.set("sms-critical", "ALARM", at("12:04"))
    world.ses.refusal, world.ses.topic_refusal = "SES is down.", "SNS is down."
    with pytest.raises(MailUnavailable):
        world.tell(message("sms-critical", "ALARM", "12:04"))
    world.ses.refusal = ""
    road = stays(world, {"sweep": at("12:20").isoformat()})
    assert len(world.ses.messages) == 1
    on_its_way = [module for module in TO_THE_MAIL[1:] if module != "mail.comparison"]
    assert road == ["sweep", "incidents.incident_store", "sweep", *on_its_way, *NOTES, "sweep"]


def test_the_end_of_an_incident_takes_the_same_road() -> None:
    world = World()
    put(world, context("12:00", [(388, 3), (402, 25), (395, 154), (407, 170)]))
    world.alarm("sms-critical", "ALARM", "12:04")
    world.cloudwatch.set("sms-critical", "OK", at("12:44"))
    road = stays(world, sns(message("sms-critical", "OK", "12:44", old="ALARM")))
    assert len(world.ses.messages) == 2
    assert road == [module for module in TO_THE_MAIL + NOTES if module != "mail.comparison"]

"""Messages that are no states: mailed once, titled by what they say they are, and nothing stays open."""

import json
from typing import Any

import pytest
from alerting_fakes import DAY, World, at, sns

from deliverywatch.alerting.inputs.notice import parse
from deliverywatch.errors import StoreUnavailable

GUARD_DUTY = {
    "version": "0",
    "id": "c8c4daa7-a20c-2f03-0070-b7393dd542ad",
    "detail-type": "GuardDuty Finding",
    "source": "aws.guardduty",
    "account": "123456789012",
    "time": "2026-11-21T12:00:00Z",
    "region": "ap-southeast-2",
    "resources": [],
    "detail": {"severity": 8, "type": "Recon:EC2/PortProbe", "title": "An open port of i-1 is being probed."},
}
CODE_PIPELINE = {
    "account": "123456789012",
    "detailType": "CodePipeline Pipeline Execution State Change",
    "source": "aws.codepipeline",
    "detail": {"pipeline": "shop", "execution-id": "01234567", "state": "FAILED", "version": 3.0},
}
BOUNCE = {
    "notificationType": "Bounce",
    "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "a@example.com"}]},
    "mail": {"messageId": "0100", "source": "news@example.com"},
}
DATABASE = {
    "Event Source": "db-instance",
    "Event Time": "2026-11-21 12:00:00.000",
    "Source ID": "orders",
    "Event ID": "http://docs.amazonwebservices.com/AmazonRDS/latest/UserGuide/USER_Events.html#RDS-EVENT-0006",
    "Event Message": "DB instance restarted",
}
HEALTH = {
    "detail-type": "AWS Health Event",
    "source": "aws.health",
    "detail": {"service": "EC2", "eventDescription": [{"language": "en_US", "latestDescription": "A host retires."}]},
}
CHATBOT = {"version": "1.0", "source": "custom", "content": {"title": "Deployed", "description": "Shop 4.2 is live."}}


def event(message: object, subject: str | None = None, message_id: str = "1", clock: str = "12:04") -> dict[str, Any]:
    """Return the Lambda event of a message as SNS delivers it."""
    told = sns(message)
    stamp = f"{at(clock):%Y-%m-%dT%H:%M:%S}.000Z"
    told["Records"][0]["Sns"].update(Subject=subject, MessageId=message_id, Timestamp=stamp)
    return told


@pytest.mark.parametrize(
    ("message", "subject", "title", "sentence"),
    [
        (GUARD_DUTY, None, "GuardDuty Finding", "An open port of i-1 is being probed."),
        (CODE_PIPELINE, None, "CodePipeline Pipeline Execution State Change", "shop is FAILED."),
        (BOUNCE, "Amazon SES Email Event Notification", "SES: Bounce", ""),
        (DATABASE, "RDS Notification Message", "RDS Notification Message", "DB instance restarted"),
        (HEALTH, None, "AWS Health Event", "A host retires."),
        (CHATBOT, None, "Deployed", "Shop 4.2 is live."),
        (
            "Your budget is used up.\nMore.",
            "AWS Budgets: monthly",
            "AWS Budgets: monthly",
            "Your budget is used up. More.",
        ),
        ("Disk full on host a", None, "Disk full on host a", "Disk full on host a"),
        ({"approval": {"pipelineName": "shop"}}, "APPROVAL NEEDED: shop", "APPROVAL NEEDED: shop", ""),
        ([1, 2], None, "Message without a title", ""),
        ("", None, "Message without a title", ""),
    ],
)
def test_a_message_is_titled_by_what_it_says_it_is(message: object, subject: str, title: str, sentence: str) -> None:
    (notice,) = parse(event(message, subject), DAY)
    assert (notice.is_single, notice.title, notice.sentence) == (True, title, sentence)


def test_what_it_says_is_shown_by_names_with_its_detail_first() -> None:
    (notice,) = parse(event(GUARD_DUTY), DAY)
    assert notice.facts[:2] == (("severity", "8"), ("type", "Recon:EC2/PortProbe"))
    assert ("account", "123456789012") in notice.facts


def test_it_is_mailed_once_however_often_it_is_delivered() -> None:
    world = World()
    for _ in range(3):
        world.tell(event("Disk full on host a", "Disk full"))
    assert world.ses.subjects == ["[NOTICE] Disk full - prod - MSG-1121-6B86B2"]


def test_the_same_text_an_hour_later_is_mailed_again() -> None:
    world = World()
    world.tell(event("Disk full on host a", "Disk full"))
    world.tell(event("Disk full on host a", "Disk full", message_id="2", clock="13:04"))
    assert len(world.ses.subjects) == 2


@pytest.mark.parametrize("message", [GUARD_DUTY, CODE_PIPELINE, BOUNCE, DATABASE, HEALTH, CHATBOT, "Disk full", [1]])
def test_it_opens_nothing_that_could_stay_open(message: object) -> None:
    world = World()
    world.tell(event(message))
    world.sweep(at("12:14"))
    assert len(world.ses.subjects) == 1
    assert world.store.keys("incidents/") == []


def test_its_mail_says_that_nothing_stays_open_and_offers_no_command_on_an_incident() -> None:
    world = World()
    world.tell(event(GUARD_DUTY))
    text = " ".join(str(world.ses.mails[0].get_body(("plain",)).get_content()).split())  # type: ignore[union-attr]
    assert "An open port of i-1 is being probed." in text
    assert "it is mailed once, and no incident is open" in text
    assert "deliverywatch ack" not in text


def test_a_broken_alarm_or_system_notice_says_what_of_it_cannot_be_read() -> None:
    world = World()
    world.tell(event({"AlarmName": "x", "NewStateValue": "SIDEWAYS"}))
    world.tell(event({"deliverywatch": 1, "watch": "x", "level": "purple"}, message_id="2"))
    texts = [str(mail.get_body(("plain",)).get_content()) for mail in world.ses.mails]  # type: ignore[union-attr]
    assert "a state that CloudWatch does not have: 'SIDEWAYS'" in texts[0].replace("\n", " ")
    assert "a level out of ok, blind" in texts[1].replace("\n", " ")


def test_without_s3_it_is_mailed_all_the_same() -> None:
    world = World()
    world.store.is_down = True
    with pytest.raises(StoreUnavailable):
        world.tell(event("Disk full"))
    assert len(world.ses.subjects) == 1


def test_a_retried_invocation_takes_its_own_claim_over_and_another_one_does_not() -> None:
    world = World()
    world.ses.refusal = world.ses.topic_refusal = "down"
    with pytest.raises(Exception, match="down"):
        world.tell(event("Disk full"), "request-a")
    world.ses.refusal = world.ses.topic_refusal = ""
    world.tell(event("Disk full"), "request-b")
    assert world.ses.subjects == []
    world.tell(event("Disk full"), "request-a")
    assert len(world.ses.subjects) == 1
    assert json.loads(world.store.memory.read(world.store.keys("mails/")[0]).body)["event"] == "NOTICE"  # type: ignore[union-attr]

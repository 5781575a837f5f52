"""What goes wrong around the deployed stack, and who is notified: ClickSend refuses, SES refuses, the notifier dies."""

import json
from typing import Any

import deployed
import pytest

from deliverywatch.local.clicksend.faults import Fault

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A healthy stack in the afternoon."""
    with deployed.deployed(tmp_path_factory.mktemp("build"), hour=14) as running:
        running.live(30)
        assert running.subjects() == []
        yield running


def test_a_healthy_day_gives_no_mail(stack: deployed.Deployed) -> None:
    before = stack.subjects()
    stack.live(60)
    assert stack.subjects() == before


def test_when_clicksend_refuses_the_key_one_mail_says_so_and_one_says_that_it_is_over(stack: deployed.Deployed) -> None:
    before = len(stack.subjects())
    stack.clicksend.add_fault(Fault.UNAUTHORIZED, times=None)
    stack.live(50)
    (blind,) = stack.cloud.outbox()[before:]
    assert blind.subject.startswith("[BLIND]")
    assert "401" in blind.text() or "refuses" in blind.text()
    stack.clicksend.clear_faults()
    stack.live(60)
    (over,) = stack.cloud.outbox()[before + 1 :]
    assert over.subject.startswith("[RESOLVED")


def test_what_was_missed_while_clicksend_refused_is_fetched_afterwards(stack: deployed.Deployed) -> None:
    stack.clicksend.add_fault(Fault.UNAUTHORIZED, times=None)
    stack.live(20)
    missed = stack.now
    stack.clicksend.clear_faults()
    stack.live(30)
    counted = stack.cloud.client("cloudwatch").get_metric_statistics(
        Namespace="DeliveryWatch/Sms", MetricName="Total", Dimensions=[{"Name": "Environment", "Value": "prod"}],
        StartTime=missed - deployed.timedelta(minutes=20), EndTime=missed, Period=1200, Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    assert sum(each["Sum"] for each in counted) > 0


def alarm_message(name: str) -> str:
    return json.dumps(
        {
            "AlarmName": name,
            "NewStateValue": "ALARM",
            "OldStateValue": "OK",
            "NewStateReason": "Threshold Crossed",
            "StateChangeTime": "2026-11-20T00:00:00.000+0000",
            "Trigger": {
                "MetricName": "Sales",
                "Namespace": "Shop",
                "Threshold": 1.0,
                "ComparisonOperator": "LessThanThreshold",
            },
        }
    )


def test_when_ses_refuses_the_same_facts_reach_the_fallback_address(stack: deployed.Deployed) -> None:
    before = len(stack.subjects())
    stack.cloud.refuse_mail("MessageRejected", "Email address is not verified.")
    stack.cloud.client("sns").publish(TopicArn=deployed.ALERTS, Message=alarm_message("shop-sales"))
    stack.cloud.settle()
    stack.cloud.refuse_mail()
    (mail,) = stack.cloud.outbox()[before:]
    assert (mail.channel, mail.message["To"]) == ("sns", "oncall@example.com")
    assert "shop-sales" in mail.text()
    assert "Email address is not verified." in mail.text()


def test_when_the_notifier_dies_cloudwatch_itself_mails_the_fallback_address(stack: deployed.Deployed) -> None:
    client, before = stack.cloud.client("lambda"), len(stack.subjects())
    alive = client.get_function_configuration(FunctionName=deployed.NOTIFY)["Environment"]
    dead = {"Variables": alive["Variables"] | {"DELIVERYWATCH_RECIPIENTS": ""}}
    client.update_function_configuration(FunctionName=deployed.NOTIFY, Environment=dead)
    stack.cloud.client("sns").publish(TopicArn=deployed.ALERTS, Message=alarm_message("shop-visits"))
    stack.live(12)
    client.update_function_configuration(FunctionName=deployed.NOTIFY, Environment=alive)
    mails = [mail for mail in stack.cloud.outbox()[before:] if mail.channel == "sns"]
    assert [mail.subject for mail in mails] == ['ALARM: "deliverywatch-prod-mail-failed" in US East (N. Virginia)']

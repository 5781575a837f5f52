"""From a mail of the deployed stack to its page and back: with its own function, role, URL and a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play

if TYPE_CHECKING:
    from browser import Browser

pytestmark = pytest.mark.slow

PREFIX, KEY = "deliverywatch-prod", "/deliverywatch/prod/link-key"
FUNCTION = f"{PREFIX}-operate-acknowledge"
PHONE = 360
HTTP = urllib3.PoolManager()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A stack whose mails have links, with an incident whose title runs on and on."""
    folder = tmp_path_factory.mktemp("build")
    template = play.build(folder)
    with LocalCloud(datetime.now(UTC).replace(second=0, microsecond=0)) as cloud:
        cloud.client("ssm").put_parameter(Name=KEY, Value="0123456789abcdef" * 4, Type="SecureString")
        play.deploy(cloud, template, folder, {"LinkKeyParameter": KEY})
        force(cloud, "sms-warning")
        yield cloud


def force(cloud: LocalCloud, alarm: str) -> None:
    reason = "Threshold Crossed: " + "nightly_load_" * 20 + "<script>document.title='run'</script>"
    cloud.client("cloudwatch").set_alarm_state(AlarmName=f"{PREFIX}-{alarm}", StateValue="ALARM", StateReason=reason)
    cloud.settle()


def body(cloud: LocalCloud) -> str:
    return str(cloud.outbox()[-1].message.get_body(("plain",)).get_content())  # type: ignore[union-attr]


def links(cloud: LocalCloud) -> list[str]:
    """The links to acknowledge and to mute of the newest mail, where this machine answers them."""
    found = re.findall(r"https://(\w+)\.lambda-url\.[\w.-]+/([\w.-]+)", body(cloud))
    return [f"{cloud.endpoint}/_aws/lambda-url/{url}/{path}" for url, path in found]


def record(cloud: LocalCloud) -> dict[str, Any]:
    (document,) = play.documents(cloud, play.lake_bucket(cloud), "incidents/sms-failures/current")
    return dict(document)


@pytest.fixture
def phone(browser: Browser) -> Browser:
    """A phone whose owner runs no scripts."""
    browser.resize(PHONE)
    browser.allow_scripts(are_allowed=False)
    return browser


def test_opening_a_link_changes_nothing_whoever_opens_it(cloud: LocalCloud) -> None:
    before = record(cloud)
    for url in links(cloud):
        for method in ("GET", "HEAD", "GET"):
            assert HTTP.request(method, url).status == 200
    assert record(cloud) == before
    assert not cloud.client("cloudwatch").list_alarm_mute_rules()["AlarmMuteRuleSummaries"]


def test_somebody_acknowledges_with_a_phone_that_runs_no_scripts(cloud: LocalCloud, phone: Browser) -> None:
    acknowledge, _ = links(cloud)
    phone.open(acknowledge)
    assert phone.content_size()[0] <= PHONE
    left, top, right, _, _, bottom, *_ = phone.box("button")
    assert (right - left > PHONE / 2, bottom - top >= 48) == (True, True), "a thumb finds it, so the style is applied"
    phone.type("input[name=by]", "Kim <b>")
    phone.type("input[name=note]", "calling the carrier")
    phone.click("button")
    page = phone.html()
    assert "Kim &lt;b&gt; has taken it on" in page
    assert "document.title='run'</script>" not in page
    assert (phone.complaints(), phone.content_size()[0] <= PHONE) == ([], True)
    # The link goes nowhere else, not even as a referrer.
    sent = phone.requests()
    assert {one["url"].partition("?")[0] for one in sent if "favicon" not in one["url"]} == {acknowledge}
    assert not [name for one in sent for name in one["headers"] if name.lower() == "referer"]
    force(cloud, "sms-critical")
    assert "Kim <b> has taken it on" in body(cloud)


def test_the_page_as_it_is_served_is_whole_and_legible(
    cloud: LocalCloud, look: Callable[[Path | str, str], list[str]]
) -> None:
    assert [fault for number, url in enumerate(links(cloud)) for fault in look(url, f"served-{number}")] == []


def test_a_form_without_a_name_is_not_even_sent(cloud: LocalCloud, phone: Browser) -> None:
    before = record(cloud)
    phone.open(links(cloud)[0])
    phone.events.clear()
    spot = {"button": "left", "clickCount": 1, **_middle(phone.box("button"))}
    for kind in ("mousePressed", "mouseReleased"):
        phone.ask("Input.dispatchMouseEvent", type=kind, **spot)
    assert (phone.requests(), record(cloud)) == ([], before)


def _middle(box: list[float]) -> dict[str, float]:
    return {"x": (box[0] + box[2]) / 2, "y": (box[1] + box[5]) / 2}


def test_somebody_mutes_for_an_hour_and_once(cloud: LocalCloud, phone: Browser) -> None:
    mute = links(cloud)[1]
    phone.open(mute)
    phone.type("input[name=by]", "Sam")
    phone.click("button")
    assert "This link was used by Sam" in phone.html()
    assert "<form" not in phone.html()
    (rule,) = cloud.client("cloudwatch").list_alarm_mute_rules()["AlarmMuteRuleSummaries"]
    described = cloud.client("cloudwatch").get_alarm_mute_rule(
        AlarmMuteRuleName=rule["AlarmMuteRuleArn"].split(":")[-1]
    )
    assert described["Rule"]["Schedule"]["Duration"] == "PT1H"
    assert {name.removeprefix(f"{PREFIX}-") for name in described["MuteTargets"]["AlarmNames"]} >= {"sms-critical"}
    assert HTTP.request("POST", mute, fields={"by": "Kim"}, encode_multipart=False, redirect=False).status == 200
    assert len(cloud.client("cloudwatch").list_alarm_mute_rules()["AlarmMuteRuleSummaries"]) == 1


def test_no_log_holds_a_link_or_a_name(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    group = f"/aws/lambda/{FUNCTION}"
    lines = [
        event["message"]
        for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    ]
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"shown", "done"} <= {line["outcome"] for line in logged}
    secrets = [*(url.rpartition("/")[2] for url in links(cloud)), "Kim", "Sam", "calling the carrier"]
    assert not [secret for secret in secrets for line in lines if secret in line]


def test_lambda_counts_the_requests_of_the_url(cloud: LocalCloud) -> None:
    HTTP.request("GET", links(cloud)[0].rpartition("/")[0] + "/nothing")
    cloud.clock.advance_to(cloud.clock.now.replace(microsecond=0))
    dimensions = [{"Name": "FunctionName", "Value": FUNCTION}]
    for _ in range(3):
        cloud.tick(cloud.clock.now)
    listed = cloud.client("cloudwatch").list_metrics(Namespace="AWS/Lambda", Dimensions=dimensions)["Metrics"]
    assert {"UrlRequestCount", "Url4xxCount", "Url5xxCount"} <= {one["MetricName"] for one in listed}


def test_the_urls_own_permission_alone_lets_nobody_in(cloud: LocalCloud) -> None:
    client = cloud.client("lambda")
    statements = json.loads(client.get_policy(FunctionName=FUNCTION)["Policy"])["Statement"]
    (invoke,) = [one["Sid"] for one in statements if one["Action"] == "lambda:InvokeFunction"]
    url = links(cloud)[0]
    client.remove_permission(FunctionName=FUNCTION, StatementId=invoke)
    answer = HTTP.request("GET", url)
    assert (answer.status, b"Forbidden" in answer.data) == (403, True)

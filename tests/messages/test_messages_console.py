"""Links to the AWS console: in each partition they lead to its own."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deliverywatch.alerting.mail import links
from deliverywatch.messages.console import console, partition
from deliverywatch.queries.run.notices import links_of

SOURCE = Path(__file__).parents[2] / "src"
REGIONS = {
    "eu-central-1": ("aws", "https://eu-central-1.console.aws.amazon.com/"),
    "us-gov-west-1": ("aws-us-gov", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
    "eusc-de-east-1": ("aws-eusc", "https://eusc-de-east-1.console.amazonaws-eusc.eu/"),
    "cn-northwest-1": ("aws-cn", "https://cn-northwest-1.console.amazonaws.cn/"),
}


@pytest.mark.parametrize("region", REGIONS)
def test_every_link_leads_to_the_console_of_its_partition(region: str) -> None:
    name, home = REGIONS[region]
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    urls = [
        links.alarm_url(region, "deliverywatch-prod-sms-critical"),
        links.dashboard_url(region, "deliverywatch-prod-sms", noon, noon),
        links.saved_queries_url(region, "deliverywatch-prod"),
        *(url for _, url in links_of(region, "execution", "s3://bucket/key")),
    ]
    assert (partition(region), f"{console(region)}/") == (name, home)
    assert all(url.startswith(home) for url in urls)


def test_no_module_builds_such_an_address_itself() -> None:
    own = re.compile(r"console\.(aws\.amazon|amazonaws)|amazonaws-us-gov|[\"']aws-cn[\"']")
    modules = [path for path in SOURCE.rglob("*") if path.suffix in (".py", ".j2") and path.name != "console.py"]
    assert [str(path.relative_to(SOURCE)) for path in modules if own.search(path.read_text())] == []

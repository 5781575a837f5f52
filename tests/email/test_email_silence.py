"""Silence in the deployed stack: mails go out, and whether their events land is seen within the hour."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.mail.outbox import Mail
from deliverywatch.local.demo import email_day

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def mails(built: Path, template: dict[str, Any]) -> Iterator[list[Mail]]:
    """Within an hour 300 orders in three minutes with the destination off, and two newsletters that land."""
    with LocalCloud(START) as cloud:
        email_day.deploy(cloud, template, built)
        email_day.switch(cloud, "transactional", enabled=False)
        for number in range(60):
            for person in range(100 if number in (10, 11, 12) else 0):
                email_day.send(cloud, "transactional", f"customer{person}@example.com", "Your order", "orders")
            for person in range(150 if number in (7, 44) else 0):
                email_day.send(cloud, "newsletter", f"reader{person}@example.com", "Issue 12", "issue-12")
            minute = START + (number + 1) * MINUTE
            cloud.run_schedules(minute)
            cloud.tick(minute)
        assert not cloud.failures
        yield cloud.outbox()


def test_orders_whose_events_never_land_are_one_mail_and_newsletters_that_land_none(mails: list[Mail]) -> None:
    (mail,) = mails
    assert mail.subject.startswith("[BLIND] Transactional events do not land - ")
    assert START + 25 * MINUTE < mail.sent_at < START + 45 * MINUTE


def test_the_mail_names_the_configuration_set_and_the_log_groups_and_promises_nothing_that_waits(
    mails: list[Mail],
) -> None:
    words = " ".join(mails[0].text().split())
    assert "SES sends mails with the configuration set daily-system-design-transactional-prod" in words
    assert "/aws/kinesisfirehose/email-events-transactional-prod" in words
    assert "nothing waits anywhere" in words
    assert "email replay" not in words

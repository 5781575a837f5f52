"""One recorded mail per event: a change of a mail is a change of tests/alerting/golden, to be looked at.

DELIVERYWATCH_UPDATE_GOLDEN=1 scripts/test tests/alerting/test_alerting_golden.py writes them anew.
"""

import email
import os
from collections.abc import Callable
from email import policy
from pathlib import Path

import pytest
from alerting_fakes import World
from alerting_held_stories import STORIES as HELD_STORIES
from alerting_stories import acknowledged, blind, events, incident, outage, overdue, requested_test, trickle

GOLDEN = Path(__file__).with_name("golden")
STORIES: dict[str, tuple[Callable[[World], None], list[str]]] = {
    "incident": (incident, ["opened", "escalated", "downgraded", "resolved"]),
    "outage": (outage, ["opened"]),
    "blind": (blind, ["opened", "resolved"]),
    "overdue": (overdue, ["opened"]),
    "trickle": (trickle, ["opened"]),
    "metric": (events("sns_metric.json"), ["opened"]),
    "metric-math": (events("sns_metric_math.json"), ["opened"]),
    "composite": (events("sns_composite.json"), ["opened"]),
    "anomaly": (events("sns_anomaly.json"), ["opened"]),
    "old-fields": (events("sns_old_fields.json"), ["opened"]),
    "hostile": (events("sns_hostile.json"), ["opened"]),
    "not-json": (events("sns_not_json.json"), ["notice"]),
    "unknown-message": (events("sns_unknown_message.json"), ["notice"]),
    "system-notice": (events("sns_system_notice.json"), ["opened"]),
    "lambda-alarm": (events("lambda_alarm.json"), ["opened"]),
    "contributor": (events("sns_contributor.json"), ["opened"]),
    "cross-account": (events("sns_cross_account.json"), ["opened"]),
    "test": (requested_test, ["test"]),
    "acknowledged": (acknowledged, ["opened", "escalated"]),
    "insufficient-data": (events("sns_insufficient_data.json"), []),
    "ok-after-deploy": (events("sns_ok_after_deploy.json"), []),
    **HELD_STORIES,
}


def content(message: bytes) -> list[object]:
    """Return headers and parts; how a release of Python folds a header or quotes a line is not the mail's business."""
    mail = email.message_from_bytes(message, policy=policy.default)
    headers = [(name, " ".join(str(value).split())) for name, value in mail.items()]
    return [
        headers,
        *[(part.get_content_type(), part.get_content()) for part in mail.walk() if not part.is_multipart()],
    ]


@pytest.mark.parametrize("name", STORIES)
def test_the_mails_of_a_story_are_as_recorded(name: str) -> None:
    story, expected = STORIES[name]
    world = World()
    story(world)
    assert [str(mail["X-DeliveryWatch-Event"]).lower() for mail in world.ses.mails] == expected
    for event, message in zip(expected, world.ses.messages, strict=True):
        path = GOLDEN / f"{name}-{event}.eml"
        if os.environ.get("DELIVERYWATCH_UPDATE_GOLDEN"):
            path.write_bytes(message)
        assert content(message) == content(path.read_bytes()), f"{path.name} differs; look at it, then record it anew"


def test_no_recorded_mail_is_left_over() -> None:
    names = {f"{name}-{event}.eml" for name, (_, found) in STORIES.items() for event in found}
    assert {path.name for path in GOLDEN.glob("*.eml")} == names

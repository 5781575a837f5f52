"""One recorded payload per channel and event: a change of a message is a change of tests/alerting/golden_channels.

DELIVERYWATCH_UPDATE_GOLDEN=1 scripts/test tests/alerting/test_alerting_channel_golden.py writes them anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alerting_stories import acknowledged, blind, events, incident, outage
from channel_fakes import Everything

from deliverywatch.alerting.channels import webhook

if TYPE_CHECKING:
    from deliverywatch.local.channels.receiver import Request

GOLDEN = Path(__file__).with_name("golden_channels")
STORIES = {
    "incident": incident,
    "outage": outage,
    "blind": blind,
    "acknowledged": acknowledged,
    "hostile": events("sns_hostile.json"),
}
SCHEMA = json.loads(Path(webhook.__file__).with_name("schema.json").read_text())


def recorded(requests: list[Request]) -> list[dict[str, Any]]:
    """What was sent, with the headers that are ours."""
    own = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return [
        {"headers": {name: request.headers[name] for name in own if name in request.headers}}
        | {"body": json.loads(request.body)}
        for request in requests
    ]


@pytest.mark.parametrize("name", STORIES)
def test_the_payloads_of_a_story_are_as_recorded(name: str) -> None:
    with Everything() as world, Everything(has_bot=True) as with_bot:
        STORIES[name](world)
        STORIES[name](with_bot)
        servers = {**world.servers, "slack-bot": with_bot.slack}
        sent = {kind: recorded(server.requests) for kind, server in servers.items()}
    for kind, payloads in sent.items():
        path = GOLDEN / f"{name}-{kind}.json"
        text = json.dumps(payloads, indent=1, ensure_ascii=False) + "\n"
        if os.environ.get("DELIVERYWATCH_UPDATE_GOLDEN"):
            path.write_text(text)
        assert text == path.read_text(), f"{path.name} differs; look at it, then record it anew"


def test_no_recorded_payload_is_left_over() -> None:
    kinds = ("slack", "slack-bot", "teams", "webhook")
    assert {path.name for path in GOLDEN.glob("*.json")} == {
        f"{name}-{kind}.json" for name in STORIES for kind in kinds
    }


def kind_of(value: object) -> str:
    names = {bool: "boolean", str: "string", dict: "object", list: "array", type(None): "null"}
    return names.get(type(value), "integer" if isinstance(value, int) else "number")


def agree(value: Any, schema: dict[str, Any]) -> None:
    """Assert the part of JSON Schema that the file uses."""
    allowed = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    assert kind_of(value) in allowed or (kind_of(value) == "integer" and "number" in allowed)
    assert "enum" not in schema or value in schema["enum"]
    if isinstance(value, dict):
        assert set(schema["required"]) == set(value) == set(schema["properties"])
        for name, part in value.items():
            agree(part, schema["properties"][name])
    for part in value if isinstance(value, list) else ():
        agree(part, schema["items"])


@pytest.mark.parametrize("name", STORIES)
def test_a_payload_of_the_webhook_is_as_its_schema_says(name: str) -> None:
    for sent in json.loads((GOLDEN / f"{name}-webhook.json").read_text()):
        agree(sent["body"], SCHEMA)

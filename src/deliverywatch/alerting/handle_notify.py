"""The Lambda function `alerting-notify`: SNS messages of the alerts topic, and the sweep of EventBridge Scheduler."""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from deliverywatch.alerting.aws import CloudWatch, Secrets, Ses, Stack, Topic, lake
from deliverywatch.alerting.aws_links import signers
from deliverywatch.alerting.channels.protocol.http import Web
from deliverywatch.alerting.incidents.severity import Watch, watches
from deliverywatch.alerting.inputs.settings import from_environment
from deliverywatch.alerting.notify import Notifier
from deliverywatch.alerting.ports import ChannelPorts, Ports, StableStack
from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.scheduled import filled_in

_LINE = {"event": "alerting_notify"}
WATCHES = Path(__file__).with_name("watches.json")


@filled_in
def handler(event: object, lambda_context: Any) -> dict[str, Any]:
    """Turn messages into mails, and return the outcomes; they, or the error that makes Lambda retry, are logged."""
    settings = from_environment(os.environ)
    invocation = str(getattr(lambda_context, "aws_request_id", "") or id(event))
    notifier = Notifier(_ports(), settings, _watches(settings.prefix), invocation)
    try:
        result = {"outcomes": [asdict(outcome) for outcome in notifier.run(event, datetime.now(UTC))]}
    except DeliveryWatchError as error:
        print(json.dumps(_LINE | error.as_fields()), flush=True)
        raise
    print(json.dumps(_LINE | result), flush=True)
    return result


@cache
def _ports() -> Ports:
    cloudwatch = CloudWatch()
    return Ports(
        alarms=cloudwatch,
        store=lake(os.environ["DELIVERYWATCH_BUCKET"]),
        mailer=Ses(),
        fallback=Topic(os.environ["DELIVERYWATCH_FALLBACK_TOPIC"]),
        charts=cloudwatch,
        stack=Stack(name) if (name := os.environ.get("DELIVERYWATCH_STACK")) else StableStack(),
        channels=ChannelPorts(secrets=Secrets(), http=Web()),
        signer=signers(os.environ) if os.environ.get("DELIVERYWATCH_PAGE_URL") else None,
    )


@cache
def _watches(prefix: str) -> tuple[Watch, ...]:
    # Written into the zip by cfn/build.py; without it every alarm is a watch of its own.
    declared = watches(json.loads(WATCHES.read_text(encoding="utf-8")), prefix) if WATCHES.exists() else ()
    switched_off = os.environ.get("DELIVERYWATCH_SWITCHED_OFF", "").split(",")
    return tuple(watch for watch in declared if watch.name not in switched_off)

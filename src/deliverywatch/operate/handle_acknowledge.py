"""The Lambda function `operate-acknowledge`: requests of its function URL -> the page of an incident."""

import json
import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from deliverywatch.alerting.aws import lake
from deliverywatch.alerting.aws_links import signers
from deliverywatch.alerting.incidents.severity import watches
from deliverywatch.alerting.mail import formatting
from deliverywatch.environment import required
from deliverywatch.operate.acknowledge import Responder
from deliverywatch.operate.incident_page.aws import MuteRules
from deliverywatch.operate.incident_page.budget import Budget
from deliverywatch.operate.incident_page.request import request_of
from deliverywatch.thresholds import PAGE_REQUESTS_PER_MINUTE

WATCHES = Path(__file__).with_name("watches.json")


def handler(event: object, _context: Any) -> dict[str, Any]:
    """Answer a request; the log names the incident and what became of the request, and no link, address or person."""
    response = _responder().respond(request_of(event), datetime.now(UTC))
    line = {"status": response.answer["statusCode"], "outcome": response.outcome}
    named = {"incident": response.incident, "action": response.action, "problem": response.problem}
    print(json.dumps({"event": "operate_acknowledge", **line, **named}), flush=True)
    return dict(response.answer)


@cache
def _responder() -> Responder:
    prefix = required(os.environ, "DELIVERYWATCH_PREFIX")
    return Responder(
        store=lake(required(os.environ, "DELIVERYWATCH_BUCKET")),
        signer=signers(os.environ),
        rules=MuteRules(),
        # Written into the zip by cfn/build.py.
        watches=watches(json.loads(WATCHES.read_text(encoding="utf-8")), prefix) if WATCHES.exists() else (),
        prefix=prefix,
        clock=formatting.clock(os.environ.get("DELIVERYWATCH_TIME_ZONE") or "UTC"),
        budget=Budget(PAGE_REQUESTS_PER_MINUTE),
    )

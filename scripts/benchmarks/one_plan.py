"""One cold start of the reconciler up to its plan, in a process of its own; prints what it took as JSON.

The service is a stand-in that answers with what AWS would send: its answers are made before the clock starts, and they
are handed over parsed, so that what is measured is our own time.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from peak import peak_bytes

BEGAN = time.process_time()
COUNTRIES = ("AU", "NZ", "IT", "DE", "FR", "ES", "PT", "US", "CA", "BR")


def main(count: int, kind: str) -> None:
    """Plan over so many queries, half of them changed by hand.

    `kind` says what the last round knew of the file: `known` all of it; `new` nothing, its statements are a hundred
    that differ in texts and numbers otherwise; `strange` nothing, and no two are alike.
    """
    from deliverywatch.queries import handle_reconcile  # noqa: F401 - the whole handler is loaded
    from deliverywatch.queries.aws import Scheduler
    from deliverywatch.queries.config import source
    from deliverywatch.queries.schedule import apply
    from deliverywatch.queries.schedule.plan import Rules, plan
    from deliverywatch.queries.schedule.specification import Wiring, desired
    from deliverywatch.storage.memory import Memory

    loaded = time.process_time() - BEGAN
    body = json.dumps({"queries": {f"query-{number:05}": entry(number, kind) for number in range(count)}}).encode()
    service, lake, given = Service(), Memory(), Given(body)
    wiring = Wiring("pn", "arn:execute", "arn:role", "arn:queue")
    if kind == "known":
        source.current(given, lake, "pn", NOW)
    service.answers = {f"pn-query-{number:05}": answer(number, wiring) for number in range(count)}
    scheduler = Scheduler(service, "group")

    began = time.process_time()
    current = source.current(given, lake, "pn", NOW)
    wanted = desired(current.config.queries.values(), wiring)
    planned = plan(wanted, apply.observe(scheduler, wiring.prefix), Rules())
    seconds = time.process_time() - began

    assert (len(planned.changes), len(planned.unchanged)) == (count // 2, count - count // 2)
    peak, calls = peak_bytes(), service.calls
    reference = reference_seconds(service, body)
    print(json.dumps([loaded, seconds, peak, calls, reference]))


def entry(number: int, kind: str = "strange") -> dict[str, Any]:
    name = number if kind == "strange" else number % 100
    sql = (
        "SELECT country, status_code, count(*) AS messages, "
        f"round(100.0 * count_if(outcome = 'failed') / count(*), 2) AS failed_{name} "
        f"FROM sms_messages WHERE dt = '{{DATE}}' AND country = {{country}} AND slot > {number} "
        "GROUP BY country, status_code HAVING count(*) > 10 ORDER BY messages DESC"
    )
    return {
        "description": f"Query {number}",
        "schedule": f"cron({number % 60} {number % 24} * * ? *)",
        "timezone": "Europe/Rome",
        "query": sql,
        "parameters": {"country": COUNTRIES[number % 10]},
        "alerts": [{"name": "high", "threshold": {"operator": ">", "value": 100}}],
    }


def answer(number: int, wiring: Any) -> dict[str, Any]:
    """What GetSchedule says of it; every second one was changed by hand."""
    from deliverywatch.queries.config import file
    from deliverywatch.queries.schedule.specification import desired

    made = file.one({"x": entry(number)}, "x")
    assert made is not None
    (wanted,) = desired([made], wiring).values()
    request = wanted.request() | {"Name": f"pn-query-{number:05}"}
    request["Target"]["Input"] = request["Target"]["Input"].replace('"x"', f'"query-{number:05}"')
    changed = {"ScheduleExpression": "rate(9 days)"} if number % 2 else {}
    return {"Arn": "arn", "GroupName": "group", **request, **changed}


def reference_seconds(service: Any, body: bytes) -> float:
    """What no reconciler can do without: boto3 asks for every schedule, the wire left out, and JSON reads the file."""
    import boto3
    from botocore.awsrequest import AWSResponse

    client = boto3.client("scheduler", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    sent = {name: json.dumps(answer).encode() for name, answer in service.answers.items()}

    def instead(request: Any, **_: Any) -> Any:
        content = sent[request.url.partition("?")[0].rpartition("/")[2]]
        return AWSResponse(request.url, 200, {"content-type": "application/json"}, Raw(content))

    client.meta.events.register("before-send.scheduler", instead)
    began = time.process_time()
    json.loads(body)
    for name in sent:
        client.get_schedule(GroupName="group", Name=name)
    return time.process_time() - began


class Raw:
    """A body that has come already."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, *_: Any, **__: Any) -> Any:
        """Yield it at once."""
        yield self.content


class Service:
    """boto3's client of Scheduler."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self.calls = 0

    def get_paginator(self, _: str) -> Service:
        return self

    def paginate(self, **_: Any) -> Any:
        names = sorted(self.answers)
        for first in range(0, len(names), 100):
            self.calls += 1
            yield {"Schedules": [{"Name": name} for name in names[first : first + 100]]}

    def get_schedule(self, Name: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        return self.answers[Name]


class Given:
    """A source whose file is always sent."""

    url = "https://example.com/queries.json"

    def __init__(self, body: bytes) -> None:
        self.body = body

    def fetch(self, _: str) -> Any:
        from deliverywatch.queries.config.source import Fetched, revision_of

        return Fetched(self.body, revision_of(self.body))


if __name__ == "__main__":
    from datetime import UTC, datetime

    NOW = datetime.now(UTC)
    main(int(sys.argv[1]), sys.argv[2])

"""What happens to a stack in the golden mails: each story tells the notifier and leaves its mails in the world."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alerting_fakes import World, at

from deliverywatch.alerting.incidents.ack import acknowledge
from deliverywatch.alerting.incidents.incident import Ack

EVENTS = Path(__file__).parents[1] / "events"
CONTEXT = json.loads((EVENTS / "sms_context.json").read_text())
QUIET = [(260 + 17 * (number % 5), 2 + number % 3) for number in range(14)]
PROBLEM = {
    "kind": "unauthorized",
    "since": "2026-11-21T11:30:00Z",
    "sentence": "ClickSend refuses our key (401).",
    "steps": [
        "Check in ClickSend's dashboard whether the API key was changed or the account was locked.",
        "Put the valid key into the SSM parameter /deliverywatch/prod/clicksend/api_key.",
        "Nothing else is to be done: the next run reads everything that was missed.",
    ],
}


def context(until: str, counts: list[tuple[int, int]], **changes: Any) -> bytes:
    """Return a context whose last slot ends at a time; counts are (total, failed) of its last slots."""
    all_counts = (QUIET + counts)[-18:]
    first = at(until) - timedelta(minutes=10 * len(all_counts))
    slots = [
        {
            "start": iso(first + timedelta(minutes=10 * number)),
            "total": total,
            "failed": failed,
        }
        | {"recipients_last_failed": round(failed * 0.9)}
        for number, (total, failed) in enumerate(all_counts)
    ]
    document = json.loads(json.dumps(CONTEXT | {"slots": slots, "updated_at": iso(at(until))} | changes))
    for sample in document["window"]["samples"]:
        sample["time"] = iso(at(until) - timedelta(seconds=29))
    return json.dumps(document).encode()


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def spread_window() -> dict[str, Any]:
    groups = {
        "carrier": [
            {"name": "Telstra", "total": 520, "failed": 41},
            {"name": "Optus", "total": 391, "failed": 27},
            {"name": "Vodafone", "total": 293, "failed": 17},
        ]
    }
    reasons = [
        {"code": "301", "text": "Rejected by the provider", "fault": "provider", "count": 85, "share_percent": 100}
    ]
    return CONTEXT["window"] | {"groups": groups, "reasons": reasons}


def incident(world: World) -> None:
    """A warning, an outage, its step down and its end: OPENED, ESCALATED, DOWNGRADED, RESOLVED."""
    steps = ["Look at ClickSend's status page: this code means that ClickSend itself did not take the messages."]
    put(world, context("12:00", [(388, 3), (402, 25), (395, 44)], window=spread_window(), steps=steps))
    world.cloudwatch.measure(72, 1185)
    world.cloudwatch.set("sms-warning-recovery", "ALARM", at("12:04"))
    world.alarm("sms-warning", "ALARM", "12:04")
    put(world, context("12:10", [(402, 25), (395, 154), (407, 170)]))
    world.cloudwatch.measure(349, 1204)
    world.cloudwatch.set("sms-critical-recovery", "ALARM", at("12:14"))
    world.alarm("sms-critical", "ALARM", "12:14")
    world.cloudwatch.measure(496, 1211)
    world.sweep(at("12:20"))
    put(world, context("13:00", [(395, 154), (407, 170), (409, 172), (398, 60), (391, 40), (402, 31)]))
    world.cloudwatch.measure(131, 1191)
    world.cloudwatch.set("sms-critical", "OK", at("12:54"))
    world.alarm("sms-critical-recovery", "OK", "13:03", old="ALARM")
    after = [(395, 154), (407, 170), (409, 172), (398, 60), (391, 40), (402, 31), (377, 9), (381, 4), (392, 5)]
    put(world, context("13:30", after))
    world.cloudwatch.measure(18, 1150)
    world.cloudwatch.totals = {"failed": 711, "total": 3969}
    world.cloudwatch.set("sms-warning", "OK", at("13:24"))
    world.alarm("sms-warning-recovery", "OK", "13:34", old="ALARM")


def outage(world: World) -> None:
    """An outage at once: one mail, CRITICAL, though the warning's message comes first; CloudWatch draws the chart."""
    put(world, context("12:00", [(388, 3), (402, 25), (395, 154), (407, 330)]))
    world.cloudwatch.picture = drawn()
    world.cloudwatch.measure(509, 1204)
    world.alarm("sms-warning", "ALARM", "12:04")
    world.alarm("sms-critical", "ALARM", "12:04")


def acknowledged(world: World) -> None:
    """A warning that somebody takes on before it gets worse."""
    put(world, context("12:00", [(388, 3), (402, 25), (395, 44)], window=spread_window()))
    world.cloudwatch.measure(72, 1185)
    world.alarm("sms-warning", "ALARM", "12:04")
    acknowledge(world.store, "sms-failures", "INC-1121-1204", Ack("Kim", at("12:09"), "calling the carrier"))
    put(world, context("12:10", [(402, 25), (395, 154), (407, 170)]))
    world.cloudwatch.measure(349, 1204)
    world.alarm("sms-critical", "ALARM", "12:14")


def requested_test(world: World) -> None:
    """Somebody tries the alert path."""
    asked = {"deliverywatch": 1, "watch": "test", "level": "critical", "test": True, "by": "Kim"}
    world.tell({**asked, "time": "2026-11-21T12:04:00Z"})


def blind(world: World) -> None:
    """ClickSend refuses the key, and later takes it again."""
    put(world, context("11:30", [(388, 3)], problem=PROBLEM, updated_at="2026-11-21T11:20:03Z"))
    world.cloudwatch.values["deliverywatch-prod-sms-blind"] = {"filled": 0.0, "runs": 0.0}
    world.alarm("sms-ingest-errors", "ALARM", "11:54")
    world.alarm("sms-blind", "ALARM", "12:01")
    put(world, context("12:40", [(388, 3), (371, 2)]))
    world.cloudwatch.values["deliverywatch-prod-sms-blind"] = {"filled": 1.0, "runs": 1.0}
    world.alarm("sms-blind", "OK", "12:41", old="ALARM")
    world.alarm("sms-ingest-errors", "OK", "12:50", old="ALARM")


def overdue(world: World) -> None:
    """ClickSend accepts messages and nothing arrives."""
    put(world, context("12:00", [(388, 0), (371, 0)], overdue={"pending": 812, "total": 1180, "percent": 68.8}))
    world.cloudwatch.values["deliverywatch-prod-sms-overdue"] = {"value": 68.8}
    world.alarm("sms-overdue", "ALARM", "12:06")


def trickle(world: World) -> None:
    """A small account fails all night."""
    put(world, context("03:00", [(2, 1), (1, 0), (3, 2), (0, 0)]))
    world.cloudwatch.measure(9, 22)
    world.cloudwatch.set("sms-critical", "OK", at("03:00"))
    world.cloudwatch.values = {"deliverywatch-prod-sms-trickle": {"share": 40.9, "failed": 9, "total": 22}}
    world.alarm("sms-trickle", "ALARM", "03:02")


def events(name: str) -> Callable[[World], None]:
    """Return the story of one recorded event of tests/events."""

    def story(world: World) -> None:
        world.cloudwatch.is_down = True
        world.tell(json.loads((EVENTS / name).read_text()))

    return story


def put(world: World, document: bytes) -> None:
    world.store.memory.write("state/sms.json", document)


def drawn() -> bytes:
    """Return a picture: one grey pixel is enough for the mail."""
    import base64

    return base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
    )

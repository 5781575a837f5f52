"""What the tests of pipelines share: recorded events, a declared pipeline, and ports that remember."""

import copy
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deliverywatch.pipeline.declaration.histories import History
from deliverywatch.pipeline.declaration.pipelines import pipelines_of
from deliverywatch.storage import memory

EVENTS = Path(__file__).parents[1] / "events"

DECLARED: dict[str, Any] = {
    "pipeline": [
        {
            "name": "sf_user",
            "state_machine": "sf_user_pipeline",
            "database": "sf_user",
            "artifacts": "s3://artifacts/sf_user/",
            "steps": {
                "Ingest": "ingest",
                "Validate": "ingest",
                "DbtRun": "transform",
                "DbtTest": "test",
                "ValidateHistory": "integrity",
                "HandleError": "monitor",
            },
            "records": {
                "table": "users",
                "loaded_at": "loaded_at",
                "changed_at": "changed_at",
                "required": ["user_id", "email"],
            },
            "history": [
                {
                    "table": "users_history",
                    "key": ["user_id"],
                    "valid_from": "valid_from",
                    "valid_to": "valid_to",
                    "is_current": "is_current",
                    "is_deleted": "is_deleted",
                    "tracked": ["email", "plan"],
                }
            ],
        }
    ]
}
PIPELINES = pipelines_of(DECLARED)
SF_USER = PIPELINES[0]

# What a history has to be declared with.
PLAIN = {"table": "h", "key": ["k"], "valid_from": "f", "valid_to": "t"}


def history(**declared: Any) -> History:
    """The history that is declared so."""
    document = {"pipeline": [{"name": "p", "state_machine": "m", "database": "d", "history": [declared]}]}
    return pipelines_of(document)[0].histories[0]


def event(name: str) -> Any:
    """A recorded event, a fresh copy of it."""
    return json.loads((EVENTS / f"{name}.json").read_text())


def states_event(status: str = "SUCCEEDED", **detail: Any) -> Any:
    """An event of Step Functions with these details."""
    base = event("states_succeeded" if status == "SUCCEEDED" else "states_failed")
    base["detail"] |= {"status": status, **detail}
    return base


class Executions:
    """Step Functions with what it says of each execution."""

    def __init__(
        self, description: Mapping[str, Any] | None = None, history: Iterable[Mapping[str, Any]] | None = None
    ) -> None:
        self.description, self.calls = description, Counter[str]()
        self.events = good_history() if history is None else list(history)
        self.items: dict[str, int] = {}
        self.refusal: Exception | None = None
        self.machine: Any = {}

    def describe(self, arn: str) -> Mapping[str, Any]:
        self.calls[f"describe {arn}"[:8]] += 1
        assert self.description is not None
        return self.description

    def history(self, arn: str) -> list[Mapping[str, Any]]:
        self.calls[f"history {arn}"[:7]] += 1
        if self.refusal:
            raise self.refusal
        return self.events

    def definition(self, arn: str) -> Any:
        self.calls[f"definition {arn}"[:10]] += 1
        return self.machine

    def map_run(self, arn: str) -> Mapping[str, Any]:
        self.calls[f"map_run {arn}"[:7]] += 1
        return {"mapRunArn": arn, "itemCounts": self.items}


class Artifacts(dict[str, bytes]):
    """Objects by address."""

    def fetch(self, address: str) -> bytes | None:
        return self.get(address)


class Memory(memory.Memory):
    """A store in memory; `race` runs before the next conditional write."""

    race: Any = None

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        if self.race:
            race, self.race = self.race, None
            race()
        super().write_if_unchanged(key, body, etag, metadata)

    def json(self, key: str) -> Any:
        return json.loads(self.objects[key])


def step(name: str, kind: str = "Task") -> dict[str, Any]:
    """The event of a history that a state was entered."""
    return {"type": f"{kind}StateEntered", "stateEnteredEventDetails": {"name": name, "input": "{}"}}


def good_history() -> list[dict[str, Any]]:
    """The history of a run that has gone through every step that is declared."""
    return [
        event for name, where in SF_USER.steps.items() if where != "monitor" for event in (step(name), succeeded({}))
    ]


def succeeded(output: Any) -> dict[str, Any]:
    return {"type": "TaskSucceeded", "taskSucceededEventDetails": {"output": json.dumps(output)}}


def failed(error: str, cause: Any = "") -> dict[str, Any]:
    text = cause if isinstance(cause, str) else json.dumps(cause)
    return {"type": "TaskFailed", "taskFailedEventDetails": {"error": error, "cause": text}}


def dbt(name: str = "v6", **changes: Any) -> bytes:
    """A `run_results.json` with some of its fields changed."""
    return json.dumps(event(f"dbt_{name}") | copy.deepcopy(changes)).encode()

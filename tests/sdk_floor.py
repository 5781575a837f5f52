"""botocore as old as the functions must work with: what is newer than the floor is taken out of its models.

Run as a program it writes that list anew, from the models of the floor's release, which pip fetches. Where functions
run in a process of their own (the local cloud), `script` is what it runs first; what the SDK refused is in a file.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.client import BaseClient
from botocore.loaders import Loader

NEWER = Path(__file__).parent / "sdk/newer_than_floor.json"
# Whatever a function calls; `test_sdk_floor` finds a service that is missing here.
SERVICES = (
    "athena", "ce", "cloudformation", "cloudwatch", "dynamodb", "events", "firehose", "glue", "iam", "kms", "lambda",
    "logs", "s3", "scheduler", "sesv2", "sns", "sqs", "ssm", "stepfunctions",
)  # fmt: skip


def newer() -> dict[str, dict[str, Any]]:
    """By service the operations, and by shape the members, that the floor's release does not have."""
    read: dict[str, dict[str, Any]] = json.loads(NEWER.read_text())
    return read


def unknown_of_operations() -> dict[str, set[str]]:
    """By operation, as boto3 calls it, what the floor's release does not know: itself, or members of its input."""
    found: dict[str, set[str]] = {}
    for service, lacking in newer().items():
        model = Loader().load_service_model(service, "service-2")
        for name, operation in model["operations"].items():
            shapes = _inputs(model, operation) if "input" in operation else set()
            members = {member for shape in shapes for member in lacking["members"].get(shape, ())}
            itself = {xform_name(name)} if name in lacking["operations"] else set()
            found.setdefault(xform_name(name), set()).update(members | itself)
    return found


def at_floor(model: dict[str, Any], lacking: dict[str, Any]) -> dict[str, Any]:
    """A service's model without what the floor's release lacks."""
    shapes = {name: _without(shape, lacking["members"].get(name, ())) for name, shape in model["shapes"].items()}
    operations = {name: made for name, made in model["operations"].items() if name not in lacking["operations"]}
    return {**model, "shapes": shapes, "operations": operations}


def _without(shape: dict[str, Any], members: Any) -> dict[str, Any]:
    if not members:
        return shape
    return {**shape, "members": {name: made for name, made in shape["members"].items() if name not in members}}


def install(refused: Path | None = None, replace: Callable[[Any, str, Any], None] = setattr) -> None:
    """Let every client of this process be as old as the floor; what it refuses is added to a file, if there is one."""
    whole, lacking, unknown = Loader.load_service_model, newer(), BaseClient.__getattr__

    def load(self: Any, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        model = whole(self, service_name, type_name, api_version)
        known = service_name in lacking
        return at_floor(model, lacking[service_name]) if known and type_name == "service-2" else model

    def missing(self: Any, item: str) -> Any:
        if refused:
            with refused.open("a") as file:
                file.write(f"{item}\n")
        return unknown(self, item)

    replace(Loader, "load_service_model", load)
    replace(BaseClient, "__getattr__", missing)
    if refused:
        _record_parameters(refused)


def _record_parameters(refused: Path) -> None:
    from botocore.exceptions import ParamValidationError

    begin = ParamValidationError.__init__

    def noted(self: Any, **fields: Any) -> None:
        with refused.open("a", encoding="utf-8") as file:
            file.write(f"{fields.get('report')}\n")
        begin(self, **fields)

    ParamValidationError.__init__ = noted


def script(refused: Path) -> str:
    """What a function's process runs first."""
    path = f"import sys, pathlib; sys.path.append({str(Path(__file__).parent)!r})"
    return f"{path}; import sdk_floor; sdk_floor.install(pathlib.Path({str(refused)!r}))\n"


def _differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    operations = sorted(new["operations"].keys() - old["operations"].keys())
    shapes = {name for made in old["operations"].values() if "input" in made for name in _inputs(new, made)}
    members = {
        name: sorted(new["shapes"][name].get("members", {}).keys() - old["shapes"][name].get("members", {}).keys())
        for name in sorted(shapes & old["shapes"].keys())
    }
    return {"operations": operations, "members": {name: made for name, made in members.items() if made}}


def _inputs(model: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    waiting, reached = [operation["input"]["shape"]], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _parts(model["shapes"].get(name, {}))
    return reached


def _parts(shape: dict[str, Any]) -> Iterator[str]:
    yield from (part["shape"] for part in shape.get("members", {}).values())
    yield from (shape[kind]["shape"] for kind in ("member", "key", "value") if kind in shape)


def write() -> None:
    """Write the list anew."""
    from deliverywatch.sdk import FLOOR

    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            folder,
            f"botocore=={FLOOR}",
        ]
        subprocess.run(command, check=True)
        old = Loader(extra_search_paths=[f"{folder}/botocore/data"], include_default_search_paths=False)
        found = {
            name: _differences(
                old.load_service_model(name, "service-2"), Loader().load_service_model(name, "service-2")
            )
            for name in SERVICES
        }
    lines = (f"{json.dumps(name)}: {json.dumps(lacking)}" for name, lacking in found.items())
    NEWER.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write()

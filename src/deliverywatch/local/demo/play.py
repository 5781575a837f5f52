"""What the plays of all systems share: the stack is built and deployed, lives minute by minute, and leaves a result.

A play is a module `<system>_day` with `perform(out, progress, environ, now, fast)`, which `deliverywatch demo --system`
calls: it opens a `stage`, deploys, lives, and returns what `report.write` made. Read `files_day` for an example.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from deliverywatch.errors import ConfigurationError, InputError
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import chats
from deliverywatch.storage.store import read_listed

STACK = "deliverywatch-prod"
SENDER = "deliverywatch@example.com"
RECIPIENT = "support@example.com"
MINUTE = timedelta(minutes=1)

_BUILD = Path(__file__).parents[4] / "cfn" / "build.py"
_ALERTING = {"SenderAddress": SENDER, "AlertRecipients": RECIPIENT, "FallbackAddress": "oncall@example.com"}


class Progress(Protocol):
    """Shows how far a play is."""

    def step(self, text: str) -> None:
        """Begin a step of unknown length."""

    def day(self, minutes: int) -> None:
        """Begin to play that many minutes."""

    def minute(self, text: str) -> None:
        """One more minute is played; the text is the simulated time."""


def yesterday(now: datetime, hour: int = 0) -> datetime:
    """Return a full hour of the day before."""
    return now.replace(hour=hour, minute=0, second=0, microsecond=0) - timedelta(days=1)


@contextmanager
def stage(
    out: Path, progress: Progress, systems: Sequence[str], now: datetime
) -> Iterator[tuple[LocalCloud, dict[str, Any], Path]]:
    """Yield a local cloud at this simulated time, the template to deploy into it, and the folder that it lies in.

    `now` is aware, UTC, and within the last two weeks, as CloudWatch takes no older stamp; `out`, where the result will
    be, is emptied.
    """
    prepare(out)
    try:
        with _playing(now, progress, systems) as stage:
            yield stage
    except BaseException:
        # Also of Ctrl-C: half a result, or an empty folder, would look like one.
        shutil.rmtree(out, ignore_errors=True)
        raise


@contextmanager
def _playing(
    now: datetime, progress: Progress, systems: Sequence[str]
) -> Iterator[tuple[LocalCloud, dict[str, Any], Path]]:
    with tempfile.TemporaryDirectory(prefix="deliverywatch-build-") as name:
        progress.step("Building the template and the functions")
        template = build(Path(name), systems)
        progress.step("Starting the local cloud")
        with LocalCloud(now) as cloud, chats.opened(cloud):
            progress.step("Deploying the stack")
            yield cloud, template, Path(name)


def prepare(out: Path) -> None:
    """Empty the folder of an earlier play; leave any other alone.

    Raises:
        ConfigurationError: This is not a checkout of the repository.
        InputError: The folder holds something that is not ours.
    """
    if not _BUILD.is_file():
        raise ConfigurationError(
            "The demo deploys the template of cfn/build.py, which is not part of the installed package.",
            next_step="Run scripts/demo in a checkout of the repository.",
        )
    if out.exists() and any(out.iterdir()) and not (out / "timeline.json").exists():
        raise InputError(
            f"The folder {out} holds something else than an earlier demo.", next_step="Name another folder with --out."
        )
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)


def build(folder: Path, systems: Sequence[str] = ("sms",)) -> dict[str, Any]:
    """Build the template of these systems with their functions' code into a folder, and return it.

    Raises:
        ConfigurationError: The build fails.
    """
    extras = [word for name in ("example-pipeline", "incident-page") for word in ("--with", name)]
    options = ["--systems", ",".join(systems), *extras, "--bundle", "none", "--out", str(folder)]
    command = [sys.executable, str(_BUILD), *options]
    done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8", errors="replace")
    if done.returncode:
        raise ConfigurationError(f"cfn/build.py failed: {done.stderr.strip().splitlines()[-1]}")
    template: dict[str, Any] = json.loads((folder / "template.json").read_text(encoding="utf-8"))
    return template


def deploy(
    cloud: LocalCloud, template: Mapping[str, Any], folder: Path, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Deploy the stack with a verified sender and these parameters beside those of alerting; returns its outputs."""
    cloud.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    return cloud.deploy(template, _ALERTING | chats.parameters(cloud) | dict(parameters), folder, name=STACK)


def live(
    cloud: LocalCloud, start: datetime, end: datetime, progress: Progress, act: Callable[[datetime], None]
) -> None:
    """Live through every minute from start to end: the play acts, schedules run, alarms are evaluated, mails leave.

    `start` is an aware, full minute in UTC; `act` is what the world does to the stack at the beginning of a minute.
    """
    minutes = int((end - start) / MINUTE)
    progress.day(minutes)
    for number in range(minutes):
        minute = start + number * MINUTE
        cloud.clock.advance_to(minute)
        act(minute)
        cloud.run_schedules(minute)
        cloud.tick(minute)
        progress.minute(f"{minute:%H:%M}")


_HIVE = "org.apache.hadoop.hive.ql.io"
_FORMATS: Mapping[str, Mapping[str, Any]] = {
    "parquet": {
        "InputFormat": f"{_HIVE}.parquet.MapredParquetInputFormat",
        "OutputFormat": f"{_HIVE}.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{_HIVE}.parquet.serde.ParquetHiveSerDe"},
    },
    "json": {
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": f"{_HIVE}.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
    },
}


def create_table(
    cloud: LocalCloud, database: str, location: str, kind: str, columns: Mapping[str, str], *partition_keys: str
) -> None:
    """Make a Glue table of `parquet` or `json` over a folder (`s3://bucket/name/`), named like it."""
    described = [{"Name": name, "Type": column_type} for name, column_type in columns.items()]
    table = {
        "Name": location.split("/")[-2],
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": {"Columns": described, "Location": location, **_FORMATS[kind]},
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in partition_keys],
        "Parameters": {"classification": kind},
    }
    cloud.client("glue").create_table(DatabaseName=database, TableInput=table)


def lake_bucket(cloud: LocalCloud) -> str:
    """Return the bucket of the deployed stack."""
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return next(str(output["OutputValue"]) for output in stack["Outputs"] if output["OutputKey"] == "LakeBucket")


def documents(cloud: LocalCloud, bucket: str, prefix: str) -> list[Any]:
    """Return the JSON documents below a prefix, in the order of their keys."""
    store = cloud.bucket(bucket)
    return [json.loads(read_listed(store, key)) for key in store.keys(prefix)]


def copy_objects(cloud: LocalCloud, bucket: str, prefix: str, folder: Path) -> list[Path]:
    """Copy the objects below a prefix into a folder; returns the files."""
    store = cloud.bucket(bucket)
    paths = {key: folder / key for key in store.keys(prefix)}
    for key, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(read_listed(store, key))
    return list(paths.values())

"""Cold starts: whole processes that load a handler and make its first client, against the least that any such loads.

Each process is fresh and finds only our code, what the function's zip ships and what the Lambda runtime has. Ours and
the reference take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import importlib.metadata
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest import Figure

ROOT = Path(__file__).parents[2]
ROUNDS = 15
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
_CLIENT = "import boto3; boto3.client('{}', region_name='us-east-1')"


@dataclass(frozen=True, slots=True)
class Start:
    """A function's start, what it is compared with, and how often as long it may take."""

    name: str
    handler: str
    client: str
    reference: str
    packages: tuple[str, ...]
    limit: float


STARTS = (
    Start(
        name="notifier",
        handler="import deliverywatch.alerting.handle_notify",
        client=_CLIENT.format("sesv2"),
        reference="boto3 and a sesv2 client",
        packages=("jinja2", "tzdata"),
        limit=1.25,
    ),
    Start(
        name="ingest",
        handler="import deliverywatch.sms.handle_ingest",
        client=_CLIENT.format("s3"),
        reference="boto3, an s3 client and pyarrow.parquet",
        packages=("aws-embedded-metrics", "orjson", "pyarrow", "urllib3"),
        limit=1.7,
    ),
)


def figures(rounds: int = ROUNDS) -> Iterator[Figure]:
    """The medians of each start and of its reference, in milliseconds."""
    for start in STARTS:
        with tempfile.TemporaryDirectory() as shipped:
            _ship(Path(shipped), start.packages)
            yield _figure(start, Path(shipped), rounds)


def _figure(start: Start, shipped: Path, rounds: int) -> Figure:
    bare = start.client + ("; import pyarrow.parquet" if "pyarrow" in start.packages else "")
    whole = f"{start.handler}; {start.client}"
    pairs = [(_seconds(whole, shipped), _seconds(bare, shipped)) for _ in range(rounds + 1)][1:]
    ours, reference = (statistics.median(column) for column in zip(*pairs, strict=True))
    # Of pairs, because what slows the machine slows both of a pair.
    ratio = statistics.median(one / other for one, other in pairs)
    name = f"cold start of the {start.name} function, ms"
    return Figure(name, f"{1000 * ours:.0f}", f"{1000 * reference:.0f}, {start.reference} (limit {start.limit})", ratio)


def _seconds(code: str, shipped: Path) -> float:
    path = f"import sys; sys.path[:0] = [{str(ROOT / 'src')!r}, {str(shipped)!r}]; "
    environment = {"AWS_EC2_METADATA_DISABLED": "true", "PATH": os.environ["PATH"]}
    began = time.perf_counter()
    # -S leaves out all site-packages, -I the environment.
    subprocess.run([sys.executable, "-I", "-S", "-c", path + code], check=True, env=environment)
    return time.perf_counter() - began


def _ship(folder: Path, names: tuple[str, ...]) -> None:
    """Put into a folder what these packages need to be imported."""
    sys.path.insert(0, str(ROOT / "cfn"))
    from bundling.packages import closure

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for name in {*closure(names, "x86_64", version), *RUNTIME}:
        for top in {Path(file).parts[0] for file in importlib.metadata.files(name) or ()} - {".."}:
            installed = Path(str(importlib.metadata.distribution(name).locate_file(top)))
            if installed.exists() and not (folder / top).exists():
                (folder / top).symlink_to(installed)


if __name__ == "__main__":
    for line in figures():
        print(f"{line.figure:45} | {line.ours:>10} | {line.reference:60} | {line.ratio:.2f}")

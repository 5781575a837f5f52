"""Cold starts: whole processes that load a handler and make its first client, against the least that any such loads.

Each process is fresh and finds only our code, what the function's zip ships and what the Lambda runtime has. Ours and
the reference take turns, so that a busy machine slows both.
"""

import os
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from measure import ROOT, Figure, in_turns, python, ship

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
    about: str = ""


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
        name="notifier",
        about=" with its first message to Slack, Teams and a webhook",
        # What an invocation loads besides, of a stack that has these channels.
        handler="import deliverywatch.alerting.handle_notify, deliverywatch.alerting.channel_health; "
        "from deliverywatch.alerting.channels import slack, teams, webhook",
        client=_CLIENT.format("sesv2"),
        reference="boto3 and a sesv2 client",
        packages=("jinja2", "tzdata"),
        limit=1.3,
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
            ship(Path(shipped), start.packages, RUNTIME)
            yield _figure(start, Path(shipped), rounds)


def _figure(start: Start, shipped: Path, rounds: int) -> Figure:
    bare = start.client + ("; import pyarrow.parquet" if "pyarrow" in start.packages else "")
    whole = f"{start.handler}; {start.client}"
    _run(whole, shipped)
    _run(bare, shipped)
    took = in_turns(lambda: _run(whole, shipped), lambda: _run(bare, shipped), rounds=rounds)
    ours, reference = map(statistics.median, took)
    # Of pairs, because what slows the machine slows both of a pair.
    ratio = statistics.median(one / other for one, other in zip(*took, strict=True))
    name = f"cold start of the {start.name} function{start.about}, ms"
    limit = f"{1000 * reference:.0f}, {start.reference} (limit {start.limit})"
    return Figure(name, f"{1000 * ours:.0f}", limit, ratio, ratio <= start.limit)


def _run(code: str, shipped: Path) -> None:
    path = f"import sys; sys.path[:0] = [{str(ROOT / 'src')!r}, {str(shipped)!r}]; "
    environment = {"AWS_EC2_METADATA_DISABLED": "true", "PATH": os.environ["PATH"]}
    # -S leaves out all site-packages, -I the environment.
    python("-I", "-S", "-c", path + code, env=environment)

"""Each call of AWS is taken away from each verb of files, queries and email, in every way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_faults import Fault, Recorder, asked, assert_rest_is_there

from deliverywatch.local.demo import email_day, play

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.cloud.cloud import LocalCloud

pytestmark = pytest.mark.slow

FIND = "cloudformation:DescribeStacks"
RECORDS = {"s3:ListObjectsV2", "s3:GetObject"}
PLAN = {"lambda:GetFunctionConfiguration", "s3:GetObject", "scheduler:ListSchedules", "scheduler:GetSchedule"}
QUERY = "mails-by-day"
# Verb -> how it is called, and the calls without which it has nothing to say: it ends with one sentence then.
VERBS: dict[str, tuple[list[str], set[str]]] = {
    "files find": (["a.csv"], {FIND, "dynamodb:Query"}),
    "files verify": ([], {FIND, "dynamodb:Scan", "s3:ListObjectVersions"}),
    "files reprocess": (["--prefix", "", "--dry-run"], {FIND, "s3:ListObjectVersions"}),
    "files dlq list": ([], {FIND, "sqs:ReceiveMessage"}),
    "files dlq redrive": (["--dry-run"], {FIND, "sqs:ReceiveMessage"}),
    "queries plan": ([], {FIND, *PLAN}),
    "queries apply": (["--dry-run"], {FIND, *PLAN}),
    "queries import": ([], {FIND, *PLAN}),
    "queries run": ([QUERY], {FIND, "lambda:Invoke"}),
    "queries history": ([QUERY], {FIND, *RECORDS}),
    "queries run --dry-run": ([QUERY], {FIND, *RECORDS}),
    "email report": ([], {FIND, *RECORDS}),
    "email compact": (["--dry-run"], {FIND, *RECORDS}),
    "email drift": ([], {FIND, *RECORDS}),
    "email replay": (["--dry-run"], {FIND, *RECORDS}),
    "pipeline diagnose": (["arn:aws:states:us-east-1:111122223333:execution:m:x"], {"stepfunctions:DescribeExecution"}),
}


@pytest.fixture(scope="module")
def answers(empty_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """What the deployed stack answers: two versions of a file, a dead letter, and the queries that come with it."""
    folder: Path = tmp_path_factory.mktemp("tools") / "build"
    template = play.build(folder, ["files", "queries", "email"])
    for stream in email_day.STREAMS:
        name = email_day.configuration_set(stream)
        empty_cloud.client("sesv2").create_configuration_set(ConfigurationSetName=name)
    outputs = play.deploy(empty_cloud, template, folder, {"QueriesConfigSource": "packaged"})
    for body in (b"1", b"22"):
        empty_cloud.client("s3").put_object(Bucket=outputs["FilesBucket"], Key="a.csv", Body=body)
    sqs = empty_cloud.client("sqs")
    sqs.send_message(QueueUrl=outputs["FilesDeadLettersUrl"], MessageBody="no notification")
    empty_cloud.settle()
    empty_cloud.client("lambda").invoke(FunctionName=f"{play.STACK}-queries-reconcile", Payload=b"{}")
    with pytest.MonkeyPatch.context() as patch:
        yield Recorder(patch)


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    """What each verb printed with all its calls."""
    return {}


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("verb", VERBS)
def test_a_call_that_is_taken_away_leaves_the_rest(
    verb: str, fault: Fault, run: Callable[..., Result], answers: Recorder, usual: dict[str, Any]
) -> None:
    if verb not in usual:
        usual[verb] = asked(run, answers, [*verb.split(), *VERBS[verb][0]])
    assert_rest_is_there(usual[verb], run, answers, fault, VERBS[verb][1])
